"""The layers of a network that have units, one after the other, with what belongs to them."""

from typing import NamedTuple

from torch import Tensor, nn
from torch.nn.modules.lazy import LazyModuleMixin

#: Layers with a weight a pair of input and unit, the units first.
WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
#: Wrappers of a network for several processes or devices, by name; what they hold may not change behind them.
PARALLEL = ("DistributedDataParallel", "DataParallel", "FullyShardedDataParallel")
#: Normalisations with two numbers a unit.
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class Layer(NamedTuple):
    """A layer with units, and the normalisation after it if there is one."""

    name: str
    norm: str | None


def layers(module: nn.Module) -> list[Layer]:
    """The linear and convolutional layers in order, each with the batch normalisation that follows it.

    >>> layers(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU(), nn.Linear(3, 1)))
    [Layer(name='0', norm='1'), Layer(name='3', norm=None)]
    """
    found: list[Layer] = []
    for name, part in module.named_modules():
        if isinstance(part, WEIGHTED):
            found.append(Layer(name, None))
        elif isinstance(part, NORMS) and found and found[-1].norm is None:
            same = part.num_features == len(module.get_submodule(found[-1].name).weight)
            found[-1] = found[-1]._replace(norm=name if same else None)
    return found


def fan_in(layer: nn.Module) -> int:
    """Inputs of one output of a linear or convolutional layer (channels times kernel size).

    >>> fan_in(nn.Conv2d(3, 8, 5))
    75
    """
    return layer.weight[0].numel()


def why_not_plain(layer: nn.Module) -> str | None:
    """Why what is written to the weight of a layer would not be its weight in the next pass; None if it is.

    A weight is plain if it is a floating-point parameter of the layer itself, with values, whole, on one
    process.
    """
    if isinstance(layer, LazyModuleMixin) and layer.has_uninitialized_params():
        return "it has no weight before its first forward pass: run one"
    if not isinstance(layer._parameters.get("weight"), Tensor):
        return (
            "its weight is computed in every forward pass (weight or spectral normalisation, pruning, a"
            " parametrization): remove that first"
        )
    if hasattr(layer.weight, "device_mesh"):
        return "its weight is spread over processes: change the network first"
    if not layer.weight.is_floating_point():
        return f"its weight is {str(layer.weight.dtype).removeprefix('torch.')}, not a real number"
    if layer.weight.is_meta:
        return "its weight is on the meta device, without values: use to_empty first"
    return None


def fan_out(layer: nn.Module) -> int:
    """Outputs that one input of a linear or convolutional layer feeds (channels times kernel size).

    >>> fan_out(nn.Conv2d(3, 8, 5))
    200
    """
    units, *_ = layer.weight.shape
    return units // getattr(layer, "groups", 1) * layer.weight[0, 0].numel()
