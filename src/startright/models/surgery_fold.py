"""Units that say the same to every input: their share goes into the biases of the layers that take them."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from startright.models.surgery_cut import positions
from startright.models.surgery_walk import Site, watch


def constant_units(site: Site, parts: Mapping[str, nn.Module]) -> Tensor:
    """Which units of a layer do not depend on the input in evaluation mode, (units,).

    Their weights are all zero, or the scale of a batch normalisation after them is.
    """
    layer = parts[site.name]
    constant = (layer.weight.detach().flatten(1) == 0).all(1)
    for part in site.norms:
        scale = parts[part.name].weight
        if scale is not None:
            constant = constant | (scale.detach().view(-1, part.factor) == 0).all(1)
    for part in site.depthwise:
        constant = constant | (parts[part.name].weight.detach().flatten(1) == 0).all(1)
    return constant


def shares(
    model: nn.Module, sites: Mapping[str, Site], gone: Mapping[str, Tensor], example: Any
) -> dict[str, Tensor]:
    """What constant units give to the layers that take them: consumer → what its bias gains, (outputs,).

    Args:
        model: the network.
        sites: of :func:`~startright.models.surgery_walk.chain`.
        gone: name → indices of constant units.
        example: as for :func:`~startright.models.surgery_walk.chain`.

    Raises:
        ValueError: a share that no bias can hold.
    """
    parts = dict(model.named_modules())
    inputs = watch(model, example, keep=True).inputs
    gained: dict[str, Tensor] = {}
    for name, indices in gone.items():
        for part in sites[name].consumers if len(indices) else ():
            share = _share(
                name, part.name, parts[part.name], inputs[part.name], positions(indices, part.factor)
            )
            if share is not None:
                gained[part.name] = gained.get(part.name, 0) + share
    return gained


@torch.no_grad()
def _share(name: str, consumer: str, layer: nn.Module, x: Tensor, entries: Tensor) -> Tensor | None:
    """What these entries of the inputs give to each output; None where they are all zero."""
    spatial = layer.weight.dim() - 2
    values = x.movedim(x.dim() - 1 - spatial, 0).flatten(1)[entries.to(x.device)]  # (entries, places)
    if not values.any():
        return None
    weight = layer.effective_weight() if hasattr(layer, "effective_weight") else layer.weight
    weight = weight.detach()[:, entries].flatten(2).sum(2) if spatial else weight.detach()[:, entries]
    if not torch.equal(values, values[:, :1].expand_as(values)):
        raise ValueError(
            f"units of {name!r} that have no input still vary where {consumer!r} takes them:"
            " a depthwise convolution with padding stands between; leave out fold=True"
        )
    if (
        spatial
        and getattr(layer, "padding_mode", "") == "zeros"
        and layer.padding not in (0, "valid", (0,) * spatial)
    ):
        raise ValueError(
            f"units of {name!r} are constant but not zero, and {consumer!r} pads them with zeros: at the"
            " border their share is no constant; leave out fold=True, or let it pad otherwise"
        )
    if layer.bias is None:
        raise ValueError(
            f"layer {consumer!r} has no bias to take what constant units of {name!r} give: add one"
        )
    return weight @ values[:, 0]
