r"""Signals and gradients through a random network, layer by layer: sampled, and exact at infinite width.

Source: T. Lopès-Quintas, *Recent advances in machine learning* (lecture, 2025); X. Glorot and Y. Bengio
(2010); S. Schoenholz et al. (2017) for infinite width.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from startright.meanfield import backward_factor, next_variance, slope
from startright.papers.initialisation.laws import draw_

Activation = Callable[[Tensor], Tensor]


class Propagation(NamedTuple):
    """What a network does to a batch, one number per layer, (depth,), float64.

    ``signal``: the mean of z². ``gradient``: that of (∂C/∂z)². ``weight_gradient``: the norm of ∂C/∂W.
    """

    signal: Tensor
    gradient: Tensor
    weight_gradient: Tensor


def propagate(
    activation: Activation,
    variance: float,
    *,
    depth: int,
    width: int,
    generator: torch.Generator,
    shape: str = "normal",
    batch: int = 256,
) -> Propagation:
    r"""Send standard normal inputs up a random network of square layers, and standard normal gradients down.

    .. math:: z^l = W^l f(z^{l-1}), \qquad \delta^l = f'(z^l) \odot (W^{l+1})^\top \delta^{l+1}

    with :math:`z^1 = W^1 x`, :math:`x \sim \mathcal N(0, I)` and :math:`\delta^L \sim \mathcal N(0, I)`, no
    biases. In float64: a sigmoid network of 30 layers leaves gradients of variance 10⁻³⁷.

    Args:
        activation: f, elementwise on tensors.
        variance: of a weight.
        depth: L, layers.
        width: units of every layer, and inputs.
        generator: its device is where the network is drawn.
        shape: of the law of the weights, as in :func:`startright.initialisation.laws.draw_`.
        batch: inputs.

    Raises:
        ValueError: a size that is not a positive integer, or a law that is none.
    """
    for name, size in {"depth": depth, "width": width, "batch": batch}.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise ValueError(f"{name} must be a positive integer, got {size!r}")
    make = {"device": generator.device, "dtype": torch.float64}
    a = torch.randn(batch, width, generator=generator, **make)
    weights, below, zs = [], [], []
    for _ in range(depth):
        weights.append(draw_(torch.empty(width, width, **make), variance, shape, generator=generator))
        below.append(a)
        zs.append(a @ weights[-1].T)
        a = activation(zs[-1])
    delta = torch.randn(batch, width, generator=generator, **make)
    gradients, norms = [], []
    for layer in reversed(range(depth)):
        gradients.append(delta.square().mean())
        norms.append((delta.T @ below[layer]).norm())
        if layer:
            delta = slope(activation, zs[layer - 1]) * (delta @ weights[layer])
    signal = torch.stack([z.square().mean() for z in zs])
    return Propagation(signal, torch.stack(gradients[::-1]), torch.stack(norms[::-1]))


def mean_field(
    activation: Activation, sigma_w2: float, *, depth: int, start: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    r"""The same at infinite width: variances of z, and of ∂C/∂z over that of the last layer, each (depth,).

    .. math:: q^{l+1} = \sigma_w^2 E f(\sqrt{q^l} Z)^2, \qquad g^l = \chi(q^l)\, g^{l+1}

    Args:
        activation: f.
        sigma_w2: the variance of a weight times the width.
        depth: layers.
        start: :math:`q^1`; by default :math:`\sigma_w^2`, that of an input of variance 1.

    Raises:
        ValueError: a depth below 1, or a negative variance.
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth}")
    q = [sigma_w2 if start is None else start]
    for _ in range(depth - 1):
        q.append(float(next_variance(activation, q[-1], sigma_w2)))
    factors = backward_factor(activation, np.array(q[:-1]), sigma_w2)
    return np.array(q), np.append(np.cumprod(factors[::-1])[::-1], 1.0)
