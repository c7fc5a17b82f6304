"""What the size of a network decides on a CPU: one program for many, and how many threads.

For narrow networks the time of a step is that of starting its hundred or so operations, not of arithmetic.
Stacked, many networks share each operation; and a second thread only waits, on a busy machine for long.
Wide networks are bound by arithmetic and by memory: a stack of them does not fit the caches, and is slower
than one after another.

Measured with stacks of 32 MLPs, two hidden layers, batches of 32, SGD, one thread: at widths of 32, 64, 128,
256 and 512 the stack is 6.0, 3.9, 2.2, 1.05 and 0.35 times as fast as one run after another. So it pays below
256. A narrow network on two threads of a machine whose cores were busy took eleven times as long as on one.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn

WIDE = 256


def width(model: nn.Module) -> int:
    """Of the widest trainable layer the smaller of inputs and outputs; 0 without weights.

    >>> width(nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10)))
    100
    """
    weights = (p for p in model.parameters() if p.requires_grad and p.dim() > 1)
    return max((min(len(p), p[0].numel()) for p in weights), default=0)


def stacking_pays(model: nn.Module, device: torch.device) -> bool:
    """Whether many networks like this one are faster as one program: on a GPU always, else if narrow.

    Args:
        model: one of them.
        device: where they are trained.
    """
    return device.type != "cpu" or width(model) < WIDE


def one_thread_suffices(model: nn.Module, device: torch.device) -> bool:
    """Whether a second thread is of no use: on a CPU for a narrow network without convolutions.

    Args:
        model: the network.
        device: where it is trained.
    """
    flat = all(p.dim() <= 2 for p in model.parameters())
    return device.type == "cpu" and flat and width(model) < WIDE


@contextmanager
def fitting_threads(model: nn.Module, device: torch.device) -> Iterator[None]:
    """One thread where that suffices (:func:`one_thread_suffices`); as many as before afterwards.

    Args:
        model: what is trained inside.
        device: where.
    """
    before = torch.get_num_threads()
    if before == 1 or not one_thread_suffices(model, device):
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
