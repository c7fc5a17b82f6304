"""Priors of independent weights: what a prior has to say for a network to be trained under it."""

import math
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from startright.errors import number, unknown
from startright.models.layers import fan_in

HALF_LOG_2PI = math.log(2 * math.pi) / 2


@runtime_checkable
class Prior(Protocol):
    """A law of independent weights.

    Two methods more are used where a prior has them: ``kl(mean, std)``, elementwise, the divergence to it of
    Gaussians in closed form; and ``of_layer(layer)``, the prior of one layer's weights and biases, for a
    prior that depends on the layer, such as on its fan-in.
    """

    def log_density(self, w: Tensor) -> Tensor:
        """The logarithm of the density at every entry of ``w``, of the shape of ``w``."""


@dataclass(frozen=True)
class GaussianPrior:
    r"""Independent weights :math:`N(0, a^2)`.

    Args:
        std: :math:`a`, positive, or ``"glorot"``: :math:`a = 1/\sqrt{\text{fan-in}}` in every layer, for its
            biases as well.

    Raises:
        ValueError: ``std`` is neither.

    >>> GaussianPrior("glorot").of_layer(nn.Linear(25, 3))
    GaussianPrior(std=0.2)
    """

    std: float | str = "glorot"

    def __post_init__(self):
        if isinstance(self.std, str):
            if self.std != "glorot":
                raise unknown("law of the prior's std", self.std, ["glorot"])
        elif not 0 < number(self.std) < math.inf:
            raise ValueError(f"the std of a prior must be positive and finite, or 'glorot', got {self.std!r}")

    def of_layer(self, layer: nn.Module) -> "GaussianPrior":
        """The prior of the weights and biases of one linear or convolutional layer."""
        return GaussianPrior(fan_in(layer) ** -0.5) if self.std == "glorot" else self

    def scaled(self, factor: float) -> "GaussianPrior":
        """The prior with ``factor`` times the standard deviation, which must be a number."""
        return GaussianPrior(self._number() * factor)

    def log_density(self, w: Tensor) -> Tensor:
        r""":math:`-w^2/(2a^2) - \log a - \tfrac12\log 2\pi`."""
        a = self._number()
        return -w.square() / (2 * a * a) - math.log(a) - HALF_LOG_2PI

    def kl(self, mean: Tensor, std: Tensor) -> Tensor:
        r""":math:`KL(N(\mu, s^2)\,\|\,N(0, a^2)) = \log\frac{a}{s} + \frac{s^2 + \mu^2}{2a^2} - \frac12`."""
        a = self._number()
        return math.log(a) - std.log() + (std.square() + mean.square()) / (2 * a * a) - 0.5

    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Independent draws."""
        return self._number() * torch.randn(shape, generator=generator, device=generator.device)

    def _number(self) -> float:
        if isinstance(self.std, str):
            raise ValueError("the prior 'glorot' has another std in every layer: ask .of_layer(layer) first")
        return float(self.std)


def prior_of(prior: Prior, layer: nn.Module) -> Prior:
    """The prior of one layer's weights, tried on them.

    Raises:
        TypeError: no method ``log_density``.
        ValueError: a log-density, or a divergence, that is not one finite number a weight.
    """
    own: Any = prior.of_layer(layer) if hasattr(prior, "of_layer") else prior
    if not hasattr(own, "log_density"):
        raise TypeError(f"a prior must have a method log_density(w), {type(own).__name__} has none")
    w = layer.weight.detach()
    found = {"log_density(w)": own.log_density(w)}
    if hasattr(own, "kl"):
        found["kl(mean, std)"] = own.kl(w, torch.full_like(w, 0.1))
    for name, values in found.items():
        if values.shape != w.shape or not values.isfinite().all():
            raise ValueError(
                f"{type(own).__name__}.{name} must give one finite number for every weight, got the shape "
                f"{tuple(values.shape)} for {tuple(w.shape)}, {int((~values.isfinite()).sum())} not finite"
            )
    return own


def divergence(
    prior: Prior, mean: Tensor, std: Tensor, samples: int = 0, generator: torch.Generator | None = None
) -> Tensor:
    r"""Divergence of :math:`N(\mu, s^2)` from a prior, elementwise: in closed form or by sampling.

    The entropy is exact in both cases, so that sampling enters through the log-density alone,

    .. math:: KL = -\log s - \tfrac12\log 2\pi e - \frac1S\sum_k \log p(\mu + s\varepsilon_k)

    Args:
        prior: of the entries.
        mean: :math:`\mu`.
        std: :math:`s`, of the same shape.
        samples: S; 0 for the closed form, which the prior must have.
        generator: of ε, on the device of ``mean``; torch's default stream if absent.
    """
    if not samples:
        return prior.kl(mean, std)
    noise = torch.randn(samples, *mean.shape, generator=generator, device=mean.device, dtype=mean.dtype)
    log_prior = prior.log_density(mean + std * noise).mean(0)
    return -std.log() - HALF_LOG_2PI - 0.5 - log_prior
