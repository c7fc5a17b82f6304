"""What a training is told, and what it leaves."""

import math
from dataclasses import dataclass, field

from startright.errors import unknown

OPTIMIZERS = ("sgd", "adam")


@dataclass(frozen=True)
class TrainConfig:
    """How to train one network; the meaning of each number is that of ``torch.optim``.

    Args:
        epochs: passes over the training set.
        batch_size: examples a step.
        lr: learning rate.
        optimizer: ``"sgd"`` or ``"adam"``.
        momentum: of SGD, in [0, 1); heavy-ball, without damping.
        weight_decay: coefficient of the L2 penalty, added to the gradient.
        betas: of Adam, each in [0, 1).
        eps: of Adam, positive.
        eval_every: steps between two evaluations; by default one epoch. The end is always evaluated.
        drop_last: leave out an epoch's last batch that is not full.

    Raises:
        ValueError: a value out of its range.

    >>> TrainConfig(optimizer="adm")
    Traceback (most recent call last):
    ValueError: unknown optimizer 'adm': did you mean 'adam'? Known: adam, sgd.
    """

    epochs: int = 10
    batch_size: int = 128
    lr: float = 0.1
    optimizer: str = "sgd"
    momentum: float = 0.0
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    eval_every: int | None = None
    drop_last: bool = False

    def __post_init__(self):
        if self.optimizer not in OPTIMIZERS:
            raise unknown("optimizer", self.optimizer, OPTIMIZERS)
        check_lr(self.lr)
        for name in ("epochs", "batch_size", "eval_every"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        for name, value in (("momentum", self.momentum), *(("betas", beta) for beta in self.betas)):
            if not 0 <= value < 1:
                raise ValueError(f"{name} must be in [0, 1), got {value}")
        if not 0 <= self.weight_decay < math.inf or not 0 < self.eps < math.inf:
            raise ValueError(
                f"weight_decay must be at least 0 and eps positive, got {self.weight_decay} and {self.eps}"
            )


def check_lr(lr: float) -> float:
    """``lr`` itself if it can be a learning rate.

    Raises:
        ValueError: it is not a positive finite number.
    """
    if not 0 < lr < math.inf:
        raise ValueError(f"a learning rate must be positive and finite, got {lr}")
    return lr


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
