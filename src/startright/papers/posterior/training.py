r"""Many variational networks trained at once, each at its own temperature, number of data and augmentation.

Run r descends :math:`\frac1B\sum_i -\log p(y_i | x_i, w) + \frac{\tau_r}{N_r} KL(q_r \,\|\, p)` over batches
of B of its own :math:`N_r` training data, w drawn from :math:`q_r`. All runs take the same number of steps.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from startright.data import Split
from startright.papers.posterior.stack import VariationalStack
from startright.seeds import generator
from startright.training import Group, TrainConfig
from startright.training.evaluation import cross_entropy, stacked_loss
from startright.training.optim import stacked_optimizer
from startright.training.schedules import cosine

Augment = Callable[[Tensor, torch.Generator], Tensor]


@dataclass(frozen=True)
class Settings:
    """How runs are trained.

    Args:
        steps: of Adam, its rate falling to 0 as a cosine.
        batch_size: examples a step.
        lr: of the means.
        rho_rate: factor of the rate of the standard deviations' parameters ρ.
    """

    steps: int
    batch_size: int = 50
    lr: float = 0.01
    rho_rate: float = 3.0

    def config(self) -> TrainConfig:
        """The optimizer of the stack."""

        def group(name: str, values: Tensor) -> Group:
            return Group(lr=self.rho_rate if name.endswith("_rho") else 1.0)

        return TrainConfig(optimizer="adam", lr=self.lr, groups=group, schedule=cosine(self.steps))


@dataclass(frozen=True)
class Task:
    """What one run trains on.

    Args:
        index: of its training examples, (n,), in which an example may stand more than once.
        count: N, how many data these are for Bayes' rule.
        temperature: τ.
        augment: of its batches, or None.
    """

    index: Tensor
    count: int
    temperature: float
    augment: Augment | None = None


def train(
    models: Sequence[nn.Module],
    data: Split,
    tasks: Sequence[Task],
    settings: Settings,
    seeds: Sequence[int],
) -> VariationalStack:
    """Train variational networks of one shape as one program.

    A run whose loss is not finite spoils no other.

    Args:
        models: one a run, in training mode.
        data: the pool that the tasks take their examples from.
        tasks: one a run.
        settings: alike for all.
        seeds: one a run: of the order (role ``"order"``), the augmentation and the noise of the weights.

    Returns:
        The stack, its models with their values.

    Raises:
        ValueError: numbers of models, tasks and seeds that differ.
    """
    if not len(models) == len(tasks) == len(seeds):
        raise ValueError(
            f"expected a task and a seed a model, got {len(models)} models, {len(tasks)} tasks and"
            f" {len(seeds)} seeds"
        )
    device = data.x.device
    stack = VariationalStack(models, [generator(seed, "noise", device) for seed in seeds])
    config = settings.config()
    optimizer = stacked_optimizer(config, stack.theta.new_full((len(models),), config.lr), stack.first())
    factors = stack.theta.new_tensor([task.temperature / task.count for task in tasks])
    sources = [
        _batches(data, task, settings.batch_size, seed) for task, seed in zip(tasks, seeds, strict=True)
    ]
    for step in range(settings.steps):
        x, y = (torch.stack(part) for part in zip(*map(next, sources), strict=True))
        losses = stacked_loss(cross_entropy, stack.sampled(x, shared=False), y).mean(1)
        objective = losses + factors * stack.divergence()
        (gradient,) = torch.autograd.grad(objective.sum(), stack.theta)
        optimizer.step(stack.theta, gradient, config.schedule(step))
    stack.keep(list(range(len(models))))
    return stack


def _batches(data: Split, task: Task, size: int, seed: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Batches of one run without end, each pass over its examples in a new order."""
    order, noise = generator(seed, "order"), generator(seed, "augment", data.x.device)
    size = min(size, len(task.index))
    while True:
        mixed = task.index[torch.randperm(len(task.index), generator=order).to(task.index.device)]
        for rows in mixed.split(size):
            if len(rows) == size:
                x = data.x[rows]
                yield task.augment(x, noise) if task.augment else x, data.y[rows]


@torch.no_grad()
def log_predictive(stack: VariationalStack, x: Tensor, samples: int, chunk: int = 4096) -> Tensor:
    """Log-probabilities averaged over networks sampled from each run, (runs, n, classes).

    Args:
        stack: of the runs; its generators are used.
        x: inputs that all share, (n, ...).
        samples: how many networks a run.
        chunk: inputs at once; every chunk is seen by networks of its own.
    """
    stack._base.eval()
    parts = []
    for part in x.split(chunk):
        total = None
        for _ in range(samples):
            logs = stack.sampled(part, shared=True, local=False).log_softmax(-1)
            total = logs if total is None else torch.logaddexp(total, logs)
        parts.append(total - math.log(samples))
    stack._base.train()
    return torch.cat(parts, 1)
