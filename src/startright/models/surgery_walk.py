"""What a pass does with the units of each layer: where they go, and whether some could be taken out.

The walk believes what it sees in a pass, in training and in evaluation mode, and nothing else: neither the
order of the modules nor their names.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from startright.models.layers import NORMS
from startright.models.passes import LAYER_FUNCTIONS, argument, function_name, on_example, tensors
from startright.models.surgery_checks import admit, is_layer, is_scaled, refusals, shared
from startright.models.surgery_rules import SHARED, Flow, passed_on
from startright.models.untouched import plainly


class Part(NamedTuple):
    """A module that the units of a layer reach.

    Args:
        name: of the module.
        factor: its entries for each unit: 1, or the positions of a channel behind a flattening.
    """

    name: str
    factor: int = 1


@dataclass(frozen=True)
class Site:
    """A layer whose units can be taken out, and all that goes with them.

    Attributes:
        name: of the layer that makes the units.
        units: how many there are.
        functions: what they pass, in order, such as ``("batch_norm", "relu", "flatten")``.
        norms: batch normalisations with entries for each unit.
        depthwise: convolutions with a filter for each unit.
        consumers: the layers that take the units, whose columns go.
    """

    name: str
    units: int
    functions: tuple[str, ...] = ()
    norms: tuple[Part, ...] = ()
    depthwise: tuple[Part, ...] = ()
    consumers: tuple[Part, ...] = ()


@dataclass(frozen=True)
class Chain:
    """What :func:`chain` found.

    Attributes:
        sites: name → layer whose units can be taken out, in the order of the pass.
        refused: name → why the units of a layer cannot.
    """

    sites: Mapping[str, Site]
    refused: Mapping[str, str]


@dataclass
class _Found:
    """What goes with the units of one layer; dictionaries keep an order and hold everything once."""

    functions: list[str] = field(default_factory=list)
    norms: dict[Part, None] = field(default_factory=dict)
    depthwise: dict[Part, None] = field(default_factory=dict)
    consumers: dict[Part, None] = field(default_factory=dict)


class Watch(TorchFunctionMode):
    """Follows the units of all layers through a pass.

    Args:
        model: the network.
        keep: whether ``inputs`` keeps what each layer takes.
    """

    def __init__(self, model: nn.Module, keep: bool = False) -> None:
        super().__init__()
        self.names = {id(part): name for name, part in model.named_modules()}
        self.parts = dict(model.named_modules())
        self.layers = {
            id(part._parameters["weight"]): name
            for name, part in self.parts.items()
            if is_layer(part) and part._parameters.get("weight") is not None
        }
        self.keep, self.inputs = keep, {}
        self.found: dict[str, _Found] = {}
        self.refused: dict[str, str] = {}  # why a layer cannot lose units
        self.broken: dict[str, str] = {}  # why a module can lose neither units nor inputs
        self.uses: Counter[str] = Counter()
        self.inside: list[nn.Module] = []
        self.flows: dict[int, tuple[Tensor, Flow]] = {}  # the tensor is kept, so that its id stays its own

    def refuse(self, name: str, why: str) -> None:
        """The units of this layer cannot be taken out, for this reason or an earlier one."""
        self.refused.setdefault(name, why)

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call ``func``, and say where the units are in what comes out."""
        kwargs = kwargs or {}
        result = func(*args, **kwargs)
        name = function_name(func)
        given, made = list(tensors((args, kwargs))), list(tensors(result))
        if (not made and name != "__setitem__") or any(is_scaled(part) for part in self.inside):
            return result
        if name in LAYER_FUNCTIONS:
            self._layer_function(name, args, kwargs, result)
            return result
        for tensor in given:
            if id(tensor) in self.layers:
                self._misuse(self.layers[id(tensor)], name)
        flows = [self.flows[id(tensor)] for tensor in given if id(tensor) in self.flows]
        if flows:
            self._pass_on(name, flows, given, (args, kwargs), result)
        return result

    def _misuse(self, layer: str, name: str) -> None:
        self.broken.setdefault(
            layer, f"its weight is used by {name}() in {self.where()}, not as the layer has it"
        )

    def _pass_on(self, name: str, flows: list, given: list[Tensor], call: tuple, result: Any) -> None:
        producer = flows[0][1].producer
        flow = self._norm(name, flows[0][1], call, result) if name == "batch_norm" else None
        flow = flow or passed_on(name, flows, given, call, result)
        if flow is None:
            for _, other in flows:
                self.refuse(
                    other.producer, f"its units reach {name}(){SHARED.get(name, '')} in {self.where()}"
                )
            return
        self.found[producer].functions.append(name)
        self.flows[id(result)] = result, flow

    def _norm(self, name: str, flow: Flow, call: tuple, result: Tensor) -> Flow | None:
        part = self.inside[-1] if self.inside else None
        own = [] if part is None else [*part._parameters.values(), *part._buffers.values()]
        known = isinstance(part, NORMS) and all(
            any(tensor is other for other in own) or id(tensor) in self.flows for tensor in tensors(call)
        )
        if not known or flow.axis != 1:
            return None
        self.uses[self.names[id(part)]] += 1
        self.found[flow.producer].norms[Part(self.names[id(part)], flow.factor)] = None
        return flow

    def _layer_function(self, name: str, args: tuple, kwargs: dict[str, Any], result: Tensor) -> None:
        x, weight = (argument(args, kwargs, place, key) for place, key in enumerate(("input", "weight")))
        bias = argument(args, kwargs, 2, "bias")
        layer = self.layers.get(id(weight))
        own = layer is not None and (bias is None or bias is self.parts[layer].bias)
        for tensor in tensors((args, kwargs)):
            if id(tensor) in self.flows and not (own and tensor is x):
                what = f"its units reach {name}() in {self.where()}, by a weight that no layer keeps as it is"
                self.refuse(self.flows[id(tensor)][1].producer, what)
        if own:
            self.take(layer, x, result)
        elif layer is not None:
            self._misuse(layer, name)

    def take(self, name: str, x: Tensor, result: Tensor) -> None:
        """A layer takes ``x`` and makes ``result``."""
        layer = self.parts[name]
        self.uses[name] += 1
        if self.keep:
            self.inputs[name] = x
        spatial = layer.weight.dim() - 2
        flow = self.flows.get(id(x), (None, None))[1]
        if flow is not None and (flow.axis != x.dim() - 1 - spatial or (spatial and flow.factor > 1)):
            why = f"its units lie along another axis than the inputs of layer {name!r}"
            self.refuse(flow.producer, why)
        self.found.setdefault(name, _Found())
        if getattr(layer, "groups", 1) > 1:
            self._grouped(name, layer, flow, result)
            return
        if flow is not None:
            self.found[flow.producer].consumers[Part(name, flow.factor)] = None
        self.flows[id(result)] = result, Flow(name, result.dim() - 1 - spatial)

    def _grouped(self, name: str, layer: nn.Module, flow: Flow | None, result: Tensor) -> None:
        if not layer.groups == layer.in_channels == layer.out_channels:
            self.refuse(name, f"it is a convolution in {layer.groups} groups, whose sizes are tied")
            if flow is not None:
                self.refuse(flow.producer, f"its units feed {name!r}, a convolution in {layer.groups} groups")
        elif flow is None:
            self.refuse(name, "it filters each channel of the inputs on its own")
        else:
            self.refuse(name, f"it is depthwise: a filter goes with its unit of {flow.producer!r}")
            self.found[flow.producer].depthwise[Part(name)] = None
            self.flows[id(result)] = result, flow

    def where(self) -> str:
        """The module that runs."""
        name = self.names.get(id(self.inside[-1]), "") if self.inside else ""
        kind = type(self.inside[-1]).__name__ if self.inside else "the network"
        return f"{name!r} ({kind})" if name else f"the forward of {kind}"

    def enter(self, part: nn.Module, args: tuple) -> None:
        """A hook: ``part`` is called."""
        self.inside.append(part)

    def leave(self, part: nn.Module, args: tuple, output: Any) -> None:
        """A hook: ``part`` has given its output."""
        self.inside.pop()
        if is_scaled(part):  # one layer, however it computes
            self.take(self.names[id(part)], args[0], output)

    def end(self, output: Any) -> None:
        """What the network gives keeps all its units.

        Raises:
            ValueError: it is nothing that tensors could be found in, or all of them are empty.
        """
        found = list(tensors(output))
        if not found:
            raise ValueError(f"the network gives {type(output).__name__}, in which no tensor is found")
        if not any(tensor.numel() for tensor in found):
            raise ValueError("the example is empty, and shows nothing: give one of two examples or more")
        for tensor in found:
            if id(tensor) in self.flows:
                self.refuse(self.flows[id(tensor)][1].producer, "its units are outputs of the network")


def arguments(example: Any) -> tuple[tuple, dict[str, Any]]:
    """An example as arguments of the pass: by place, or of a dict by name."""
    if isinstance(example, dict):
        return (), example
    return (example if isinstance(example, tuple) else (example,)), {}


def watch(model: nn.Module, example: Any, *, training: bool = False, keep: bool = False) -> Watch:
    """One pass, watched; the network is left as it was."""
    args, kwargs = arguments(example)
    seen, handles = Watch(model, keep), []
    try:
        for part in model.modules():
            handles.append(part.register_forward_pre_hook(seen.enter))
            handles.append(part.register_forward_hook(seen.leave))
        with plainly(model, training), seen:
            with on_example(model, (args, kwargs)):
                output = model(*args, **kwargs)
            seen.end(output)
    finally:
        for handle in handles:
            handle.remove()
    return seen


def chain(model: nn.Module, example: Any) -> Chain:
    """The layers of a network whose units can be taken out, and why those of others cannot.

    Args:
        model: the network, in float32 or float64; it is left as it was.
        example: an input of two examples or more: a tensor, a tuple of arguments, or a dict of them by name.

    Raises:
        ValueError: the network as a whole cannot be operated on: scripted, wrapped for several processes,
            half precision, a layer that does not run on the example.

    >>> import torch
    >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> found = chain(net, torch.zeros(2, 4))
    >>> found.sites["0"].consumers, found.refused
    ((Part(name='2', factor=1),), {'2': 'its units are outputs of the network'})
    """
    admit(model)
    passes = [watch(model, example, training=mode) for mode in (True, False)]
    parts = dict(model.named_modules())
    broken, refused = refusals(parts) | shared(parts), {}
    for seen in passes:
        twice = {name: "it is used more than once in a pass" for name, n in seen.uses.items() if n > 1}
        broken = {**twice, **seen.broken, **broken}
        refused = {**seen.refused, **refused}
    refused |= broken
    _check_idle(parts, passes, broken)
    sites = {}
    for name, found in _merged(passes).items():
        why = refused.get(name) or _blocked(found, broken)
        if why:
            refused[name] = why
        else:
            groups = (tuple(group) for group in (found.norms, found.depthwise, found.consumers))
            sites[name] = Site(name, len(parts[name].weight), tuple(found.functions), *groups)
    return Chain(sites, {name: why for name, why in refused.items() if is_layer(parts[name])})


def _check_idle(parts: Mapping[str, nn.Module], passes: list[Watch], broken: Mapping[str, str]) -> None:
    for name, part in parts.items():
        if is_layer(part) and name not in broken and not any(seen.uses[name] for seen in passes):
            raise ValueError(
                f"layer {name!r} did not run on the example, so nobody knows whose units it takes: give an"
                " example on which it runs, or take it out of the network"
            )


def _merged(passes: list[Watch]) -> dict[str, _Found]:
    """What all passes together found; the functions as the last has them."""
    merged: dict[str, _Found] = {}
    for seen in passes:
        for name, found in seen.found.items():
            known = merged.setdefault(name, _Found())
            known.functions = found.functions
            for kind in ("norms", "depthwise", "consumers"):
                getattr(known, kind).update(getattr(found, kind))
    return merged


def _blocked(found: _Found, broken: Mapping[str, str]) -> str | None:
    """Why the modules that take the units stand in the way."""
    for part in (*found.norms, *found.depthwise, *found.consumers):
        if part.name in broken:
            return f"its units reach {part.name!r}, and of that {broken[part.name]}"
    return None if found.consumers else "no layer takes its units"
