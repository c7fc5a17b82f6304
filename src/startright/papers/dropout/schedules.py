r"""When to drop: always, only early, or only late.

At step t of T, with the rate r and the cutoff c,

* *standard*: r;
* *early*: r (1 − t/c), or r, while t < c; 0 afterwards;
* *late*: 0 while t < c; r afterwards.

Source: Z. Liu et al., *Dropout reduces underfitting* (2023).
"""

from typing import Any

import torch
from torch import nn

from startright.errors import unknown
from startright.papers.dropout.layers import Dropping, check_rate, droppings

SCHEDULES = ("standard", "early", "late")
DECAYS = ("linear", "constant")


def factor(schedule: str, step: int, cutoff: int | None = None, decay: str = "linear") -> float:
    """The rate of a step as a part of the full rate.

    Args:
        schedule: ``"standard"``, ``"early"`` or ``"late"``.
        step: t, the number of steps, or epochs, that are done.
        cutoff: c, in the same unit.
        decay: of an early rate, ``"linear"`` or ``"constant"``.

    >>> [factor("early", step, 4) for step in range(6)], [factor("late", step, 4) for step in range(6)]
    ([1.0, 0.75, 0.5, 0.25, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0, 1.0, 1.0])
    """
    if schedule == "standard":
        return 1.0
    if schedule == "late":
        return float(step >= cutoff)
    if step >= cutoff:
        return 0.0
    return 1 - step / cutoff if decay == "linear" else 1.0


class RateSchedule:
    """Drives the rates of all modules of this package in a network; a hook of the training.

    Each module's full rate is ``rate``, or the one that it has now, such as by the linear rule; it is
    multiplied by :func:`factor`. Give the object to :func:`startright.training.train`, as ``on_step`` if
    total and cutoff count steps, as ``on_epoch`` if they count epochs; or call it with their number. Resuming
    from a checkpoint, make it before the rates are loaded, then call it.

    Args:
        model: the network.
        schedule: ``"standard"``, ``"early"`` or ``"late"``.
        total: T, the length of the training.
        cutoff: c, where an early rate ends and a late one begins.
        rate: of all modules; None: what they have.
        decay: of an early rate, ``"linear"`` or ``"constant"``.
        kind: which modules, both kinds by default.

    Raises:
        ValueError: a network without such modules, or with all rates 0; an unknown schedule or decay; a
            cutoff that is missing, not needed, or not inside the training; a rate outside [0, 1).

    >>> from startright.papers.dropout.layers import Dropout
    >>> net = nn.Sequential(nn.Linear(2, 2), Dropout(0.5))
    >>> early = RateSchedule(net, "early", total=10, cutoff=4)
    >>> early(2), float(net[1].rate), early(4), float(net[1].rate)
    (None, 0.25, None, 0.0)
    """

    def __init__(
        self,
        model: nn.Module,
        schedule: str,
        *,
        total: int,
        cutoff: int | None = None,
        rate: float | None = None,
        decay: str = "linear",
        kind: type[Dropping] = Dropping,
    ):
        if schedule not in SCHEDULES:
            raise unknown("schedule", schedule, SCHEDULES)
        if decay not in DECAYS:
            raise unknown("decay", decay, DECAYS)
        _check_times(schedule, total, cutoff)
        self.model, self.schedule, self.total, self.cutoff, self.decay = model, schedule, total, cutoff, decay
        self._modules = droppings(model, kind)
        if not self._modules:
            raise ValueError(
                f"{type(model).__name__} has no {kind.__name__} of startright.dropout, whose rate could be"
                " set: put some in the place of torch.nn.Dropout"
            )
        if rate is not None:
            rate = check_rate(rate)
        self._full = {name: rate if rate is not None else float(m.rate) for name, m in self._modules.items()}
        if rate is None and not any(self._full.values()):
            raise ValueError(f"all {len(self._full)} rates are 0, and remain so: give rate=")
        self(0)

    def __call__(self, count: int, model: Any = None) -> None:
        """Set the rates of the step, or epoch, that comes, and see that they are set.

        Args:
            count: how many are done.
            model: what is trained, if a training calls.

        Raises:
            ValueError: another network than the one this was made for.
            RuntimeError: a rate that is not what was set.
        """
        if model is not None and model is not self.model:
            raise ValueError(
                f"this schedule drives a {type(self.model).__name__} that is not what is trained,"
                f" a {type(model).__name__}: make one for that network"
            )
        part = factor(self.schedule, count, self.cutoff, self.decay)
        for name, module in self._modules.items():
            wanted = part * self._full[name]
            module.set_rate(wanted)
            if abs(float(module.rate) - wanted) > torch.finfo(module.rate.dtype).eps:
                raise RuntimeError(
                    f"the rate of {name!r} is {float(module.rate)} after it was set to {wanted}"
                )

    def rates(self) -> dict[str, float]:
        """The rates as they are, by name of the module."""
        return {name: float(module.rate) for name, module in self._modules.items()}


def _check_times(schedule: str, total: int, cutoff: int | None) -> None:
    """Refuse a cutoff that is none."""
    if total < 1:
        raise ValueError(f"total must be at least 1, got {total}")
    if schedule == "standard":
        if cutoff is not None:
            raise ValueError(f"a standard rate has no cutoff, got {cutoff}: leave it out")
    elif cutoff is None:
        raise ValueError(f"a rate that is {schedule} needs a cutoff, between 0 and total = {total}")
    elif not 0 < cutoff < total:
        raise ValueError(f"cutoff must lie inside the training, between 0 and total = {total}, got {cutoff}")
