"""The method in plain lines, as the equations say it: no checks, one example at a time."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def deficit(name: str, x: Tensor, y: Tensor, classes: int = 10) -> tuple[Tensor, Tensor]:
    """What a network sees under a deficit.

    Args:
        name: ``"blur"``, ``"flip"``, ``"labels"`` or ``"noise"``.
        x: images, (n, channels, height, width).
        y: labels, (n,).
        classes: K.
    """
    small = F.interpolate(x, scale_factor=1 / 4, mode="bilinear", antialias=True)
    return {
        "blur": (F.interpolate(small, scale_factor=4, mode="bilinear"), y),
        "flip": (x.flip(2), y),
        "labels": (x, (y + 1) % classes),
        "noise": (torch.randn_like(x), y),
    }[name]


def learning_rate(epoch: int, start: float = 0.05, restart: int | None = None) -> float:
    """The learning rate of an epoch, from 0; with ``restart``, from that epoch on as at the beginning.

    Args:
        epoch: from 0.
        start: of the first epoch.
        restart: t₀ of the control.
    """
    since = epoch if restart is None or epoch < restart else epoch - restart
    return start * 0.97**since


def fisher_trace(model: nn.Module, x: Tensor) -> float:
    r"""The trace of the Fisher information, by a backward pass for every input and class.

    Args:
        model: gives logits, (n, classes).
        x: inputs, (n, ...).
    """
    total = 0.0
    for each in x:
        log_p = model(each[None]).log_softmax(1)[0]
        for y in range(len(log_p)):
            slopes = torch.autograd.grad(log_p[y], model.parameters(), retain_graph=True)
            total += float(log_p[y].detach().exp() * sum(g.square().sum() for g in slopes))
    return total / len(x)
