"""What runs after the last linear layer of a network: it would act on features once heads stand in its place.

A network is no list of its layers, so what it does is seen when it runs: by the graph of its gradient.
"""

import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

#: Layers that change no value.
SHAPES = (nn.Identity, nn.Flatten, nn.Unflatten)
#: Steps of a gradient that move or convert values and change none.
SHAPING = re.compile(
    "(Unsafe)?View|Reshape(Alias)?|Squeeze|Unsqueeze|Select|Slice|Index(Select)?|Narrow|Transpose"
    "|Permute|T|Clone|ToCopy|Alias|Expand|AsStrided|Split|Unbind"
)


class End(nn.Identity):
    """Stands where a network had its last linear layer, and sees what comes by, in training and not.

    Args:
        path: of the layer in the network.
        replaced: the layer, which is put back if the network does not end there.
        strict: refuse, or warn.

    Attributes:
        problem: what is wrong with the network, if that has been found.
    """

    def __init__(self, path: str, replaced: nn.Module, strict: bool):
        super().__init__()
        self.train(replaced.training)
        self.path, self.strict = path, strict
        self.problem: str | None = None
        self._replaced = (replaced,)  # in a tuple: no part of the network
        self._unseen = {True, False}
        self._seen: tuple[torch.Tensor, Any, int] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_seen": None}  # no copy of a graph

    @property
    def watching(self) -> bool:
        """Whether a pass in the present mode was not looked at yet, or was found wanting."""
        return self.training in self._unseen or (self.problem is not None and self.strict)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """The same."""
        if self.training in self._unseen:
            self._seen = z, z.grad_fn, _version(z)
        return z

    def look(self, net: nn.Module, output: torch.Tensor) -> None:
        """See that a pass ended here.

        Args:
            net: the network.
            output: what it has just returned.

        Raises:
            ValueError: something came after; the network has its layer back.
        """
        if self.problem is None:
            after = "it does not run" if self._seen is None else _after(output, *self._seen)
            self._unseen.discard(self.training)
            self._seen = None
            if after is None:
                return
            self.problem = (
                f"{type(net).__name__} does not end in its last linear layer, {self.path}: {after}, which"
                " would act on the features of the heads"
            )
            if self.strict:
                put(net, self.path, *self._replaced)
        complain(self.problem, self.strict)
        self._unseen = set()


def _after(output: torch.Tensor, seen: torch.Tensor, graph: Any, version: int) -> str | None:
    """What was done to what the layer gave; None: nothing but to its shape."""
    changed = _version(seen) != version
    if output is seen and not changed:
        return None
    node, name = output.grad_fn, ""
    while node is not None and node is not graph:
        name = re.sub(r"Backward\d*$", "", node.name())
        if not SHAPING.fullmatch(name):
            break
        node = node.next_functions[0][0]
    if node is None or name.startswith("Compiled"):  # no graph to read: frozen, or compiled
        if changed or not _same_values(output, seen):
            return "something else runs after"
    elif node is not graph:
        return f"{_words(name)} runs after"
    return (
        None
        if _rows_kept(output, seen)
        else (f"{tuple(output.shape)} is returned of {tuple(seen.shape)} that come to it, with other rows")
    )


def _version(z: torch.Tensor) -> int:
    """How often it was changed in place; in inference mode nobody counts."""
    return 0 if z.is_inference() else z._version


def _same_values(output: torch.Tensor, seen: torch.Tensor) -> bool:
    same = output.detach().to(seen.dtype)
    return output.numel() == seen.numel() and torch.equal(same.reshape(seen.shape), seen.detach())


def _rows_kept(output: torch.Tensor, seen: torch.Tensor) -> bool:
    """Whether the last axis is the same; an axis of the same length may have taken its place."""
    moved = output._base is not None and output.stride(-1) != seen.stride(-1)
    return output.shape[-1:] == seen.shape[-1:] and not (moved and output.shape[-1] > 1)


def _words(name: str) -> str:
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    return f"{words} (dropout?)" if words == "mul" else words


def complain(what: str, strict: bool) -> None:
    """Refuse, or warn if the user said so.

    Raises:
        ValueError: if ``strict``.
    """
    if strict:
        raise ValueError(
            f"{what}; remove it, or split the network yourself and call wrap; strict=False goes on"
        )
    warnings.warn(what, stacklevel=4)


def put(net: nn.Module, path: str, layer: nn.Module) -> None:
    """Set a layer of a network."""
    parent, _, name = path.rpartition(".")
    setattr(net.get_submodule(parent), name, layer)


def take_last_linear(net: nn.Module, strict: bool) -> tuple[Callable[[], nn.Linear], Callable[[], None]]:
    """Put an :class:`End` where the last linear layer is.

    Args:
        net: changed in place.
        strict: see :func:`complain`.

    Returns:
        What makes fresh layers like the one that was there, and what puts that one back.

    Raises:
        ValueError: no such layer; or, if ``strict``, one that is used elsewhere, has something that fresh
            layers would lack, or is followed by others.
    """
    if any(isinstance(part, End) for part in net.modules()):
        raise ValueError(f"{type(net).__name__} was wrapped before, its last layer is gone: make it anew")
    linear = [path for path, part in net.named_modules() if isinstance(part, nn.Linear)]
    if not linear or linear[-1] == "":
        raise ValueError(
            f"{type(net).__name__} is not a backbone under a linear layer: split it yourself and call wrap"
        )
    path = linear[-1]
    last = net.get_submodule(path)
    if problem := _problem(net, path, last):
        complain(f"{path}, the last linear layer of {type(net).__name__}, {problem}", strict)
    like = {"bias": last.bias is not None, "dtype": last.weight.dtype}

    def make_head() -> nn.Linear:
        return nn.Linear(last.in_features, last.out_features, **like)

    put(net, path, End(path, last, strict))
    return make_head, lambda: put(net, path, last)


def _problem(net: nn.Module, path: str, last: nn.Linear) -> str | None:
    """Why fresh heads in place of the layer would be something else, as far as it shows before a pass."""
    if isinstance(last.weight, UninitializedParameter):
        raise ValueError(f"{path}.weight has no shape yet: run the module once on a batch before")
    if last.weight.is_complex():
        raise ValueError(f"{path} is complex, heads are real: split the network yourself and call wrap")
    if type(last) is not nn.Linear or any(True for _ in last.children()):
        return f"is a {type(last).__name__}, the heads would be plain ones"
    if last._forward_hooks or last._forward_pre_hooks:
        return "has hooks, which the heads would lack"
    places = [name for name, part in net.named_modules(remove_duplicate=False) if part is last]
    if len(places) > 1:
        return f"is in {len(places)} places, {' and '.join(places)}"
    own = {id(p) for p in last.parameters()}
    for name, p in net.named_parameters(remove_duplicate=False):
        if id(p) in own and name.rpartition(".")[0] != path:
            return f"shares a tensor with {name}, and the heads would not"
    after = _after_in_sequence(net, path)
    return f"is followed by {after}, which would act on the features of the heads" if after else None


def _after_in_sequence(net: nn.Module, path: str) -> str | None:
    """What comes after a layer in the sequences that it stands in."""
    while path:
        path, _, name = path.rpartition(".")
        parent = net.get_submodule(path)
        if type(parent).forward is not nn.Sequential.forward:
            break
        later = list(parent)[list(parent._modules).index(name) + 1 :]
        if found := [type(part).__name__ for part in later if not isinstance(part, SHAPES)]:
            return found[0]
    return None


def kind_of_probabilities(values: torch.Tensor) -> str | None:
    """``"softmax"``, ``"log_softmax"`` or ``"sigmoid"`` if that is what the values, (..., K), look like."""
    values = values.detach()
    if values.shape[-1] > 1:
        near = 1e-4
        if bool((values >= 0).all()) and bool(((values.sum(-1) - 1).abs() < near).all()):
            return "softmax"
        if bool((values <= 0).all()) and bool((values.logsumexp(-1).abs() < near).all()):
            return "log_softmax"
    likely = values.numel() >= 64  # among fewer numbers it may be chance
    return "sigmoid" if likely and bool(((values > 0) & (values < 1)).all()) else None


@contextmanager
def looking(module: nn.Module) -> Iterator[None]:
    """Passes that leave everything as it was: modes, buffers and random generators are put back."""
    modes = [(part, part.training) for part in module.modules()]
    kept = [(part._buffers, dict(part._buffers)) for part in module.modules()]
    values = [(buffer, buffer.clone()) for buffer in module.buffers()]
    devices = {p.device for p in module.parameters() if p.device.type == "cuda"}
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        for part, training in modes:
            part.training = training
        for buffers, before in kept:
            buffers.update(before)
        with torch.no_grad():
            for buffer, value in values:
                buffer.copy_(value)
