r"""What the network learns: a small teacher of the same form, seen without noise on N inputs.

Source:
    M. Arbel, R. Menegaux and P. Wolinski, NeurIPS 2023, experiments. The order of the draws is that of the
    authors' program: the test set comes before the training set, of which 2000 points are drawn and the
    first N kept, so that training sets of different sizes share their first points.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from startright.papers.gauss_newton.network import MeanField, stack
from startright.seeds import generator

TEACHER_UNITS = 5
DIMENSION = 10
DRAWN = 2000  # training points drawn, whatever N


@dataclass(frozen=True)
class Task:
    """Inputs and targets, and the teacher that made them; possibly a stack of tasks.

    Args:
        x: training inputs, (…, N, d).
        y: training targets, (…, N).
        x_test: test inputs, (…, T, d).
        y_test: test targets, (…, T).
        teacher: the network of the targets.
    """

    x: Tensor
    y: Tensor
    x_test: Tensor
    y_test: Tensor
    teacher: MeanField

    def __getitem__(self, runs: int | slice | Tensor | Sequence[int]) -> "Task":
        """Some tasks of a stack."""
        return Task(self.x[runs], self.y[runs], self.x_test[runs], self.y_test[runs], self.teacher[runs])


def _network(width: int, rng: torch.Generator, device: torch.device | str) -> MeanField:
    """A network of N(0, 1) parameters; drawn on the CPU, so that it is the same on every device."""
    like = {"generator": rng, "dtype": torch.float64}
    u = torch.randn(width, DIMENSION, **like)
    b, v = torch.randn(width, **like), torch.randn(width, **like)
    return MeanField(v.to(device), u.to(device), b.to(device))


def draw_task(seed: int, points: int, tests: int = 10_000, device: torch.device | str = "cpu") -> Task:
    """The teacher, training and test set of a seed, in float64.

    Args:
        seed: names the teacher and the inputs.
        points: N, at most 2000.
        tests: number of test points.
        device: where the tensors shall be.

    Raises:
        ValueError: too many or too few points.
    """
    if not 1 <= points <= DRAWN:
        raise ValueError(f"points must be from 1 to {DRAWN}, got {points!r}")
    teacher = _network(TEACHER_UNITS, generator(seed, "gauss-newton-teacher"), device)
    rng = generator(seed, "gauss-newton-inputs")
    x_test = torch.randn(tests, DIMENSION, generator=rng, dtype=torch.float64).to(device)
    x = torch.randn(DRAWN, DIMENSION, generator=rng, dtype=torch.float64)[:points].to(device)
    return Task(x, teacher(x), x_test, teacher(x_test), teacher)


def draw_student(seed: int, width: int, scale: float, device: torch.device | str = "cpu") -> MeanField:
    r"""A student with hidden weights and biases :math:`\mathcal N(0, \tau_0^2)` and output weights 0.

    The draws of a seed are the same for every scale.

    Args:
        seed: names the draws.
        width: M.
        scale: the initial scale τ₀, positive.
        device: where the tensors shall be.

    Raises:
        ValueError: a scale that is not positive.
    """
    if scale <= 0:
        raise ValueError(f"the initial scale must be positive, got {scale!r}")
    net = _network(width, generator(seed, "gauss-newton-student"), device)
    return MeanField(torch.zeros_like(net.v), scale * net.u, scale * net.b)


def stack_tasks(tasks: Sequence[Task]) -> Task:
    """Tasks of one shape as a stack with a new leading axis."""
    tensors = (torch.stack([getattr(t, name) for t in tasks]) for name in ("x", "y", "x_test", "y_test"))
    return Task(*tensors, stack([t.teacher for t in tasks]))
