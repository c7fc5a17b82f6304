r"""The pair of $\varphi_\theta$: symmetric Weibull weights, and the network that has both."""

import math

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from startright.models.layers import WEIGHTED, fan_in
from startright.papers.preact.activation import GaussianActivation
from startright.papers.preact.law import check_kind, check_theta

ACTIVATIONS = (
    *(
        nn.ReLU,
        nn.ReLU6,
        nn.LeakyReLU,
        nn.PReLU,
        nn.RReLU,
        nn.ELU,
        nn.SELU,
        nn.CELU,
        nn.GELU,
        nn.SiLU,
        nn.Mish,
    ),
    *(
        nn.Sigmoid,
        nn.LogSigmoid,
        nn.Softplus,
        nn.Softsign,
        nn.Tanh,
        nn.Hardtanh,
        nn.Hardsigmoid,
        nn.Hardswish,
    ),
    GaussianActivation,
)
BREAKING = (
    _NormBase,
    nn.LayerNorm,
    nn.GroupNorm,
    nn.RMSNorm,
    nn.LocalResponseNorm,
    nn.modules.dropout._DropoutNd,
)


@torch.no_grad()
def symmetric_weibull_(tensor: Tensor, theta: float, generator: torch.Generator | None = None) -> Tensor:
    r"""Fill ``tensor`` with draws of $W(\theta,1)$: $P(|W|>t) = e^{-t^\theta}$, the sign a fair coin.

    One uniform $u$ of $(-1, 1)$ gives both: $W = \mathrm{sgn}(u)\,(-\log|u|)^{1/\theta}$. The variance is
    $\Gamma(1+2/\theta)$; nothing is divided by the fan-in. At ``inf`` the draws are signs.

    Args:
        tensor: any shape and floating dtype; filled in place.
        theta: shape of the law, in [2, inf].
        generator: random stream on the tensor's device; torch's default stream if absent.

    Returns:
        ``tensor``.

    Raises:
        ValueError: ``theta`` outside [2, inf], or a tensor that is not floating.

    Source: Wolinski and Arbel, the law $W(\theta, 1)$.
    """
    theta = check_theta(theta)
    if not tensor.is_floating_point():
        raise ValueError(f"tensor must have a floating dtype, got {tensor.dtype}")
    if tensor.dtype.itemsize < 4:
        return tensor.copy_(symmetric_weibull_(tensor.float(), theta, generator))
    # uniform_ draws multiples of eps, 0 among them: a fraction of a step aside, no draw is infinite
    tensor.uniform_(-1, 1, generator=generator).add_(torch.finfo(tensor.dtype).eps / 4)
    sign = tensor.sign()
    exponential = tensor.abs_().clamp_(max=1).log_().neg_()
    return exponential.log_().div_(theta).exp_().mul_(sign)  # a third faster than pow


def init_gaussian_preact_(
    module: nn.Module, theta: float, kind: str = "odd", generator: torch.Generator | None = None
) -> nn.Module:
    r"""Turn a network into the paper's: its activations become $\varphi_\theta$, its weights their pair.

    The first linear or convolutional layer (in the order of ``module.modules()``) gets weights
    $N(0, 1/n)$, the others $W(\theta, 1)/\sqrt n$, with $n$ the fan-in; biases are 0. An input with
    $\lVert x\rVert^2 = n$ then has exactly Gaussian pre-activations in the first two layers, and in all
    layers up to the dependence between neurons.

    Args:
        module: the network, changed in place; its elementwise activations must be modules.
        theta: shape of the Weibull weights, in [2, inf].
        kind: ``"odd"`` or ``"positive"``.
        generator: random stream on the weights' device; torch's default stream if absent.

    Returns:
        ``module``.

    Raises:
        ValueError: ``theta`` or ``kind`` is wrong, ``module`` is itself an activation, it has no layer or
            no activation to set, or it has a layer that would break the law (normalisation, dropout).

    Source: Wolinski and Arbel, the scheme of the experiments.

    Note: a convolution whose inputs are padded with zeros has less variance at the border.

    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> init_gaussian_preact_(net, theta=3, kind="positive")[1]
    GaussianActivation(theta=3, kind='positive')
    """
    activation = GaussianActivation(theta, check_kind(kind))
    layers = [child for child in module.modules() if isinstance(child, WEIGHTED)]
    slots = [
        (parent, name)
        for parent in module.modules()
        for name, child in parent.named_children()
        if isinstance(child, ACTIVATIONS)
    ]
    _check(module, layers, slots)
    for parent, name in slots:
        setattr(parent, name, GaussianActivation(activation.theta, kind))
    for place, layer in enumerate(layers):
        if place == 0:
            nn.init.normal_(layer.weight, generator=generator)
        else:
            symmetric_weibull_(layer.weight, theta, generator)
        with torch.no_grad():
            layer.weight /= math.sqrt(fan_in(layer))
            if layer.bias is not None:
                layer.bias.zero_()
    return module


def _check(module: nn.Module, layers: list[nn.Module], slots: list[tuple[nn.Module, str]]) -> None:
    for name, child in module.named_modules():
        own = any(True for _ in child.parameters(recurse=False))
        if isinstance(child, BREAKING) or (own and not isinstance(child, (*WEIGHTED, *ACTIVATIONS))):
            raise ValueError(
                f"layer {name!r} ({type(child).__name__}) breaks the law of the pre-activations: "
                "use linear and convolutional layers with elementwise activations only"
            )
    if not layers:
        raise ValueError(f"{type(module).__name__} has no linear or convolutional layer to initialise")
    if not slots:
        raise ValueError(
            f"{type(module).__name__} has no activation module to replace: "
            "use modules such as nn.ReLU() as children, not functions"
        )
