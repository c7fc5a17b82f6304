r"""Damping that adapts: a step is made only if it lowers the loss, and ε follows how well that was predicted.

With the step :math:`-\lambda_\mathrm{eff}\Phi` the outputs change by :math:`-\lambda_\mathrm{eff} c`, with
:math:`c = J\Phi = Az`, to first order, and the loss falls by

.. math::
    p = \tfrac1N\bigl(\lambda_\mathrm{eff}\, g^\top c - \tfrac12\lambda_\mathrm{eff}^2\, c^\top h c\bigr).

The gain is the fall of the loss over p. If it is positive the step is made, and the floor ρ of the damping,
in units of the mean eigenvalue, is multiplied by :math:`\max(\tfrac13, 1 - (2\,\mathrm{gain} - 1)^3)`;
otherwise the step is not made, ρ is multiplied by ν, ν is doubled, and the step is computed again. The kernel
stays the same meanwhile: a trial costs a factorisation, a backward and a forward pass.

Source:
    K. Madsen, H. B. Nielsen and O. Tingleff, Methods for Non-Linear Least Squares Problems, 2nd edition, IMM,
    Technical University of Denmark, 2004, algorithm 3.16; the rule is that of H. B. Nielsen, Damping
    Parameter in Marquardt's Method, IMM-REP-1999-05.
"""

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from startright.papers.gauss_newton.batches import Batch, call, trainable
from startright.papers.gauss_newton.dual import Damping
from startright.papers.gauss_newton.general import Direction, SecondOrder, solve
from startright.papers.gauss_newton.losses import ExampleLoss, LocalLoss, local_loss

START = 1e-3  # of ρ, if none is given: the source's τ for a start that is not known to be good
TRIALS = 30  # ν is doubled at each: ρ then grows by 2^(30·31/2)


@dataclass(frozen=True)
class Trust:
    """How far the quadratic model is trusted.

    Args:
        relative_floor: ρ, above 0.
        growth: ν, what the next refusal multiplies ρ by.
    """

    relative_floor: float = START
    growth: float = 2.0

    def after(self, gain: float) -> "Trust":
        """The trust after a step with this gain, or after one that was refused."""
        if gain > 0:
            change = max(1 / 3, 1 - (2 * min(gain, 1e3) - 1) ** 3)
            return Trust(max(self.relative_floor * change, 1e-30), 2.0)
        return Trust(self.relative_floor * self.growth, self.growth * 2)


def predicted_fall(local: LocalLoss, change: Tensor, lr: float) -> float:
    """By how much the quadratic model falls if the outputs move by −λ times ``change``, (N·K,)."""
    change = change.view_as(local.gradient)
    slope = (local.gradient.double() * change).sum()
    root = None if local.root is None else local.root.double()
    bent = change if root is None else (root.mT @ change[:, :, None]).squeeze(-1)
    return float((lr * slope - lr**2 * bent.square().sum() / 2) / len(change))


def trusted_direction(
    model: nn.Module,
    batch: tuple[Batch, Batch],
    loss: str | ExampleLoss,
    found: SecondOrder,
    *,
    damping: Damping,
    trust: Trust,
    lr: float,
) -> tuple[Direction, Trust, float]:
    """The first direction along which the loss of the batch falls, or 0.

    Args:
        model: the network, at its present parameters.
        batch: inputs and targets.
        loss: see :func:`~startright.gauss_newton.losses.local_loss`.
        found: the loss to second order and the kernel.
        damping: α and ε₀; its ρ is that of ``trust``.
        trust: from the step before.
        lr: λ_eff, at most 1.

    Returns:
        The direction, the trust for the next step, and the gain: nan if no step lowers the loss by more than
        rounding.
    """
    (x, targets), before = batch, found.local.value
    start = trainable(model)
    for _ in range(TRIALS):
        z, epsilon, extremes = solve(
            found.kernel, found.local, replace(damping, relative_floor=trust.relative_floor)
        )
        fall = predicted_fall(found.local, found.kernel.double() @ z, lr)
        if not fall > torch.finfo(before.dtype).eps * abs(float(before)):
            break
        phi = found.pullback(z)
        moved = {name: p - lr * phi[name] for name, p in start.items()}
        gain = float(before - _value(loss, call(model, moved, x), targets)) / fall
        trust = trust.after(gain)
        if gain > 0:
            return Direction(phi, before, epsilon, *extremes), trust, gain
    still = {name: torch.zeros_like(p) for name, p in start.items()}
    return Direction(still, before, epsilon, *extremes), trust, math.nan


def _value(loss: str | ExampleLoss, outputs: Tensor, targets: Batch) -> Tensor:
    """The loss; nan where it cannot be said, as for outputs that overflowed."""
    if not bool(outputs.isfinite().all()):
        return outputs.new_tensor(math.nan)
    return local_loss(loss, outputs, targets).value
