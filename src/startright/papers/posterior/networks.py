"""The networks of the experiments, their initial law the prior, and what augments their images."""

import torch
from torch import Tensor, nn

from startright.data import random_crop
from startright.errors import unknown
from startright.models import MLP
from startright.models.init import init_gaussian_
from startright.models.variational import GaussianPrior, variational_

NETWORKS = ("mlp", "cnn")
AUGMENTATIONS = ("none", "shift", "twice")


def network(name: str, generator: torch.Generator, std: float = 0.02) -> nn.Module:
    r"""A variational network: initial means :math:`N(0, 1/\text{fan-in})`, which is the prior, too.

    Convolutions sample one kernel a pass, the linear layers noise of their outputs: both are exact.

    Args:
        name: ``"mlp"``, 64 inputs and one hidden layer of 32 tanh; ``"cnn"``, images of 28 × 28
            averaged to 14 × 14, two convolutions of stride 2 with 8 and 16 maps and ReLU, and a linear layer.
        generator: of the initial means.
        std: the first standard deviation of all weights.

    Raises:
        ValueError: an unknown name.
    """
    if name not in NETWORKS:
        raise unknown("network", name, NETWORKS)
    if name == "mlp":
        net = MLP((64, 32, 10), nn.Tanh)
    else:
        maps = [nn.AvgPool2d(2), nn.Conv2d(1, 8, 5, stride=2, padding=2), nn.ReLU()]
        maps += [nn.Conv2d(8, 16, 3, stride=2, padding=1), nn.ReLU()]
        net = nn.Sequential(*maps, nn.Flatten(), nn.Linear(16 * 4 * 4, 10))
    init_gaussian_(net, 1.0, generator=generator)
    example = torch.zeros(2, 1, 8, 8) if name == "mlp" else torch.zeros(2, 1, 28, 28)
    return variational_(net, GaussianPrior("glorot"), std=std, example=example)


def shift(x: Tensor, generator: torch.Generator) -> Tensor:
    """Images moved by up to a fourteenth of their side, one pixel at least; what enters is background."""
    background = x.min()
    return random_crop(x - background, max(1, x.shape[-1] // 14), generator) + background
