"""Networks, one family a file, as plain modules."""

from startright.models.build import build
from startright.models.char_lstm import CharLSTM
from startright.models.lenet import LeNet
from startright.models.mlp import MLP

__all__ = ["MLP", "CharLSTM", "LeNet", "build"]
