r"""Deconvolution by a Gaussian in closed form, term by term: no grid, no cut.

By :math:`\exp(-\tfrac{\sigma^2}{2}\tfrac{d^2}{dw^2})`, a polynomial becomes a polynomial
(:math:`w^2 \to w^2 - \sigma^2`, :math:`w^4 \to w^4 - 6\sigma^2 w^2 + 3\sigma^4`), a cosine grows
(:math:`\cos\omega w \to e^{\sigma^2\omega^2/2}\cos\omega w`), and a mean size gets sharper:
:math:`\mathbb E|\mathcal N(\mu, s^2)| \to \mathbb E|\mathcal N(w, s^2 - \sigma^2)|`
for :math:`s \ge \sigma`.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.polynomial import Polynomial

from startright.papers.priors.backgrounds import absolute_mean


@dataclass(frozen=True)
class Terms:
    """A sum of terms of one variable.

    Args:
        polynomial: coefficients, the constant first.
        cosines: pairs (factor, ω).
        sizes: pairs (factor, s) of E|N(w, s²)|.
    """

    polynomial: tuple[float, ...] = (0.0,)
    cosines: tuple[tuple[float, float], ...] = ()
    sizes: tuple[tuple[float, float], ...] = ()

    def __call__(self, w: np.ndarray) -> np.ndarray:
        """Its values, (k,)."""
        values = Polynomial(self.polynomial)(np.asarray(w, dtype=float))
        values = values + sum(a * np.cos(omega * w) for a, omega in self.cosines)
        return values + sum(a * absolute_mean(w, s) for a, s in self.sizes)


def convolved(terms: Terms, sigma: float) -> Terms:
    r"""The mean of f(μ + X), X ~ N(0, σ²), which :func:`deconvolved` undoes."""
    return _turned(terms, sigma, 1)


def deconvolved(terms: Terms, sigma: float) -> Terms:
    """The function whose mean under N(μ, σ²) is the one given.

    Args:
        terms: the function of μ.
        sigma: σ, at least 0.

    Raises:
        ValueError: a negative σ, or a mean size with s < σ, which is the mean of no function.

    >>> deconvolved(Terms((0.0, 0.0, 0.0, 0.0, 1.0)), 1.0).polynomial
    (3.0, 0.0, -6.0, 0.0, 1.0)
    """
    return _turned(terms, sigma, -1)


def _turned(terms: Terms, sigma: float, sign: int) -> Terms:
    if not 0 <= sigma < math.inf:
        raise ValueError(f"σ must be at least 0 and finite, got {sigma}")
    variance = sign * sigma**2
    for _, s in terms.sizes:
        if s**2 + variance < 0:
            raise ValueError(
                f"E|N(μ, {s:g}²)| is sharper than N(0, {sigma:g}²): it is the mean of no function,"
                " σ must be at most s"
            )
    polynomial, derivative, factor = Polynomial(terms.polynomial), Polynomial(terms.polynomial), 1.0
    for k in range(1, len(terms.polynomial) // 2 + 1):  # exp(±σ²/2 d²/dw²), which ends with the degree
        derivative, factor = derivative.deriv(2), factor * variance / (2 * k)
        polynomial = polynomial + factor * derivative
    coefficients = [*polynomial.coef, *[0.0] * (len(terms.polynomial) - len(polynomial.coef))]
    return Terms(
        tuple(map(float, coefficients)),
        tuple((a * math.exp(-variance * omega**2 / 2), omega) for a, omega in terms.cosines),
        tuple((a, math.sqrt(s**2 + variance)) for a, s in terms.sizes),
    )
