"""What the output of a head says about a target."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch

from startright.errors import unknown


class Likelihood(Protocol):
    """Log-probabilities of targets under N heads at once.

    The examples stand last in the outputs, (..., N, K, B): on a CPU sums over K then run along them, ten
    times faster for few classes than the other way round. A class with a method ``with_slope`` as
    :class:`Categorical` has it gets linear heads in closed form.
    """

    def log_prob(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Nats, (..., N, B), for outputs, (..., N, K, B), and targets, (..., B) or (..., B, D)."""

    def check(self, n_outputs: int, targets: torch.Tensor, n: int) -> None:
        """Refuse targets that do not fit ``n`` examples of ``n_outputs`` values."""


@dataclass(frozen=True)
class Categorical:
    """Classes from logits; targets are class numbers, (B,)."""

    def log_prob(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Nats, (..., N, B), for logits, (..., N, K, B), and classes, (..., B)."""
        return outputs.log_softmax(-2).gather(-2, _index(outputs, targets)).squeeze(-2)

    def with_slope(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The log-probabilities, and the derivative of minus them by the logits, (..., N, K, B)."""
        log_probs, index = outputs.log_softmax(-2), _index(outputs, targets)
        chosen = log_probs.gather(-2, index)
        slope = log_probs.exp().scatter_(-2, index, chosen.expm1())  # p − 1 where the target is
        return chosen.squeeze(-2), slope

    def check(self, n_outputs: int, targets: torch.Tensor, n: int) -> None:
        """Refuse targets that are not ``n`` classes below ``n_outputs``.

        Raises:
            ValueError: another shape or type, or a class out of range.
        """
        if targets.shape != (n,) or targets.dtype != torch.int64:
            raise ValueError(
                f"expected {n} class numbers, torch.int64, got a tensor of {tuple(targets.shape)},"
                f" {targets.dtype}"
            )
        low, high = (int(bound) for bound in targets.aminmax()) if n else (0, 0)
        if low < 0 or high >= n_outputs:
            raise ValueError(
                f"the heads have classes 0 to {n_outputs - 1}; got class {low if low < 0 else high}"
            )


def _index(outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Where the targets stand in the outputs, (..., N, 1, B)."""
    return targets.unsqueeze(-2).unsqueeze(-2).expand(*outputs.shape[:-2], 1, -1)


@dataclass(frozen=True)
class Gaussian:
    r"""Real targets, (B, D), normal about the outputs with variance ``sigma2`` in each of the D directions.

    .. math:: -\log p(y \mid \mu) = \frac{\lVert y-\mu\rVert^2}{2\sigma^2} + \frac D2 \ln(2\pi\sigma^2)

    Args:
        sigma2: variance, positive, in the squared unit of the targets.

    Raises:
        ValueError: ``sigma2`` is not positive and finite.
    """

    sigma2: float = 1.0

    def __post_init__(self):
        if not 0 < self.sigma2 < math.inf:
            raise ValueError(f"sigma2 must be positive and finite, got {self.sigma2}")

    def log_prob(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Nats, (..., N, B), for means, (..., N, D, B), and targets, (..., B, D)."""
        return self.with_slope(outputs, targets)[0]

    def with_slope(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The log-probabilities, and the derivative of minus them by the means, (..., N, D, B)."""
        error = outputs - targets.mT.unsqueeze(-3).to(outputs.dtype)
        constant = outputs.shape[-2] / 2 * math.log(2 * math.pi * self.sigma2)
        return -error.square().sum(-2) / (2 * self.sigma2) - constant, error / self.sigma2

    def check(self, n_outputs: int, targets: torch.Tensor, n: int) -> None:
        """Refuse targets that are not ``n`` vectors of ``n_outputs`` values.

        Raises:
            ValueError: another shape.
        """
        if targets.shape != (n, n_outputs):
            raise ValueError(f"expected targets of {(n, n_outputs)}, got {tuple(targets.shape)}")


LIKELIHOODS = {"categorical": Categorical, "gaussian": Gaussian}


def as_likelihood(likelihood: str | Likelihood) -> Likelihood:
    """The likelihood of that name, or the one given.

    Raises:
        ValueError: an unknown name.
    """
    if not isinstance(likelihood, str):
        return likelihood
    if likelihood not in LIKELIHOODS:
        raise unknown("likelihood", likelihood, LIKELIHOODS)
    return LIKELIHOODS[likelihood]()
