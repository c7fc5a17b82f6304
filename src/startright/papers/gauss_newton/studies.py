"""The experiments of the room: one study a question."""

from itertools import product

from startright.papers.gauss_newton.mnist_study import MNIST
from startright.papers.gauss_newton.runs import DescentConfig, run_descent, run_descents, stack_key
from startright.profiles import by_profile
from startright.studies import Record, Study, recorded

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


def complete(study: Study, profile: str = "full") -> list[Record]:
    """The records of a grid if all its runs have one, else none."""
    found = recorded(study, profile)
    return found if len(found) == len(study.runs(profile)) else []


STUDIES = (GRID, SPEED, DAMPING, MNIST)

__all__ = ["DAMPING", "GRID", "MNIST", "SPEED", "STUDIES", "complete"]
