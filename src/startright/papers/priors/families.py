r"""Posteriors that differ by a translation alone: β_{μ,ν}(w) = β_{0,ν}(w − μ).

A family is known by its characteristic function :math:`\varphi_\nu(\xi) = \mathbb E\,e^{i\xi X}`,
:math:`X \sim \beta_{0,\nu}`, which is the Fourier transform of the reflection
:math:`\check\beta_{0,\nu}(w) = \beta_{0,\nu}(-w)` in the convention :math:`Ff(\xi) = \int f e^{-i\xi w}\,dw`.

Source: P. Wolinski, G. Charpiat and Y. Ollivier, arXiv 2002.00178.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Family:
    """A translation family with one further parameter ν > 0, such as a standard deviation.

    Args:
        name: in words.
        characteristic: frequencies ξ, (k,), and ν → E exp(iξX), (k,), real or complex.
        entropy: ν → −∫ β ln β; for point masses 0, which leaves their infinite constant out.
        mean: ν → E X.
        variance: ν → Var X.
        higher: ν → the third and the fourth central moment; None if they are not to hand.
        density: points, (k,), and ν → the density of β_{0,ν} there; None if there is none to hand.
        breaks: ν → the points where that density jumps, which numerical integrals must know.
    """

    name: str
    characteristic: Callable[[Array, float], Array]
    entropy: Callable[[float], float]
    mean: Callable[[float], float]
    variance: Callable[[float], float]
    higher: Callable[[float], tuple[float, float]] | None = None
    density: Callable[[Array, float], Array] | None = None
    breaks: Callable[[float], tuple[float, ...]] = lambda nu: ()

    @property
    def is_dirac(self) -> bool:
        """Whether the posteriors are point masses: nothing is then to be deconvolved."""
        return bool(np.all(self.characteristic(np.array([0.0, 1.0, 10.0]), 1.0) == 1))


def gaussian() -> Family:
    """N(μ, ν²)."""
    return Family(
        "Gaussian",
        lambda xi, nu: np.exp(-((nu * xi) ** 2) / 2),
        lambda nu: math.log(2 * math.pi * math.e * nu**2) / 2,
        lambda nu: 0.0,
        lambda nu: nu**2,
        lambda nu: (0.0, 3 * nu**4),
        lambda w, nu: np.exp(-((w / nu) ** 2) / 2) / (nu * math.sqrt(2 * math.pi)),
    )


def laplace() -> Family:
    """Laplace's law of scale ν about μ."""
    return Family(
        "Laplace",
        lambda xi, nu: 1 / (1 + (nu * xi) ** 2),
        lambda nu: 1 + math.log(2 * nu),
        lambda nu: 0.0,
        lambda nu: 2 * nu**2,
        lambda nu: (0.0, 24 * nu**4),
        lambda w, nu: np.exp(-np.abs(w) / nu) / (2 * nu),
        lambda nu: (0.0,),
    )


def uniform() -> Family:
    """Uniform on [μ − ν, μ + ν]; its characteristic function vanishes at ξ = kπ/ν."""
    return Family(
        "uniform",
        lambda xi, nu: np.sinc(nu * xi / math.pi),
        lambda nu: math.log(2 * nu),
        lambda nu: 0.0,
        lambda nu: nu**2 / 3,
        lambda nu: (0.0, nu**4 / 5),
        lambda w, nu: np.where(np.abs(w) <= nu, 1 / (2 * nu), 0.0),
        lambda nu: (-nu, nu),
    )


def exponential() -> Family:
    """μ plus an exponential variable of mean ν: not symmetric."""
    return Family(
        "exponential",
        lambda xi, nu: 1 / (1 - 1j * nu * xi),
        lambda nu: 1 + math.log(nu),
        lambda nu: nu,
        lambda nu: nu**2,
        lambda nu: (2 * nu**3, 9 * nu**4),
        lambda w, nu: np.where(w >= 0, np.exp(-np.maximum(w, 0) / nu) / nu, 0.0),
        lambda nu: (0.0,),
    )


def dirac() -> Family:
    """A point mass at μ; ν says nothing."""
    return Family("Dirac", lambda xi, nu: np.ones_like(xi), lambda nu: 0.0, lambda nu: 0.0, lambda nu: 0.0)
