"""The activations of the lecture, by name, each with its steepest slope."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor
from torch.nn.functional import leaky_relu

from startright.errors import unknown

Activation = Callable[[Tensor], Tensor]
#: γ, the steepest slope of f.
STEEPEST = {"sigmoid": 0.25, "tanh": 1.0, "relu": 1.0, "leaky": 1.0}


def activation(name: str, slope: float = 0.0) -> Activation:
    """The function called ``name``: ``"sigmoid"``, ``"tanh"``, ``"relu"`` or ``"leaky"``.

    Args:
        name: one of these.
        slope: α of Leaky ReLU below 0.

    Raises:
        ValueError: it is none of them.
    """
    known = {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky": partial(leaky_relu, negative_slope=slope),
    }
    if name not in known:
        raise unknown("activation", name, known)
    return known[name]
