"""Students in closed form: the grid of scales and steps, the speed, the damping."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch

from startright.errors import unknown
from startright.papers.gauss_newton.descent import Course, descend, gauss_newton, gradient
from startright.papers.gauss_newton.dual import Damping
from startright.papers.gauss_newton.network import stack
from startright.papers.gauss_newton.task import draw_student, draw_task, stack_tasks
from startright.profiles import by_profile
from startright.studies import Outcome, Study

METHODS = ("gauss-newton", "gradient")


@dataclass(frozen=True)
class DescentConfig:
    r"""A student trained on a teacher until the relative training loss is ``target``.

    Args:
        method: ``"gauss-newton"`` or ``"gradient"``.
        scale: τ₀, standard deviation of the student's hidden weights and biases.
        rate: :math:`\lambda_\mathrm{eff} = \lambda/N` of Gauss-Newton; κ of gradient descent, whose
            learning rate is κM.
        width: M, units of the student.
        points: N, training points.
        tests: test points.
        max_steps: the most steps.
        target: relative training loss at which a run ends.
        alpha: α of the damping.
        floor: ε₀ of the damping.
        relative_floor: ρ of the damping.
        per_decade: logged points for each decade of steps.

    Raises:
        ValueError: an unknown method, a rate that is not positive.
    """

    method: str
    scale: float
    rate: float
    width: int
    points: int
    tests: int
    max_steps: int
    target: float = 1e-8
    alpha: float = 1.0
    floor: float = 1e-7
    relative_floor: float = 0.0
    per_decade: int = 4

    def __post_init__(self):
        if self.method not in METHODS:
            raise unknown("method", self.method, METHODS)
        if not self.rate > 0:
            raise ValueError(f"the rate must be positive, got {self.rate!r}")


def stack_key(config: DescentConfig) -> DescentConfig:
    """What runs of one program have in common: all but scale, rate and damping."""
    return replace(config, scale=1.0, rate=1.0, alpha=0.0, floor=0.0, relative_floor=0.0)


def run_descents(runs: Sequence[tuple[DescentConfig, int]], device: torch.device) -> list[Outcome]:
    """Train students that differ in scale, rate, damping and seed, together where that pays."""
    if len(runs) > 1 and not stacking_pays(runs[0][0], device):
        return [run_descent(*run, device) for run in runs]
    return run_together(runs, device)


def stacking_pays(config: DescentConfig, device: torch.device) -> bool:
    """Whether students are faster as one program: on a GPU always, on a CPU by gradient descent alone.

    A step of Gauss-Newton is arithmetic, which fills a core by itself: a stack of the quick sizes has 0.92 to
    0.99 of the speed there, one of gradient descent 1.1 (``benchmarks/gauss_newton_stacked.py``).

    >>> stacking_pays(newton(1.0, 0.1, **SMALL), torch.device("cpu"))
    False
    """
    return device.type != "cpu" or config.method != "gauss-newton"


def run_together(runs: Sequence[tuple[DescentConfig, int]], device: torch.device) -> list[Outcome]:
    """Train the same students as one program."""
    configs, first = [config for config, _ in runs], runs[0][0]
    tasks = {seed: draw_task(seed, first.points, first.tests, device) for _, seed in runs}
    task = stack_tasks([tasks[seed] for _, seed in runs])
    net = stack([draw_student(seed, first.width, config.scale, device) for config, seed in runs])

    def column(name: str) -> torch.Tensor:
        return torch.tensor([getattr(c, name) for c in configs], dtype=torch.float64, device=device)

    damping = Damping(column("alpha"), column("floor"), column("relative_floor"))
    direction = gauss_newton(damping) if first.method == "gauss-newton" else gradient
    limits = {name: getattr(first, name) for name in ("max_steps", "target", "per_decade")}
    courses = descend(net, task, direction, column("rate"), **limits)
    zero = (task.y_test.square().mean(-1) / 2).tolist()
    return [_outcome(course, loss) for course, loss in zip(courses, zero, strict=True)]


def run_descent(config: DescentConfig, seed: int, device: torch.device) -> Outcome:
    """Train one student."""
    return run_together([(config, seed)], device)[0]


def _outcome(course: Course, zero: float) -> Outcome:
    """The last of every logged value; what predicting 0 and the features at the start would give; the log.

    ``steps_k`` is the first step at which the relative training loss was at most 10⁻ᵏ.
    """
    metrics = {"zero_loss": zero, "steps": course.steps}
    metrics |= {f"steps_{k}": step for k, step in course.reached.items()}
    log = course.log
    if course.status != "ok":
        return Outcome(metrics, log, status=course.status, reason="the training loss left all bounds")
    metrics |= {name: values[-1] for name, values in log.items() if name != "step"}
    starts = {"start_loss": "train_loss", "rf_train": "refit_train", "rf_test": "refit_test"}
    starts |= {f"first_{name}": name for name in ("smallest", "largest") if name in log}
    return Outcome(metrics | {name: log[source][0] for name, source in starts.items()}, log)


# --- the grids ------------------------------------------------------------------------------

SCALES = (0.01, 0.1, 1.0, 10.0)
RATES = (1.0, 0.1, 0.02)
PAPER_SCALES = (0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 100.0)
GRADIENT_RATES = {0.1: 0.3, 1.0: 0.1, 10.0: 0.003}  # τ₀ → κ: set by hand, so that no run oscillates

SMALL = {"width": 200, "points": 100, "tests": 2000}
MIDDLE = {"width": 500, "points": 200, "tests": 10_000}
PAPER_SIZE = {"width": 5000, "points": 500, "tests": 10_000}


def newton(scale: float, rate: float, **options) -> DescentConfig:
    """Gauss-Newton at a scale of the student and an effective step; by the law it takes 9.2 / rate steps."""
    return DescentConfig("gauss-newton", scale, rate, **{"max_steps": max(1500, round(15 / rate))} | options)


def descent(scale: float, rate: float, **options) -> DescentConfig:
    """Gradient descent with learning rate κM."""
    return DescentConfig("gradient", scale, rate, **options)


def _newtons(scales, rates, **options) -> list[DescentConfig]:
    return [newton(scale, rate, **options) for scale, rate in product(scales, rates)]


STACKED = {"run": run_descent, "run_stacked": run_descents, "stack_key": stack_key}

GRID = Study(
    name="gauss-newton-grid",
    version=1,
    question="How do the scale of the start and the length of the step decide what Gauss-Newton learns?",
    grid=by_profile(
        quick=_newtons(SCALES, RATES, **SMALL),
        full=_newtons(SCALES, RATES, **PAPER_SIZE | {"tests": 5000}),
        paper=_newtons(PAPER_SCALES, RATES, **PAPER_SIZE),
    ),
    seeds=by_profile(quick=(0, 1, 2), full=tuple(range(5)), paper=tuple(range(5))),
    max_stack=5,
    **STACKED,
)


def _methods(scales, rates, max_steps, **options) -> list[DescentConfig]:
    """Gauss-Newton and gradient descent on the same students."""
    gradients = [descent(scale, GRADIENT_RATES[scale], max_steps=max_steps, **options) for scale in scales]
    return [*_newtons(scales, rates, **options), *gradients]


SPEED = Study(
    name="gauss-newton-speed",
    version=1,
    question="How much faster is Gauss-Newton than gradient descent, and which of them generalises?",
    grid=by_profile(
        quick=_methods((0.1, 10.0), RATES, 2000, **SMALL),
        full=_methods((0.1, 1.0, 10.0), (*RATES, 0.005), 20_000, **MIDDLE),
        paper=[
            *_newtons(PAPER_SCALES, (0.02,), **PAPER_SIZE),
            *(descent(scale, 0.002, max_steps=2_000_000, **PAPER_SIZE) for scale in PAPER_SCALES),
        ],
    ),
    seeds=by_profile(quick=(0, 1, 2), full=tuple(range(5)), paper=tuple(range(5))),
    max_stack=15,
    **STACKED,
)

FLOORS = ((1e-7, 0.0), (0.0, 1e-3), (0.0, 1e-6))  # (absolute, relative)


def _floors(scales, rate, **options) -> list[DescentConfig]:
    return [
        newton(scale, rate, floor=floor, relative_floor=relative, **options)
        for scale, (floor, relative) in product(scales, FLOORS)
    ]


DAMPING = Study(
    name="gauss-newton-damping",
    version=1,
    question="What does the floor of the damping do where the kernel is nearly singular?",
    grid=by_profile(
        quick=_floors((0.01, 0.1), 0.1, **SMALL | {"max_steps": 200}),
        full=_floors((0.001, 0.01, 0.1, 1.0), 0.02, **MIDDLE),
        paper=_floors((0.001, 0.01, 0.1, 1.0), 0.02, **PAPER_SIZE),
    ),
    seeds=by_profile(quick=(0, 1, 2), full=tuple(range(5)), paper=tuple(range(5))),
    max_stack=15,
    **STACKED,
)
