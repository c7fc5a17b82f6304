r"""Priors of single weights, with the divergence of a Gaussian posterior from them in closed form.

They have ``log_density(w)`` and ``kl(mean, std)``, element by element: what a layer with Gaussian posteriors
(:mod:`startright.models.variational`) needs of its prior. That of a penalty found on a grid has the first
alone (:class:`~startright.papers.priors.recover.RecoveredPrior`).
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from startright.errors import number, whole
from startright.models.variational_priors import GaussianPrior

__all__ = ["GaussianPrior", "GroupPrior", "LaplacePrior"]


@dataclass(frozen=True)
class LaplacePrior:
    """Laplace's law of scale b, of standard deviation b√2.

    Args:
        scale: b, positive.

    Raises:
        ValueError: it is not positive and finite.
    """

    scale: float = math.sqrt(0.5)

    def __post_init__(self):
        _check_positive("scale", self.scale)

    def log_density(self, w: Tensor) -> Tensor:
        """The logarithm of α, of the shape of ``w``."""
        return -w.abs() / self.scale - math.log(2 * self.scale)

    def kl(self, mean: Tensor, std: Tensor) -> Tensor:
        r""":math:`\ln 2b - \tfrac12\ln(2\pi e\sigma^2) + \mathbb E|\mathcal N(\mu, \sigma^2)|/b`, one each.

        Args:
            mean: μ, of any shape.
            std: σ > 0, of the same.
        """
        z = mean / std
        size = std * math.sqrt(2 / math.pi) * torch.exp(-(z**2) / 2) + mean * torch.erf(z / math.sqrt(2))
        entropy = std.log() + math.log(2 * math.pi * math.e) / 2
        return math.log(2 * self.scale) - entropy + size / self.scale

    def sample(self, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Independent draws: an exponential size with a random sign."""
        size = torch.empty(shape, device=generator.device).exponential_(generator=generator)
        sign = 2 * torch.randint(0, 2, shape, generator=generator, device=generator.device) - 1
        return self.scale * sign * size


@dataclass(frozen=True)
class GroupPrior:
    r"""The prior of a group lasso, :math:`\alpha(g) \propto e^{-\lambda\lVert g\rVert_2}`, d weights a group.

    The radius follows a Gamma law of shape d and rate λ and the direction is uniform, so that
    :math:`\mathbb E\,w^2 = (d + 1)/\lambda^2` of every weight, whose kurtosis is :math:`3(d + 3)/(d + 1)`.

    Args:
        size: d, at least 1; 1 is Laplace's law.
        rate: λ, positive.

    Raises:
        ValueError: a size below 1, or a rate that is not positive and finite.
    """

    size: int
    rate: float

    def __post_init__(self):
        if not whole(self.size) >= 1:
            raise ValueError(f"a group has at least one weight, got {self.size!r}")
        _check_positive("rate", self.rate)

    @property
    def variance(self) -> float:
        """E w² of one weight."""
        return (self.size + 1) / self.rate**2

    @property
    def kurtosis(self) -> float:
        """E w⁴ / (E w²)²."""
        return 3 * (self.size + 3) / (self.size + 1)

    def log_density(self, groups: Tensor) -> Tensor:
        """The logarithm of α of each group, (...,), for groups, (..., d)."""
        surface = math.log(2) + self.size / 2 * math.log(math.pi) - math.lgamma(self.size / 2)
        radial = math.lgamma(self.size) - self.size * math.log(self.rate)
        return -self.rate * torch.linalg.vector_norm(groups, dim=-1) - surface - radial

    def sample(self, groups: int, generator: torch.Generator, dtype: torch.dtype = torch.float64) -> Tensor:
        """Independent groups, (groups, d)."""
        device = generator.device
        direction = torch.randn(groups, self.size, generator=generator, device=device, dtype=dtype)
        direction /= torch.linalg.vector_norm(direction, dim=1, keepdim=True)
        shape = torch.full((groups, 1), float(self.size), device=device, dtype=dtype)
        return direction * torch._standard_gamma(shape, generator=generator) / self.rate


def _check_positive(name: str, value: float) -> None:
    if not 0 < number(value) < math.inf:
        raise ValueError(f"the {name} of a prior must be positive and finite, got {value!r}")
