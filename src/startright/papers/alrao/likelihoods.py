"""What the output of a head says about a target."""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from startright.errors import unknown


class Likelihood(Protocol):
    """Log-probabilities of targets under N heads at once.

    The examples stand last in the outputs, (..., N, K, B): on a CPU sums over K then run along them, ten
    times faster for few classes than the other way round. A class with a method ``with_slope`` as
    :class:`Categorical` has it gets linear heads in closed form; a subclass that overrides ``log_prob``
    alone does not, see :func:`in_closed_form`. One with ``example_weights`` as :class:`CrossEntropy` has it
    gets weighted means over the examples.
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
        slope = log_probs.exp_().scatter_(-2, index, chosen.expm1())  # p − 1 where the target is
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
            hint = "; likelihood=CrossEntropy(ignore_index=…) ignores a class" if low < 0 else ""
            raise ValueError(
                f"the heads have classes 0 to {n_outputs - 1}; got class {low if low < 0 else high}{hint}"
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


@dataclass(frozen=True)
class CrossEntropy(Categorical):
    r"""Classes, with the options of :class:`torch.nn.CrossEntropyLoss`; one head at one rate has that loss.

    Class weights and ``ignore_index`` make the means over the examples weighted ones, for the mixture, for
    each head and for Switch:

    .. math:: L = \frac{\sum_i w_{y_i} \ell_i}{\sum_i w_{y_i}}.

    Smoothed, a target says :math:`(1-\varepsilon) \ln p(y) + \varepsilon\,\tfrac1K \sum_k \ln p(k)`.

    Args:
        weight: of each class, none negative; None: all alike.
        ignore_index: examples of this class do not count; the minibatch in which none does moves nothing.
        label_smoothing: ε, in [0, 1].

    Raises:
        ValueError: weights that are negative or not finite, ε out of its range, or both at once.
    """

    weight: Sequence[float] | None = None
    ignore_index: int = -100
    label_smoothing: float = 0.0

    def __post_init__(self):
        if self.weight is not None:
            object.__setattr__(self, "weight", tuple(float(w) for w in self.weight))
            if not all(0 <= w < math.inf for w in self.weight) or not any(self.weight):
                raise ValueError(f"class weights must be finite, none negative, got {self.weight}")
        if not 0 <= self.label_smoothing <= 1:
            raise ValueError(f"label_smoothing must be in [0, 1], got {self.label_smoothing}")
        if self.weight is not None and self.label_smoothing:
            raise ValueError("class weights and label smoothing at once: choose one of them")

    def _known(self, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Which examples count, (..., B), and their classes; the others have class 0."""
        counted = targets != self.ignore_index
        return counted, targets.where(counted, 0)

    def log_prob(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Nats, (..., N, B), for logits, (..., N, K, B), and classes, (..., B); 0 where one is ignored."""
        counted, classes = self._known(targets)
        log_probs, eps = outputs.log_softmax(-2), self.label_smoothing
        found = log_probs.gather(-2, _index(outputs, classes)).squeeze(-2)
        if eps:
            found = (1 - eps) * found + eps * log_probs.mean(-2)
        return found.where(counted.unsqueeze(-2), 0)

    def with_slope(self, outputs: torch.Tensor, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The log-probabilities, and the derivative of minus them by the logits, (..., N, K, B)."""
        counted, classes = self._known(targets)
        index, eps = _index(outputs, classes), self.label_smoothing
        slope = outputs.softmax(-2).sub_(eps / outputs.shape[-2])
        slope.scatter_add_(-2, index, slope.new_full((), eps - 1).expand_as(index))
        return self.log_prob(outputs, targets), slope.where(counted.unsqueeze(-2).unsqueeze(-2), 0)

    def example_weights(self, targets: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
        """How much each example counts, (..., B)."""
        counted, classes = self._known(targets)
        if self.weight is None:
            return counted.to(dtype)
        return _class_weights(self.weight, targets.device, dtype)[classes].where(counted, 0)

    def check(self, n_outputs: int, targets: torch.Tensor, n: int) -> None:
        """Refuse targets that are not ``n`` classes below ``n_outputs``, or ignored.

        Raises:
            ValueError: another shape or type, a class out of range, another number of class weights.
        """
        if self.weight is not None and len(self.weight) != n_outputs:
            raise ValueError(f"the heads have {n_outputs} classes, weight has {len(self.weight)}")
        super().check(n_outputs, self._known(targets)[1], n)


@functools.lru_cache(maxsize=16)
def _class_weights(weight: tuple[float, ...], device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    return torch.tensor(weight, dtype=torch.float64).to(device, dtype)


def example_shares(likelihood: Likelihood, targets: torch.Tensor, dtype: torch.dtype) -> torch.Tensor | None:
    """The share of each example in a mean, (..., B), with sum one, or zero if none counts; None: alike."""
    if not hasattr(likelihood, "example_weights"):
        return None
    weights = likelihood.example_weights(targets, dtype)
    return weights / weights.sum(-1, keepdim=True).clamp_min(torch.finfo(dtype).tiny)


def amount_of(likelihood: Likelihood, targets: torch.Tensor, z: torch.Tensor) -> float | torch.Tensor:
    """How much a minibatch with features (B, d) counts: its examples, or the sum of their weights."""
    if not hasattr(likelihood, "example_weights"):
        return float(len(z))
    return likelihood.example_weights(targets, z.dtype).sum()


def in_closed_form(likelihood: Likelihood) -> bool:
    """Whether ``with_slope`` speaks for ``log_prob``: it does not if the latter was overridden later.

    >>> class Mine(Categorical):
    ...     def log_prob(self, outputs, targets):
    ...         return super().log_prob(outputs, targets) / 2
    >>> in_closed_form(Categorical()), in_closed_form(Mine())
    (True, False)
    """
    own = getattr(likelihood, "__dict__", {})
    if "log_prob" in own or "with_slope" in own:
        return "with_slope" in own
    return _class_in_closed_form(type(likelihood))


@functools.lru_cache(maxsize=64)
def _class_in_closed_form(kind: type) -> bool:
    if not callable(getattr(kind, "with_slope", None)):
        return False
    depth = {}
    for name in ("log_prob", "with_slope"):
        depth[name] = next((i for i, base in enumerate(kind.__mro__) if name in vars(base)), math.inf)
    return depth["with_slope"] <= depth["log_prob"]


def check_slope(likelihood: Likelihood, outputs: torch.Tensor, targets: torch.Tensor) -> None:
    """Refuse a closed form that is not the derivative of ``log_prob``.

    Args:
        likelihood: with ``with_slope``.
        outputs: (N, K, B).
        targets: that fit.

    Raises:
        ValueError: values or derivatives differ.
    """
    values, slope = likelihood.with_slope(outputs.clone(), targets)
    with torch.enable_grad():
        free = outputs.clone().requires_grad_()
        plain = likelihood.log_prob(free, targets)
        (expected,) = torch.autograd.grad(-plain.sum(), free)
    for found, right in ((values, plain.detach()), (slope, expected)):
        finite = right.isfinite()
        if not torch.allclose(found[finite], right[finite], rtol=1e-2, atol=1e-3):
            raise ValueError(
                f"with_slope of {type(likelihood).__name__} does not give its log_prob and the derivative of"
                " minus that: override both, or log_prob alone"
            )


LIKELIHOODS = {"categorical": Categorical, "gaussian": Gaussian}


def as_likelihood(likelihood: str | Likelihood) -> Likelihood:
    """The likelihood of that name, or the one given.

    Raises:
        ValueError: an unknown name, or an object without the methods of :class:`Likelihood`.
    """
    if isinstance(likelihood, str):
        if likelihood not in LIKELIHOODS:
            raise unknown("likelihood", likelihood, LIKELIHOODS)
        return LIKELIHOODS[likelihood]()
    if missing := [name for name in ("log_prob", "check") if not _callable(likelihood, name)]:
        raise ValueError(
            f"{likelihood!r} is no likelihood, it has no {' and no '.join(missing)}: give an object, such as"
            " CrossEntropy(label_smoothing=0.1) for the options of torch's cross_entropy"
        )
    return likelihood


def _callable(likelihood: Any, name: str) -> bool:
    return not isinstance(likelihood, type) and callable(getattr(likelihood, name, None))
