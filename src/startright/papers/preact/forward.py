r"""What one forward pass does with the pre-activations of a network: what the law allows, or not.

The law speaks of a chain: the input, a layer, $\varphi_\theta$, a layer, …, a layer. Every tensor of the pass
is therefore one of three things, the input, a pre-activation or an activation; a layer makes
pre-activations of the input or of activations, and $\varphi_\theta$ makes activations of pre-activations.
Views and joins of one thing are that thing. Whatever else is computed breaks the law, if it reaches a
layer, an activation or the output.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from startright.models.layers import WEIGHTED
from startright.models.passes import LAYER_FUNCTIONS, argument, function_name, tensors
from startright.models.untouched import untouched

#: Functions whose outputs are entries of their inputs, in another order or shape, or zeros.
ARRANGING = {
    *("view", "view_as", "reshape", "reshape_as", "flatten", "unflatten", "ravel", "squeeze", "squeeze_"),
    *("unsqueeze", "unsqueeze_", "permute", "transpose", "transpose_", "t", "T", "mT", "H", "mH", "movedim"),
    *("moveaxis", "swapaxes", "swapdims", "contiguous", "clone", "alias", "data", "detach", "requires_grad_"),
    *("to", "float", "double", "half", "bfloat16", "type", "type_as", "cpu", "cuda", "narrow", "select"),
    *(
        "__getitem__",
        "split",
        "split_with_sizes",
        "tensor_split",
        "chunk",
        "unbind",
        "index_select",
        "gather",
    ),
    *("cat", "concat", "concatenate", "stack", "hstack", "vstack", "flip", "roll", "unfold", "pad"),
    *("pixel_shuffle", "pixel_unshuffle", "channel_shuffle"),
}
HINTS = {
    **dict.fromkeys(("add", "add_", "sub", "sub_", "rsub"), ", a skip connection or a shift,"),
    **dict.fromkeys(("dropout", "dropout1d", "dropout2d", "alpha_dropout"), ", which is random,"),
}
INPUT, BEFORE, AFTER = "the input", "a pre-activation", "an activation"


@dataclass
class Seen:
    """What a pass showed.

    Args:
        breaks: what breaks the law, in words, in order.
        first: names of the layers that take the input.
        last: the activations whose outputs are outputs of the network.
    """

    breaks: list[str] = field(default_factory=list)
    first: list[str] = field(default_factory=list)
    last: list[nn.Module] = field(default_factory=list)

    def note(self, what: str) -> None:
        """Take down what breaks the law, once."""
        if what not in self.breaks:
            self.breaks.append(what)


class Watch(TorchFunctionMode):
    """Follows the pre-activations through a pass.

    Args:
        module: the network.
        activations: the modules that are activations, by name.
    """

    def __init__(self, module: nn.Module, activations: dict[str, nn.Module]) -> None:
        super().__init__()
        self.seen, self.uses = Seen(), Counter()
        self.layers = {id(m.weight): (n, m) for n, m in module.named_modules() if isinstance(m, WEIGHTED)}
        self.names = {id(part): name for name, part in module.named_modules()}
        self.activations = {id(part): name for name, part in activations.items()}
        self.inside: list[nn.Module] = []
        self.kinds: dict[int, tuple[Tensor, str]] = {}  # the tensor is kept, so that its id stays its own
        self.made: dict[int, list[nn.Module]] = {}  # id of a tensor → the activations that it comes out of
        self.taken: list[nn.Module] = []  # activations whose outputs a layer takes

    def mark(self, values: Any, kind: str) -> None:
        """Every tensor in ``values`` is of this kind."""
        for tensor in tensors(values):
            self.kinds[id(tensor)] = tensor, kind

    def kind(self, tensor: Tensor) -> str | None:
        """What a tensor is; None for a constant."""
        return self.kinds.get(id(tensor), (None, None))[1]

    def expect(self, tensor: Tensor, allowed: tuple[str, ...], place: str) -> None:
        """Note what a layer, an activation or the output should not get."""
        kind = self.kind(tensor)
        if kind in (INPUT, BEFORE, AFTER) and kind not in allowed:
            self.seen.note(f"{place} gets {kind}, which")
        elif kind is None:
            self.seen.note(f"{place} gets a constant, which")
        elif kind not in allowed:
            self.seen.note(kind)

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Call ``func``, and say what comes out of it."""
        result = func(*args, **(kwargs or {}))
        if any(id(part) in self.activations for part in self.inside):
            return result
        name = function_name(func)
        given = [t for t in tensors((args, kwargs)) if self.kind(t)]
        if not given:
            return result
        kinds = list(dict.fromkeys(self.kind(t) for t in given))
        if name in LAYER_FUNCTIONS:
            kind = self._layer(name, args, kwargs or {})
        elif len(kinds) == 1 and (name in ARRANGING or INPUT in kinds):
            kind = kinds[0]
            self._hand_on(given, result)
        else:
            broken = [kind for kind in kinds if kind not in (INPUT, BEFORE, AFTER)]
            kind = broken[0] if broken else f"{name}(){HINTS.get(name, '')} in {self._where()}"
        self.mark(args[:1] if name == "__setitem__" else result, kind)
        return result

    def _layer(self, name: str, args: tuple, kwargs: dict[str, Any]) -> str:
        x, weight, bias = (
            argument(args, kwargs, k, key) for k, key in enumerate(("input", "weight", "bias"))
        )
        known, layer = self.layers.get(id(weight), (None, None))
        if layer is None and self.kind(x) == INPUT and self.kind(weight) is None:
            return INPUT  # a fixed filter: the input is prepared
        if layer is None or (bias is not None and bias is not layer.bias):
            own = "a weight" if layer is None else "a bias"
            return f"{name}() in {self._where()}, by {own} that no layer keeps as its parameter,"
        self.uses[known] += 1
        if self.uses[known] == 2:
            self.seen.note(f"layer {known!r} ({type(layer).__name__}), which is used more than once,")
        self.expect(x, (INPUT, AFTER), f"layer {known!r} ({type(layer).__name__})")
        self.taken += self.made.get(id(x), [])
        if self.kind(x) == INPUT and known not in self.seen.first:
            self.seen.first.append(known)
        return BEFORE

    def _hand_on(self, given: list[Tensor], result: Any) -> None:
        makers = [maker for t in given for maker in self.made.get(id(t), [])]
        self.made |= {id(tensor): makers for tensor in tensors(result)}

    def _where(self) -> str:
        for part in reversed(self.inside):
            name = self.names.get(id(part), "")
            return (
                f"layer {name!r} ({type(part).__name__})" if name else f"the forward of {type(part).__name__}"
            )
        return "the network"

    def enter(self, part: nn.Module, args: tuple) -> None:
        """A hook: ``part`` is called."""
        if id(part) in self.activations:
            for tensor in tensors(args):
                self.expect(tensor, (BEFORE,), f"the activation {self.activations[id(part)]!r}")
        self.inside.append(part)

    def leave(self, part: nn.Module, args: tuple, output: Any) -> None:
        """A hook: ``part`` has given its output."""
        self.inside.pop()
        if id(part) in self.activations:
            self.mark(output, AFTER)
            self.made |= {id(tensor): [part] for tensor in tensors(output)}

    def end(self, output: Any) -> None:
        """Look at what the network gives: an activation may be among it only if a layer takes it as well."""
        for tensor in tensors(output):
            kind = self.kind(tensor)
            if kind not in (None, INPUT, BEFORE, AFTER):
                self.seen.note(kind)
            for maker in self.made.get(id(tensor), []) if kind == AFTER else ():
                if not any(maker is other for other in (*self.taken, *self.seen.last)):
                    self.seen.last.append(maker)
                    self.seen.note(f"the activation {self.activations[id(maker)]!r} of the output")


@contextmanager
def _watched(module: nn.Module, watch: Watch) -> Iterator[None]:
    handles = []
    try:
        for part in module.modules():
            handles.append(part.register_forward_pre_hook(watch.enter))
            handles.append(part.register_forward_hook(watch.leave))
        with untouched(module), torch.no_grad(), watch:
            yield
    finally:
        for handle in handles:
            handle.remove()


def observe(module: nn.Module, activations: dict[str, nn.Module], example: Any) -> Seen:
    """One forward pass, watched; the network is left as it was.

    Args:
        module: the network.
        activations: the modules that are activations, by name.
        example: its input: a tensor, a tuple of arguments or a dict of them by name.
    """
    args, kwargs = ((), example) if isinstance(example, dict) else (example, {})
    args = args if isinstance(args, tuple) else (args,)
    watch = Watch(module, activations)
    watch.mark((args, kwargs), INPUT)
    with _watched(module, watch):
        watch.end(module(*args, **kwargs))
    return watch.seen
