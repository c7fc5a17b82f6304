"""What heads and Switch do in a step as one compiled program, for networks that are small beside their heads.

See :mod:`startright.training.compiled`; backbone and optimizer stay as they are.
"""

from functools import partial

import torch

from startright.papers.alrao.heads import HeadBank
from startright.papers.alrao.likelihoods import Likelihood, in_closed_form
from startright.papers.alrao.mixture import HeadStep, linear_step
from startright.papers.alrao.switch import Switch, switch_update
from startright.training.compiled import Compiled, check_compiler


class CompiledHeads:
    """The heads' losses and gradients on a minibatch, and the masses of Switch after it.

    Args:
        heads: linear.
        likelihood: of their outputs, in closed form.
        theta: of Switch.

    Raises:
        ValueError: heads that are not linear, or a likelihood without a closed form.
        RuntimeError: no compiler.
    """

    def __init__(self, heads: HeadBank, likelihood: Likelihood, theta: float):
        if not (heads.linear and in_closed_form(likelihood)):
            raise ValueError(
                "compile=True makes the step of linear heads with a likelihood in closed form, not of"
                f" {type(heads.stack).__name__} with {likelihood!r}: leave compile=False"
            )
        check_compiler(heads.weight.device)
        self._step = Compiled(partial(_step, likelihood, theta), "the step of the heads")
        self._ahead: tuple[torch.Tensor, torch.Tensor] | None = None

    def backward(
        self,
        heads: HeadBank,
        switch: Switch,
        z: torch.Tensor,
        targets: torch.Tensor,
        scale: float | torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """As :meth:`HeadBank.backward <startright.alrao.heads.HeadBank.backward>`, weighted by Switch."""
        moved, *found = self._step(z, targets, switch.log_mass, switch.t, *heads.parameters())
        step = HeadStep(*found, *[None] * (heads.bias is None))
        heads.take(z, step, scale)
        self._ahead = (step.log_likelihoods, moved)
        return step.loss, step.log_likelihoods

    def observe(self, switch: Switch, log_likelihoods: torch.Tensor) -> None:
        """:meth:`Switch.update <startright.alrao.switch.Switch.update>`, which may be known already."""
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead[0] is log_likelihoods:
            switch.take(ahead[1])
        else:
            switch.update(log_likelihoods)


def _step(  # noqa: PLR0917 - what it is made for, then tensors
    likelihood: Likelihood,
    theta: float,
    z: torch.Tensor,
    targets: torch.Tensor,
    log_mass: torch.Tensor,
    t: torch.Tensor,
    weight: torch.Tensor,
    *bias: torch.Tensor,
) -> tuple[torch.Tensor, ...]:
    """The masses after it, and what :func:`linear_step` gives; a bias that there is not is left out."""
    log_weights = torch.logaddexp(log_mass[0], log_mass[1])
    found = linear_step(z, weight, bias[0] if bias else None, targets, log_weights, likelihood)
    moved = switch_update(log_mass, t, found.log_likelihoods, theta)
    return (moved, *(part for part in found if part is not None))
