r"""The method as its equations say it, slow and without checks of the input: to read, and to test against.

What runs is :func:`~startright.scalp.scalings.sigma`, :class:`~startright.scalp.layers.ScaledLinear` and
:class:`~startright.scalp.penalties.ColumnLasso`. The tests hold them equal.

Source: P. Wolinski, G. Charpiat and Y. Ollivier, *Asymmetrical scaling layers for stable network pruning*,
2019.
"""

import math
from itertools import count

import torch
from torch import Tensor


def scaling(k: int) -> float:
    r"""The scaling :math:`\sigma_k = c/(\sqrt{k+1}\ln(k+1))`, k from 1, with :math:`\sum_k\sigma_k^2 = 1`."""
    c = 2.1097428**-0.5
    return c / (math.sqrt(k + 1) * math.log(k + 1))


def layer(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
    r"""A scaled layer, :math:`y = \tilde w\,(\sigma\odot x) + b`: :eq:`scalp-layer`.

    Args:
        x: inputs, (n, N).
        w: w̃, (m, N), at the start from N(0, 1).
        b: biases, (m,).
    """
    sigma = torch.tensor([scaling(k + 1) for k in range(x.shape[1])])
    return (x * sigma) @ w.T + b


def variances(sigma: Tensor) -> tuple[float, float]:
    r"""Var y at the start, and :math:`\operatorname{Var}(y' - y)/\eta^2` after one step:
    :eq:`scalp-variances`.

    Args:
        sigma: σ, (N,); inputs, weights and the gradient at y are standard normal.
    """
    s2, s4 = (sigma**2).sum(), (sigma**4).sum()
    return float(s2), float(s2**2 + 2 * s4)


def shrink(w: Tensor, eta: float, strength: float) -> Tensor:
    r"""The proximal step of the group lasso on the columns of w̃: :eq:`scalp-prox`.

    Args:
        w: w̃ of a layer, (m, N): column k leaves neuron k.
        eta: η, the learning rate.
        strength: λ.
    """
    norms = w.norm(dim=0)
    return w * (1 - eta * strength / norms).clamp(min=0)


def survivors(w: Tensor, sigma: Tensor, epsilon: float) -> list[int]:
    r"""The neurons, from 1, that are not pruned: :math:`\lVert w_{k\to}\rVert_2 / \#[w_{k\to}] \ge \epsilon`.

    Args:
        w: w̃ of the next layer, (m, N).
        sigma: σ, (N,).
        epsilon: ε.
    """
    outgoing = (w * sigma).T  # w_{k→}, one row per neuron
    return [k for k, weights in zip(count(1), outgoing) if weights.norm() / len(weights) >= epsilon]
