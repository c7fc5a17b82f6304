r"""Divergences of Gaussian posteriors from a prior, in closed form: penalties that have this prior.

.. math:: \mathrm{KL}\bigl(\mathcal N(\mu, \sigma^2)\,\|\,\mathcal N(0, \sigma_0^2)\bigr)
    = \tfrac12\Bigl[\ln\frac{\sigma_0^2}{\sigma^2} + \frac{\sigma^2 + \mu^2}{\sigma_0^2} - 1\Bigr]

For a prior ∝ exp(−V) it is :math:`-\mathrm{Ent} + \mathbb E\,V(\mu + \sigma Z) + \ln Z_V`.
"""

import math

import numpy as np
from scipy.special import gamma

from startright.papers.priors.backgrounds import absolute_mean
from startright.papers.priors.symbolic import Terms, convolved


def gaussian_entropy(sigma: float) -> float:
    """½ ln(2πeσ²)."""
    return math.log(2 * math.pi * math.e * sigma**2) / 2


def from_gaussian(mu: np.ndarray, sigma: float, deviation: float = 1.0) -> np.ndarray:
    """KL(N(μ, σ²) ‖ N(0, σ₀²)), (k,)."""
    ratio = (sigma / deviation) ** 2
    return (ratio - math.log(ratio) - 1 + (mu / deviation) ** 2) / 2


def from_laplace(mu: np.ndarray, sigma: float, scale: float = math.sqrt(0.5)) -> np.ndarray:
    """KL(N(μ, σ²) ‖ Laplace(b)) = ln 2b − ½ ln(2πeσ²) + E|N(μ, σ²)|/b, (k,)."""
    return math.log(2 * scale) - gaussian_entropy(sigma) + absolute_mean(mu, sigma) / scale


def from_quartic(mu: np.ndarray, sigma: float) -> np.ndarray:
    """KL(N(μ, σ²) ‖ α) of α ∝ exp(−w⁴/4), (k,)."""
    energy = convolved(Terms((0.0, 0.0, 0.0, 0.0, 0.25)), sigma)
    return energy(mu) - gaussian_entropy(sigma) + math.log(quartic_mass())


def quartic_mass() -> float:
    """∫ exp(−w⁴/4) dw = Γ(1/4)/√2."""
    return float(gamma(0.25)) / math.sqrt(2)


def quartic_log_density(w: np.ndarray) -> np.ndarray:
    """The logarithm of the quartic prior, (k,)."""
    return -(w**4) / 4 - math.log(quartic_mass())


def laplace_log_density(w: np.ndarray, scale: float = math.sqrt(0.5)) -> np.ndarray:
    """That of Laplace's, (k,)."""
    return -np.abs(w) / scale - math.log(2 * scale)


def gaussian_log_density(w: np.ndarray, deviation: float = 1.0) -> np.ndarray:
    """That of N(0, σ₀²), (k,)."""
    return -((w / deviation) ** 2) / 2 - math.log(2 * math.pi * deviation**2) / 2


def tempered_variance(temperature: float, curvature: float, deviation: float = 1.0) -> float:
    r"""The minimiser of :math:`\tfrac12 h\sigma^2 + T\,\mathrm{KL}`: :math:`\sigma^2 = T/(h + T/\sigma_0^2)`.

    A weight of a linear model whose log-likelihood has the curvature h, with a Gaussian posterior.

    Args:
        temperature: T > 0.
        curvature: h > 0.
        deviation: σ₀.
    """
    return temperature / (curvature + temperature / deviation**2)
