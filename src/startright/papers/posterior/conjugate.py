r"""Bayesian linear regression, where every tempered posterior and what it predicts are closed forms.

Labels are :math:`y = x^\top w + \varepsilon` with :math:`w \sim N(0, a^2 I)`; the model believes in a noise
of variance :math:`\sigma^2`, the labels have :math:`\sigma^2 / S`, and every point is counted K times.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from startright.errors import number

DOUBLE = torch.float64


@dataclass(frozen=True)
class Regression:
    r"""What the model believes, and what is so.

    Args:
        noise: :math:`\sigma^2`, the variance of the noise in the model.
        curation: S, how many times smaller the true variance is.
        copies: K, how often each point is counted as if it were a new one.
        prior: :math:`a^2`, the variance of each weight, in the model and in truth.

    Raises:
        ValueError: a number that is not positive.
    """

    noise: float = 1.0
    curation: float = 1.0
    copies: float = 1.0
    prior: float = 1.0

    def __post_init__(self):
        for name in ("noise", "curation", "copies", "prior"):
            if not 0 < number(getattr(self, name)) < float("inf"):
                raise ValueError(f"{name} must be positive and finite, got {getattr(self, name)!r}")

    @property
    def true_noise(self) -> float:
        r""":math:`\sigma^2 / S`."""
        return self.noise / self.curation

    @property
    def best_temperature(self) -> float:
        """K/S: there the tempered posterior is Bayes' posterior of the labels as they are."""
        return self.copies / self.curation

    def weight(self, tau: Tensor) -> Tensor:
        r""":math:`\beta = K / (\tau\sigma^2)`, what a point counts in the precision."""
        return self.copies / (tau * self.noise)


def posterior(x: Tensor, y: Tensor, tau: float, model: Regression) -> tuple[Tensor, Tensor]:
    r"""Mean and precision of the posterior at temperature τ.

    .. math:: P = I/a^2 + \beta X^\top X, \qquad m = \beta P^{-1} X^\top y

    Args:
        x: inputs, (n, d).
        y: labels, (n,).
        tau: τ = λN, the factor of the divergence from the prior in units of Bayes' 1/N.
        model: the model.

    Raises:
        ValueError: τ is not positive, or not one number.
    """
    if isinstance(tau, Tensor) and tau.dim():
        raise ValueError(f"a posterior has one temperature, got {tau!r}")
    tau = _positive(tau)
    precision = torch.eye(x.shape[1], dtype=x.dtype) / model.prior + model.weight(tau) * x.T @ x
    return torch.linalg.solve(precision, model.weight(tau) * x.T @ y), precision


def expected_nll(
    x: Tensor, at: Tensor, taus: Tensor, model: Regression, *, mean_field: bool = False
) -> Tensor:
    r"""Expected negative log-likelihood of a new label in nats, over weights, labels and the new label.

    The prediction at :math:`x` is :math:`N(m^\top x, v)` with :math:`v = x^\top P^{-1} x + \sigma^2/S`; the
    expectation is :math:`\tfrac12\log 2\pi v + (x^\top C x + \sigma^2/S) / 2v` where
    :math:`C = P^{-1}(I/a^2 + \beta^2 \tfrac{\sigma^2}{S} X^\top X)P^{-1}` is the covariance of
    :math:`w - m`. At :math:`\tau = K/S` it is :math:`P^{-1}`, for every X and x.

    Args:
        x: inputs of the labels, (n, d).
        at: new inputs, (m, d), over which the mean is taken.
        taus: temperatures, (T,).
        model: the model.
        mean_field: predict with the best :math:`q` of independent weights, of variances :math:`1/P_{jj}`.

    Returns:
        (T,).

    Raises:
        ValueError: temperatures that are not positive, or no tensor of one axis.

    Source: :math:`q` by the stationarity of the variational objective; the rest by completing the square.
    """
    if not isinstance(taus, Tensor) or taus.dim() != 1:
        raise ValueError(f"temperatures are a tensor, (T,), got {taus!r}")
    gram = x.T @ x
    values, vectors = torch.linalg.eigh(gram)
    values, turned = values.clamp_min(0), (at @ vectors).square()  # (m, d)
    beta = model.weight(_positive(taus))[:, None]  # (T, 1)
    precisions = 1 / model.prior + beta * values  # (T, d), in the basis of the eigenvectors
    spread = (1 / precisions) @ turned.T  # (T, m)
    errors = (1 / model.prior + beta.square() * model.true_noise * values) / precisions.square()
    if mean_field:
        spread = (1 / (1 / model.prior + beta * gram.diagonal())) @ at.square().T
    variance = spread + model.true_noise
    misses = errors @ turned.T + model.true_noise
    return ((2 * torch.pi * variance).log() / 2 + misses / (2 * variance)).mean(1)


def draw_inputs(count: int, features: int, correlation: float, generator: torch.Generator) -> Tensor:
    """Standard normal inputs, (count, features), any two features of which have one correlation.

    Raises:
        ValueError: a correlation outside [0, 1).
    """
    if not 0 <= correlation < 1:
        raise ValueError(f"the correlation of two features must be in [0, 1), got {correlation}")
    own = torch.randn(count, features, generator=generator, dtype=DOUBLE)
    common = torch.randn(count, 1, generator=generator, dtype=DOUBLE)
    return (1 - correlation) ** 0.5 * own + correlation**0.5 * common


def _positive(tau: float | Tensor) -> Tensor:
    found = torch.as_tensor(tau if isinstance(tau, Tensor) else number(tau), dtype=DOUBLE)
    if not (found > 0).all():
        raise ValueError(f"temperatures must be positive, got {tau!r}")
    return found
