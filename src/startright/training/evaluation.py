"""Losses and accuracies of one network or of a stack of them; their course over a training."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch.nn import functional as F

from startright.data import Dataset, Split
from startright.data.batches import batch_sizes
from startright.training.config import TrainConfig

ROWS = 8192  # examples times networks evaluated at once: bounds the memory, fills the cores

Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Forward = Callable[[torch.Tensor], torch.Tensor]


def cross_entropy(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The cross-entropy of each example in nats, (n,), for outputs, (n, classes), and labels, (n,)."""
    return F.cross_entropy(outputs, labels, reduction="none")


def squared_error(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    r"""Half the squared error of each example, (n,), :math:`\tfrac12\lVert o - t\rVert^2`.

    Args:
        outputs: (n, d).
        targets: (n, d), or (n,) where d = 1.
    """
    return (outputs - targets.view_as(outputs)).square().flatten(1).sum(1) / 2


def stacked_loss(loss: Loss, outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """``loss`` of each example, (runs, n), for outputs and labels or targets, both (runs, n, ...)."""
    return loss(outputs.flatten(0, 1), labels.flatten(0, 1)).view(labels.shape[:2])


@torch.no_grad()
def evaluate(
    forward: Forward, split: Split, *, runs: int = 1, loss: Loss = cross_entropy
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Mean loss and, of classes, accuracy of each network of a stack on one part of the data.

    The data are taken in chunks, so that memory does not grow with their number; where a chunk does not fit
    the memory of the device, in halves of it.

    Args:
        forward: gives outputs, (runs, n, classes), for inputs, (n, ...).
        split: the inputs and the labels, integers, or targets, floating: these have no accuracy.
        runs: how many networks ``forward`` evaluates.
        loss: gives the loss of each example.

    Returns:
        Mean losses, (runs,), and accuracies, (runs,), or None; on the device: no synchronisation.

    Raises:
        torch.OutOfMemoryError: a single example does not fit.
    """
    chunk = min(max(1, ROWS // runs), len(split.y))
    while True:
        try:
            return _evaluate(forward, split, runs, loss, chunk)
        except torch.OutOfMemoryError:
            if chunk == 1:
                raise
            chunk = (chunk + 1) // 2


def _evaluate(
    forward: Forward, split: Split, runs: int, loss: Loss, chunk: int
) -> tuple[torch.Tensor, torch.Tensor | None]:
    total, hits, classes = 0.0, 0, not split.y.is_floating_point()
    for x, y in zip(split.x.split(chunk), split.y.split(chunk), strict=True):
        outputs = forward(x)
        total = total + stacked_loss(loss, outputs, y.expand(runs, *y.shape)).sum(1)
        if classes:
            hits = hits + (outputs.argmax(2) == y).sum(1)
    return total / len(split.y), hits.to(total.dtype) / len(split.y) if classes else None


@dataclass
class History:
    """The course of one training, a point an evaluation.

    Attributes:
        steps: the number of steps done at each evaluation.
        curves: ``train_loss``, the mean batch loss since the evaluation before; ``test_loss`` and
            ``test_accuracy`` (0 to 1), and the same for ``validation`` if the data have it. All finite.
        status: ``"ok"``, or ``"diverged"`` if a loss was not finite; the training then ended there.
        reason: why it diverged.
    """

    steps: list[int] = field(default_factory=list)
    curves: dict[str, list[float]] = field(default_factory=dict)
    status: str = "ok"
    reason: str | None = None

    @property
    def last(self) -> dict[str, float]:
        """The value of every curve at the last finite evaluation; empty if there was none."""
        return {name: values[-1] for name, values in self.curves.items()}

    def record(self, step: int, point: dict[str, float]) -> None:
        """Append one evaluation, or mark the training diverged if a value of it is not finite."""
        wrong = [name for name, value in point.items() if not math.isfinite(value)]
        if wrong:
            self.status, self.reason = "diverged", f"{wrong[0]} was not finite by step {step}"
            return
        self.steps.append(step)
        for name, value in point.items():
            self.curves.setdefault(name, []).append(value)


class Recorder:
    """Counts the steps of a training, of one run or of a stack, and evaluates it when that is due.

    The training losses are summed on the device; the host waits for it once an evaluation.

    Args:
        config: the training.
        data: evaluated on the test part and, if there is one, the validation part.
        loss: gives the loss of each example.
        runs: how many networks are trained.
        epochs: of each of them, none more than the training's own; by default those.
    """

    def __init__(
        self,
        config: TrainConfig,
        data: Dataset,
        loss: Loss,
        runs: int = 1,
        epochs: Sequence[int] | None = None,
    ):
        self.histories = [History() for _ in range(runs)]
        self._going = self.histories
        self._parts = {
            name: part
            for name, part in (("test", data.test), ("validation", data.validation))
            if part is not None
        }
        per_epoch = len(batch_sizes(len(data.train.y), config.batch_size, config.drop_last))
        self._loss, self._every, self._end = loss, config.eval_every or per_epoch, config.epochs * per_epoch
        self._ends = [per_epoch * own for own in epochs] if epochs is not None else [math.inf] * runs
        self._step, self._since, self._sum = 0, 0, 0.0

    def step(self, losses: torch.Tensor, forward: Forward) -> list[int] | None:
        """Count a step.

        Args:
            losses: the batch loss of each run that goes on, (runs,).
            forward: gives their outputs, (runs, n, classes), for inputs, (n, ...).

        Returns:
            ``None``, or, after an evaluation, which of these runs have neither diverged nor ended.
        """
        self._step, self._since, self._sum = self._step + 1, self._since + 1, self._sum + losses.detach()
        due = not self._step % self._every or self._step == self._end
        if not due and self._step not in self._ends:
            return None
        for history, end, point in zip(self._going, self._ends, self._points(forward), strict=True):
            if due or end == self._step:
                history.record(self._step, point)
        rows = [
            row
            for row, (history, end) in enumerate(zip(self._going, self._ends, strict=True))
            if history.status == "ok" and self._step < end
        ]
        self._going, self._ends = ([own[row] for row in rows] for own in (self._going, self._ends))
        if due:
            self._since, self._sum = 0, 0.0
        else:
            self._sum = self._sum[rows]
        return rows

    def _points(self, forward: Forward) -> list[dict[str, float]]:
        columns = {"train_loss": self._sum / self._since}
        for name, part in self._parts.items():
            values, accuracies = evaluate(forward, part, runs=len(self._going), loss=self._loss)
            columns[f"{name}_loss"] = values
            if accuracies is not None:
                columns[f"{name}_accuracy"] = accuracies
        rows = torch.stack(list(columns.values()), 1).tolist()  # the one synchronisation
        return [dict(zip(columns, row, strict=True)) for row in rows]
