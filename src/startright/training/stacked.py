"""Many runs of one shape trained as one program, with a leading run axis.

As no run enters another's loss, the gradient of the sum of the losses holds in each row the gradient of
that run alone. Each run sees the same initial weights, order of the data and updates as in
:func:`startright.training.train`.
"""

from collections.abc import Sequence

import torch
from torch import nn

from startright.data import Dataset, epoch_order
from startright.data.batches import batch_sizes
from startright.seeds import generator
from startright.training.config import History, TrainConfig, check_lr
from startright.training.evaluation import Loss, Recorder, cross_entropy, stacked_loss
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
) -> list[History]:
    """Train all ``models`` in place, as one program, on the device where ``data`` are.

    A run whose loss is not finite at an evaluation is marked ``diverged`` and leaves the stack; the others
    go on as if it had never been there.

    Args:
        models: one a run, alike in all but the values of their parameters and buffers.
        data: where to train and evaluate.
        config: how.
        seeds: one a run: of the order of the examples (role ``"order"``).
        lrs: one a run; by default ``config.lr`` for all.
        loss: gives the loss of each example, (n,), from outputs and labels; the batch mean is minimised.

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
    runs = _Runs([model.to(data.train.x.device).train() for model in models], data, config, seeds, lrs)
    recorder = Recorder(config, data, loss, len(models))
    for _ in range(config.epochs):
        runs.shuffle()
        for batch in range(runs.batches):
            rows = recorder.step(runs.step(batch, loss), lambda x: runs.stack(x, shared=True))
            if rows is not None and len(rows) < len(runs.orders):
                runs.keep(rows)
            if rows == []:
                return recorder.histories
    runs.keep([])
    return recorder.histories


class _Runs:
    """What each of the runs that go on has of its own: weights, state of the optimizer, order of the data."""

    def __init__(
        self,
        models: Sequence[nn.Module],
        data: Dataset,
        config: TrainConfig,
        seeds: Sequence[int],
        lrs: Sequence[float],
    ):
        self.stack, self.data, self.size = ModelStack(models), data.train, config.batch_size
        self.batches = len(batch_sizes(len(data.train.y), config.batch_size, config.drop_last))
        self.optimizer = stacked_optimizer(config, self.stack.theta.new_tensor(lrs))
        self.orders = [generator(seed, "order") for seed in seeds]

    def shuffle(self) -> None:
        """Draw each run's order of the next epoch, (runs, n)."""
        drawn = [epoch_order(len(self.data.y), order) for order in self.orders]
        self.index = torch.stack(drawn).to(self.data.y.device)

    def step(self, batch: int, loss: Loss) -> torch.Tensor:
        """Move each run by its batch; the batch losses, (runs,)."""
        index = self.index[:, batch * self.size : (batch + 1) * self.size]
        outputs = self.stack(self.data.x[index], shared=False)
        losses = stacked_loss(loss, outputs, self.data.y[index]).mean(1)
        (gradient,) = torch.autograd.grad(losses.sum(), self.stack.theta)
        self.optimizer.step(self.stack.theta, gradient)
        return losses

    def keep(self, rows: list[int]) -> None:
        """Go on with these of the runs alone; every model gets its weights."""
        self.stack.keep(rows)
        self.optimizer.keep(rows)
        self.orders, self.index = [self.orders[row] for row in rows], self.index[rows]
