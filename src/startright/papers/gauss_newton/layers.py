r"""Layer by layer: what a linear or convolution layer adds to the tangent kernel, without its Jacobian.

A linear layer that gives :math:`s_n = Wx_n + b` for example n has, with the slopes
:math:`\delta_{nk} = \partial F_{nk}/\partial s_n` of the outputs, the Jacobian
:math:`\delta_{nk}x_n^\top` for W and :math:`\delta_{nk}` for b. Its part of the kernel is a product of two
small ones, entry by entry,

.. math::
    A_{nk,n'k'} = (x_n\cdot x_{n'} + 1)\,(\delta_{nk}\cdot\delta_{n'k'}),

as in the closed form of the paper's network. A layer that acts at many places, a convolution say, adds up
over them: its Jacobian is the product of its slopes with the patches of its inputs, as large as its weights.
Slopes of all layers come from one backward pass an output, which forms no gradient of a parameter.

A layer may be taken so if it is met once in a pass and its parameters have no other place. Others, and all
other parameters, keep the general way. Whether that gave the kernel of the network is tried on two examples.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge

from startright.models.functional import places
from startright.papers.gauss_newton.admission import check_outputs
from startright.papers.gauss_newton.batches import Batch, call, each, pulled_back, size, trainable
from startright.papers.gauss_newton.network import gram

KINDS = {nn.Linear: None, nn.Conv1d: 3, nn.Conv2d: 4}  # and how many axes their inputs have; None: any


class OtherPass(Exception):
    """A pass met the layers in another way than the first."""


@dataclass(frozen=True)
class Rows:
    """A parameter's block of the Jacobian as it is.

    Args:
        name: of the parameter.
        rows: (n·K, P).
    """

    name: str
    rows: Tensor

    def __matmul__(self, other: "Rows") -> Tensor:
        """The block of the kernel between two chunks of examples; symmetric for a chunk with itself."""
        return gram(self.rows) if other is self else self.rows @ other.rows.mT

    def pullback(self, z: Tensor) -> dict[str, Tensor]:
        """The Jacobian's transpose times z, (n·K,), by the parameter's name, its numbers in their order."""
        return {self.name: z @ self.rows}

    def numel(self) -> int:
        """Numbers that are held."""
        return self.rows.numel()


@dataclass(frozen=True)
class Outer:
    r"""The Jacobian :math:`\delta_{nk}(x_n, 1)^\top` of a linear layer, by its factors.

    Args:
        weight: name of W.
        bias: name of b, if it is trained.
        slopes: δ, (n·K, m).
        inputs: x, (n, d).
    """

    weight: str
    bias: str | None
    slopes: Tensor
    inputs: Tensor

    def __matmul__(self, other: "Outer") -> Tensor:
        """As of :class:`Rows`."""
        if other is self:
            block, inner = gram(self.slopes), gram(self.inputs)
        else:
            block, inner = self.slopes @ other.slopes.mT, self.inputs @ other.inputs.mT
        n, m = inner.shape
        if self.bias:
            inner.add_(1)
        block.view(n, -1, m, block.shape[1] // m).mul_(inner[:, None, :, None])
        return block

    def pullback(self, z: Tensor) -> dict[str, Tensor]:
        """As of :class:`Rows`."""
        n = len(self.inputs)
        weighted = (z.view(n, 1, -1) @ self.slopes.view(n, len(z) // n, -1)).squeeze(1)
        pulled = {self.weight: weighted.mT @ self.inputs}
        return pulled | ({self.bias: weighted.sum(0)} if self.bias else {})

    def numel(self) -> int:
        """As of :class:`Rows`."""
        return self.slopes.numel() + self.inputs.numel()


@dataclass(frozen=True)
class _Met:
    """A call of a layer: its inputs, where the gradient of its outputs arrives, and their shape."""

    inputs: Tensor
    edge: GradientEdge
    outputs: torch.Size


def layers_alone(model: nn.Module, x: Batch) -> tuple[dict[str, nn.Module], int]:
    """The layers by name that may be taken by themselves, tried on two examples; none if that fails.

    Args:
        model: gives each example its outputs.
        x: the examples.

    Returns:
        The layers, and how many numbers their parts take an example.
    """
    few = each(lambda t: t[:2], x)
    try:
        with torch.enable_grad(), _calls(_candidates(model)) as met:
            call(model, _leaves(model), few)
        found = {name: model.get_submodule(name) for name, calls in met.items() if _alone(calls, size(few))}
        found = {name: layer for name, layer in found.items() if _fits(layer, met[name][0])}
        if found:
            _, parts = factors(model, found, few)
            if _right(model, parts, few):
                return found, sum(part.numel() for part in parts) // size(few)
    except torch.OutOfMemoryError:
        raise
    except Exception:  # networks of many kinds: the general way says what is wrong with one
        return {}, 0
    return {}, 0


def rest_of(model: nn.Module, layers: dict[str, nn.Module]) -> list[str]:
    """Names of the trainable parameters that are not of these layers."""
    own = {id(p) for layer in layers.values() for p in layer.parameters()}
    return [name for name, p in model.named_parameters() if p.requires_grad and id(p) not in own]


def factors(model: nn.Module, layers: dict[str, nn.Module], x: Batch) -> tuple[Tensor, list[Rows | Outer]]:
    """The outputs of some examples, and the parts of the layers in their Jacobian, in a fixed order.

    Args:
        model: gives each example its outputs.
        layers: of :func:`layers_alone`.
        x: the examples, n.

    Raises:
        OtherPass: a layer is met more or less than once.
        ValueError: outputs that do not fit.
    """
    n = size(x)
    with torch.enable_grad():
        with _calls(layers) as met:
            outputs = call(model, _leaves(model), x)
        check_outputs(outputs, x)
        if not all(_alone(calls, n) and _fits(layers[name], calls[0]) for name, calls in met.items()):
            raise OtherPass("the layers of this network are not the same for all examples")
        calls = [met[name][0] for name in layers]
        edges = [c.edge for c in calls]
        slopes = [
            torch.autograd.grad(output, edges, retain_graph=True, allow_unused=True)
            for output in outputs.reshape(n, -1).sum(0).unbind()
        ]
    parts = []
    for (name, layer), c, own in zip(layers.items(), calls, zip(*slopes, strict=True), strict=True):
        filled = [c.inputs.new_zeros(c.outputs) if s is None else s for s in own]
        stacked = torch.stack(filled, 1) if len(filled) > 1 else filled[0][:, None]
        parts += _parts(name, layer, c.inputs, stacked)
    return outputs.detach(), parts


def _candidates(model: nn.Module) -> dict[str, nn.Module]:
    """Plain layers with something to train, none of whose parameters has a second place."""
    known = places(model)
    names = Counter(known.values())
    return {
        path: part
        for path, part in model.named_modules()
        if type(part) in KINDS
        and set(part._parameters) == {"weight", "bias"}
        and any(p.requires_grad for p in part.parameters())
        and all(names[known.get(f"{path}.{name}".lstrip("."))] <= 1 for name in part._parameters)
    }


def _leaves(model: nn.Module) -> dict[str, Tensor]:
    return {name: p.clone().requires_grad_() for name, p in trainable(model).items()}


@contextmanager
def _calls(layers: dict[str, nn.Module]) -> Iterator[dict[str, list[_Met]]]:
    """The calls of each layer in the passes inside."""
    met: dict[str, list[_Met]] = {name: [] for name in layers}

    def hook(name: str):
        def note(layer: nn.Module, args: tuple[Tensor, ...], output: Tensor) -> None:
            met[name].append(_Met(args[0].detach(), get_gradient_edge(output), output.shape))

        return note

    handles = [layer.register_forward_hook(hook(name), prepend=True) for name, layer in layers.items()]
    try:
        yield met
    finally:
        for handle in handles:
            handle.remove()


def _alone(calls: list[_Met], n: int) -> bool:
    """Was a layer met once, with the examples first?"""
    return len(calls) == 1 and calls[0].inputs.shape[0] == n


def _fits(layer: nn.Module, call: _Met) -> bool:
    axes = KINDS[type(layer)]
    return call.inputs.dim() == axes or (axes is None and call.inputs.dim() > 1)


def _right(model: nn.Module, parts: list[Rows | Outer], x: Batch) -> bool:
    r"""Are these the parts of the network? Then :math:`z^\top A z = \lVert J^\top z\rVert^2` for any z.

    A parameter that is used elsewhere as well, or a layer that does something else, gives another number.
    """
    kernel = sum(part @ part for part in parts)
    z = torch.randn(len(kernel), generator=torch.Generator().manual_seed(0), dtype=torch.float64).to(kernel)
    own = {name for part in parts for name in part.pullback(z)}
    pulled = pulled_back(model, trainable(model), x, z)
    expected = sum(p.square().sum() for name, p in pulled.items() if name in own)
    return bool((z @ kernel @ z - expected).abs() <= torch.finfo(z.dtype).eps ** 0.5 * expected)


def _parts(path: str, layer: nn.Module, inputs: Tensor, slopes: Tensor) -> list[Rows | Outer]:
    """A layer's part of the Jacobian.

    Args:
        path: its name.
        layer: one of ``KINDS``.
        inputs: (n, …).
        slopes: of the outputs in the layer's, (n, K, …).
    """
    weight, bias = (f"{path}.{name}".lstrip(".") for name in ("weight", "bias"))
    biased = layer.bias is not None and layer.bias.requires_grad
    if isinstance(layer, nn.Linear):
        n, k, m = (*slopes.shape[:2], slopes.shape[-1])
        patches, slopes = inputs.reshape(n, 1, -1, inputs.shape[-1]).mT, slopes.reshape(n, k, -1, m).mT
    else:
        patches, slopes = _patches(layer, inputs), slopes.flatten(3)
    n, k, m, here = slopes.shape
    groups = patches.shape[1]
    if layer.weight.requires_grad and here == groups == 1:
        return [Outer(weight, bias if biased else None, slopes.reshape(n * k, m), patches.reshape(n, -1))]
    parts = []
    if layer.weight.requires_grad:
        grouped = (
            slopes.unflatten(2, (groups, -1)).transpose(1, 2).flatten(2, 3)
        )  # (n, groups, K·m/groups, here)
        jacobian = (grouped @ patches.mT).unflatten(2, (k, -1)).transpose(1, 2)
        parts.append(Rows(weight, jacobian.reshape(n * k, -1)))
    if biased:
        parts.append(Rows(bias, slopes.sum(-1).flatten(0, 1)))
    return parts


def _patches(layer: nn.Conv1d | nn.Conv2d, inputs: Tensor) -> Tensor:
    """What a convolution sees at each place, (n, groups, inputs of a filter, places)."""
    mode = "constant" if layer.padding_mode == "zeros" else layer.padding_mode
    padded = nn.functional.pad(inputs, layer._reversed_padding_repeated_twice, mode)
    sizes = (layer.kernel_size, layer.dilation, layer.stride)
    if padded.dim() == 3:
        padded, sizes = padded[:, :, None], [(1, *size) for size in sizes]
    kernel, dilation, stride = sizes
    seen = nn.functional.unfold(padded, kernel, dilation=dilation, stride=stride)
    return seen.unflatten(1, (layer.groups, -1))
