r"""The method as its equations say it, without speed and without questions: to read, and to test against.

What runs is :class:`~startright.preact.law.QuotientLaw`, :func:`~startright.preact.law.phi` and, in networks,
:class:`~startright.preact.activation.GaussianActivation` and
:func:`~startright.preact.init.symmetric_weibull_`;
for infinite width :mod:`startright.preact.maps`, for networks at initialisation
:mod:`startright.preact.chains`. The tests hold them equal.

Source: P. Wolinski and M. Arbel, *Gaussian Pre-Activations in Neural Networks: Myth or Reality?*, 2025.
"""

from collections.abc import Callable

import numpy as np
import torch
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import ndtr, rgamma, wofz
from torch import Tensor

Activation = Callable[[Tensor], Tensor]


def weibull(u: Tensor, theta: float) -> Tensor:
    r"""Weights of the law :math:`\mathcal W(\theta, 1)`, :math:`P(|W| > t) = e^{-t^\theta}`, signs at random.

    Args:
        u: uniform on (−1, 1), any shape.
        theta: θ.
    """
    return u.sign() * (-u.abs().log()) ** (1 / theta)


def quotient(u: np.ndarray, v: np.ndarray, e: np.ndarray, theta: float) -> np.ndarray:
    r"""Draws of A, :math:`A = \sqrt2\,|\cos2\pi U|\,S^{-\nu/2}` with :math:`\nu = 2/\theta < 1`:
    :eq:`preact-sampler`.

    S is positive ν-stable, :math:`S^{-\nu} = (E/a(\pi V))^{1-\nu}` with :math:`a(x) =
    \sin((1-\nu)x)\,\sin(\nu x)^{\nu/(1-\nu)}/\sin(x)^{1/(1-\nu)}`.

    Args:
        u: uniform on (0, 1), any shape.
        v: likewise, the same shape.
        e: exponential, the same shape.
        theta: θ, above 2.
    """
    nu, x = 2 / theta, np.pi * v
    a = np.sin((1 - nu) * x) * np.sin(nu * x) ** (nu / (1 - nu)) / np.sin(x) ** (1 / (1 - nu))
    S_power = (e / a) ** (1 - nu)  # S^(−ν)
    return np.sqrt(2) * np.abs(np.cos(2 * np.pi * u)) * np.sqrt(S_power)


def distribution(x: float, theta: float) -> float:
    r"""The distribution function of A by its series: :eq:`preact-series`.

    .. math:: F_A(x) = \sqrt{\tfrac2\pi}\sum_{k\ge0}
        \frac{(-1)^k\,x^{2k+1}}{2^k\,k!\,(2k+1)\,\Gamma(1-(2k+1)/\theta)}.

    Args:
        x: where, from 0 to about 1.4; beyond, large terms cancel.
        theta: θ, above 2.
    """
    k = np.arange(150)
    # (−1)^k x^(2k+1) / (2^k k!)
    powers = x * np.cumprod(np.append(1, -(x**2) / (2 * k[1:])))
    terms = powers / (2 * k + 1) * rgamma(1 - (2 * k + 1) / theta)
    return np.sqrt(2 / np.pi) * terms.sum()


def survival(x: float, theta: float) -> float:
    r"""The probability that A > x, along the path of steepest descent, which keeps its digits in the tail.

    It is the inverse Laplace transform of :math:`\operatorname{erfc}(x s^{1/\theta}/\sqrt2)/s` at 1. With
    :math:`y = x^2/2` and :math:`\sigma = Re^{ip}` on the path,

    .. math:: P(A > x) = \frac1\pi\int_0^\pi e^{-K}\operatorname{Im}\bigl\{
        \operatorname{erfcx}(x\sigma^{1/\theta}/\sqrt2)\,(D + i)\bigr\}\,dp.

    Args:
        x: where, positive.
        theta: θ, above 2.
    """
    nu, y = 2 / theta, x**2 / 2

    def integrand(p: float) -> float:
        R = (y * np.sin(nu * p) / np.sin(p)) ** (1 / (1 - nu))
        K = R * np.sin((1 - nu) * p) / np.sin(nu * p)
        D = (nu / np.tan(nu * p) - 1 / np.tan(p)) / (1 - nu)
        w = x * (R * np.exp(1j * p)) ** (1 / theta) / np.sqrt(2)
        return np.exp(-K) * (wofz(1j * w) * (D + 1j)).imag  # erfcx(w) = wofz(iw)

    return quad(integrand, 0, np.pi, epsabs=0, epsrel=1e-12, limit=200)[0] / np.pi


def phi(z: float, theta: float, kind: str = "odd") -> float:
    r"""The activation, :math:`\operatorname{sgn}(z)\,F_A^{-1}(2\Phi(|z|) - 1)`; the positive one,
    :math:`F_A^{-1}(\Phi(z))`: :eq:`preact-variants`.

    Args:
        z: where.
        theta: θ, above 2.
        kind: ``"odd"`` or ``"positive"``.
    """
    level = ndtr(z) if kind == "positive" else 2 * ndtr(abs(z)) - 1

    def excess(x: float) -> float:
        return (distribution(x, theta) if x < 1.4 else 1 - survival(x, theta)) - level

    x = brentq(excess, 0, 2 * abs(z) + 2, xtol=1e-15)
    return x if kind == "positive" else np.sign(z) * x


def mean_field(
    activation: Activation, v: float, c: float, sigma_w2: float, sigma_b2: float
) -> tuple[float, float]:
    r"""One layer of infinite width: the variance and the correlation of the next, :eq:`chaos-maps`.

    .. math::
        V(v) = \sigma_w^2 E[\varphi(\sqrt v Z)^2] + \sigma_b^2, \qquad
        C(c) = \frac{\sigma_w^2 E[\varphi(\sqrt v Z_1)\,\varphi(\sqrt v Z_2)] + \sigma_b^2}{V(v)}.

    Args:
        activation: φ, smooth.
        v: variance.
        c: correlation, in [−1, 1].
        sigma_w2: variance of the weights.
        sigma_b2: of the biases.
    """
    z, dz = torch.linspace(-9, 9, 601, dtype=torch.float64), 18 / 600
    # E f(Z) = Σ f(z) × this
    density = torch.exp(-(z**2) / 2) / (2 * torch.pi) ** 0.5 * dz
    V = sigma_w2 * (density @ activation(v**0.5 * z) ** 2) + sigma_b2
    z1, z2 = z[:, None], c * z[:, None] + (1 - c**2) ** 0.5 * z
    both = density @ (activation(v**0.5 * z1) * activation(v**0.5 * z2)) @ density
    return float(V), float((sigma_w2 * both + sigma_b2) / V)


def chi1(activation: Activation, v: float, sigma_w2: float) -> float:
    r"""The slope :math:`\chi_1 = C'(1) = \sigma_w^2 E[\varphi'(\sqrt v Z)^2]`: :eq:`chaos-chi`.

    Arguments as for :func:`mean_field`.
    """
    z, dz = torch.linspace(-9, 9, 601, dtype=torch.float64), 18 / 600
    # E f(Z) = Σ f(z) × this
    density = torch.exp(-(z**2) / 2) / (2 * torch.pi) ** 0.5 * dz
    at = (v**0.5 * z).requires_grad_()
    (slope,) = torch.autograd.grad(activation(at).sum(), at)
    return sigma_w2 * float(density @ slope**2)


def layer(activation: Activation, z: Tensor, W: Tensor) -> Tensor:
    r"""Pre-activations of the next layer, :math:`Z^{l+1}_i = n^{-1/2}\sum_j W_{ij}\,\varphi(Z^l_j)`:
    :eq:`preact-layer`.

    Args:
        activation: φ.
        z: those of this layer, (…, n).
        W: weights, (…, m, n).

    Returns:
        (…, m).
    """
    return (W @ activation(z)[..., None])[..., 0] / z.shape[-1] ** 0.5


def scalar_chain(activation: Activation, g: Tensor, sigma_w2: float, sigma_b2: float) -> Tensor:
    r"""One neuron a layer of networks with Gaussian weights, as a chain of one number a layer:

    .. math:: Z^{l+1} = \sqrt{\sigma_w^2 q_l + \sigma_b^2}\;g, \qquad q_l = \tfrac1n\sum_j\varphi(Z^l_j)^2,
        \qquad q_0 = 1.

    Args:
        activation: φ.
        g: standard normal, (depth, draws, n).
        sigma_w2: variance of the weights.
        sigma_b2: of the biases.

    Returns:
        (depth, draws).
    """
    q, first = torch.ones_like(g[0, :, :1]), []
    for g_l in g:
        z = (sigma_w2 * q + sigma_b2).sqrt() * g_l
        q = (activation(z) ** 2).mean(1, keepdim=True)
        first.append(z[:, 0])
    return torch.stack(first)
