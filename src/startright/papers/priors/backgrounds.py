r"""What grows at the ends of the window: a background whose deconvolution is known exactly.

A penalty grows, so its periodic extension has a kink at ±L, whose high frequencies a division by the
transform of a posterior blows up. Split off what grows,

.. math:: c_0 + c_1 w + c_2 w^2 + \dots + a\, \mathbb E\,\lvert \mathcal N(w, t^2) \rvert
    + \sum_k (a_k \cos\omega_k w + b_k \sin\omega_k w),

given on the side of the weights; the reflected posterior turns each term into another of its kind, in closed
form. What remains of the penalty decays, and is deconvolved on the grid.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.polynomial import Polynomial
from scipy.special import erf

from startright.papers.priors.families import Family
from startright.papers.priors.grids import Grid

OUTER = 0.95
WIDTH = math.sqrt(3.0)  # t in units of the posterior's deviation: E|N(μ, (2σ)²)| on the penalty's side


@dataclass(frozen=True)
class Background:
    """A function of the weights that grows as a penalty does.

    Args:
        polynomial: c₀, c₁, …, up to c₄.
        absolute: a.
        width: t, at least 0.
        waves: triples (ω, a, b) of a cosine and a sine.
    """

    polynomial: tuple[float, ...] = (0.0,)
    absolute: float = 0.0
    width: float = 0.0
    waves: tuple[tuple[float, float, float], ...] = ()

    def on_weights(self, w: np.ndarray) -> np.ndarray:
        """Its values at weights, (k,)."""
        values = Polynomial(self.polynomial)(w) + self.absolute * absolute_mean(w, self.width)
        return values + sum(a * np.cos(o * w) + b * np.sin(o * w) for o, a, b in self.waves)

    def on_means(self, mu: np.ndarray, family: Family, nu: float, grid: Grid) -> np.ndarray:
        """Its values after the reflected posterior, E f(μ + X), at the points of a grid, (k,)."""
        values = _mean_polynomial(self.polynomial, family, nu)(mu + family.mean(nu))
        if self.absolute:
            values = values + self.absolute * _smoothed(self.width, family, nu, grid)
        for omega, a, b in self.waves:  # Re (a − ib) E e^{iω(μ + X)}
            factor = complex(family.characteristic(np.array([omega]), nu)[0])
            values = values + ((a - 1j * b) * factor * np.exp(1j * omega * mu)).real
        return values


def absolute_mean(w: np.ndarray, deviation: float) -> np.ndarray:
    r"""The mean size of a Gaussian variable.

    .. math:: \mathbb E\,\lvert \mathcal N(w, s^2)\rvert
        = s\sqrt{2/\pi}\,e^{-w^2/2s^2} + w\,\mathrm{erf}\bigl(w / (s\sqrt 2)\bigr)

    Args:
        w: the mean, (k,).
        deviation: s, at least 0.
    """
    w = np.asarray(w, dtype=float)
    if deviation == 0:
        return np.abs(w)
    z = w / deviation
    return deviation * math.sqrt(2 / math.pi) * np.exp(-(z**2) / 2) + w * erf(z / math.sqrt(2))


def _smoothed(width: float, family: Family, nu: float, grid: Grid) -> np.ndarray:
    """E g(μ + X) of g(w) = E|N(w, t²)|: what it has beyond g(μ + E X) decays, and is transformed."""
    m, v, xi = family.mean(nu), family.variance(nu), grid.xi
    known = absolute_mean(grid.w + m, width)
    if v == 0:
        return known
    moved = family.characteristic(xi, nu) - np.exp(1j * xi * m)
    with np.errstate(invalid="ignore", divide="ignore"):
        transform = -2 * np.exp(-((width * xi) ** 2) / 2) / xi**2 * moved
    transform[0] = v
    return known + back(transform, grid)


def forth(values: np.ndarray, grid: Grid) -> np.ndarray:
    """The Fourier transform of a function on the grid, (points / 2 + 1,)."""
    return grid.step * np.fft.rfft(np.fft.ifftshift(values))


def back(transform: np.ndarray, grid: Grid) -> np.ndarray:
    """The function on the grid, (points,), of a transform."""
    return np.fft.fftshift(np.fft.irfft(transform, grid.points)) / grid.step


def _mean_polynomial(coefficients: Sequence[float], family: Family, nu: float) -> Polynomial:
    """E p(m + Y) as a polynomial in m, of Y = X − E X: p + Σ E Yʲ p⁽ʲ⁾ / j!."""
    central = [family.variance(nu), *(family.higher(nu) if family.higher else ())]
    whole = Polynomial(coefficients)
    if whole.trim().degree() > 1 + len(central):
        raise ValueError(
            f"a background of degree {whole.degree()} needs as many moments of the {family.name} posterior:"
            " give the family `higher`"
        )
    return sum((m / factorial(j) * whole.deriv(j) for j, m in enumerate(central, 2)), whole)


def fitted(
    penalty: np.ndarray,
    family: Family,
    nu: float,
    grid: Grid,
    *,
    width: float | None = None,
    waves: Sequence[float] = (),
) -> Background:
    """The background whose image is nearest to a penalty at the ends of the window.

    Args:
        penalty: r at the points of the grid, (points,).
        family: of the posteriors.
        nu: the one posterior.
        grid: where.
        width: t; by default such that the image of the size of w is that of N(μ, (2σ)²), for Gaussians.
        waves: frequencies ω of oscillations that go on to the ends of the window.

    Returns:
        With a polynomial of degree 2, or of degree 4 where that leaves less than a tenth.
    """
    width = width or WIDTH * math.sqrt(family.variance(nu)) or grid.half_width / 12
    found, left = _fit(penalty, family, nu, grid, (2, width, waves))
    if family.higher is not None:
        other, least = _fit(penalty, family, nu, grid, (4, width, waves))
        return other if least < left / 10 else found
    return found


def _fit(
    penalty: np.ndarray,
    family: Family,
    nu: float,
    grid: Grid,
    form: tuple[int, float, Sequence[float]],
) -> tuple[Background, float]:
    """The background of a form (degree, t, frequencies), and the most that it leaves at the ends."""
    degree, width, waves = form
    units = [Background(tuple(row)) for row in np.eye(degree + 1)]
    units.append(Background(absolute=1.0, width=width))
    units += [Background(waves=((omega, *ab),)) for omega in waves for ab in ((1.0, 0.0), (0.0, 1.0))]
    columns = np.stack([unit.on_means(grid.w, family, nu, grid) for unit in units], 1)
    outer = np.abs(grid.w) > OUTER * grid.half_width
    scale = np.abs(columns[outer]).max(0)
    solution = np.linalg.lstsq(columns[outer] / scale, penalty[outer], rcond=1e-14)[0] / scale
    polynomial, (absolute, *amplitudes) = map(np.ndarray.tolist, np.split(solution, [degree + 1]))
    oscillating = tuple(zip(waves, amplitudes[::2], amplitudes[1::2], strict=True))
    left = float(np.abs(columns[outer] @ solution - penalty[outer]).max())
    return Background(tuple(polynomial), absolute, width, oscillating), left
