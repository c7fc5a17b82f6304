"""Many runs of one shape trained as one program, with a leading run axis.

As no run enters another's loss, the gradient of the sum of the losses holds in each row the gradient of
that run alone. Each run sees the same initial weights, order of the data and updates as in
:func:`startright.training.train`.
"""

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import nn

from startright.data import Dataset, epoch_order
from startright.data.batches import batch_sizes
from startright.seeds import generator
from startright.training.config import History, TrainConfig, check_lr
from startright.training.evaluation import Loss, Recorder, cross_entropy, stacked_loss
from startright.training.loop import Augment
from startright.training.optim import stacked_optimizer
from startright.training.stack import ModelStack


def train_stacked(
    models: Sequence[nn.Module],
    data: Dataset,
    config: TrainConfig,
    *,
    seeds: Sequence[int],
    lrs: Sequence[float] | None = None,
    loss: Loss = cross_entropy,
    augment: Augment | None = None,
) -> list[History]:
    """Train all ``models`` in place, as one program, on the device where ``data`` are.

    A run whose loss is not finite at an evaluation is marked ``diverged`` and leaves the stack; the others
    go on as if it had never been there.

    Args:
        models: one a run, alike in all but the values of their parameters and buffers.
        data: where to train and evaluate.
        config: how.
        seeds: one a run: of the order of the examples (role ``"order"``) and of the augmentation (role
            ``"augment"``).
        lrs: one a run; by default ``config.lr`` for all.
        loss: gives the loss of each example, (n,), from outputs and labels; the batch mean is minimised.
        augment: changes a batch of training inputs of one run, given a generator on their device.

    Returns:
        One history a run, the same as :func:`startright.training.train` gives, within rounding.

    Raises:
        ValueError: models that cannot be stacked, or seeds or learning rates that do not match them.
    """
    lrs = [config.lr] * len(models) if lrs is None else [check_lr(lr) for lr in lrs]
    if not len(models) == len(seeds) == len(lrs):
        raise ValueError(
            f"expected one seed and one learning rate a model, got {len(models)} models, "
            f"{len(seeds)} seeds and {len(lrs)} learning rates"
        )
    program = _Gradients([model.to(data.train.x.device).train() for model in models], config, lrs, loss)
    return train_together(program, data, config, seeds=seeds, loss=loss, augment=augment)


class Program(Protocol):
    """Many runs that move together, a row each."""

    def step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Move each run by its batch of inputs, (runs, n, ...), and labels, (runs, n); the batch losses."""

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        """What the runs say, in evaluation mode, (runs, n, classes), of the same inputs, (n, ...)."""

    def keep(self, rows: Sequence[int]) -> None:
        """Give every model its values, and go on with these of the runs alone."""


def train_together(
    program: Program,
    data: Dataset,
    config: TrainConfig,
    *,
    seeds: Sequence[int],
    loss: Loss = cross_entropy,
    augment: Augment | None = None,
) -> list[History]:
    """The loop under :func:`train_stacked`, for runs that move in any way; see there.

    Args:
        program: the runs, in training mode.
        data: where to train and evaluate.
        config: epochs, size of the batches, evaluations.
        seeds: one a run.
        loss: what is evaluated.
        augment: changes a batch of training inputs of one run.

    Raises:
        ValueError: a seed that is not a non-negative integer, or batches that the data do not fill.
    """
    batches, recorder = _Batches(data, config, seeds, augment), Recorder(config, data, loss, len(seeds))
    for _ in range(config.epochs):
        batches.shuffle()
        for batch in range(batches.count):
            rows = recorder.step(program.step(*batches.take(batch)), program.outputs)
            if rows is not None and len(rows) < len(batches.orders):
                program.keep(rows)
                batches.keep(rows)
            if rows == []:
                return recorder.histories
    program.keep([])
    return recorder.histories


class _Gradients:
    """Plain training: each run descends its own loss."""

    def __init__(self, models: Sequence[nn.Module], config: TrainConfig, lrs: Sequence[float], loss: Loss):
        self.stack, self.loss = ModelStack(models), loss
        self.optimizer = stacked_optimizer(config, self.stack.theta.new_tensor(lrs))

    def step(self, x: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        losses = stacked_loss(self.loss, self.stack(x, shared=False), y).mean(1)
        (gradient,) = torch.autograd.grad(losses.sum(), self.stack.theta)
        self.optimizer.step(self.stack.theta, gradient)
        return losses

    def outputs(self, x: torch.Tensor) -> torch.Tensor:
        return self.stack.predict(x)

    def keep(self, rows: Sequence[int]) -> None:
        self.stack.keep(rows)
        self.optimizer.keep(rows)


class _Batches:
    """The training data in each run's own order, with each run's own noise."""

    def __init__(self, data: Dataset, config: TrainConfig, seeds: Sequence[int], augment: Augment | None):
        self.data, self.size, self.augment = data.train, config.batch_size, augment
        self.count = len(batch_sizes(len(data.train.y), config.batch_size, config.drop_last))
        self.orders = [generator(seed, "order") for seed in seeds]
        self.noises = [generator(seed, "augment", data.train.x.device) for seed in seeds]

    def shuffle(self) -> None:
        """Draw each run's order of the next epoch, (runs, n)."""
        drawn = [epoch_order(len(self.data.y), order) for order in self.orders]
        self.index = torch.stack(drawn).to(self.data.y.device)

    def take(self, batch: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs, (runs, n, ...), and labels, (runs, n)."""
        index = self.index[:, batch * self.size : (batch + 1) * self.size]
        x = self.data.x[index]
        if self.augment:
            x = torch.stack([self.augment(*pair) for pair in zip(x, self.noises, strict=True)])
        return x, self.data.y[index]

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these of the runs alone."""
        self.orders, self.noises = ([own[row] for row in rows] for own in (self.orders, self.noises))
        self.index = self.index[rows]
