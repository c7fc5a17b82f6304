"""One run of the room: which teacher, which student, which method, and how it went."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from startright.errors import unknown
from startright.papers.gauss_newton.descent import Course, descend, gauss_newton, gradient
from startright.papers.gauss_newton.dual import Damping
from startright.papers.gauss_newton.network import stack
from startright.papers.gauss_newton.task import draw_student, draw_task, stack_tasks
from startright.studies import Outcome

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
    """Train students that differ in scale, rate, damping and seed as one program."""
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
    return run_descents([(config, seed)], device)[0]


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
