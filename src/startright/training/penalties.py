r"""Penalties on the weights: a term of the loss, or a proximal step after that of the optimizer.

A penalty sees the weights of many runs, (runs, ...), and has one strength λ for all or one a run. What is
smooth joins the loss. What is not, and makes exact zeros, acts after each step of size η by

.. math:: \mathrm{prox}_{\eta\lambda r}(w) = \arg\min_v \tfrac12\lVert v - w\rVert^2 + \eta\lambda\, r(v)
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from startright.errors import number

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
        factors: name of a parameter → its own factor of λ; with them, those that are named are penalised,
            and ``select`` says nothing.
        in_loss: join the loss with a subgradient and leave out the proximal step. Momentum and Adam then keep
            the balance of loss and penalty; a proximal step of size η beside a momentum m weighs 1 − m of λ.

    Raises:
        ValueError: a strength or a factor that is negative or no number, or factors without a name.
    """

    strength: float | tuple[float, ...]
    select: Select = weights
    factors: Mapping[str, float] | None = None
    in_loss: bool = False

    def __post_init__(self):
        several = isinstance(self.strength, Sequence) and not isinstance(self.strength, str)
        if several:
            object.__setattr__(self, "strength", tuple(self.strength))
        for value in self.strength if several else (self.strength,):
            if not 0 <= number(value) < torch.inf:
                raise ValueError(
                    "the strength of a penalty must be at least 0 and finite, a number or a tuple of one a"
                    f" run, got {value!r}"
                )
        if self.factors is not None and not self.factors:
            raise ValueError("factors name no parameter: leave them out, or name what is penalised")
        for name, value in (self.factors or {}).items():
            if not 0 <= number(value) < torch.inf:
                raise ValueError(f"the factor of {name!r} must be at least 0 and finite, got {value!r}")

    def keep(self, rows: Sequence[int]) -> "Penalty":
        """The penalty of these of the runs alone."""
        if not isinstance(self.strength, tuple):
            return self
        return replace(self, strength=tuple(self.strength[row] for row in rows))

    def value(self, parameters: Parameters) -> torch.Tensor:
        """What joins the loss of each run, (runs,); 0 of a penalty that acts by its proximal step."""
        return self.total(parameters) if self.in_loss else torch.zeros(())

    def prox(self, parameters: Parameters, rates: torch.Tensor | float) -> None:
        """Move the parameters, (runs, ...), in place, after a step of the given size, or sizes, (runs,)."""

    def total(self, parameters: Parameters) -> torch.Tensor:
        """λr of each run, (runs,), however the penalty acts; its gradient is that of a subgradient step."""
        terms = [self._term(name, w) for name, w in self._selected(parameters).items()]
        return torch.stack(terms).sum(0) if terms else torch.zeros(())

    def __call__(self, model: nn.Module) -> torch.Tensor:
        """λr of a model's trainable parameters, a scalar to be added to a loss in a loop of one's own.

        Raises:
            ValueError: one strength a run, a factor of a parameter that the model does not train, or nothing
                that is trained and penalised.
        """
        if isinstance(self.strength, tuple):
            raise ValueError(f"one model takes one strength of the penalty, got {self.strength}")
        for name, p in model.named_parameters():
            if nn.parameter.is_lazy(p):
                raise ValueError(f"{name!r} has no values yet: pass a batch through the model first")
        trained = {name: p[None] for name, p in model.named_parameters() if p.requires_grad}
        if missing := sorted(set(self.factors or ()) - set(trained)):
            raise ValueError(f"the model trains no {missing[0]!r}: make the penalty for this very model")
        if not self._selected(trained):
            raise ValueError(
                f"{type(model).__name__} trains nothing that this {type(self).__name__} selects, so it would"
                " be 0: unfreeze the weights, or choose them by select="
            )
        return self.total(trained).sum()

    def _term(self, name: str, values: torch.Tensor) -> torch.Tensor:
        """λr of one parameter, (runs,)."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it is: use L2, L1 or GroupLasso")

    def _selected(self, parameters: Parameters) -> dict[str, torch.Tensor]:
        if self.factors is not None:
            chosen = {name: values for name, values in parameters.items() if name in self.factors}
        else:
            chosen = {name: values for name, values in parameters.items() if self.select(name, values)}
        for name, values in chosen.items():
            if not values.is_floating_point():
                kind = str(values.dtype).removeprefix("torch.")
                raise ValueError(f"{name!r} is {kind}: a penalty is of real weights, leave it out by select=")
        return chosen

    def _check_runs(self, like: torch.Tensor) -> None:
        """Refuse another number of strengths than of runs, (runs, ...)."""
        if isinstance(self.strength, tuple) and len(self.strength) != len(like):
            raise ValueError(
                f"the penalty has {len(self.strength)} strengths for {len(like)} runs: give one, or one a run"
            )

    def _column(self, name: str, like: torch.Tensor) -> torch.Tensor | float:
        """λ, or (runs, 1, ...) of them, to go with parameters of that shape; one λ is never copied there."""
        self._check_runs(like)
        factor = 1.0 if self.factors is None else self.factors[name]
        if isinstance(self.strength, tuple):
            return _column(like.new_tensor([factor * strength for strength in self.strength]), like)
        return factor * self.strength


class L2(Penalty):
    r"""Half the sum of the squares, :math:`r(w) = \tfrac12 \lVert w \rVert^2`, in the loss."""

    def value(self, parameters: Parameters) -> torch.Tensor:
        """λr of each run, (runs,)."""
        return self.total(parameters)

    def _term(self, name: str, values: torch.Tensor) -> torch.Tensor:
        return (self._column(name, values) * values.square() / 2).flatten(1).sum(1)


class L1(Penalty):
    r"""The sum of the sizes, :math:`r(w) = \lVert w \rVert_1`, by soft thresholds: small weights become 0."""

    @torch.no_grad()
    def prox(self, parameters: Parameters, rates: torch.Tensor | float) -> None:
        """Every weight moves by ηλ towards 0, and stops there; none does of a penalty in the loss."""
        if self.in_loss:
            return
        for name, w in self._selected(parameters).items():
            w.copy_(w.sign() * (w.abs() - _column(rates, w) * self._column(name, w)).clamp_min(0))

    def _term(self, name: str, values: torch.Tensor) -> torch.Tensor:
        return (self._column(name, values) * values.abs()).flatten(1).sum(1)


@dataclass(frozen=True)
class GroupLasso(Penalty):
    r"""The norms of groups, :math:`r(w) = \sum_u \sqrt{n_u}\,\lVert w_u \rVert`: they become 0 as a whole.

    :math:`w_u` are the :math:`n_u` weights of a unit, a row of a matrix or a kernel of a convolution; or, by
    columns, all the weights that one input is multiplied by.

    Args:
        strength: as in :class:`Penalty`.
        select: likewise.
        factors: likewise.
        in_loss: likewise.
        weighted: whether a group counts :math:`\sqrt{n_u}` times, or once.
        columns: name of a parameter → the number of blocks of its convolution (1 of any other): its groups
            are the entries of the second axis, in each block, where they are otherwise those of the first.

    Source: M. Yuan and Y. Lin, *Model selection and estimation in regression with grouped variables*, 2006.
    """

    weighted: bool = True
    columns: Mapping[str, int] | None = None

    @torch.no_grad()
    def prox(self, parameters: Parameters, rates: torch.Tensor | float) -> None:
        r"""Every group shrinks by the factor :math:`\max(0, 1 - \eta\lambda\sqrt{n_u}/\lVert w_u\rVert)`."""
        if self.in_loss:
            return
        for name, w in self._selected(parameters).items():
            rows = self._groups(name, w)
            norms = rows.norm(dim=2, keepdim=True)
            limit = _column(rates, rows) * self._column(name, rows) * self._size(rows)
            shrunk = rows * torch.where(norms > limit, 1 - limit / norms, 0)
            w.copy_(self._back(name, shrunk, w))

    def _term(self, name: str, values: torch.Tensor) -> torch.Tensor:
        rows = self._groups(name, values)
        norms = torch.linalg.vector_norm(rows, dim=2)  # its gradient at 0 is 0
        return (self._column(name, norms) * norms * self._size(rows)).sum(1)

    def _size(self, rows: torch.Tensor) -> float:
        return rows.shape[2] ** 0.5 if self.weighted else 1.0

    def _groups(self, name: str, w: torch.Tensor) -> torch.Tensor:
        """The weights as (runs, groups, weights of each)."""
        if name not in (self.columns or {}):
            return w.flatten(2)
        if w.shape[1] % self.columns[name]:
            raise ValueError(
                f"{name!r} has {w.shape[1]} rows, no whole number in {self.columns[name]} blocks"
            )
        blocks = w.unflatten(1, (self.columns[name], -1)).transpose(2, 3)  # second axis before the first
        return blocks.flatten(1, 2).flatten(2)

    def _back(self, name: str, rows: torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """Groups in the shape of the parameter they are from."""
        if name not in (self.columns or {}):
            return rows.view_as(like)
        blocks, second = self.columns[name], like.shape[2]
        inner = rows.view(len(like), blocks, second, like.shape[1] // blocks, *like.shape[3:])
        return inner.transpose(2, 3).flatten(1, 2)


def _column(values: torch.Tensor | float, like: torch.Tensor) -> torch.Tensor | float:
    """One value a run as (runs, 1, ...); a number as it is."""
    return values if isinstance(values, float | int) else values.view(-1, *[1] * (like.dim() - 1))
