"""The networks of the paper, at the initialisation of the authors' programs."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from startright.errors import unknown
from startright.models import MLP, VGG11
from startright.seeds import generator

ROOT_TWO = 2**0.5


@dataclass(frozen=True)
class Network:
    """How one network is made.

    Args:
        make: makes it, with whatever weights.
        sigma_w: standard deviation of its weights times the root of the fan-in.
        flat: whether it takes inputs of (n, features) instead of images.
        rebuilds: whether it is to give its inputs back; it then returns its own loss.
    """

    make: Callable[[], nn.Module]
    sigma_w: float = 1.0
    flat: bool = True
    rebuilds: bool = False


def lenet(n_classes: int = 10) -> nn.Sequential:
    """The LeNet of the paper, for colour images of 32 × 32, (n, 3, 32, 32): no padding, max pooling, tanh."""
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 5), nn.Tanh(), nn.MaxPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Tanh(), nn.MaxPool2d(2)),
        nn.Flatten(),
        MLP((16 * 5 * 5, 120, 84, n_classes), nn.Tanh),
    )


class AutoEncoder(nn.Module):
    """Layers down to a code and back, tanh between them, judged on the pixels they give back.

    Args:
        widths: from the pixels to the code.

    >>> net = AutoEncoder((64, 32, 8)).net
    >>> [layer.out_features for layer in net.layers if isinstance(layer, nn.Linear)]
    [32, 8, 32, 64]
    """

    def __init__(self, widths: tuple[int, ...]):
        super().__init__()
        self.net = MLP((*widths, *widths[-2::-1]), nn.Tanh)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Binary cross-entropy of each example in nats a pixel, (n, 1), for pixels in 0 to 1, (n, ...)."""
        logits = self.net(x)
        return (F.softplus(logits) - x * logits).mean(1, keepdim=True)


NETWORKS = {
    "tiny": Network(lambda: MLP((4, 5, 4, 3), nn.Tanh)),  # 64 parameters: its full Hessian is small
    "digits-mlp": Network(lambda: MLP((64, 40, 20, 10), nn.Tanh)),
    "digits-encoder": Network(lambda: AutoEncoder((64, 32, 8)), rebuilds=True),
    "digits-deep": Network(lambda: MLP((64, *[24] * 20, 10), nn.ELU), ROOT_TWO),
    "small-mlp": Network(lambda: MLP((784, 200, 100, 10), nn.Tanh)),
    "mlp": Network(lambda: MLP((784, 1024, 200, 100, 10), nn.Tanh)),
    "encoder": Network(lambda: AutoEncoder((784, 200, 100, 20)), rebuilds=True),
    "lenet": Network(lenet, flat=False),
    "vgg11": Network(VGG11, ROOT_TWO, flat=False),
    "deep-mlp": Network(lambda: MLP((784, *[64] * 20, 10), nn.ELU), ROOT_TWO),
    "big-mlp": Network(lambda: MLP((3072, *[1024] * 20, 10), nn.ELU), ROOT_TWO),
}


def network(name: str) -> Network:
    """The network of that name.

    Raises:
        ValueError: there is none.
    """
    if name not in NETWORKS:
        raise unknown("network", name, NETWORKS)
    return NETWORKS[name]


@torch.no_grad()
def fan_in_init(model: nn.Module, sigma_w: float, rng: torch.Generator) -> nn.Module:
    r"""Draw the weights of linear and convolutional layers anew, in place, and set their biases to 0.

    .. math:: W_{ij} \sim \mathcal N(0, \sigma_w^2 / n_{\mathrm{in}})

    Args:
        model: the network.
        sigma_w: :math:`\sigma_w`, positive.
        rng: of the draws, on the CPU.

    Returns:
        The model.

    Raises:
        ValueError: ``sigma_w`` is not positive.

    Source: the authors' programs.
    """
    if not sigma_w > 0:
        raise ValueError(f"sigma_w must be positive, got {sigma_w}")
    for layer in model.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d):
            fan_in = layer.weight[0].numel()
            draw = torch.randn(layer.weight.shape, generator=rng, dtype=layer.weight.dtype)
            layer.weight.copy_(draw * (sigma_w / fan_in**0.5))
            if layer.bias is not None:
                layer.bias.zero_()
    return model


def make_network(name: str, seed: int) -> nn.Module:
    """The network of that name at initialisation.

    Raises:
        ValueError: an unknown name, or a seed that is not a non-negative integer.
    """
    chosen = network(name)
    return fan_in_init(chosen.make(), chosen.sigma_w, generator(seed, "init"))
