r"""Expectations over standard normal variables, Gauss-Legendre on each side of a kink at 0."""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor

REACH = 9.0  # P(|Z| > 9) is 2e-19
POINTS = 100  # on each side of 0


@cache
def normal_rule(points: int = POINTS) -> tuple[Tensor, Tensor]:
    r"""Nodes and weights, float64, (2 points,), for $E f(Z)$ with $f$ smooth on either side of 0.

    >>> z, w = normal_rule()
    >>> round(float(w @ z.relu() ** 2), 12)
    0.5
    """
    node, weight = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(points))
    half, scale = (node + 1) * REACH / 2, weight * REACH / 2
    z = torch.cat([-half.flip(0), half])
    return z, torch.cat([scale.flip(0), scale]) * _pdf(z)


def _pdf(z: Tensor) -> Tensor:
    return torch.exp(-(z**2) / 2) / (2 * torch.pi) ** 0.5


def expectation(f: Callable[[Tensor], Tensor]) -> Tensor:
    r"""$E f(Z)$; ``f`` maps nodes, (k,), to values, (..., k).

    Returns:
        The expectations, (...), float64.
    """
    z, weight = normal_rule()
    return f(z) @ weight


def correlated_expectation(f: Callable[[Tensor], Tensor], c: Tensor, points: int = 50) -> Tensor:
    r"""$E f(Z_1) f(Z_2)$ for standard normal variables of correlation c, ``f`` smooth on either side of 0.

    $Z_2 = c Z_1 + \sqrt{1 - c^2}\,Y$, and the integral over Y is split where $Z_2$ changes sign.

    Args:
        f: elementwise.
        c: correlations in [-1, 1], any shape.
        points: nodes on each side of 0, for either variable.

    Returns:
        The expectations, the shape of ``c``, float64.
    """
    z, weight = normal_rule(points)
    node, scale = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(points))
    c = c.double()[..., None, None]
    s = (1 - c**2).clamp(min=0).sqrt()
    zero = (-c * z[:, None] / s.clamp(min=1e-300)).clamp(-REACH, REACH)
    inner = 0.0
    for low, high in ((torch.full_like(zero, -REACH), zero), (zero, torch.full_like(zero, REACH))):
        y = low + (high - low) * (node + 1) / 2
        inner = inner + (f(c * z[:, None] + s * y) * _pdf(y) * scale).sum(-1) * (high - low)[..., 0] / 2
    return (f(z) * inner) @ weight


def mixture_ks(scales: Tensor, weight: Tensor) -> float:
    r"""KS distance to $N(0,1)$ of a centred Gaussian whose standard deviation is random.

    Args:
        scales: values of the standard deviation, (k,), not negative; 0 is an atom at 0.
        weight: their probabilities, (k,).

    Returns:
        $\sup_t |\sum_i w_i \Phi(t/s_i) - \Phi(t)|$, by symmetry over $t > 0$, on a fine grid.
    """
    t = torch.cat([torch.logspace(-9, -2, 200), torch.linspace(0.01, 8, 4000)]).double()
    cdf = torch.special.ndtr(t[:, None] / scales.clamp(min=1e-300)) @ (weight / weight.sum())
    return float((cdf - torch.special.ndtr(t)).abs().max())
