"""The method as the equations say it, a line an equation: for the chapter and for the tests."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def tempered_regression(
    x: Tensor, y: Tensor, tau: float, noise: float, copies: int = 1
) -> tuple[Tensor, Tensor]:
    """Mean and covariance of the weights under a N(0, I) prior, each point counted ``copies`` times."""
    precision = torch.eye(x.shape[1], dtype=x.dtype) + copies / (tau * noise) * x.T @ x
    covariance = torch.linalg.inv(precision)
    return covariance @ x.T @ y * copies / (tau * noise), covariance


def gaussian_kl(mean: Tensor, std: Tensor, prior_std: float) -> Tensor:
    """Divergence of N(mean, std²) from N(0, prior_std²), for every weight."""
    return (prior_std / std).log() + (std**2 + mean**2) / (2 * prior_std**2) - 1 / 2


def local_reparametrisation(x: Tensor, mean: Tensor, std: Tensor, noise: Tensor) -> Tensor:
    """Outputs of a linear layer with Gaussian weights, for one draw of standard normal ``noise``."""
    return x @ mean.T + (x**2 @ (std**2).T).sqrt() * noise


def variational_loss(outputs: Tensor, labels: Tensor, kl: Tensor, tau: float, count: int) -> Tensor:
    """What is minimised: the loss of sampled weights and the divergence, by λ = τ/N."""
    return F.cross_entropy(outputs, labels) + tau / count * kl


def log_predictive(outputs: Tensor) -> Tensor:
    """Log-probabilities averaged over sampled networks; outputs are (samples, n, classes)."""
    return outputs.log_softmax(-1).logsumexp(0) - math.log(len(outputs))
