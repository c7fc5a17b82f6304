r"""The method as its equations say it, slow and without checks of the input: to read, and to test against.

What runs is :mod:`startright.residual.shattering`, :mod:`startright.residual.surface` and, on networks of
your own, :func:`startright.residual.looks_linear.looks_linear_`. The tests hold them equal.

Source: Balduzzi et al. (2017); Li et al. (2018); Zhang et al. (2022).
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


def slope(x: Tensor, w: Tensor, b: Tensor, layers: list[Tensor], out: Tensor) -> tuple[Tensor, Tensor]:
    r"""f(x) and df/dx of a plain network with normalised layers: :eq:`residual-slope`.

    Args:
        x: the grid, (points,).
        w: of the first layer, (width, 1).
        b: likewise.
        layers: square matrices.
        out: of the output, (width,).
    """
    h, t = w * x + b, w.expand(-1, len(x))  # units, and their derivatives in x
    for W in [*layers, None]:
        scale = (h.var(1, keepdim=True, correction=0) + 1e-5).sqrt()
        h, t = (h - h.mean(1, keepdim=True)) / scale, t / scale  # B, with constant statistics
        h, t = h.relu(), (h > 0) * t
        if W is not None:
            h, t = W @ h, W @ t
    return out @ h, out @ t


def correlation(depth: int, theta: float) -> list[float]:
    r"""Correlation of two gradients at infinite width, plain and not normalised: :eq:`residual-angle`.

    Args:
        depth: layers.
        theta: the angle between the inputs.
    """
    c, found = 1.0, []
    for _ in range(depth):
        c *= 1 - theta / np.pi
        found.append(c)
        theta = np.arccos((np.sin(theta) + (np.pi - theta) * np.cos(theta)) / np.pi)
    return found


def looks_linear(outputs: int, inputs: int, generator: torch.Generator) -> Tensor:
    r"""W = [V, −V] with V orthogonal, for a layer behind a CReLU: :eq:`residual-mirror`.

    Args:
        outputs: of the layer, at least as many as inputs.
        inputs: of the CReLU.
        generator: of V.
    """
    Q, R = torch.linalg.qr(torch.randn(outputs, inputs, generator=generator))
    V = Q * R.diagonal().sign()
    return torch.cat((V, -V), 1)


def filter_normalised(weight: Tensor, generator: torch.Generator) -> Tensor:
    r"""A direction as long as the weight, filter by filter: :eq:`residual-filter`.

    Args:
        weight: a filter per row.
        generator: of the direction.
    """
    d = torch.randn(weight.shape, generator=generator)
    for i in range(len(d)):
        d[i] *= weight[i].norm() / d[i].norm()
    return d


def surface(loss: Callable[[Tensor], float], theta: Tensor, d: Tensor, e: Tensor, steps: Tensor) -> Tensor:
    """The loss on a plane through the weights, one point after another.

    Args:
        loss: of weights.
        theta: the weights.
        d: a direction.
        e: another one.
        steps: places along either.
    """
    return torch.tensor([[float(loss(theta + a * d + b * e)) for b in steps] for a in steps])


def tailored(depth: int, eta: float) -> float:
    r"""The α of Leaky ReLU for which as many layers take a correlation from 0 to η: :eq:`residual-map`.

    Args:
        depth: layers.
        eta: η.
    """

    def end(alpha: float) -> float:
        c = 0.0
        for _ in range(depth):
            share = (1 - alpha) ** 2 / (np.pi * (1 + alpha**2))
            c += share * (np.sqrt(1 - c * c) - c * np.arccos(c))
        return c

    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if end(middle) > eta else (low, middle)
    return low
