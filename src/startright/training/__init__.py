"""Training: one loop, and the same for many runs of one shape as one program."""

from startright.training.config import Group, TrainConfig, decay_weights_only
from startright.training.evaluation import History, cross_entropy, evaluate, squared_error
from startright.training.loop import gradient_step, train
from startright.training.stack import ModelStack
from startright.training.stacked import train_stacked

__all__ = [
    "Group",
    "History",
    "ModelStack",
    "TrainConfig",
    "cross_entropy",
    "decay_weights_only",
    "evaluate",
    "gradient_step",
    "squared_error",
    "train",
    "train_stacked",
]
