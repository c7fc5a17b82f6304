"""Scaling layers in somebody's network: in place of its linear and convolutional ones, and back again."""

from collections.abc import Collection, Iterable
from typing import Any

import torch
from torch import nn
from torch.nn.utils import parametrize

from startright.models.layers import PARALLEL
from startright.models.passes import on_example, read_elsewhere
from startright.models.untouched import plainly
from startright.papers.scalp.layers import DTYPES, RELU_GAIN, SCALED, ScaledConv2d, ScaledLinear
from startright.papers.scalp.scalings import Scaling, sigma

PLAIN = (nn.Linear, nn.Conv2d)
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
CLOSE = 1e-3  # relative; what rounding in float32 makes of a deep network is well below, an error well above


def scale_(
    module: nn.Module,
    scaling: Scaling,
    example: Any,
    *,
    weights: str = "keep",
    gain: float = RELU_GAIN,
    skip: Collection[str] = (),
    generator: torch.Generator | None = None,
) -> nn.Module:
    r"""Put a scaling layer before every linear and convolutional layer of a network, in place.

    The first layer to run is scaled uniformly, with gain 1: what it sees, pixels for example, has no order.
    A linear layer behind the flattening of a convolution has the :math:`\sigma_k` of its channel, over
    :math:`\sqrt{\text{pixels}}`. Biases and normalisations stay as they are. An optimizer must be made after
    the call, with a learning rate for w̃: 1 is the paper's for plain SGD.

    Args:
        module: any network of ``nn.Linear`` and ``nn.Conv2d`` layers, among others.
        scaling: as for :func:`~startright.scalp.scalings.sigma`.
        example: an input, or a tuple of them, for one pass that shows the order of the layers.
        weights: ``"keep"`` those that it has (the outputs stay the same, which is verified), or ``"redraw"``
            w̃ from N(0, 1) and biases 0.
        gain: g of all layers but the first.
        skip: names of layers that stay plain.
        generator: draws w̃; torch's default stream if absent.

    Returns:
        ``module``; the very layer, scaled, where ``module`` is itself one.

    Raises:
        ValueError: a layer that cannot be scaled: computed or shared weights, or such as are read elsewhere,
            groups, another type with a matrix of weights, hooks, float16, one that does not run; an unknown
            scaling or choice of weights. The network is then as it was.
        RuntimeError: the outputs were not kept.

    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> scale_(net, "1/k", torch.ones(1, 4))[2]
    ScaledLinear(in_features=8, out_features=2, bias=True, gain=1.41421)
    """
    if weights not in ("keep", "redraw"):
        raise ValueError(f"weights must be 'keep' or 'redraw', got {weights!r}")
    sigma(scaling, 1)  # an unknown name is told before the network is looked at
    plain = _admitted(module, skip)
    args = example if isinstance(example, tuple) else (example,)
    order, before = _observed(module, plain, args)
    made = {}
    for place, (name, positions) in enumerate(order.items()):
        kind, own = ("uniform", 1.0) if place == 0 else (scaling, gain)
        made[name] = _scaled(plain[name], kind, own, positions, name)
        if weights == "redraw":
            made[name].redraw(generator)
    if weights == "keep" and before is not None and not before.isfinite().all():
        raise ValueError("the network's outputs are not finite, so nothing could be compared")
    module = _replace(module, made)
    if weights == "keep":
        _verify(module, args, before, {name: plain[name] for name in made})
    return module


def fold_(module: nn.Module) -> nn.Module:
    """Plain layers again, with the weights w = σw̃, in place of all scaled ones: the same function.

    Args:
        module: a network, or one layer.

    Returns:
        ``module``; the plain layer, where ``module`` is itself a scaled one.

    Raises:
        ValueError: no scaled layer.
    """
    found = {name: part for name, part in module.named_modules() if isinstance(part, SCALED)}
    if not found:
        raise ValueError(f"{type(module).__name__} has no scaled layer to fold")
    made = {}
    for name, part in found.items():
        folded = nn.Parameter(part.effective_weight().detach(), requires_grad=part.weight.requires_grad)
        made[name] = _sibling(part, nn.Linear if isinstance(part, nn.Linear) else nn.Conv2d, folded)
    return _replace(module, made)


# --- which layers ------------------------------------------------------------------------------


def _admitted(module: nn.Module, skip: Collection[str]) -> dict[str, nn.Module]:
    """The layers to scale, by name.

    Raises:
        ValueError: one that cannot be; the message names it.
    """
    if isinstance(skip, str):
        raise ValueError(f"skip is a list of names, got the text {skip!r}: write [{skip!r}]")
    parts = {name: part for name, part in module.named_modules() if name not in skip}
    if unknown := sorted(set(skip) - dict(module.named_modules()).keys()):
        raise ValueError(f"skip names {unknown}, which {type(module).__name__} does not have")
    problems = [f"{name or 'the module'!r} {why}" for name, part in parts.items() if (why := _problem(part))]
    problems += _shared(module, parts)
    if problems:
        raise ValueError(
            f"cannot scale this network: {'; '.join(problems)}. Name it in skip= to leave it plain"
        )
    found = {name: part for name, part in parts.items() if type(part) in PLAIN}
    if not found:
        raise ValueError(f"{type(module).__name__} has no linear or convolutional layer to scale")
    return found


def _problem(part: nn.Module) -> str:
    """Why a part cannot be scaled; nothing where it can, or need not be."""
    if any(nn.parameter.is_lazy(p) or p.is_meta for p in part.parameters(recurse=False)):
        return "has no values yet: run one pass, or use to_empty, first"
    matrices = [p for p in part.parameters(recurse=False) if p.dim() > 1]
    plain = type(part) in PLAIN
    problems = {
        f"is a {type(part).__name__}, which has copied the weights: scale the module inside first": type(
            part
        ).__name__
        in PARALLEL,
        "is scaled already (fold_ makes it plain)": isinstance(part, SCALED),
        "has a weight that is computed: remove the parametrization, weight norm or mask first": _computed(
            part
        ),
        f"({type(part).__name__}) has weights that no scaling layer stands for": matrices and not plain,
        "is a convolution in groups, whose channels have no common order": getattr(part, "groups", 1) != 1,
        "has weights of a type that cannot hold w/σ: use float32, and autocast for speed": plain
        and matrices
        and matrices[0].dtype not in DTYPES,
        "has hooks, which would be lost": plain and any(getattr(part, hooks) for hooks in _HOOKS),
    }
    return next((why for why, met in problems.items() if met), "")


def _computed(part: nn.Module) -> bool:
    hidden = type(part) in PLAIN and not isinstance(part._parameters.get("weight"), nn.Parameter)
    return hidden or parametrize.is_parametrized(part)


def _shared(module: nn.Module, parts: dict[str, nn.Module]) -> Iterable[str]:
    """What stands in two places."""
    owners: dict[int, list[str]] = {}
    for name, part in module.named_modules(remove_duplicate=False):
        if isinstance(part, PLAIN) and name in parts:
            owners.setdefault(id(part.weight), []).append(repr(name))
    return [
        f"the weight of {' and '.join(names)}, which is one" for names in owners.values() if len(names) > 1
    ]


# --- one pass ----------------------------------------------------------------------------------


def _observed(
    module: nn.Module, plain: dict[str, nn.Module], args: tuple
) -> tuple[dict[str, int], torch.Tensor | None]:
    """The layers in the order in which they run, each with the positions of a channel; and the output.

    Raises:
        ValueError: a layer that does not run once, or whose inputs are no whole number of channels.
    """
    order: dict[str, int] = {}
    problems: list[str] = []
    last: list[int] = [0]  # channels of a feature map that is not flattened yet

    def look(name: str, layer: nn.Module, inputs: tuple) -> None:
        if name in order:
            problems.append(f"layer {name!r} runs twice in a pass: its inputs have no one order")
        positions = 1
        if isinstance(layer, nn.Linear) and last[0]:
            if layer.in_features % last[0]:
                problems.append(
                    f"layer {name!r} has {layer.in_features} inputs behind {last[0]} channels, no whole"
                    " number each: name it in skip= to leave it plain"
                )
            positions = layer.in_features // last[0]
        order[name], last[0] = positions, 0 if isinstance(layer, nn.Linear) else layer.out_channels

    hooks = [
        layer.register_forward_pre_hook(lambda own, inputs, name=name: look(name, own, inputs))
        for name, layer in plain.items()
    ]
    try:
        with read_elsewhere(plain) as readers:
            output = _output(module, args)
    finally:
        for hook in hooks:
            hook.remove()
    problems += [
        f"the values of layer {name!r} are read by {function}() as well, which would get w̃ for w: name it in"
        " skip= to leave it plain"
        for name, function in readers.items()
    ]
    if problems:
        raise ValueError(problems[0])
    if idle := [name for name in plain if name not in order]:
        raise ValueError(f"layers {idle} did not run on the example: name them in skip= to leave them plain")
    return order, output


def _output(module: nn.Module, args: tuple) -> torch.Tensor | None:
    """The output in evaluation mode, if it is a tensor; the module is left as it was.

    Raises:
        ValueError: it is empty.
    """
    with plainly(module), on_example(module, args):
        output = module(*args)
    if not isinstance(output, torch.Tensor):
        return None
    if not output.numel():
        raise ValueError("the example is empty, and shows nothing: give one with an input")
    return output


# --- replacing ---------------------------------------------------------------------------------


def _scaled(layer: nn.Module, scaling: Scaling, gain: float, positions: int, name: str) -> nn.Module:
    """The scaled sibling of a plain layer, with its weights."""
    kind = ScaledLinear if isinstance(layer, nn.Linear) else ScaledConv2d
    made = _sibling(layer, kind, nn.Parameter(layer.weight.detach().clone()))
    made.weight.requires_grad_(layer.weight.requires_grad)
    channels = layer.weight.shape[1] // positions
    try:
        values = sigma(scaling, channels).repeat_interleave(positions) / positions**0.5
        made._set(values, gain, scaling)
    except ValueError as error:
        raise ValueError(f"layer {name!r}: {error}") from error
    made.set_effective_weight(layer.weight)
    if layer.weight.isfinite().all() and not made.weight.isfinite().all():
        raise ValueError(
            f"layer {name!r}: σ falls to {values[-1]:.1e}, and w/σ is more than {layer.weight.dtype} holds:"
            " take a scaling that falls less, or float64"
        )
    return made


def _sibling(layer: nn.Module, kind: type[nn.Module], weight: nn.Parameter) -> nn.Module:
    """A layer of another class with the settings and the bias of ``layer``; nothing is drawn."""
    made = kind.__new__(kind)
    nn.Module.__init__(made)
    kept = {key: value for key, value in vars(layer).items() if key not in vars(made)}
    made.__dict__.update({key: value for key, value in kept.items() if key not in ("gain", "scaling")})
    made.training = layer.training
    made.register_parameter("weight", weight)
    made.register_parameter("bias", layer.bias)
    return made


def _replace(module: nn.Module, made: dict[str, nn.Module]) -> nn.Module:
    """Every named part by what was made for it."""
    for name, part in made.items():
        if not name:
            return part
        parent, _, key = name.rpartition(".")
        module.get_submodule(parent)._modules[key] = part
    return module


def _verify(module: nn.Module, args: tuple, before: torch.Tensor | None, plain: dict[str, nn.Module]) -> None:
    """The outputs are those before; otherwise the plain layers are put back.

    Raises:
        RuntimeError: they are not.
    """
    after = _output(module, args)
    if before is None or after is None:
        return
    distance = (after - before).abs().max() / before.abs().max().clamp_min(1e-30)
    if not distance <= CLOSE:
        _replace(module, plain)
        raise RuntimeError(
            f"the scaled network gives other outputs (relative distance {distance:.1e}), and was left as it"
            " was: something in its forward pass does more with the layers than to call them"
        )
