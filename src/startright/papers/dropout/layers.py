r"""Dropout of units and of whole branches, at a rate that is a buffer of the module.

A rate r is the probability of being dropped, p = 1 − r that of surviving. Both methods multiply by
independent b ~ Bernoulli(p) while training, in one of two conventions, which agree in expectation:

* ``scaling="training"``, the inverted one of modern code: b/p while training, 1 in evaluation;
* ``scaling="evaluation"``, that of the first papers: b while training, p in evaluation.

As the rate is a buffer, it is in checkpoints, moves with the module, and may change at every step without a
recompilation. The draws come from torch's global stream, as those of ``torch.nn.Dropout`` do.

Source: N. Srivastava et al. (2014); G. Huang et al., *Deep networks with stochastic depth* (2016).
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from startright.errors import unknown

SCALINGS = ("training", "evaluation")
MODES = ("row", "batch")


def check_rate(rate: float) -> float:
    """``rate`` itself if something can be dropped with this probability.

    Raises:
        ValueError: it is not in [0, 1).
    """
    if not 0 <= rate < 1:
        raise ValueError(f"a rate is the probability of being dropped, in [0, 1), got {rate}")
    return float(rate)


class Dropping(nn.Module):
    """What both methods share: a rate, a convention, and a mask whose shape the method chooses.

    Args:
        rate: probability of being dropped.
        scaling: ``"training"`` or ``"evaluation"``, the mode whose values are scaled.

    Raises:
        ValueError: a rate outside [0, 1), or an unknown scaling.
    """

    rate: Tensor

    def __init__(self, rate: float = 0.0, *, scaling: str = "training"):
        super().__init__()
        if scaling not in SCALINGS:
            raise unknown("scaling", scaling, SCALINGS)
        self.scaling = scaling
        self.register_buffer("rate", torch.tensor(check_rate(rate)))

    @torch.no_grad()
    def set_rate(self, rate: float) -> None:
        """Drop with this probability from now on.

        Raises:
            ValueError: a rate outside [0, 1).
        """
        self.rate.fill_(check_rate(rate))

    def forward(self, x: Tensor) -> Tensor:
        """``x`` with parts of it dropped while training; scaled as the convention says."""
        keep = 1 - self.rate
        if not self.training:
            return x if self.scaling == "training" else x * keep
        kept = (torch.rand(self._shape(x), device=x.device) < keep).to(x.dtype)
        return x * kept / keep if self.scaling == "training" else x * kept

    def _shape(self, x: Tensor) -> tuple[int, ...]:
        """Of the mask, which broadcasts to that of ``x``."""
        raise NotImplementedError

    def extra_repr(self) -> str:
        """What ``repr`` shows; the rate, which changes, is not part of it."""
        return f"scaling={self.scaling!r}"


class Dropout(Dropping):
    """Every unit is dropped independently.

    Args:
        rate: probability of being dropped.
        scaling: ``"training"`` or ``"evaluation"``, the mode whose values are scaled.

    >>> Dropout(1.0)
    Traceback (most recent call last):
    ValueError: a rate is the probability of being dropped, in [0, 1), got 1.0
    """

    def _shape(self, x: Tensor) -> tuple[int, ...]:
        return tuple(x.shape)


class StochasticDepth(Dropping):
    """A whole residual branch is dropped: ``x + drop(branch(x))``, or ``drop.residual(x, branch)``.

    Args:
        rate: probability of being dropped.
        mode: ``"row"``, a draw for each example, as modern code has it, or ``"batch"``, one for all.
        scaling: ``"training"`` or ``"evaluation"``, the mode whose values are scaled; the paper's is the
            latter.

    Raises:
        ValueError: a rate outside [0, 1), an unknown mode or scaling.
    """

    def __init__(self, rate: float = 0.0, *, mode: str = "row", scaling: str = "training"):
        super().__init__(rate, scaling=scaling)
        if mode not in MODES:
            raise unknown("mode", mode, MODES)
        self.mode = mode

    def _shape(self, x: Tensor) -> tuple[int, ...]:
        if not x.dim():
            raise ValueError("a branch has an axis of examples first, got a scalar")
        return (len(x) if self.mode == "row" else 1, *[1] * (x.dim() - 1))

    def residual(self, x: Tensor, branch: Callable[[Tensor], Tensor]) -> Tensor:
        """``x + self(branch(x))``; a branch that is dropped for the whole batch is not computed.

        That saves its time, and leaves the running statistics of its normalisations as they are. The host
        waits for the draw. Row by row nothing is saved: every branch is computed for some row.

        Args:
            x: a batch, (n, ...).
            branch: keeps the shape of ``x``.

        Raises:
            ValueError: a branch that changes the shape, so that the sum would be broadcast.
        """
        if self.training and self.mode == "batch":
            keep = 1 - self.rate
            if not bool(torch.rand((), device=x.device) < keep):
                return x
            y = branch(x)
            y = y / keep if self.scaling == "training" else y
        else:
            y = self(branch(x))
        if y.shape != x.shape:
            raise ValueError(f"a residual branch keeps the shape {tuple(x.shape)}, got {tuple(y.shape)}")
        return x + y

    def extra_repr(self) -> str:
        """What ``repr`` shows; the rate, which changes, is not part of it."""
        return f"mode={self.mode!r}, {super().extra_repr()}"


def droppings(model: nn.Module, kind: type[Dropping] = Dropping) -> dict[str, Any]:
    """The modules of one kind in a network by name, a module in two places once.

    Args:
        model: the network.
        kind: :class:`Dropout`, :class:`StochasticDepth`, or :class:`Dropping` for both.
    """
    return {name: module for name, module in model.named_modules() if isinstance(module, kind)}
