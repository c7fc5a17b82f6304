"""Units really taken out of a network: smaller tensors, the same function, a training that goes on.

:func:`~startright.models.surgery_walk.chain` looks at a pass and says of which layers units can be taken
out, and why not of the others;
:func:`remove_` takes them out: rows of the layer, entries of its normalisation, columns of the layers that
take them (behind a flattening, all positions of a channel), and the same of gradients and of the optimizer's
state. What remains keeps its scaling σ.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from startright.errors import unknown
from startright.models.functional import call_at
from startright.models.passes import tensors
from startright.models.surgery_cut import Operation, kept_entries, positions, state_cuts
from startright.models.surgery_fold import constant_units, shares
from startright.models.surgery_load import remember, remember_state
from startright.models.surgery_walk import Chain, Part, Site, arguments, chain
from startright.models.untouched import plainly

__all__ = ["Chain", "Part", "Removal", "Site", "chain", "remove_"]

#: How far outputs may lie apart, relative to the largest.
CLOSE = {torch.float32: 1e-5, torch.float64: 1e-10}


@dataclass(frozen=True)
class Removal:
    """What :func:`remove_` did.

    Attributes:
        kept: name → mask of the units that stayed, (units before,).
        widths: name → units before and after, of each layer named.
        difference: the largest change of an output on the example, in evaluation mode, relative to the
            largest output.
        exact: whether no input can tell: all that the units gave to later layers was zero, or folded.
        folded: name → indices of the units whose constant went into later biases.
    """

    kept: Mapping[str, Tensor]
    widths: Mapping[str, tuple[int, int]]
    difference: float
    exact: bool
    folded: Mapping[str, tuple[int, ...]]


def remove_(
    model: nn.Module,
    kept: Mapping[str, Tensor],
    optimizer: torch.optim.Optimizer | None = None,
    *,
    example: Any,
    fold: bool = False,
) -> Removal:
    r"""Take units out of some layers, in place.

    The smaller network is compared with the whole one in which the units give nothing to later layers: on the
    example they must agree to :math:`10^{-10}` of the largest output in float64, or to :math:`10^{-5}` where
    the pass allows float32 alone. Otherwise, and on every refusal, the network and the optimizer are as they
    were.

    Args:
        model: the network, in float32 or float64.
        kept: name of a layer → mask of the units that stay, bool, (units,).
        optimizer: whose state loses the same entries; its parameters remain the same objects.
        example: an input of two examples or more: a tensor, a tuple of arguments, or a dict of them by name.
        fold: whether units that say the same to every input, because their weights or the scale of their
            normalisation are zero, leave this constant in the biases of the layers that took it.

    Returns:
        What was done, and how much the outputs changed.

    Raises:
        ValueError: a layer that cannot lose units (the message says why), or would lose all; a mask of
            another kind; an optimizer whose state cannot be divided; a constant that no bias can hold;
            outputs that are not finite.
        RuntimeError: the outputs do not agree: the pass uses sizes or weights in a way that was not seen.

    >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> done = remove_(net, {"0": torch.tensor([True, False, True])}, example=torch.ones(2, 4))
    >>> net[2], done.widths
    (Linear(in_features=2, out_features=2, bias=True), {'0': (3, 2)})
    """
    if not isinstance(kept, Mapping):
        raise ValueError(f"kept must be a dict, name of a layer → mask of the units that stay, got {kept!r}")
    found = chain(model, example)
    masks = {name: _mask(name, mask, found) for name, mask in kept.items()}
    parts = dict(model.named_modules())
    gone = {name: (~mask).nonzero().flatten() for name, mask in masks.items()}
    folded = {name: _constant(found.sites[name], parts, gone[name]) for name in gone if fold}
    gained = shares(model, found.sites, folded, example)
    operation = Operation(parts, kept_entries(found.sites, masks), gained)
    state = state_cuts(model, optimizer, operation.cuts) if optimizer is not None else []
    outputs = _watcher(model, example)
    whole, expected = outputs({}), outputs(_silenced(found, parts, gone, gained))
    if not all(tensor.isfinite().all() for tensor in whole):
        raise ValueError("the network's outputs are not finite, so nothing could be compared")
    difference, exact = _distance(expected, whole), _without_effect(found, parts, gone, folded)
    if exact and not difference <= CLOSE[torch.float32]:  # a folded constant is as precise as the bias
        raise RuntimeError(f"{_SURPRISE} (relative distance {difference:.1e}, with nothing taken out)")
    _operate(operation, outputs, expected)
    for slots, key, value in state:
        slots[key] = value
    if optimizer is not None:
        remember_state(optimizer)
    widths = {name: (len(mask), int(mask.sum())) for name, mask in masks.items()}
    remember(model, {name: pair for name, pair in widths.items() if pair[0] != pair[1]})
    shown = {name: tuple(indices.tolist()) for name, indices in folded.items() if len(indices)}
    return Removal(masks, widths, difference, exact, shown)


def _mask(name: str, mask: Any, found: Chain) -> Tensor:
    """A mask as it is needed, on the CPU.

    Raises:
        ValueError: no layer of that name, one that cannot lose units, or a mask that does not fit.
    """
    if name in found.refused:
        raise ValueError(f"layer {name!r} cannot lose units: {found.refused[name]}")
    if name not in found.sites:
        raise unknown("layer", name, found.sites)
    units = found.sites[name].units
    try:
        mask = torch.as_tensor(mask).cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"the mask of layer {name!r} must be a bool tensor, got {mask!r}") from error
    if mask.dtype != torch.bool or mask.shape != (units,):
        kind = str(mask.dtype).removeprefix("torch.")
        raise ValueError(
            f"the mask of layer {name!r} must be bool of shape ({units},), true for what stays, not {kind}"
            f" of shape {tuple(mask.shape)}"
        )
    if not mask.any():
        raise ValueError(
            f"layer {name!r} would lose all of its {units} units, and nothing would get through: keep one or"
            " more, or take the layer out of the network"
        )
    return mask


def _constant(site: Site, parts: Mapping[str, nn.Module], gone: Tensor) -> Tensor:
    return gone[constant_units(site, parts).cpu()[gone]]


def _watcher(model: nn.Module, example: Any) -> Callable[[Mapping[str, Tensor]], list[Tensor]]:
    """A function from parameters, by name, to all that the network gives in evaluation mode with these.

    It computes in float64 where the pass and the device allow it: how the sums of a float32 pass are rounded
    depends on their length, so on the width.
    """

    def outputs(at: Mapping[str, Tensor], convert: Callable[[Any], Any] = _doubled) -> list[Tensor]:
        args, kwargs = arguments(example)
        own = {**dict(model.named_parameters()), **dict(model.named_buffers()), **at}
        with plainly(model):
            made = call_at(model, convert(own), convert(args), convert(kwargs))
            return [tensor.clone() for tensor in tensors(made)]

    try:
        outputs({})
    except Exception:  # float32 is written in the pass, or unknown to the device
        return lambda at: outputs(at, lambda values: values)
    return outputs


def _doubled(values: Any) -> Any:
    """Nested tensors of real numbers in float64."""
    if isinstance(values, Tensor):
        return values.double() if values.is_floating_point() else values.clone()
    if isinstance(values, dict):
        return {key: _doubled(value) for key, value in values.items()}
    if isinstance(values, tuple | list):
        return type(values)(map(_doubled, values))
    return values


def _silenced(
    found: Chain, parts: Mapping[str, nn.Module], gone: Mapping[str, Tensor], gained: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Parameters with which the units that go give nothing, beyond what biases have gained from them."""
    silent: dict[str, Tensor] = {}
    for name, indices in gone.items():
        for part in found.sites[name].consumers:
            key = f"{part.name}.weight".lstrip(".")
            weight = silent.get(key, parts[part.name].weight.detach()).clone()
            weight[:, positions(indices, part.factor).to(weight.device)] = 0
            silent[key] = weight
    for name, share in gained.items():
        silent[f"{name}.bias".lstrip(".")] = parts[name].bias.detach() + share
    return silent


def _without_effect(
    found: Chain, parts: Mapping[str, nn.Module], gone: Mapping[str, Tensor], folded: Mapping[str, Tensor]
) -> bool:
    """Whether the weights on every unit that goes are zero, or it is folded."""
    for name, indices in gone.items():
        others = indices[~torch.isin(indices, folded[name])] if name in folded else indices
        for part in found.sites[name].consumers:
            if parts[part.name].weight.detach()[:, positions(others, part.factor)].any():
                return False
    return True


_SURPRISE = "the pass uses sizes or weights in a way that was not seen: everything was left as it was"


def _operate(
    operation: Operation,
    outputs: Callable[[Mapping[str, Tensor]], list[Tensor]],
    expected: list[Tensor],
) -> None:
    """Cut, compare, and put everything back if the outputs are others.

    Raises:
        RuntimeError: they are.
    """
    try:
        operation.do()
        distance = _distance(outputs({}), expected)
    except BaseException as error:
        operation.undo()
        if isinstance(error, Exception):
            raise RuntimeError(f"{_SURPRISE} ({error})") from error
        raise
    if not distance <= max(CLOSE.get(output.dtype, 0.0) for output in expected):
        operation.undo()
        raise RuntimeError(f"{_SURPRISE} (relative distance {distance:.1e})")


def _distance(some: list[Tensor], others: list[Tensor]) -> float:
    """The largest difference of two entries, relative to the largest entry of the second."""
    if [tensor.shape for tensor in some] != [tensor.shape for tensor in others]:
        return float("inf")
    gap = max(
        ((a - b).abs().max().item() for a, b in zip(some, others, strict=True) if a.numel()), default=0.0
    )
    size = max((tensor.abs().max().item() for tensor in others if tensor.numel()), default=0.0)
    return gap / size if gap else gap
