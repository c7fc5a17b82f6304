"""Gaussian weights at initialisation."""

import torch
from torch import nn

from startright.models.layers import WEIGHTED, fan_in


@torch.no_grad()
def init_gaussian_(
    module: nn.Module, sigma_w2: float, sigma_b2: float = 0.0, generator: torch.Generator | None = None
) -> nn.Module:
    r"""Gaussian weights of variance $\sigma_w^2$/fan-in, biases of variance $\sigma_b^2$, in place.

    Args:
        module: any network with linear or convolutional layers; its activations stay.
        sigma_w2: e.g. 2 for ReLU (He), 1.46 for tanh near the Edge of Chaos.
        sigma_b2: e.g. 0 and 0.013.
        generator: on the device of the weights; torch's default stream if absent.

    Returns:
        ``module``.

    Raises:
        ValueError: a negative variance, or no layer.
    """
    if not (sigma_w2 >= 0 and sigma_b2 >= 0):
        raise ValueError(f"variances must not be negative, got {sigma_w2!r} and {sigma_b2!r}")
    layers = [layer for layer in module.modules() if isinstance(layer, WEIGHTED)]
    if not layers:
        raise ValueError(f"{type(module).__name__} has no linear or convolutional layer to initialise")
    for layer in layers:
        layer.weight.normal_(0, (sigma_w2 / fan_in(layer)) ** 0.5, generator=generator)
        if layer.bias is not None:
            layer.bias.normal_(0, sigma_b2**0.5, generator=generator)
    return module
