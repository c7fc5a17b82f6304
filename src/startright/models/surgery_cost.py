"""What a pass costs: parameters, and multiplications with an addition."""

from typing import Any, NamedTuple

from torch import nn

from startright.models.passes import on_example, tensors
from startright.models.surgery_walk import arguments
from startright.models.untouched import plainly


class Cost(NamedTuple):
    """The size of a network.

    Args:
        parameters: numbers in its parameters, each counted once.
        macs: multiplications with an addition in a pass, for one example.
    """

    parameters: int
    macs: int


def cost(model: nn.Module, example: Any) -> Cost:
    """Count the parameters of a network and the multiplications of a pass, as torch's counter sees it.

    Matrix products and convolutions count, biases and activations do not.

    Args:
        model: the network; it is left as it was.
        example: an input, the examples first: a tensor, a tuple of arguments, or a dict of them by name.

    Raises:
        ValueError: an example that is empty, or on which the network does not run.

    >>> import torch
    >>> cost(nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(8, 5)), torch.zeros(7, 1, 4, 4))
    Cost(parameters=65, macs=112)
    """
    from torch.utils.flop_counter import FlopCounterMode  # noqa: PLC0415 (it brings the compiler's Triton along)

    args, kwargs = arguments(example)
    examples = next((len(t) for t in tensors((args, kwargs)) if t.dim()), 0)
    if not examples:
        raise ValueError("the example has no tensor, or is empty: give an input, the examples first")
    with plainly(model), on_example(model, (args, kwargs)), FlopCounterMode(display=False) as counter:
        model(*args, **kwargs)
    macs = counter.get_total_flops() // 2 // examples
    return Cost(sum(parameter.numel() for parameter in model.parameters()), macs)
