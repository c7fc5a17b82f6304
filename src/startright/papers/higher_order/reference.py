r"""The method as its equations say it, without speed and without questions: to read, and to test against.

Parameters are one vector here, and the direction is cut into the rows of a matrix. What runs is
:func:`~startright.higher_order.reduced.grouped_derivatives`,
:func:`~startright.higher_order.cubic.cubic_step` and
:class:`~startright.higher_order.optim.GroupedNewton`; the tests hold them equal.

Source: P. Wolinski, *Gathering and exploiting higher-order information when training large structured
models*, 2025.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor
from torch.func import grad, hessian, jacfwd

Loss = Callable[[Tensor], Tensor]


def reduced_tensors(loss: Loss, theta: Tensor, U: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    r"""The reduced tensors, :eq:`higher-order-reduced`: derivatives at 0 of a function of S variables,

    .. math:: \psi(\eta) = L\Bigl(\theta + \sum_s \eta_s u_s\Bigr).

    Args:
        loss: L, a scalar from the parameters.
        theta: all parameters, (P,).
        U: row s is the direction on group s, and zero elsewhere, (S, P).

    Returns:
        :math:`\bar g`, (S,), :math:`\bar H`, (S, S), and the diagonal of :math:`D^{(3)}`, (S,).
    """

    def psi(eta: Tensor) -> Tensor:
        return loss(theta + eta @ U)

    zero = torch.zeros(len(U), dtype=theta.dtype)
    g = grad(psi)(zero)  # ⟨∇L, u_s⟩
    H = hessian(psi)(zero)  # u_s ∇²L u_t
    D = jacfwd(hessian(psi))(zero)  # ∇³L[u_r, u_s, u_t]
    return g, H, torch.einsum("sss->s", D)


def cubic_step(g: Tensor, H: Tensor, d: Tensor, lam: float) -> Tensor:
    r"""The minimiser of the cubic model, (S,), by bisection for r: :eq:`higher-order-secular`.

    .. math::
        \bigl(\bar H + \tfrac{\lambda_{\mathrm{int}}}2\,r D^2\bigr)\,\eta = \bar g, \qquad
        r = \lVert D\eta\rVert.

    Args:
        g: :math:`\bar g`, (S,), with a part along the lowest eigenvector if :math:`\bar H` is indefinite.
        H: :math:`\bar H`, (S, S).
        d: :math:`d_s > 0`, (S,).
        lam: :math:`\lambda_{\mathrm{int}} > 0`.
    """

    def eta(r: Tensor) -> Tensor:
        # (H̄ + λ_int/2 r D²) η = ḡ
        return torch.linalg.solve(H + lam / 2 * r * torch.diag(d**2), g)

    lowest = torch.linalg.eigvalsh(H / d / d[:, None])[0]
    # from here on the matrix is definite, and ‖Dη‖ falls
    low = (-lowest / (lam / 2)).clamp(min=0)
    high = low + ((g / d).norm() / (lam / 2)).sqrt()  # here ‖Dη‖ < r
    for _ in range(200):
        r = (low + high) / 2
        low, high = (r, high) if (d * eta(r)).norm() > r else (low, r)
    return eta(high)


def grouped_step(
    theta: Tensor, U: Tensor, estimates: Iterable[tuple[Tensor, Tensor, Tensor]], lam: float, lr: float
) -> Tensor:
    r"""The parameters after one step, (P,), each group moved at its own rate: :eq:`higher-order-psi`.

    .. math:: \theta \leftarrow \theta - \lambda_1\textstyle\sum_s \max(\eta_s, 0)\,u_s

    Args:
        theta: all parameters, (P,).
        U: row s is the direction on group s, and zero elsewhere, (S, P).
        estimates: what :func:`reduced_tensors` gave on some minibatches.
        lam: :math:`\lambda_{\mathrm{int}}`, of the cubic term.
        lr: :math:`\lambda_1`.
    """
    g, H, third = (torch.stack(each).mean(0) for each in zip(*estimates, strict=True))
    d = third.abs() ** (1 / 3)  # of the mean: a cube root is not linear
    eta = cubic_step(g, H, d, lam)
    return theta - lr * eta.clamp(min=0) @ U
