r"""The two exact expansions of the quotient law $A = |G|/|W|$, for $2 < \theta < \infty$.

With $\nu = 2/\theta$ and $y = x^2/2$, the series below has terms of one sign up to
$k \approx 1/(1-\nu)$ and none above 1 as long as $y \le 1$: no cancellation in the body.
Beyond, the inverse Laplace transform along its path of steepest descent has a real exponent:
full relative accuracy far into the tail. Both return logarithms.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, wofz

Array = NDArray[np.float64]

SPLIT = np.sqrt(2.0)  # y = 1: the series below, the steepest descent above
MAX_TERMS = 1 << 15
NODES, CHUNK = 400, 512


@lru_cache(maxsize=64)
def series_coefficients(theta: float) -> tuple[Array, Array]:
    r"""Coefficients in $y$ of $F_A(x)/x$ and of $f_A(x)$ around 0.

    .. math:: f_A(x) = \sqrt{2/\pi} \sum_k \frac{(-y)^k}{k!\,\Gamma(1-(2k+1)/\theta)}

    The reciprocal gamma function is written $\Gamma(s)\sin(\pi s)/\pi$, which neither overflows nor
    loses its zeros. Terms are kept until they stay below 1e-18 at $y = 1$.

    Args:
        theta: shape of the Weibull weights, in (2, inf).

    Returns:
        Two arrays (terms,): of the distribution function and of the density.

    Source: Mellin inversion of the moments of $A$ (a Wright function of $-y$).
    """
    k = np.arange(MAX_TERMS)
    s = (2 * k + 1) / theta
    size = gammaln(s) - gammaln(k + 1)
    terms = 1 + np.flatnonzero(size > np.log(1e-18)).max()
    k, s, size = k[:terms], s[:terms], size[:terms]
    density = np.sqrt(2) * np.pi**-1.5 * np.where(k % 2, -1, 1) * np.sin(np.pi * (s % 2)) * np.exp(size)
    return density / (2 * k + 1), density


def body(x: Array, theta: float) -> tuple[Array, Array]:
    r"""$\log F_A$ and $\log f_A$ for $0 \le x \le \sqrt2$, each of shape (n,)."""
    distribution, density = series_coefficients(theta)
    y = x * x / 2
    with np.errstate(divide="ignore"):
        return np.log(x * _polynomial(distribution, y)), np.log(_polynomial(density, y))


def _polynomial(coefficients: Array, y: Array) -> Array:
    total = np.full_like(y, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total *= y
        total += coefficient
    return total


@lru_cache(maxsize=64)
def _path(theta: float) -> tuple[Array, ...]:
    """What the steepest-descent integrand needs at the nodes, apart from x; each array is (NODES,).

    The tanh-sinh rule in the angle p of (0, pi) carries the distance to both ends.
    """
    nu = 2 / theta
    t, step = np.linspace(-3.2, 3.2, NODES, retstep=True)
    u = np.pi * np.sinh(t)
    p, rest = np.pi / (1 + np.exp(-u)), np.pi / (1 + np.exp(u))
    weight = step * np.cosh(t) * p * rest
    left = p < rest
    sin_p, cos_p = np.sin(np.where(left, p, rest)), np.where(left, np.cos(p), -np.cos(rest))
    angle = np.where(left, nu * p, (1 - nu) * np.pi + nu * rest)  # nu p, or its supplement
    sin_nu, cos_nu = np.sin(angle), np.where(left, np.cos(angle), -np.cos(angle))
    log_radius = np.log(sin_nu / sin_p) / (1 - nu)
    log_exponent = np.log(np.sin((1 - nu) * p) / sin_nu)
    direction = (nu * cos_nu / sin_nu - cos_p / sin_p) / (1 - nu) + 1j
    return weight / np.pi, log_radius, log_exponent, direction, np.exp(1j * p / theta)


def tail(x: Array, theta: float) -> tuple[Array, Array]:
    r"""$\log S_A$ and $\log f_A$ for $x \ge \sqrt2$, each of shape (n,).

    .. math::
        S_A(x) = \frac1\pi \int_0^\pi e^{-K(p)}\,
          \mathrm{Im}\bigl\{\mathrm{erfcx}(x\sigma^{1/\theta}/\sqrt2)\,(D(p) + i)\bigr\}\,dp

    on the path where $\sigma - y\sigma^\nu = -K$ is real, and the same integral without erfcx,
    times $\sqrt{2/\pi}\,\sigma^{1/\theta}$, for the density.

    Source: $S_A(x)$ is the inverse Laplace transform of
    $s \mapsto \mathrm{erfc}(x s^{1/\theta}/\sqrt2)/s$ at 1, since $|W|^\theta$ is exponential.
    """
    parts = [_tail(chunk, theta) for chunk in np.array_split(x, max(1, -(-x.size // CHUNK)))]
    return np.concatenate([s for s, _ in parts]), np.concatenate([f for _, f in parts])


def _tail(x: Array, theta: float) -> tuple[Array, Array]:
    weight, log_radius, log_exponent, direction, phase = _path(theta)
    x = x[:, None]
    radius = 2 * np.log(x / SPLIT) / (1 - 2 / theta) + log_radius
    exponent = np.exp(np.minimum(radius + log_exponent, 700))
    least = exponent.min(axis=1, keepdims=True)
    mass = weight * np.exp(least - exponent)
    sigma = np.exp(np.minimum(radius, 700) / theta) * phase
    live = mass > 1e-22 * mass.max(axis=1, keepdims=True)
    scaled = np.zeros_like(sigma)
    scaled[live] = wofz(1j * (x / SPLIT * sigma)[live])
    survival = (mass * (scaled * direction).imag).sum(axis=1)
    density = np.sqrt(2 / np.pi) * (mass * (sigma * direction).imag).sum(axis=1)
    with np.errstate(divide="ignore"):
        return np.log(survival) - least[:, 0], np.log(density) - least[:, 0]


def logs(x: Array, theta: float) -> tuple[Array, Array, Array]:
    """Logs of the distribution function, the survival function and the density at x >= 0, each (n,)."""
    low = x <= SPLIT
    log_cdf, log_sf, log_pdf = np.empty((3, x.size))
    log_cdf[low], log_pdf[low] = body(x[low], theta)
    log_sf[~low], log_pdf[~low] = tail(x[~low], theta)
    log_sf[low] = np.log1p(-np.exp(log_cdf[low]))
    log_cdf[~low] = np.log1p(-np.exp(log_sf[~low]))
    return log_cdf, log_sf, log_pdf


def quantile(log_cdf: Array, log_sf: Array, theta: float) -> Array:
    r"""The x with these logarithms of $F_A$ and $S_A$, each (n,): Newton on $\log F$ and $\log(-\log S)$."""
    nu = 2 / theta
    at_split = body(np.array([SPLIT]), theta)[0][0]
    low, nil = log_cdf <= at_split, np.exp(log_cdf) == 0
    edge = nil | np.isneginf(log_sf)
    x = np.where(nil, 0.0, np.inf)
    low, high = low & ~edge, ~low & ~edge

    def in_body(x: Array) -> tuple[Array, Array]:
        log_f, log_density = body(x, theta)
        return log_f, x * np.exp(log_density - log_f)

    def in_tail(x: Array) -> tuple[Array, Array]:
        log_s, log_density = tail(x, theta)
        return np.log(-log_s), -x * np.exp(log_density - log_s) / log_s

    linear = np.exp(log_cdf[low]) / np.exp(body(np.zeros(1), theta)[1])
    x[low] = _newton(in_body, log_cdf[low], np.minimum(linear, SPLIT), 0.0, SPLIT)
    steepest = (-log_sf[high] * nu / (1 - nu)) ** (1 - nu) / nu  # y where the least exponent is -log S
    x[high] = _newton(in_tail, np.log(-log_sf[high]), np.sqrt(2 * np.maximum(steepest, 1.0)), SPLIT, np.inf)
    return x


def _newton(function: Callable, target: Array, start: Array, low: float, high: float) -> Array:
    """Safeguarded Newton for an increasing function of log x: leave the bracket and it is bisected.

    ``function`` maps x (n,) to its value and its derivative by log x.
    """
    x, low, high = start.copy(), np.full_like(start, low), np.full_like(start, high)
    left = np.arange(x.size)
    for _ in range(100):
        if not left.size:
            break
        at, goal = x[left], target[left]
        value, slope = function(at)
        low[left] = np.where(value < goal, at, low[left])
        high[left] = np.where(value > goal, at, high[left])
        step = np.clip((goal - value) / slope, -1, 1)
        settled = np.abs(step) < 1e-8  # Newton is quadratic: this step leaves 1e-16
        new = at * np.exp(step)
        outside = ~settled & ((new < low[left]) | (new > high[left]))
        x[left] = np.where(outside, (low[left] + np.minimum(high[left], 4 * at)) / 2, new)
        left = left[~settled]
    return x
