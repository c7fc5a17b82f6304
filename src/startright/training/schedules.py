r"""Factors of the learning rate, or of the weight decay, step by step.

A schedule maps the number of steps done, from 0, to a factor; the rate of that step is the factor times the
rate of the config. Epochs are turned into steps by whoever knows how many steps an epoch has.
"""

import math
from collections.abc import Callable, Sequence

Schedule = Callable[[int], float]


def constant(step: int) -> float:
    """The factor 1, always."""
    return 1.0


def milestones(steps: Sequence[int], factor: float = 0.1) -> Schedule:
    """The factor is multiplied by ``factor`` at each of the given steps.

    >>> [milestones([2, 3])(step) for step in range(4)]
    [1.0, 1.0, 0.1, 0.010000000000000002]
    """
    return lambda step: factor ** sum(step >= each for each in steps)


def exponential(factor: float, every: int = 1) -> Schedule:
    """The factor is multiplied by ``factor`` every so many steps.

    Raises:
        ValueError: ``every`` is below 1.
    """
    _positive(every, "every")
    return lambda step: factor ** (step // every)


def cosine(steps: int, least: float = 0.0) -> Schedule:
    r"""Half a cosine from 1 to ``least``, and there it stays.

    .. math:: \ell + (1 - \ell)\,\tfrac12 \left(1 + \cos \frac{\pi t}{T}\right)

    Args:
        steps: T, the steps of the half wave.
        least: :math:`\ell`.

    Raises:
        ValueError: ``steps`` is below 1.

    Source: I. Loshchilov and F. Hutter, *SGDR*, 2017, equation 5.
    """
    _positive(steps, "steps")
    return lambda step: least + (1 - least) * (1 + math.cos(math.pi * min(step, steps) / steps)) / 2


def warmup(steps: int, then: Schedule = constant) -> Schedule:
    """The factor rises in equal parts to 1 at the last of ``steps``, then ``then`` counts from 0.

    >>> [warmup(4)(step) for step in range(5)]
    [0.25, 0.5, 0.75, 1.0, 1.0]

    Raises:
        ValueError: ``steps`` is below 1.
    """
    _positive(steps, "steps")
    return lambda step: (step + 1) / steps if step < steps else then(step - steps)


def restarted(schedule: Schedule, at: int) -> Schedule:
    """``schedule``, which from step ``at`` on is followed from its beginning again.

    >>> [restarted(milestones([2]), 3)(step) for step in range(6)]
    [1.0, 1.0, 0.1, 1.0, 1.0, 0.1]

    Raises:
        ValueError: ``at`` is below 0.
    """
    if at < 0:
        raise ValueError(f"at must be at least 0, got {at}")
    return lambda step: schedule(step - at if step >= at else step)


def _positive(value: int, name: str) -> None:
    if value < 1:
        raise ValueError(f"{name} must be at least 1, got {value}")
