r"""Penalties on the weights: a term of the loss, or a proximal step after that of the optimizer.

A penalty sees the weights of many runs, (runs, ...), and has one strength λ for all or one a run. What is
smooth joins the loss. What is not, and makes exact zeros, acts after each step of size η by

.. math:: \mathrm{prox}_{\eta\lambda r}(w) = \arg\min_v \tfrac12\lVert v - w\rVert^2 + \eta\lambda\, r(v)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch

Parameters = Mapping[str, torch.Tensor]
Select = Callable[[str, torch.Tensor], bool]


def weights(name: str, values: torch.Tensor) -> bool:
    """Whether a parameter, (runs, ...), is a matrix or a kernel: no bias, no scale of a normalisation."""
    return values.dim() > 2


@dataclass(frozen=True)
class Penalty:
    r"""A strength :math:`\lambda` times a function r of some parameters.

    Args:
        strength: λ, not negative: a number, or one a run, (runs,).
        select: name and values, (runs, ...) → whether the parameter is penalised.

    Raises:
        ValueError: a strength that is negative or no number.
    """

    strength: float | tuple[float, ...]
    select: Select = weights

    def __post_init__(self):
        several = isinstance(self.strength, Sequence)
        if several:
            object.__setattr__(self, "strength", tuple(self.strength))
        for value in self.strength if several else (self.strength,):
            if not 0 <= value < torch.inf:
                raise ValueError(f"the strength of a penalty must be at least 0 and finite, got {value}")

    def keep(self, rows: Sequence[int]) -> "Penalty":
        """The penalty of these of the runs alone."""
        if not isinstance(self.strength, tuple):
            return self
        return replace(self, strength=tuple(self.strength[row] for row in rows))

    def value(self, parameters: Parameters) -> torch.Tensor:
        """What joins the loss of each run, (runs,); 0 of a penalty that acts by its proximal step."""
        return torch.zeros(())

    def prox(self, parameters: Parameters, rates: torch.Tensor | float) -> None:
        """Move the parameters, (runs, ...), in place, after a step of the given size, or sizes, (runs,)."""

    def _selected(self, parameters: Parameters) -> list[torch.Tensor]:
        return [values for name, values in parameters.items() if self.select(name, values)]

    def _column(self, like: torch.Tensor) -> torch.Tensor | float:
        """λ, or (runs, 1, ...) of them, to go with parameters of that shape; one λ is never copied there."""
        several = isinstance(self.strength, tuple)
        return _column(like.new_tensor(self.strength) if several else self.strength, like)


class L2(Penalty):
    r"""Half the sum of the squares, :math:`r(w) = \tfrac12 \lVert w \rVert^2`, in the loss."""

    def value(self, parameters: Parameters) -> torch.Tensor:
        """λr of each run, (runs,)."""
        terms = [(self._column(w) * w.square() / 2).flatten(1).sum(1) for w in self._selected(parameters)]
        return torch.stack(terms).sum(0) if terms else torch.zeros(())


class L1(Penalty):
    r"""The sum of the sizes, :math:`r(w) = \lVert w \rVert_1`, by soft thresholds: small weights become 0."""

    @torch.no_grad()
    def prox(self, parameters: Parameters, rates: torch.Tensor | float) -> None:
        """Every weight moves by ηλ towards 0, and stops there."""
        for w in self._selected(parameters):
            w.copy_(w.sign() * (w.abs() - _column(rates, w) * self._column(w)).clamp_min(0))


class GroupLasso(Penalty):
    r"""The norms of the units' rows, :math:`r(w) = \sum_u \sqrt{n_u}\,\lVert w_u \rVert`: units become 0.

    :math:`w_u` are the :math:`n_u` weights of a unit, a row of a matrix or a kernel of a convolution.

    Source: M. Yuan and Y. Lin, *Model selection and estimation in regression with grouped variables*, 2006.
    """

    @torch.no_grad()
    def prox(self, parameters: Parameters, rates: torch.Tensor | float) -> None:
        r"""Every row shrinks by the factor :math:`\max(0, 1 - \eta\lambda\sqrt{n_u}/\lVert w_u\rVert)`."""
        for w in self._selected(parameters):
            rows = w.flatten(2)  # (runs, units, weights of each)
            norms = rows.norm(dim=2, keepdim=True)
            limit = _column(rates, rows) * self._column(rows) * rows.shape[2] ** 0.5
            rows = rows * torch.where(norms > limit, 1 - limit / norms, 0)
            w.copy_(rows.view_as(w))


def _column(values: torch.Tensor | float, like: torch.Tensor) -> torch.Tensor | float:
    """One value a run as (runs, 1, ...); a number as it is."""
    return values if isinstance(values, float | int) else values.view(-1, *[1] * (like.dim() - 1))
