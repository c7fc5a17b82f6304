r"""Exact statements: ReLU's moments, the limit of dependence, what each principle preserves."""

from functools import cache
from math import gamma
from typing import NamedTuple

import numpy as np
import torch

from startright.errors import unknown
from startright.papers.preact.law import ks_of_product
from startright.papers.preact.maps import chi1, variance_fixed_point, variance_map
from startright.papers.preact.schemes import Scheme, gaussian_preact, linear, relu, tanh_eoc
from startright.quadrature import mixture_ks, normal_rule


def relu_kurtosis(width: int, layer: int) -> float:
    r"""Kurtosis of a pre-activation of a ReLU network with $\sigma_w^2 = 2$, $\sigma_b = 0$.

    .. math:: E Z^4 / (E Z^2)^2 = 3\,(1 + 5/n)^{L-1}

    Args:
        width: n.
        layer: L, 1 for the first.

    Raises:
        ValueError: a width or a layer below 1.

    >>> relu_kurtosis(10, 2)
    4.5
    """
    if width < 1 or layer < 1:
        raise ValueError(f"width and layer must be at least 1, got {width!r} and {layer!r}")
    return 3 * (1 + 5 / width) ** (layer - 1)


class DependenceLimit(NamedTuple):
    """KS distance to N(0, 1) and kurtosis of the limit law."""

    ks: float
    kurtosis: float


@cache
def dependence_limit(theta: float, kind: str) -> DependenceLimit:
    r"""The output of the two-step network of layout A as $n_1 \to \infty$.

    Its single input neuron Z is shared by all, so the limit is Gaussian with the random variance
    $v = \Gamma(1+2/\theta)\,E_W[\varphi_\theta(W\varphi_\theta(Z))^2]$.

    Args:
        theta: shape of the weights, in (2, inf).
        kind: ``"odd"`` or ``"positive"``.

    Raises:
        ValueError: ``theta`` or ``kind`` out of range.
    """
    scheme = gaussian_preact(theta, kind)
    z, weight = normal_rule()
    a = scheme.activation(z)
    node, scale = (torch.from_numpy(part) for part in np.polynomial.legendre.leggauss(200))
    w = (node + 1) / 2 * 40 ** (1 / theta)  # P(|W| > w) < 1e-17 beyond
    density = theta * w ** (theta - 1) * torch.exp(-(w**theta)) * scale * 40 ** (1 / theta) / 2
    second = (scheme.activation(a[:, None] * w) ** 2 + scheme.activation(-a[:, None] * w) ** 2) @ density / 2
    v = gamma(1 + 2 / theta) * second
    return DependenceLimit(mixture_ks(v.sqrt(), weight), float(3 * (v**2 @ weight) / (v @ weight) ** 2))


#: (kind, θ) of the studies → KS distance of :func:`dependence_limit`, a quarter of a second of work each.
LIMITS = {
    ("odd", 2.05): 0.037363506497169574,
    ("positive", 2.05): 4.304197510096586e-05,
    ("odd", 4.0): 0.08257048739511252,
    ("positive", 4.0): 0.011504511771692982,
    ("odd", 10.0): 0.10285413861798431,
    ("positive", 10.0): 0.02167534556571793,
}


PRINCIPLES: dict[str, tuple[Scheme, str]] = {
    "Glorot": (linear(), "linear, σ_w² = 1"),
    "He": (relu(), "ReLU, σ_w² = 2"),
    "Edge of Chaos": (tanh_eoc(), "tanh, σ_w² = 1.46, σ_b² = 0.013"),
    "Gaussian, odd": (gaussian_preact(4.0, "odd"), "φ° with θ = 4"),
    "Gaussian, positive": (gaussian_preact(4.0, "positive"), "φᵖ with θ = 4"),
}


def residuals(principle: str) -> dict[str, float]:
    r"""How far three summaries are from a fixed point of one layer, for the pair a principle proposes.

    Args:
        principle: one of ``PRINCIPLES``.

    Returns:
        ``variance``: $|V(v)/v - 1|$; ``slope``: $|\chi_1 - 1|$; ``law``: KS distance between the law of a
        pre-activation and that of one layer of width 1 above it, both divided by $\sqrt v$. v is the fixed
        point of the variance for tanh and 1 for the others.

    Raises:
        ValueError: an unknown principle.
    """
    if principle not in PRINCIPLES:
        raise unknown("principle", principle, PRINCIPLES)
    scheme = PRINCIPLES[principle][0]
    v = variance_fixed_point(scheme) if scheme.sigma_b2 else 1.0
    return {
        "variance": abs(float(variance_map(scheme, v)) / v - 1),
        "slope": abs(float(chi1(scheme, v)) - 1),
        "law": _law_residual(scheme, v),
    }


def _law_residual(scheme: Scheme, v: float) -> float:
    if scheme.theta is not None:
        return ks_of_product(scheme.theta, scheme.activation.kind)
    z, weight = normal_rule()
    second = scheme.activation(v**0.5 * z) ** 2
    return mixture_ks(((scheme.sigma_w2 * second + scheme.sigma_b2) / v).sqrt(), weight)
