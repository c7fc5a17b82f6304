"""The layers of a network that have units, one after the other, with what belongs to them."""

from typing import NamedTuple

from torch import nn

#: Layers with a weight a pair of input and unit, the units first.
WEIGHTED = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
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
