r"""The method as its equations say it, without checks of the input: to read, and to test against.

What runs is :func:`~startright.papers.priors.recover.prior_from_penalty` and
:func:`~startright.papers.priors.networks.bayesian_penalty`.
"""

import math
from collections.abc import Callable

import numpy as np
import torch

Curve = Callable[[np.ndarray], np.ndarray]


def log_prior(r: Curve, phi: Curve, entropy: float, grows: tuple[Curve, Curve], w: np.ndarray) -> np.ndarray:
    """A = −Ent − F⁻¹[F r / F β̌].

    Args:
        r: the penalty, of means.
        phi: the characteristic function of the posterior centred at 0.
        entropy: of the posterior.
        grows: a function of means, and the function of weights of which it is the expectation.
        w: an even grid.
    """
    on_means, on_weights = grows
    h = phi(2 * np.pi * np.fft.rfftfreq(len(w), w[1] - w[0]))
    rest = np.fft.rfft(r(w) - on_means(w))
    sharpened = np.divide(rest, h, out=np.zeros_like(rest), where=np.abs(h) >= 1e-8)
    return -entropy - on_weights(w) - np.fft.irfft(sharpened, len(w))


def divergence(log_density: Curve, mean: float, std: float) -> float:
    """KL(N(μ, σ²) ‖ α) = −½ ln(2πeσ²) − E ln α(μ + σZ), by the rule of Gauss and Hermite."""
    z, weight = np.polynomial.hermite_e.hermegauss(150)
    expected = weight @ log_density(mean + std * z) / weight.sum()
    return -math.log(2 * math.pi * math.e * std**2) / 2 - float(expected)


def factor(kind: str, fan_in: int, fan_out: int) -> float:
    """λ_Bayesian of a layer: the prior ∝ exp(−λ r̃) then has E w² = 1/P."""
    if kind == "l2":
        return fan_in / 2
    group = {"l1": 1, "rows": fan_in, "columns": fan_out}[kind]
    return math.sqrt(fan_in * (group + 1))


def penalty(kind: str, weights: list[torch.Tensor], n_train: int) -> torch.Tensor:
    """λ_Th Σ λ_l r̃(W_l) of matrices W, (n, P)."""
    r = {
        "l2": lambda w: w.square().sum(),
        "l1": lambda w: w.abs().sum(),
        "rows": lambda w: w.norm(dim=1).sum(),
        "columns": lambda w: w.norm(dim=0).sum(),
    }[kind]
    terms = [factor(kind, w.shape[1], w.shape[0]) * r(w) for w in weights]
    return sum(terms) / n_train
