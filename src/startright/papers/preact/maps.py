r"""Infinite width: the maps of variance and correlation from one layer to the next, and their fixed points.

.. math::

    V(v) = \sigma_w^2 E[\varphi(\sqrt v Z)^2] + \sigma_b^2, \qquad
    C(c) = (\sigma_w^2 E[\varphi(\sqrt v Z_1)\varphi(\sqrt v Z_2)] + \sigma_b^2) / V(v)

Everything by quadrature in float64.

Source: Poole et al. (2016); Schoenholz et al. (2017).
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch
from scipy.interpolate import CubicSpline
from torch import Tensor

from startright.meanfield import backward_factor, next_variance, slope
from startright.papers.preact.schemes import Scheme
from startright.quadrature import correlated_expectation, expectation

GRID = torch.cos(torch.linspace(torch.pi, 0, 65, dtype=torch.float64))  # denser where maps bend, at ±1


def variance_map(scheme: Scheme, v: float | np.ndarray) -> np.ndarray:
    """V(v): the variance of the next layer, elementwise.

    Raises:
        ValueError: a negative variance.
    """
    return next_variance(scheme.activation, v, scheme.sigma_w2, scheme.sigma_b2)


def chi1(scheme: Scheme, v: float | np.ndarray = 1.0) -> np.ndarray:
    r"""$\chi_1 = \sigma_w^2 E[\varphi'(\sqrt v Z)^2]$: the slope of C at 1, elementwise in v.

    Raises:
        ValueError: a negative variance.
    """
    return backward_factor(scheme.activation, v, scheme.sigma_w2)


def correlation_map(scheme: Scheme, c: float | np.ndarray, v: float = 1.0) -> np.ndarray:
    """C(c): the correlation in the next layer of two inputs of variance v, elementwise in c.

    Raises:
        ValueError: a correlation outside [-1, 1], or a negative variance.
    """
    c = torch.as_tensor(np.asarray(c, dtype=np.float64))
    if not bool((c.abs() <= 1).all()):
        raise ValueError(f"correlations must lie in [-1, 1], got {c.flatten().tolist()}")
    following = variance_map(scheme, v)
    scale = float(v) ** 0.5
    product = correlated_expectation(lambda z: scheme.activation(scale * z), c)
    return (scheme.sigma_w2 * product + scheme.sigma_b2).numpy() / following


def correlation_slope(scheme: Scheme, v: float = 1.0) -> float:
    r"""$C'(0) = \sigma_w^2 (E\varphi'(\sqrt v Z))^2 \, v / V(v)$."""
    first = expectation(lambda z: slope(scheme.activation, v**0.5 * z))
    return scheme.sigma_w2 * float(first) ** 2 * v / float(variance_map(scheme, v))


def variance_fixed_point(scheme: Scheme, low: float = 1e-10, high: float = 1e6) -> float:
    """The v with V(v) = v, for an activation whose V(v)/v does not increase (tanh, ReLU, any sigmoid).

    Returns:
        The fixed point; ``nan`` where V(v) > v throughout, 0 where V(v) < v throughout.
    """
    sigma_w2, sigma_b2 = np.array([scheme.sigma_w2]), np.array([scheme.sigma_b2])
    return float(_fixed_points(scheme.activation, sigma_w2, sigma_b2, low, high)[0])


def _fixed_points(
    activation, sigma_w2: np.ndarray, sigma_b2: np.ndarray, low: float, high: float
) -> np.ndarray:
    """Bisection in ln v on V(v)/v - 1, all pairs at once, (k,)."""
    sigma_w2, sigma_b2 = torch.from_numpy(sigma_w2), torch.from_numpy(sigma_b2)

    def growth(log_v: Tensor) -> Tensor:
        v = log_v.exp()
        return (sigma_w2 * expectation(lambda z: activation(v.sqrt()[:, None] * z) ** 2) + sigma_b2) / v - 1

    a = torch.full_like(sigma_w2, np.log(low))
    b = torch.full_like(sigma_w2, np.log(high))
    grows, decays = growth(b) > 0, growth(a) < 0
    for _ in range(45):
        middle = (a + b) / 2
        up = growth(middle) > 0
        a, b = torch.where(up, middle, a), torch.where(up, b, middle)
    v = ((a + b) / 2).exp()
    return torch.where(grows, torch.nan, torch.where(decays, 0.0, v)).numpy()


def phase_diagram(
    activation: Callable[[Tensor], Tensor], sigma_w: np.ndarray, sigma_b: np.ndarray
) -> np.ndarray:
    r"""$\chi_1$ at the variance fixed point over a grid, for an activation whose V(v)/v does not increase.

    Args:
        activation: elementwise on tensors.
        sigma_w: standard deviations of the weights, (k,).
        sigma_b: standard deviations of the biases, (m,).

    Returns:
        $\chi_1$, (m, k); ``nan`` where the variance grows without bound.
    """
    w2, b2 = (grid.ravel() ** 2 for grid in np.meshgrid(sigma_w, sigma_b))
    low = 1e-10  # where the variance dies out, the slope is that of ever smaller signals
    v = np.maximum(_fixed_points(activation, w2, b2, low, 1e6), low)
    chi = w2 * chi1(Scheme("unit", activation, 1.0), np.nan_to_num(v, nan=1.0))
    chi[np.isnan(v)] = np.nan
    return chi.reshape(len(sigma_b), len(sigma_w))


def iterate_correlation(scheme: Scheme, start: np.ndarray, depth: int) -> np.ndarray:
    r"""Correlations of infinitely wide layers 1 to ``depth``.

    Args:
        scheme: the activation and the law of the weights.
        start: correlations of the inputs, any shape, in [-1, 1]; the inputs have squared norm n0.
        depth: layers.

    Returns:
        Correlations of the pre-activations, the shape of ``start`` behind a first axis of length ``depth``.
    """
    weight = 1.0 if scheme.theta is not None else scheme.sigma_w2
    v = scheme.first_variance
    c = (weight * np.asarray(start, dtype=np.float64) + v - weight) / v
    layers = [c]
    for _ in range(depth - 1):
        c = np.clip(_spline(scheme, round(v, 12))(c), -1, 1)
        v = float(variance_map(scheme, v))
        layers.append(c)
    return np.stack(layers)


@lru_cache(maxsize=256)
def _spline(scheme: Scheme, v: float) -> CubicSpline:
    """The correlation map at one variance, between the points of ``GRID``, as a function of arccos c."""
    values = correlation_map(scheme, GRID.numpy(), v)
    spline = CubicSpline(np.linspace(-np.pi, 0, len(GRID)), values)
    return lambda c: spline(-np.arccos(np.clip(c, -1, 1)))
