"""Which networks can be given the initialisation: their layers, their activations, an input for them."""

import math
import warnings
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase

from startright.models.layers import WEIGHTED, why_not_plain
from startright.papers.preact.activation import GaussianActivation
from startright.papers.preact.forward import Seen, observe

ACTIVATIONS = (
    *(nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.PReLU, nn.RReLU, nn.ELU, nn.SELU, nn.CELU),
    *(nn.GELU, nn.SiLU, nn.Mish, nn.Sigmoid, nn.LogSigmoid, nn.Softplus, nn.Softsign, nn.Tanh),
    *(nn.Hardtanh, nn.Hardsigmoid, nn.Hardswish, nn.Hardshrink, nn.Softshrink, nn.Tanhshrink, nn.Threshold),
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
#: Wrappers of a network for several processes or devices.
PARALLEL = ("DistributedDataParallel", "DataParallel", "FullyShardedDataParallel")
SIDES = (32, 28, 64, 16, 8, 224, 96, 128, *range(1, 64))
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


class Slot:
    """A place of an activation in its parent; a module in two places has two slots."""

    def __init__(self, parent: nn.Module, key: str, name: str) -> None:
        self.parent, self.key, self.name = parent, key, name
        self.old = self.new = parent._modules[key]

    def put(self, activation: nn.Module) -> None:
        """Put an activation there, in the mode of the old one."""
        self.new = activation.train(self.old.training)
        self.parent._modules[self.key] = activation


def find_slots(module: nn.Module) -> list[Slot]:
    """The places of all activations."""
    return [
        Slot(parent, key, f"{name}.{key}".lstrip("."))
        for name, parent in module.named_modules()
        for key, child in parent._modules.items()
        if isinstance(child, ACTIVATIONS)
    ]


def forbidden_layers(module: nn.Module) -> list[str]:
    """What is no layer of the law's, by name: normalisation, dropout, parameters elsewhere or shared."""
    owners: dict[int, list[str]] = {}
    found = []
    for name, part in module.named_modules():
        if isinstance(part, WEIGHTED):
            owners.setdefault(id(part.weight), []).append(repr(name))
        own = any(True for _ in part.parameters(recurse=False))
        if isinstance(part, BREAKING) or (own and not isinstance(part, (*WEIGHTED, *ACTIVATIONS))):
            found.append(f"layer {name!r} ({type(part).__name__})")
    tied = [" and ".join(names) for names in owners.values() if len(names) > 1]
    return [*(f"the weight of layers {names}, which is one," for names in tied), *found]


def check_module(module: nn.Module, layers: dict[str, nn.Module], slots: list[Slot]) -> None:
    """Refuse what could not be changed as a whole, however little strict one is.

    Raises:
        ValueError: a wrapper for several processes, a scripted module, a weight that is no plain parameter,
            an activation with hooks.
    """
    for name, part in module.named_modules():
        if type(part).__name__ in PARALLEL:
            raise ValueError(
                f"{type(part).__name__} has copied the weights to others: initialise the network first,"
                " with the same seed everywhere, then wrap it"
            )
        if isinstance(part, torch.jit.ScriptModule):
            what = repr(name) if name else type(part).__name__
            raise ValueError(f"{what} is scripted: initialise the network first, then script it")
    for name, layer in layers.items():
        if why := why_not_plain(layer):
            raise ValueError(f"layer {name!r} ({type(layer).__name__}) cannot be initialised: {why}")
    for slot in slots:
        if any(getattr(slot.old, hooks) for hooks in HOOKS):
            raise ValueError(
                f"the activation {slot.name!r} has hooks, which would be lost: remove them first"
            )


def check_enough(module: nn.Module, layers: dict[str, nn.Module], slots: list[Slot]) -> None:
    """Refuse a network without a layer or without an activation.

    Raises:
        ValueError: it has none.
    """
    if not layers:
        raise ValueError(f"{type(module).__name__} has no linear or convolutional layer to initialise")
    if not slots:
        raise ValueError(
            f"{type(module).__name__} has no activation module to replace: "
            "use modules such as nn.ReLU() as children, not functions"
        )


def watch(
    module: nn.Module, layers: dict[str, nn.Module], slots: list[Slot], example: Any, strict: bool
) -> Seen:
    """Look at a forward pass of ``module``, whose activations have been replaced.

    Raises:
        ValueError: the network does not run on the example, or, if ``strict``, on any that could be made.
    """
    activations = {slot.name: slot.new for slot in slots}
    if example is not None:
        return observe(module, activations, example)
    error: Exception | None = None
    for guess in guesses(list(layers.values())):
        try:
            return observe(module, activations, guess)
        except Exception as failed:  # whatever a network says of an input that does not fit
            error = error or failed
    unseen = f"no input made from the first layer fits the network ({error}): give one as example=…"
    if strict:
        raise ValueError(f"{unseen}; it is changed only when a forward pass has been seen")
    warnings.warn(f"{unseen}; what breaks the law in its forward pass is not known", stacklevel=3)
    return Seen()


def guesses(layers: list[nn.Module]) -> Iterator[Tensor]:
    """Inputs of three examples that would fit one of the first layers, the likeliest first."""
    for layer in layers[:2]:
        like = {"device": layer.weight.device, "dtype": layer.weight.dtype}
        if isinstance(layer, nn.Linear):
            n = layer.in_features
            shapes = [(3, n)]
            for channels in (1, 3):
                side = math.isqrt(n // channels)
                shapes += [(3, channels, side, side)] if channels * side * side == n else []
        else:
            dims = layer.weight.dim() - 2
            shapes = [(3, layer.in_channels, *[side] * dims) for side in SIDES if side**dims <= 2**16]
            shapes += [(3, math.prod(shape[1:])) for shape in shapes[:5]]  # to be folded first
        yield from (torch.ones(shape, **like) for shape in dict.fromkeys(shapes))
