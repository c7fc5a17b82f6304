"""Training: one loop, and the same for many runs of one shape as one program."""

from startright.training.config import History, TrainConfig
from startright.training.evaluation import cross_entropy, evaluate
from startright.training.launches import compile_passes
from startright.training.loop import train
from startright.training.stack import ModelStack
from startright.training.stacked import train_stacked

__all__ = [
    "History",
    "ModelStack",
    "TrainConfig",
    "compile_passes",
    "cross_entropy",
    "evaluate",
    "train",
    "train_stacked",
]
