r"""The method as its equations say it, slow and without checks of the input: to read, and to test against.

What runs is :mod:`startright.initialisation.backprop`, :mod:`startright.initialisation.propagation` and, on
networks of your own, :func:`startright.initialisation.laws.initialise_`. The tests hold them equal.

Source: T. Lopès-Quintas, *Recent advances in machine learning* (lecture, 2025).
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

Activation = Callable[[Tensor], Tensor]


def backpropagation(
    x: Tensor,
    layers: Sequence[tuple[Tensor, Tensor]],
    f: Activation,
    df: Activation,
    dC: Callable[[Tensor], Tensor],
) -> tuple[list[Tensor], list[Tensor]]:
    r"""Gradients of the cost by the recursion of exercise 1, for one input: :eq:`bp-recursion`.

    Args:
        x: the input, (n0,).
        layers: weights and biases, (W, b).
        f: the activation.
        df: its slope.
        dC: outputs → :math:`\partial C/\partial a^L`.
    """
    a, z = [x], []
    for W, b in layers:
        z.append(W @ a[-1] + b)  # z^l = W^l a^(l−1) + b^l
        a.append(f(z[-1]))  # a^l = f(z^l)
    delta = [df(z[-1]) * dC(a[-1])]  # δ^L
    for (W, _), z_l in zip(layers[:0:-1], z[-2::-1], strict=True):
        delta.insert(0, df(z_l) * (W.T @ delta[0]))  # δ^l = f'(z^l) ⊙ (W^(l+1))ᵀ δ^(l+1)
    return [torch.outer(d, below) for d, below in zip(delta, a, strict=False)], delta  # ∂C/∂W, ∂C/∂b


def variances(law: str, n_in: int, n_out: int, alpha: float = 0.0) -> float:
    r"""The variance of a weight: :eq:`init-laws`.

    Args:
        law: ``"naive"``, ``"glorot"`` or ``"he"``.
        n_in: inputs of a unit.
        n_out: units fed by an input.
        alpha: α of Leaky ReLU.
    """
    return {
        "naive": 1 / (3 * n_in),
        "glorot": 2 / (n_in + n_out),
        "he": 2 / ((1 + alpha**2) * n_in),
    }[law]


def mean_field(f: Activation, df: Activation, sigma_w2: float, depth: int) -> tuple[list[float], list[float]]:
    r"""Variances through depth at infinite width, by sums over a grid: :eq:`init-mean-field`.

    Args:
        f: the activation.
        df: its slope.
        sigma_w2: the variance of a weight times the width.
        depth: layers.
    """
    Z = torch.linspace(-10, 10, 20_000, dtype=torch.float64)  # 0, where f may have a kink, is between two
    p = torch.exp(-(Z**2) / 2) / torch.exp(-(Z**2) / 2).sum()  # the law of Z, on the grid
    q, chi = [sigma_w2], []
    for _ in range(depth - 1):
        chi.append(sigma_w2 * float(p @ df(q[-1] ** 0.5 * Z) ** 2))
        q.append(sigma_w2 * float(p @ f(q[-1] ** 0.5 * Z) ** 2))
    return q, [float(np.prod(chi[layer:])) for layer in range(depth)]
