"""Networks, one family a file, as plain modules."""

from startright.models.build import build
from startright.models.lenet import LeNet
from startright.models.mlp import MLP

__all__ = ["MLP", "LeNet", "build"]
