"""The settings of a training."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch

from startright.errors import number, unknown
from startright.training.penalties import Penalty
from startright.training.schedules import Schedule

OPTIMIZERS = ("sgd", "adam")
PRECISIONS = ("float32", "bfloat16")


class Group(NamedTuple):
    """Factors of a group of parameters, to the learning rate and the weight decay of the config."""

    lr: float = 1.0
    weight_decay: float = 1.0


def decay_weights_only(name: str, values: torch.Tensor) -> Group:
    """No weight decay of biases and of normalisations, which have one number a unit."""
    return Group(weight_decay=float(values.dim() > 1))


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
        schedule: step, from 0 → factor of the learning rate, such as of :mod:`startright.training.schedules`.
        decay_schedule: likewise of the weight decay.
        groups: name and values of a parameter → its :class:`Group`; by default all are alike.
        penalty: on the weights, beside the weight decay (:mod:`startright.training.penalties`).
        precision: of the forward pass while training, ``"float32"`` (that of the model) or ``"bfloat16"``,
            by the rules of ``torch.autocast``; parameters, losses and evaluations keep theirs.

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
    schedule: Schedule | None = None
    decay_schedule: Schedule | None = None
    groups: Callable[[str, torch.Tensor], Group] | None = None
    penalty: Penalty | None = None
    precision: str = "float32"

    def __post_init__(self):
        if self.optimizer not in OPTIMIZERS:
            raise unknown("optimizer", self.optimizer, OPTIMIZERS)
        if self.precision not in PRECISIONS:
            raise unknown("precision", self.precision, PRECISIONS)
        check_lr(self.lr)
        for name in ("epochs", "batch_size", "eval_every"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, got {value}")
        for name, value in (("momentum", self.momentum), *(("betas", beta) for beta in self.betas)):
            if not 0 <= value < 1:
                raise ValueError(f"{name} must be in [0, 1), got {value}")
        if not 0 <= number(self.weight_decay) < math.inf or not 0 < number(self.eps) < math.inf:
            got = f"{self.weight_decay!r} and {self.eps!r}"
            raise ValueError(f"weight_decay must be at least 0 and eps positive, got {got}")
        if self.penalty is not None and not isinstance(self.penalty, Penalty):
            raise ValueError(f"penalty must be a Penalty, such as L1(0.01), got {self.penalty!r}")


def check_plain(config: TrainConfig, why: str) -> None:
    """Refuse settings of the gradient step where another step moves the model, which would ignore them.

    Args:
        config: the training.
        why: what moves the model: ``"the step given"``.

    Raises:
        ValueError: such a setting; the message names it.
    """
    for name in ("schedule", "decay_schedule", "groups", "penalty"):
        if getattr(config, name) is not None:
            raise ValueError(f"{why} takes no {name}: it would be ignored, leave it out of the config")
    if config.precision != "float32":
        raise ValueError(f"{why} takes no precision {config.precision!r}: leave it out of the config")


def check_lr(lr: float) -> float:
    """``lr`` itself if it can be a learning rate.

    Raises:
        ValueError: it is not a positive finite number.
    """
    if not 0 < lr < math.inf:
        raise ValueError(f"a learning rate must be positive and finite, got {lr}")
    return lr
