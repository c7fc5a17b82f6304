r"""The pair of $\varphi_\theta$: symmetric Weibull weights, and the network that has both."""

import math
import warnings
from typing import Any

import torch
from torch import Tensor, nn

from startright.models.layers import WEIGHTED, fan_in
from startright.papers.preact.activation import GaussianActivation
from startright.papers.preact.admission import check_enough, check_module, find_slots, forbidden_layers, watch
from startright.papers.preact.law import check_kind, check_theta


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
    module: nn.Module,
    theta: float,
    kind: str = "odd",
    generator: torch.Generator | None = None,
    *,
    example: Any = None,
    strict: bool = True,
) -> nn.Module:
    r"""Turn a network into the paper's: its activations become $\varphi_\theta$, its weights their pair.

    The layers that take the input get weights $N(0, 1/n)$, the other linear and convolutional layers
    $W(\theta, 1)/\sqrt n$, with $n$ the fan-in; biases are 0. An input with
    $\lVert x\rVert^2 = n$ then has exactly Gaussian pre-activations in the first two layers, and in all
    layers up to the dependence between neurons. Frozen parameters are drawn like the others.

    The network is looked at in one forward pass, in the mode that it is in
    (:mod:`startright.preact.forward`): every activation that runs must have been replaced, every weight
    that is drawn must be what the pass uses, and nothing but layers and activations in turn may be in the
    way. If something is, nothing is changed.

    Args:
        module: the network, changed in place; its elementwise activations must be modules.
        theta: shape of the Weibull weights, in [2, inf].
        kind: ``"odd"`` or ``"positive"``.
        generator: random stream on the weights' device; torch's default stream if absent.
        example: an input, for the forward pass: a tensor, a tuple of arguments or a dict of them by name.
            By default one is made that fits the first layer.
        strict: refuse a network that breaks the law; otherwise warn, replace all activations but
            those whose outputs the network gives, and draw all weights.

    Returns:
        ``module``.

    Raises:
        ValueError: ``theta`` or ``kind`` is wrong, ``module`` is itself an activation, it has no layer or
            no activation to set, a weight is not a plain parameter of its layer (weight normalisation,
            pruning), or, if ``strict``, something breaks the law: normalisation, dropout, pooling, skip
            connections, activations that are functions, a non-linearity at the output, a layer used twice.

    Source: Wolinski and Arbel, the scheme of the experiments.

    Note: a convolution whose inputs are padded with zeros has less variance at the border.

    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> init_gaussian_preact_(net, theta=3, kind="positive")[1]
    GaussianActivation(theta=3, kind='positive')
    """
    activation = GaussianActivation(theta, check_kind(kind))
    layers = {name: part for name, part in module.named_modules() if isinstance(part, WEIGHTED)}
    slots = find_slots(module)
    check_module(module, layers, slots)
    breaks = forbidden_layers(module)
    if strict:
        _report(breaks, strict)
    check_enough(module, layers, slots)
    for slot in slots:
        slot.put(GaussianActivation(activation.theta, kind))
    try:
        seen = watch(module, layers, slots, example, strict)
        _report([*breaks, *seen.breaks], strict)
    except BaseException:
        for slot in slots:
            slot.put(slot.old)
        raise
    for slot in slots:
        if any(slot.new is last for last in seen.last):
            slot.put(slot.old)
    first = seen.first or list(layers)[:1]
    for name, layer in layers.items():
        _draw(layer, None if name in first else theta, generator)
    torch.clear_autocast_cache()  # it may hold casts of the old weights
    return module


def _draw(layer: nn.Module, theta: float | None, generator: torch.Generator | None) -> None:
    """Gaussian weights without ``theta``, else Weibull ones, over the square root of the fan-in; biases 0."""
    if theta is None:
        nn.init.normal_(layer.weight, generator=generator)
    else:
        symmetric_weibull_(layer.weight, theta, generator)
    with torch.no_grad():
        layer.weight /= math.sqrt(fan_in(layer))
        if layer.bias is not None:
            layer.bias.zero_()


def _report(breaks: list[str], strict: bool) -> None:
    """Refuse, or warn of, what breaks the law."""
    if not breaks:
        return
    message = "; ".join(f"{what} breaks the law of the pre-activations" for what in breaks)
    if strict:
        raise ValueError(
            f"{message}: use linear and convolutional layers with elementwise activations only, or"
            " strict=False to go on all the same"
        )
    warnings.warn(f"{message}: they will not be Gaussian", stacklevel=3)
