r"""Two ways to temper a posterior, how one is the other, and what has no prior behind it.

With curvature h of the loss of a datum, penalty factor :math:`\lambda` and prior :math:`N(0, a^2)`, the best
Gaussian of one weight has the variance :math:`s^2` with :math:`1/s^2 = h/\lambda + 1/a^2`. The temperature is
:math:`\tau = \lambda N`, and Bayes' rule is :math:`\tau = 1`.
"""

import math

import torch
from torch import Tensor

from startright.errors import number


def tempered_variance(curvature: float, factor: float, prior: float) -> float:
    r""":math:`s^2 = 1 / (h/\lambda + 1/a^2)`, where the factor λ stands before the divergence alone.

    Args:
        curvature: h, of the loss of one datum, not negative.
        factor: λ, positive.
        prior: :math:`a^2`, positive.

    Raises:
        ValueError: a number out of its range.

    >>> round(tempered_variance(curvature=0.5, factor=0.01, prior=1.0), 6)
    0.019608
    """
    _check(curvature=curvature, factor=factor, prior=prior)
    return 1 / (curvature / factor + 1 / prior)


def fully_tempered_variance(curvature: float, count: int, temperature: float, prior: float) -> float:
    r""":math:`s^2 = T / (Nh + 1/a^2)`: the posterior to the power 1/T, its prior as well.

    Args:
        curvature: h.
        count: N, the number of data.
        temperature: T, positive.
        prior: :math:`a^2`.

    Raises:
        ValueError: a number out of its range.
    """
    _check(curvature=curvature, count=count, temperature=temperature, prior=prior)
    return temperature / (count * curvature + 1 / prior)


def full_as_factor(temperature: float, count: int, prior: float) -> tuple[float, float]:
    r"""The factor λ, and the variance of the prior, with which the divergence alone is tempered as all is.

    :math:`\lambda = T/N` with :math:`a^2 \to T a^2`.

    >>> full_as_factor(temperature=0.1, count=1000, prior=2.0)
    (0.0001, 0.2)
    """
    _check(temperature=temperature, count=count, prior=prior)
    return temperature / count, temperature * prior


def effective_copies(orbit: int, correlation: float) -> float:
    r""":math:`K_{\text{eff}} = K / (1 + (K-1)\rho)`: what K correlated copies count.

    Args:
        orbit: K, at least 1.
        correlation: ρ, of the gradients of two copies, in [0, 1].

    Raises:
        ValueError: a number out of its range.

    >>> effective_copies(8, 1.0), effective_copies(8, 0.0)
    (1.0, 8.0)
    """
    if not 1 <= number(orbit) < math.inf or not 0 <= number(correlation) <= 1:
        raise ValueError(
            f"an orbit has at least 1 copy and ρ is in [0, 1], got {orbit!r} and {correlation!r}"
        )
    return orbit / (1 + (orbit - 1) * correlation)


def orbit_correlation(gradients: Tensor) -> float:
    r"""Mean correlation of the gradients of two copies of one example.

    .. math:: \rho = \frac{\sum_i \frac{1}{K(K-1)} \sum_{k \neq l} g_{ik} \cdot g_{il}}
              {\sum_i \frac1K \sum_k \lVert g_{ik}\rVert^2}

    Args:
        gradients: (examples, K, parameters).

    Raises:
        ValueError: fewer than two copies, or gradients that are not finite or all zero.
    """
    if gradients.dim() != 3:
        raise ValueError(f"gradients are (examples, K, parameters), got the shape {tuple(gradients.shape)}")
    copies = gradients.shape[1]
    if copies < 2:
        raise ValueError(f"a correlation needs at least 2 copies an example, got {copies}")
    squares = gradients.square().sum((1, 2))
    if not 0 < float(squares.sum()) < math.inf:
        raise ValueError("the gradients are all zero or not finite: they have no correlation")
    products = gradients.sum(1).square().sum(1) - squares
    return float(products.sum() / (squares.sum() * (copies - 1)))


def deconvolved(w: Tensor, std: float, temperature: float, prior: float) -> Tensor:
    r"""The log-density that a prior must have for T times a divergence to be its own, at one posterior width.

    For :math:`r = T\,KL(N(\mu, s^2)\,\|\,N(0, a^2))` the theorem on penalties and priors asks for

    .. math:: A_s(w) = -\tfrac12 \log 2\pi e s^2 - f_1(s) - f_2 (w^2 - s^2),
              \quad f_1 = -\tfrac T2\log s^2 + \tfrac{T s^2}{2a^2} + \tfrac T2 (\log a^2 - 1),
              \quad f_2 = \tfrac{T}{2a^2}

    and there is a prior only if it is the same for all s: its part in s is
    :math:`\tfrac{T-1}{2} \log s^2`.

    Args:
        w: where.
        std: s.
        temperature: T.
        prior: :math:`a^2`.

    Source: Wolinski, Charpiat and Ollivier, *An equivalence between Bayesian priors and penalties*, 2020, for
    the theorem; the case of a tempered divergence is worked out for this book.
    """
    _check(std=std, temperature=temperature, prior=prior)
    t, s2 = temperature, std**2
    first = -t / 2 * math.log(s2) + t * s2 / (2 * prior) + t / 2 * (math.log(prior) - 1)
    entropy = math.log(2 * math.pi * math.e * s2) / 2
    return -entropy - first - t / (2 * prior) * (torch.as_tensor(w).square() - s2)


def _check(**numbers: float) -> None:
    for name, value in numbers.items():
        found = number(value)
        if not (0 <= found < math.inf if name == "curvature" else 0 < found < math.inf):
            raise ValueError(f"{name} must be positive and finite, got {value!r}")
