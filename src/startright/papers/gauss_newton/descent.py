r"""Training a stack of networks by Gauss-Newton or gradient descent to a given relative training loss.

Runs are compared at equal *relative* training loss, so each stops by itself: it then leaves the stack, and
the others go on. A run whose loss is no longer finite, or far above its first, has diverged.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from startright.papers.gauss_newton.dual import Damping, gauss_newton_direction
from startright.papers.gauss_newton.evaluation import evaluate, half_mean_square
from startright.papers.gauss_newton.network import Linearisation, MeanField, linearise
from startright.papers.gauss_newton.task import Task

LOST = 1e12  # times the first loss: full steps from a small scale overshoot far, and return
DECADES = range(1, 9)

#: (linearisation, targets, the runs that are left) → the direction of the step, and what to log of it.
Direction = Callable[[Linearisation, Tensor, Tensor], tuple[MeanField, dict[str, Tensor]]]


def gauss_newton(damping: Damping) -> Direction:
    r"""The direction whose rate is :math:`\lambda_\mathrm{eff}`; logs ε and the ends of the spectrum."""

    def direct(local: Linearisation, y: Tensor, runs: Tensor) -> tuple[MeanField, dict[str, Tensor]]:
        here = Damping(*(_of(getattr(damping, n), runs) for n in ("alpha", "floor", "relative_floor")))
        direction, dual = gauss_newton_direction(local, y, here)
        extremes = {"smallest": dual.eigenvalues[..., 0], "largest": dual.eigenvalues[..., -1]}
        return direction, {"damping": dual.damping, **extremes}

    return direct


def gradient(local: Linearisation, y: Tensor, runs: Tensor) -> tuple[MeanField, dict[str, Tensor]]:
    r"""The direction :math:`M\,\nabla_w L`, so that the rate κ means the same at every width."""
    scale = local.features.shape[-1] / y.shape[-1]
    return local.pullback(scale * (local.outputs - y)), {}


def _of(value: float | Tensor, runs: Tensor) -> float | Tensor:
    return value[runs] if isinstance(value, Tensor) and value.ndim else value


@dataclass
class Course:
    """What one run of a stack left.

    Args:
        log: name → values at the logged steps; ``step`` names these.
        reached: k → the first step with a relative training loss of at most 10⁻ᵏ.
        steps: how many steps were made.
        status: ``ok`` or ``diverged``.
    """

    log: dict[str, list[float]] = field(default_factory=dict)
    reached: dict[int, int] = field(default_factory=dict)
    steps: int = 0
    status: str = "ok"

    def note(self, step: int, ratio: float) -> None:
        """Take down how far the loss has come."""
        self.steps = step
        if not ratio < LOST:
            self.status = "diverged"
        for k in DECADES:
            if ratio <= 10.0**-k:
                self.reached.setdefault(k, step)

    def append(self, row: dict[str, float]) -> None:
        """Log a point."""
        for name, value in row.items():
            self.log.setdefault(name, []).append(value)


def log_grid(last: int, per_decade: int) -> set[int]:
    """Steps in geometric progression from 1 to ``last``, and 0.

    >>> sorted(log_grid(100, 3))
    [0, 1, 2, 5, 10, 22, 46, 100]
    """
    count = math.ceil(per_decade * math.log10(last)) + 1 if last > 1 else 1
    return {0, *(round(10 ** (k / per_decade)) for k in range(count)), last} & set(range(last + 1))


@dataclass
class _Stack:
    """The runs that go on: their networks, tasks, numbers and first losses."""

    net: MeanField
    task: Task
    runs: Tensor
    first: Tensor

    def keep(self, places: list[int]) -> "_Stack":
        return _Stack(self.net[places], self.task[places], self.runs[places], self.first[places])


def descend(
    net: MeanField,
    task: Task,
    direction: Direction,
    rates: Tensor,
    *,
    max_steps: int,
    target: float = 1e-8,
    per_decade: int = 5,
) -> list[Course]:
    """Train a stack; what each run left, in its order.

    Args:
        net: R students.
        task: their R tasks.
        direction: :func:`gauss_newton` of a damping, or :func:`gradient`.
        rates: of the steps, (R,).
        max_steps: the most steps of a run.
        target: a run stops when its training loss is at most this times its first.
        per_decade: logged points for each decade of steps; the first and the last point are logged as well.
    """
    courses = [Course() for _ in rates]
    first = half_mean_square(net(task.x) - task.y)
    stack = _Stack(net, task, torch.arange(len(rates), device=rates.device), first)
    grid = log_grid(max_steps, per_decade)
    for step in range(max_steps + 1):
        stack, local, ratios = _look(stack, courses, step)
        if not ratios:
            break
        move, seen = direction(local, stack.task.y, stack.runs)
        done = [ratio <= target or step == max_steps for ratio in ratios]
        rows = [k for k, each in enumerate(done) if each or step in grid]
        if rows:
            _log(courses, stack.keep(rows), step, {name: value[rows] for name, value in seen.items()})
        stack.net = stack.net.moved(move, rates[stack.runs])
        if any(done):
            stack = stack.keep([k for k, each in enumerate(done) if not each])
    return courses


def _look(stack: _Stack, courses: list[Course], step: int) -> tuple[_Stack, Linearisation, list[float]]:
    """Linearise, take down the losses, leave out the runs that diverged."""
    local = linearise(stack.net, stack.task.x)
    loss = half_mean_square(local.outputs - stack.task.y)
    ratios = (loss / stack.first).tolist()  # the one look at the device a step: who is done
    for run, ratio in zip(stack.runs.tolist(), ratios, strict=True):
        courses[run].note(step, ratio)
    well = [k for k, course in enumerate(courses[r] for r in stack.runs.tolist()) if course.status == "ok"]
    if len(well) < len(ratios):
        stack, ratios = stack.keep(well), [ratios[k] for k in well]
        local = linearise(stack.net, stack.task.x)
    return stack, local, ratios


def _log(courses: list[Course], stack: _Stack, step: int, seen: dict[str, Tensor]) -> None:
    """Evaluate the runs of a stack and log them."""
    train = half_mean_square(stack.net(stack.task.x) - stack.task.y)
    values = {"train_loss": train, **seen, **evaluate(stack.net, stack.task)}
    lists = {name: value.tolist() for name, value in values.items()}
    for k, run in enumerate(stack.runs.tolist()):
        courses[run].append({"step": step} | {name: value[k] for name, value in lists.items()})
