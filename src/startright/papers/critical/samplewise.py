"""Squared norms of the gradient of each example, layer by layer, without a pass for each example.

A forward pass keeps what enters and leaves every layer with parameters; a backward pass to what left them
gives, for each example, the gradient of the layer's weights as a product of the two.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)


class Layer(NamedTuple):
    """A module with its path, what entered it, as :func:`gradients` takes it, and what left it."""

    path: str
    module: nn.Module
    inputs: Tensor
    outputs: Tensor


def trained(model: nn.Module) -> dict[str, nn.Module]:
    """The modules that own trainable parameters, by path, if each can be treated by itself.

    Raises:
        ValueError: a batch normalisation in training mode, a kind of module or a setting that is not known
            here, a parametrised module, a parameter that two modules share, or nothing to train.
    """
    found, seen = {}, {}
    for path, module in model.named_modules(remove_duplicate=False):
        own = {name: p for name, p in module.named_parameters(recurse=False) if p.requires_grad}
        where = f"{path or 'the model itself'} ({type(module).__name__})"
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and (
            module.training or not module.track_running_stats
        ):
            raise ValueError(
                f"{where} normalises by the batch, so no example has a gradient of its own: call model.eval()"
            )
        if parametrize.is_parametrized(module) or (own and "weight_g" in own):
            raise ValueError(f"{where} is parametrised: remove the parametrisation first")
        for name, p in own.items():
            if id(p) in seen:
                raise ValueError(
                    f"{where} shares its {name} with {seen[id(p)]}: shared parameters are not seen"
                )
            seen[id(p)] = where
        if own:
            _check_known(module, where, set(own))
            found[path] = module
    if not found:
        raise ValueError(f"{type(model).__name__} has no trainable parameter")
    return found


def _check_known(module: nn.Module, where: str, own: set[str]) -> None:
    if type(module) not in (nn.Linear, nn.Conv2d, *NORMS) or not own <= {"weight", "bias"}:
        raise ValueError(
            f"{where} has parameters of its own that are not known here: nn.Linear, nn.Conv2d and"
            " nn.BatchNorm1d or 2d are; freeze it to leave it out"
        )
    if isinstance(module, nn.Conv2d) and (module.padding_mode != "zeros" or isinstance(module.padding, str)):
        raise ValueError(f"{where} pads in a way not known here: pad with zeros, by a number of pixels")


def record(model: nn.Module, x: Tensor) -> tuple[Tensor, list[Layer]]:
    """Outputs of the model, and what entered and left each layer.

    Raises:
        ValueError: a layer that is called more than once, or never, or as :func:`trained` says.
    """
    modules, calls = trained(model), {}

    def keep(path: str) -> Callable:
        def hook(module: nn.Module, inputs: tuple, outputs: Tensor) -> Tensor:
            calls.setdefault(path, []).append(Layer(path, module, _prepared(module, inputs[0]), outputs))
            return outputs.clone()  # what follows may work in place

        return hook

    handles = [module.register_forward_hook(keep(path)) for path, module in modules.items()]
    try:
        outputs = model(x)
    finally:
        for handle in handles:
            handle.remove()
    for path in modules:
        if (count := len(calls.get(path, []))) != 1:
            raise ValueError(
                f"{path or 'the model itself'} is called {count} times in a pass: its gradient is not seen"
            )
    return outputs, [calls[path][0] for path in modules]


def _prepared(module: nn.Module, x: Tensor) -> Tensor:
    """What entered a layer, as :func:`gradients` multiplies it with the gradient of what left it."""
    x = x.detach()
    if isinstance(module, nn.Linear):
        return x.reshape(len(x), -1, x.shape[-1])
    if isinstance(module, nn.Conv2d):
        patches = F.unfold(x, module.kernel_size, module.dilation, module.padding, module.stride)
        return patches.reshape(len(x), module.groups, -1, patches.shape[-1]).mT.contiguous()
    shape = (1, -1, *[1] * (x.dim() - 2))
    mean, var = (t.view(shape) for t in (module.running_mean, module.running_var))
    return ((x - mean) * (var + module.eps).rsqrt()).reshape(*x.shape[:2], -1)


def gradients(layer: Layer, delta: Tensor) -> dict[str, Tensor]:
    """The gradient of each example, (n, ...), by parameter, given that of what left the layer."""
    module, inputs, n = layer.module, layer.inputs, len(delta)
    if isinstance(module, nn.Linear):
        delta = delta.reshape(n, -1, delta.shape[-1])
        found = {"weight": lambda: delta.mT @ inputs, "bias": lambda: delta.sum(1)}
    elif isinstance(module, nn.Conv2d):
        delta = delta.reshape(n, module.groups, -1, inputs.shape[2])
        found = {"weight": lambda: delta @ inputs, "bias": lambda: delta.sum(3)}
    else:
        delta = delta.reshape(*delta.shape[:2], -1)
        found = {"weight": lambda: (delta * inputs).sum(2), "bias": lambda: delta.sum(2)}
    return {name: make() for name, make in found.items() if _trainable(module, name)}


def _trainable(module: nn.Module, name: str) -> bool:
    parameter = getattr(module, name)
    return parameter is not None and parameter.requires_grad


def squared_norms(layers: list[Layer], values: Tensor) -> dict[str, Tensor]:
    """Of the gradient of each example's value, by layer, (n,) each.

    Args:
        layers: of :func:`record`.
        values: one an example, (n,), that depends on that example alone.
    """
    deltas = _deltas(layers, values)
    return {
        layer.path: sum(
            torch.linalg.vector_norm(g.flatten(1), dim=1) ** 2 for g in gradients(layer, delta).values()
        )
        for layer, delta in zip(layers, deltas, strict=True)
    }


def _deltas(layers: list[Layer], values: Tensor) -> list[Tensor]:
    outputs = [layer.outputs for layer in layers]
    found = torch.autograd.grad(values.sum(), outputs, retain_graph=True, allow_unused=True)
    return [torch.zeros_like(out) if d is None else d for out, d in zip(outputs, found, strict=True)]


def verify(layers: list[Layer], values: Tensor) -> None:
    """Refuse layers whose gradients, summed over examples, are not autograd's.

    Raises:
        ValueError: so, where parameters are used in other ways than by calling their layer.
    """
    ours = {}
    for layer, delta in zip(layers, _deltas(layers, values), strict=True):
        for name, each in gradients(layer, delta).items():
            ours[f"{layer.path}.{name}".lstrip(".")] = getattr(layer.module, name), each.sum(0)
    parameters = [parameter for parameter, _ in ours.values()]
    theirs = torch.autograd.grad(
        values.sum(), parameters, retain_graph=True, allow_unused=True, materialize_grads=True
    )
    for (name, (_, one)), other in zip(ours.items(), theirs, strict=True):
        one = one.view_as(other)  # noqa: PLW2901 - the same, in the parameter's shape
        if float((one - other).norm()) > 1e-3 * float(one.norm() + other.norm()) + 1e-30:
            raise ValueError(
                f"the gradient of {name} is not what its layer's inputs and outputs say: the parameter is"
                " used in another place as well"
            )
