r"""The Gauss-Newton step through its dual problem, which is as large as the data, not as the network.

With :math:`J = \partial F/\partial w`, a loss :math:`L = \frac1{2N}\sum_n(F_n-y_n)^2` and :math:`H = I`,

.. math::
    \Phi = (J^\top J + \varepsilon I)^{-1} J^\top \nabla L = J^\top z, \qquad
    (A + \varepsilon I)\, z = \nabla L, \qquad A = JJ^\top.

The step is :math:`w \leftarrow w - \lambda\Phi`. It is measured by :math:`\lambda_\mathrm{eff} =
\lambda/N`, the part of the residual that a step removes to first order: :math:`\nabla L` is the residual
over N, and N cancels.

Source:
    M. Arbel, R. Menegaux and P. Wolinski, NeurIPS 2023.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from startright.papers.gauss_newton.network import Linearisation, MeanField, linearise


@dataclass(frozen=True)
class Damping:
    r"""How strongly the step is damped, from the eigenvalues :math:`a_1 \le \dots \le a_N` of the kernel:

    .. math:: \varepsilon = \max\bigl(\alpha\,a_1,\; \varepsilon_0,\; \rho\,\bar a,\; N u\,a_N\bigr).

    A damping in proportion to :math:`a_1` is what makes the rate independent of the conditioning. The last
    term, with u the unit of rounding, is below any :math:`\varepsilon_0` used here unless a network explodes.

    Args:
        alpha: α, a number or one for each run.
        floor: ε₀, absolute. The kernel is of order 1/M, and 1e-7 is *not* small for a small initial scale.
        relative_floor: ρ, in units of the mean eigenvalue.

    Raises:
        ValueError: a negative value.
    """

    alpha: float | Tensor = 1.0
    floor: float | Tensor = 1e-7
    relative_floor: float | Tensor = 0.0

    def __post_init__(self):
        for name in ("alpha", "floor", "relative_floor"):
            value = torch.as_tensor(getattr(self, name))
            if not bool((value >= 0).all()):
                raise ValueError(f"{name} must not be negative, got {value.tolist()}")

    def __call__(self, eigenvalues: Tensor) -> Tensor:
        """ε, (…), from eigenvalues in ascending order, (…, N)."""
        rounding = eigenvalues.shape[-1] * torch.finfo(eigenvalues.dtype).eps * eigenvalues[..., -1]
        like = {"dtype": eigenvalues.dtype, "device": eigenvalues.device}
        candidates = (
            self.alpha * eigenvalues[..., 0],
            torch.as_tensor(self.floor, **like),
            self.relative_floor * eigenvalues.mean(-1),
            rounding,
        )
        return torch.stack(torch.broadcast_tensors(*candidates)).amax(0)


@dataclass(frozen=True)
class Dual:
    """What the dual problem gave.

    Args:
        z: its solution, (…, N).
        damping: ε, (…).
        eigenvalues: of the kernel, ascending, (…, N).
    """

    z: Tensor
    damping: Tensor
    eigenvalues: Tensor


def solve_dual(kernel: Tensor, gradient: Tensor, damping: Damping | None = None) -> Dual:
    """Solve (A + εI) z = g with a factorisation of Cholesky; the eigenvalues of A give ε.

    Args:
        kernel: A, (…, N, N), symmetric.
        gradient: g, (…, N).
        damping: the rule for ε.
    """
    eigenvalues = torch.linalg.eigvalsh(kernel)
    epsilon = (damping or Damping())(eigenvalues)
    damped = kernel.clone()
    damped.diagonal(dim1=-2, dim2=-1).add_(epsilon[..., None])
    factor, _ = torch.linalg.cholesky_ex(damped)
    return Dual(torch.cholesky_solve(gradient[..., None], factor).squeeze(-1), epsilon, eigenvalues)


def gauss_newton_direction(
    local: Linearisation, y: Tensor, damping: Damping | None = None
) -> tuple[MeanField, Dual]:
    r"""The direction for :math:`\lambda_\mathrm{eff}`, which is :math:`N\,\Phi`, and the dual solution.

    Args:
        local: the network, linearised on the training inputs.
        y: targets, (…, N).
        damping: the rule for ε.
    """
    dual = solve_dual(local.kernel(), local.outputs - y, damping)
    return local.pullback(dual.z), dual


def gauss_newton_step(
    net: MeanField, x: Tensor, y: Tensor, rate: float | Tensor = 1.0, damping: Damping | None = None
) -> MeanField:
    r"""One step :math:`w \leftarrow w - \lambda\,\Phi(w)` of Gauss-Newton.

    Args:
        net: the network, or a stack of them.
        x: inputs, (…, N, d).
        y: targets, (…, N).
        rate: :math:`\lambda_\mathrm{eff} = \lambda/N`, a number or one for each run; 1 is a full step.
        damping: the rule for ε; by default that of the authors' program.
    """
    direction, _ = gauss_newton_direction(linearise(net, x), y, damping)
    return net.moved(direction, rate)


def predicted_steps(rate: float, target: float = 1e-8) -> float:
    r"""How many steps of :math:`\lambda_\mathrm{eff}` bring the loss to ``target`` times its first value.

    A step removes the part :math:`\lambda_\mathrm{eff}` of every residual, whatever the kernel:

    .. math:: k = \frac{\ln(1/\mathrm{target})}{-2\ln(1-\lambda_\mathrm{eff})}.

    Raises:
        ValueError: a rate or a target that is not between 0 and 1.

    >>> round(predicted_steps(0.02)), round(predicted_steps(0.1), 1)
    (456, 87.4)
    """
    if not (0 < rate < 1 and 0 < target < 1):
        raise ValueError(f"rate and target must be between 0 and 1, got {rate!r} and {target!r}")
    return math.log(1 / target) / (-2 * math.log1p(-rate))
