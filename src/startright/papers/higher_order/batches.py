"""Mini-batches of any form, and what each counts for in the loss of all.

A mean over examples is the mean of the means of mini-batches, weighted by what each of them was divided by.
That is the number of examples for most losses, but not with ignored targets or weighted classes, and no such
weights exist for a root of a mean. Nothing is assumed: the loss of joined batches is looked at.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_flatten, tree_leaves, tree_unflatten

from startright.papers.higher_order.steady import outputs_of, steady

LossOfOutputs = Callable[[Any, Any], torch.Tensor]
REMEDY = "pass weights=, what the loss of each mini-batch counts for"


class Batch(NamedTuple):
    """Inputs and targets; see :func:`~startright.higher_order.steady.outputs_of` for the inputs' forms."""

    x: Any
    y: Any


def as_batches(data: Any) -> list[Batch]:
    """One mini-batch (x, y), or an iterable of them, as a list.

    Raises:
        ValueError: no data, an empty mini-batch, or one that is not of inputs and targets.
    """
    if isinstance(data, Mapping):
        _refuse(data)
    one = isinstance(data, tuple | list) and len(data) == 2
    if one and (
        isinstance(data[0], torch.Tensor | Mapping)
        or hasattr(data[0], "_fields")
        or (isinstance(data[0], tuple | list) and isinstance(data[1], torch.Tensor))
    ):
        data = [data]
    batches = []
    for batch in data:
        if isinstance(batch, Mapping) or not (isinstance(batch, Sequence) and len(batch) == 2):
            _refuse(batch)
        batches.append(Batch(*batch))
    if not batches or any(_is_empty(batch) for batch in batches):
        raise ValueError("data must be a mini-batch (x, y), or one or more of them, none empty")
    return batches


def _refuse(batch: object) -> None:
    raise ValueError(
        f"a mini-batch is a pair (x, y) of inputs and targets, one or more of them, not"
        f" {type(batch).__name__}: x may be a tensor, a tuple of arguments or a dictionary of arguments"
    )


def _is_empty(batch: Batch) -> bool:
    found = [leaf for leaf in tree_leaves(tuple(batch)) if isinstance(leaf, torch.Tensor)]
    return not found or any(not leaf.numel() for leaf in found)


def weights_of(
    batches: list[Batch], model: nn.Module, loss: LossOfOutputs, weights: Iterable[float] | None = None
) -> list[float]:
    """What each mini-batch counts for: with sum 1, or 1 each if the loss is a sum itself.

    Args:
        batches: as from :func:`as_batches`.
        model: whose outputs the loss is of.
        loss: of outputs and targets, a mean or a sum over examples.
        weights: given by the user, taken in proportion; 0 leaves a mini-batch out.

    Raises:
        ValueError: weights that do not fit, or a loss whose weights cannot be told.
    """
    if weights is not None:
        return _given(list(weights), len(batches))
    if len(batches) == 1:
        return [1.0]
    with torch.no_grad():
        seen = [_divided(model, loss, batch) for batch in batches]
        if all(divisor is not None for _, divisor in seen):
            return _shares([divisor for _, divisor in seen])
        return _compared(batches, [value for value, _ in seen], model, loss)


def _given(weights: list[float], count: int) -> list[float]:
    weights = [float(weight) for weight in weights]
    good = all(math.isfinite(weight) and weight >= 0 for weight in weights) and sum(weights) > 0
    if len(weights) != count or not good:
        raise ValueError(f"{count} mini-batches need as many weights, none negative, got {weights}")
    return _shares(weights)


def _shares(weights: list[float]) -> list[float]:
    if not sum(weights):
        raise ValueError("no mini-batch counts for anything: is every target ignored?")
    return [weight / sum(weights) for weight in weights]


class _Divisor(TorchFunctionMode):
    """Notes what the mean of a cross-entropy is divided by, and which tensor that gave."""

    def __init__(self):
        super().__init__()
        self.found: tuple[torch.Tensor, float] | None = None

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        y = func(*args, **kwargs)
        if func in (F.cross_entropy, F.nll_loss) and y.dim() == 0:
            divisor = _divisor(*args, **kwargs)
            self.found = None if divisor is None else (y, divisor)
        return y


def _divisor(  # noqa: PLR0917
    input, target, weight=None, size_average=None, ignore_index=-100, reduce=None, reduction="mean", **_
) -> float | None:
    """Of ``cross_entropy`` and ``nll_loss``; None for a sum."""
    if reduction != "mean" or size_average is False or reduce is False:
        return None
    if target.is_floating_point():  # probabilities of classes, which come first without a batch axis
        classes = input.shape[1 if input.dim() > 1 else 0]
        return target.numel() / classes
    counted = target[target != ignore_index]
    return float(len(counted) if weight is None else weight[counted].sum())


def _divided(model: nn.Module, loss: LossOfOutputs, batch: Batch) -> tuple[torch.Tensor, float | None]:
    """The loss of a mini-batch, and what it was divided by if that can be seen."""
    mode = _Divisor()

    def of_params(params: Mapping[str, torch.Tensor]) -> torch.Tensor:
        outputs = outputs_of(model, params, batch.x)
        with mode:
            return loss(outputs, batch.y)

    value = steady(of_params)(dict(model.named_parameters()))
    known = mode.found is not None and mode.found[0] is value
    return value, mode.found[1] if known else None


def _compared(batches: list[Batch], values: list, model: nn.Module, loss: LossOfOutputs) -> list[float]:
    """Sizes, or ones for a sum, if the losses of joined mini-batches bear them out."""
    sizes, ones = [_size(batch) for batch in batches], [1.0] * len(batches)
    if None in sizes:
        if len({_shapes(batch) for batch in batches}) == 1:  # single examples, or a batch axis elsewhere
            return _shares(ones)
        raise ValueError(f"mini-batches of several shapes do not say how many examples they have: {REMEDY}")
    ways = {"mean": sizes, "sum": ones}
    for k in sorted({*range(0, len(batches) - 1, 2), len(batches) - 2}):
        joined = _joined(batches[k], batches[k + 1])
        if joined is None:
            raise ValueError(f"mini-batches {k} and {k + 1} cannot be joined to see how they count: {REMEDY}")
        whole, n, parts = loss(outputs_of(model, {}, joined.x), joined.y), sizes[k : k + 2], values[k : k + 2]
        near = 256 * torch.finfo(whole.dtype).eps * sum(abs(part) for part in parts)
        if not abs(whole - sum(parts)) <= near:
            ways.pop("sum", None)
        if not abs(whole - (n[0] * parts[0] + n[1] * parts[1]) / sum(n)) <= near:
            ways.pop("mean", None)
        if not ways:
            raise ValueError(
                f"the loss of the mini-batches {k} and {k + 1} together is {float(whole):.6g}, and no mean of"
                f" theirs, {float(parts[0]):.6g} and {float(parts[1]):.6g}, by numbers of examples: {REMEDY}"
            )
    return _shares(sizes) if "mean" in ways else ones


def _size(batch: Batch) -> int | None:
    """How many examples, None if inputs and targets do not say the same."""
    leaves = [leaf for leaf in tree_leaves(tuple(batch)) if isinstance(leaf, torch.Tensor)]
    sizes = {len(leaf) if leaf.dim() else None for leaf in leaves}
    return None if len(sizes) > 1 or hasattr(batch.x, "_fields") else sizes.pop()


def _shapes(batch: Batch) -> tuple:
    return tuple(getattr(leaf, "shape", None) for leaf in tree_leaves(tuple(batch)))


def _joined(one: Batch, other: Batch) -> Batch | None:
    """Both in one, along the first axis; None if they do not fit."""
    (left, spec), (right, same) = tree_flatten(tuple(one)), tree_flatten(tuple(other))
    if spec != same:
        return None
    leaves = []
    for a, b in zip(left, right, strict=True):
        if not isinstance(a, torch.Tensor):
            leaves.append(a)
        elif a.shape[1:] == b.shape[1:]:
            leaves.append(torch.cat([a, b]))
        else:
            return None
    return Batch(*tree_unflatten(leaves, spec))
