"""Tensors without some of their entries, in place: parameters, buffers, gradients and an optimizer's state.

A parameter stays the object that it is, so that optimizers, schedulers and lists of parameters keep hold of
it.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from startright.models.layers import NORMS
from startright.models.passes import tensors
from startright.models.surgery_walk import Part, Site


class Kept(NamedTuple):
    """The entries of a module that stay: indices of its units and of its inputs; None for all of them."""

    units: Tensor | None = None
    inputs: Tensor | None = None


class Cut(NamedTuple):
    """A tensor of a module and the indices that stay along each of its axes; None for all."""

    module: str
    key: str
    tensor: Tensor
    axes: tuple[Tensor | None, ...]


def kept_entries(sites: Mapping[str, Site], masks: Mapping[str, Tensor]) -> dict[str, Kept]:
    """Name of a module → which of its units and inputs stay, given the masks of some sites, (units,) each."""
    kept: dict[str, Kept] = {}
    for name, mask in masks.items():
        site, indices = sites[name], mask.nonzero().flatten()
        for part in (Part(name), *site.norms, *site.depthwise):
            kept[part.name] = kept.get(part.name, Kept())._replace(units=positions(indices, part.factor))
        for part in site.consumers:
            kept[part.name] = kept.get(part.name, Kept())._replace(inputs=positions(indices, part.factor))
    return kept


def positions(indices: Tensor, factor: int) -> Tensor:
    """The entries of units that have ``factor`` of them each, one after another.

    >>> positions(torch.tensor([0, 2]), 3)
    tensor([0, 1, 2, 6, 7, 8])
    """
    return (indices[:, None] * factor + torch.arange(factor, device=indices.device)).flatten()


def cuts(parts: Mapping[str, nn.Module], kept: Mapping[str, Kept]) -> list[Cut]:
    """All tensors that lose entries."""
    found = []
    for name, (units, inputs) in kept.items():
        part = parts[name]
        for key, tensor in (*part._parameters.items(), *part._buffers.items()):
            if tensor is None or tensor.dim() == 0:
                continue
            matrix = key == "weight" and not isinstance(part, NORMS)
            axes = (units, inputs) if matrix else (inputs,) if key == "sigma" else (units,)
            if any(axis is not None for axis in axes):
                found.append(Cut(name, key, tensor, axes))
    return found


def without(tensor: Tensor, axes: Iterable[Tensor | None]) -> Tensor:
    """A copy of the entries that stay, in the same layout in memory."""
    last = tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last)
    for axis, indices in enumerate(axes):
        if indices is not None and tensor.shape[axis] > 1:  # of one entry: it stands for all units
            tensor = tensor.index_select(axis, indices.to(tensor.device))
    tensor = tensor.clone()
    return tensor.contiguous(memory_format=torch.channels_last) if last else tensor.contiguous()


class Operation:
    """What is done to a network, and how it is undone.

    Args:
        parts: the modules by name.
        kept: what stays of some of them.
        gained: what is added to the biases of some, before units are taken out.
    """

    def __init__(
        self, parts: Mapping[str, nn.Module], kept: Mapping[str, Kept], gained: Mapping[str, Tensor]
    ) -> None:
        self.parts, self.kept, self.gained = parts, kept, gained
        self.biases = {name: parts[name].bias.detach().clone() for name in gained}
        self.cuts = cuts(parts, kept)
        self.before = {name: _sizes(parts[name]) for name in kept}
        self.old: list[tuple[Cut, Tensor, Tensor | None]] = []

    def do(self) -> None:
        """Take the entries out."""
        for name, share in self.gained.items():
            self.parts[name].bias.data += share
        for cut in self.cuts:
            if isinstance(cut.tensor, nn.Parameter):
                grad = cut.tensor.grad
                self.old.append((cut, cut.tensor.data, grad))
                less = None if grad is None else without(grad, cut.axes)
                put(cut.tensor, without(cut.tensor.data, cut.axes), less)
            else:
                self.old.append((cut, cut.tensor, None))
                self.parts[cut.module]._buffers[cut.key] = without(cut.tensor, cut.axes)
        for name, kept in self.kept.items():
            _resize(self.parts[name], kept)

    def undo(self) -> None:
        """Put everything back."""
        for cut, data, grad in self.old:
            if isinstance(cut.tensor, nn.Parameter):
                put(cut.tensor, data, grad)
            else:
                self.parts[cut.module]._buffers[cut.key] = data
        for name, bias in self.biases.items():
            self.parts[name].bias.data.copy_(bias)
        for name, sizes in self.before.items():
            self.parts[name].__dict__.update(sizes)
        self.old.clear()


def put(parameter: nn.Parameter, data: Tensor, grad: Tensor | None) -> None:
    """Give a parameter values of another shape.

    A graph that is still alive, as that of the last loss, holds the node in which gradients are added up, and
    that holds the old shape; torch forgets the node only when the type of the values changes.
    """
    parameter.grad = None
    other = torch.float64 if data.dtype != torch.float64 else torch.float32
    parameter.data = torch.empty(0, dtype=other, device=data.device)
    parameter.data = data
    parameter.grad = grad


_SIZES = ("in_features", "out_features", "in_channels", "out_channels", "num_features", "groups")


def _sizes(part: nn.Module) -> dict[str, int]:
    return {key: part.__dict__[key] for key in _SIZES if key in part.__dict__}


def _resize(part: nn.Module, kept: Kept) -> None:
    depthwise = getattr(part, "groups", 1) > 1
    sizes = {"out": kept.units, "in": kept.units if depthwise else kept.inputs, "num": kept.units}
    for key in _sizes(part):
        indices = kept.units if key == "groups" and depthwise else sizes.get(key.split("_")[0])
        if indices is not None:
            setattr(part, key, len(indices))


def state_cuts(
    model: nn.Module, optimizer: torch.optim.Optimizer, cut: Iterable[Cut]
) -> list[tuple[dict, str, Tensor]]:
    """The optimizer's state of the parameters that are cut: (state of one, its key, what will stand there).

    Raises:
        ValueError: an optimizer that does not train the network; state, or a setting, of which nobody says
            what belongs to which entry.
    """
    kind = type(optimizer).__name__
    if not isinstance(optimizer, torch.optim.Optimizer):
        raise ValueError(f"the optimizer must be one of torch.optim, got {optimizer!r}")
    own = {id(parameter) for parameter in model.parameters()}
    groups: list[dict[str, Any]] = optimizer.param_groups
    if not any(id(parameter) in own for group in groups for parameter in group["params"]):
        raise ValueError(
            f"the {kind} trains no parameter of this {type(model).__name__}: was it made for a copy?"
        )
    settings = [(key, value, None) for group in groups for key, value in group.items() if key != "params"]
    slots = [(key, value, p) for p, state in optimizer.state.items() for key, value in state.items()]
    for key, value, parameter in (*settings, *slots):
        if any(t.numel() > 1 for t in tensors(value)) and not fits(value, parameter):
            raise ValueError(
                f"the {kind} keeps {key!r}, of which nobody says what belongs to which unit: make a new"
                " optimizer after the surgery"
            )
    return [
        (state, key, without(value, axes))
        for _, _, tensor, axes in cut
        if isinstance(tensor, nn.Parameter)
        for state in [optimizer.state.get(tensor, {})]
        for key, value in state.items()
        if isinstance(value, Tensor) and value.dim() == tensor.dim()
    ]


def fits(value: Any, parameter: Any) -> bool:
    """Whether a tensor has an entry for each of the parameter's, or one for all along some axis."""
    if not (isinstance(value, Tensor) and isinstance(parameter, Tensor) and value.dim() == parameter.dim()):
        return False
    return all(n in (1, m) for n, m in zip(value.shape, parameter.shape, strict=True))
