"""What the output of a head says about a target."""

import math
from dataclasses import dataclass
from typing import Protocol

import torch

from startright.errors import unknown


class Likelihood(Protocol):
    """Log-probabilities of targets under N heads at once.

    A class with a method ``with_slope`` as :class:`Categorical` has it gets linear heads in closed form.
    """

    def log_prob(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Nats, (..., B, N), for outputs, (..., B, N, K), and targets, (..., B) or (..., B, D)."""

    def check(self, n_outputs: int, targets: torch.Tensor, n: int) -> None:
        """Refuse targets that do not fit ``n`` examples of ``n_outputs`` values."""


@dataclass(frozen=True)
class Categorical:
    """Classes from logits; targets are class numbers, (B,)."""

    def log_prob(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Nats, (..., B, N), for logits, (..., B, N, K), and classes, (..., B)."""
        index = targets[..., None, None].expand(*outputs.shape[:-1], 1)
        return outputs.log_softmax(-1).gather(-1, index).squeeze(-1)

    def with_slope(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The log-probabilities, and the derivative of minus them by the logits, (..., B, N, K)."""
        log_probs = outputs.log_softmax(-1)
        index = targets[..., None, None].expand(*outputs.shape[:-1], 1)
        chosen = log_probs.gather(-1, index)
        slope = log_probs.exp().scatter_(-1, index, chosen.expm1())  # p − 1 where the target is
        return chosen.squeeze(-1), slope

    def check(self, n_outputs: int, targets: torch.Tensor, n: int) -> None:
        """Refuse targets that are not ``n`` classes below ``n_outputs``.

        Raises:
            ValueError: another shape or type, or a class out of range.
        """
        if targets.shape != (n,) or targets.is_floating_point():
            raise ValueError(
                f"expected {n} class numbers, got a tensor of {tuple(targets.shape)}, {targets.dtype}"
            )
        low, high = (int(bound) for bound in targets.aminmax()) if n else (0, 0)
        if low < 0 or high >= n_outputs:
            raise ValueError(
                f"the heads have classes 0 to {n_outputs - 1}; got class {low if low < 0 else high}"
            )


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
        """Nats, (..., B, N), for means, (..., B, N, D), and targets, (..., B, D)."""
        constant = outputs.shape[-1] / 2 * math.log(2 * math.pi * self.sigma2)
        return -(outputs - targets.unsqueeze(-2)).square().sum(-1) / (2 * self.sigma2) - constant

    def with_slope(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The log-probabilities, and the derivative of minus them by the means, (..., B, N, D)."""
        return self.log_prob(outputs, targets), (outputs - targets.unsqueeze(-2)) / self.sigma2

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
