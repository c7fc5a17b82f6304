"""Which units of a trained network could start over without loss.

Source: P. Wolinski, *Structural learning of neural networks*, 2020, chapter on Alrao: "least useful units".
"""

from itertools import pairwise

import torch
from torch import nn

from startright.models.layers import Layer


@torch.no_grad()
def reset_units(
    module: nn.Module, initial: dict[str, torch.Tensor], layer: Layer, units: torch.Tensor
) -> None:
    """Give some units of a layer back the weights, the bias and the normalisation that they started with.

    Args:
        module: changed in place.
        initial: its ``state_dict`` before training.
        layer: which layer.
        units: which of its units, a mask, (units,).

    Raises:
        ValueError: a mask of another size.
    """
    size = len(module.get_submodule(layer.name).weight)
    if units.shape != (size,):
        raise ValueError(f"layer {layer.name} has {size} units, the mask {tuple(units.shape)}")
    state = module.state_dict()
    for owner in (layer.name, layer.norm):
        for name, value in state.items():
            if owner is not None and name.rpartition(".")[0] == owner and value.shape[:1] == (size,):
                value[units] = initial[name][units].to(value)


def rate_bins(rates: torch.Tensor, edges: tuple[float, ...]) -> list[torch.Tensor]:
    """Masks of the units, (units,), whose rate lies between each two consecutive edges.

    >>> [mask.tolist() for mask in rate_bins(torch.tensor([0.5, 5.0]), (0.1, 1.0, 10.0))]
    [[True, False], [False, True]]
    """
    rates, bounds = rates.flatten(), list(pairwise(edges))
    last = bounds[-1][1]
    return [(rates >= low) & ((rates < high) | (high == last)) for low, high in bounds]
