"""Updates of many runs at once: parameters, (runs, ...), with one learning rate a run or an entry.

Each row moves exactly as ``torch.optim`` would move it alone, with a handful of operations whatever the
number of runs and of layers.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch

from startright.training.config import TrainConfig

Factor = float | torch.Tensor


class StackedSGD:
    """SGD with heavy-ball momentum and L2 penalty.

    Args:
        lrs: learning rates, (runs,), or of the shape of the parameters.
        momentum: in [0, 1).
        weight_decay: coefficient of the L2 penalty, or one a parameter.
    """

    def __init__(self, lrs: torch.Tensor, momentum: float = 0.0, weight_decay: float | torch.Tensor = 0.0):
        self.lrs, self.momentum, self.weight_decay = _column(lrs), momentum, weight_decay
        self.velocity = None

    @torch.no_grad()
    def step(
        self, theta: torch.Tensor, gradient: torch.Tensor, rate: Factor = 1.0, decay: Factor = 1.0
    ) -> None:
        """Move ``theta``, (runs, ...), in place, given its gradient of the same shape.

        Args:
            theta: the parameters.
            gradient: theirs.
            rate: factor of the learning rates in this step, or one a run, (runs,); a tensor where the step is
                recorded.
            decay: factor of the weight decay in this step; likewise.
        """
        gradient = _decayed(gradient, theta, self.weight_decay, decay)
        if self.momentum:
            if self.velocity is None:
                self.velocity = torch.zeros_like(theta)
            gradient = self.velocity.mul_(self.momentum).add_(gradient)
        _descend(theta, self.lrs, gradient, rate)

    def slots(self) -> list[tuple[Any, str]]:
        """Where what it goes on with is held."""
        return [(self, "lrs"), *([(self, "velocity")] if self.momentum else [])]

    def keep(self, rows: list[int]) -> None:
        """Forget all runs but those of the given indices."""
        self.lrs = self.lrs[rows]
        if self.velocity is not None:
            self.velocity = self.velocity[rows]


class StackedAdam:
    """Adam with L2 penalty.

    Args:
        lrs: learning rates, (runs,), or of the shape of the parameters.
        betas: decay rates of the two moments.
        eps: added to the root of the second moment.
        weight_decay: coefficient of the L2 penalty, or one a parameter.

    Source: D. P. Kingma and J. Ba, *Adam: a method for stochastic optimization*, 2015, algorithm 1.
    """

    def __init__(
        self,
        lrs: torch.Tensor,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float | torch.Tensor = 0.0,
    ):
        self.lrs, self.betas, self.eps, self.weight_decay = _column(lrs), betas, eps, weight_decay
        self.steps, self.first, self.second = 0, None, None

    @torch.no_grad()
    def step(
        self, theta: torch.Tensor, gradient: torch.Tensor, rate: Factor = 1.0, decay: Factor = 1.0
    ) -> None:
        """Move ``theta``, (runs, ...), in place; as of :class:`StackedSGD`."""
        if self.first is None:
            self.first, self.second = torch.zeros_like(theta), torch.zeros_like(theta)
        gradient = _decayed(gradient, theta, self.weight_decay, decay)
        self.steps += 1
        bias_first, bias_second = (1 - beta**self.steps for beta in self.betas)
        self.first.lerp_(gradient, 1 - self.betas[0])
        self.second.mul_(self.betas[1]).addcmul_(gradient, gradient, value=1 - self.betas[1])
        root = bias_second.sqrt() if isinstance(bias_second, torch.Tensor) else math.sqrt(bias_second)
        scale = self.second.sqrt().div_(root).add_(self.eps)
        _descend(theta, self.lrs, self.first / scale, rate, bias_first)

    def slots(self) -> list[tuple[Any, str]]:
        """Where what it goes on with is held."""
        return [(self, name) for name in ("lrs", "steps", "first", "second")]

    def keep(self, rows: list[int]) -> None:
        """Forget all runs but those of the given indices."""
        self.lrs = self.lrs[rows]
        if self.first is not None:
            self.first, self.second = self.first[rows], self.second[rows]


def _descend(
    theta: torch.Tensor, lrs: torch.Tensor, direction: torch.Tensor, rate: Factor, divisor: Factor = 1.0
) -> None:
    """One step against a direction, each run or entry at its rate; one factor for all, or one per run."""
    if isinstance(divisor, torch.Tensor):
        rate, divisor = torch.as_tensor(rate, device=theta.device) / divisor, 1.0
    if isinstance(rate, torch.Tensor):
        theta.addcmul_(lrs * _column(rate), direction, value=-1 / divisor)
    else:
        theta.addcmul_(lrs, direction, value=-rate / divisor)


def _decayed(
    gradient: torch.Tensor, theta: torch.Tensor, weight_decay: float | torch.Tensor, factor: Factor
) -> torch.Tensor:
    """The gradient with that of the L2 penalty."""
    if isinstance(factor, torch.Tensor):
        return gradient + theta * (weight_decay * factor)
    if isinstance(weight_decay, torch.Tensor):
        return gradient.addcmul(weight_decay, theta, value=factor)
    return gradient.add(theta, alpha=weight_decay * factor) if weight_decay else gradient


def _column(lrs: torch.Tensor) -> torch.Tensor:
    """Rates a run as (runs, 1), to go with (runs, parameters)."""
    return lrs[:, None] if lrs.dim() == 1 else lrs


def stacked_optimizer(
    config: TrainConfig, lrs: torch.Tensor, parameters: Mapping[str, torch.Tensor] | None = None
) -> StackedSGD | StackedAdam:
    """The optimizer that ``config`` describes, with the learning rates ``lrs``, (runs,), for its own.

    Args:
        config: the training.
        lrs: learning rates.
        parameters: of one model by name, in the order of the columns of the stack, for the config's groups.
    """
    weight_decay = config.weight_decay
    if config.groups is not None:
        groups = [
            (config.groups(name, values), values.numel()) for name, values in (parameters or {}).items()
        ]
        rates, decays = (
            lrs.new_tensor([factor for group, n in groups for factor in [group[k]] * n]) for k in (0, 1)
        )
        lrs, weight_decay = lrs[:, None] * rates, weight_decay * decays
    if config.optimizer == "sgd":
        return StackedSGD(lrs, config.momentum, weight_decay)
    return StackedAdam(lrs, config.betas, config.eps, weight_decay)
