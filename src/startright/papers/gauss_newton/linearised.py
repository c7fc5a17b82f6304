"""A network to first order on a batch: outputs, tangent kernel, and products with the Jacobian's transpose.

The Jacobian never exists as a whole. Linear and convolution layers are taken by themselves
(:mod:`startright.gauss_newton.layers`); of other parameters blocks of the Jacobian are formed, for two chunks
of examples at a time.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import jacrev, vmap

from startright.papers.gauss_newton.admission import check_outputs
from startright.papers.gauss_newton.batches import (
    Batch,
    call,
    each,
    pulled_back,
    rows_one_by_one,
    size,
    split,
    trainable,
)
from startright.papers.gauss_newton.layers import OtherPass, Outer, Rows, factors, layers_alone, rest_of

Parameters = dict[str, Tensor]
CHUNK_NUMBERS = 2**24  # of a chunk's Jacobian when no chunk size is given: 128 MB in float64


class Linearised:
    """A network to first order around its parameters, on a batch.

    Args:
        model: gives each example its outputs.
        x: the batch, N examples.
        chunk_size: see :func:`~startright.gauss_newton.general.tangent_kernel`.
        by_layers: take linear and convolution layers by themselves, where that is right.

    Attributes:
        outputs: of the batch, (N, …).
        layers: those that are taken by themselves, by name.

    Raises:
        ValueError: a chunk size that is not a positive integer, outputs that do not fit.
    """

    def __init__(self, model: nn.Module, x: Batch, chunk_size: int | None = None, *, by_layers: bool = True):
        if chunk_size is not None and (
            isinstance(chunk_size, bool) or not isinstance(chunk_size, int) or chunk_size < 1
        ):
            raise ValueError(f"chunk_size must be a positive integer or None, got {chunk_size!r}")
        self.model, self.x, self._limit, self._one_by_one = model, x, chunk_size, False
        self._params, self._f = as_function(model)
        self._own: tuple[Tensor, list[Rows | Outer]] | None = None  # of the batch, where it is one chunk
        self._whole: list[Rows | Outer] | None = None  # likewise, those of other parameters too
        self.layers, numbers = layers_alone(model, x) if by_layers else ({}, 0)
        if not self.layers:
            self._take_none()
            return
        self._chunk = chunk_size or self._largest(numbers)
        try:
            self._own = factors(model, self.layers, x) if size(x) <= self._chunk else None
            self.outputs = self._own[0] if self._own else self._look(x)
        except OtherPass:
            self._take_none()

    def _take_none(self) -> None:
        """Go on without layers by themselves."""
        self.layers, self.outputs = {}, self._look(self.x)
        self._chunk = self._limit or self._largest()

    def _look(self, x: Batch) -> Tensor:
        with torch.no_grad():
            outputs = call(self.model, self._params, x)
        check_outputs(outputs, x)
        return outputs

    @property
    def rest(self) -> Parameters:
        """The parameters whose Jacobian is formed."""
        return {name: self._params[name] for name in rest_of(self.model, self.layers)}

    def _largest(self, numbers: int = 0) -> int:
        """The examples of a chunk below the limit, if the layers take so many numbers an example."""
        if rest := sum(p.numel() for p in self.rest.values()):
            first = self._look(each(lambda t: t[:1], self.x)) if self.layers else self.outputs[:1]
            numbers += first.numel() * rest
        return max(1, CHUNK_NUMBERS // max(1, numbers))

    def kernel(self) -> Tensor:
        """See :func:`~startright.gauss_newton.general.tangent_kernel`."""
        try:
            return self._kernel()
        except OtherPass:
            self._take_none()
            return self._kernel()

    def _kernel(self) -> Tensor:
        chunks = split(self.x, self._chunk)
        rows: list[list[Tensor]] = [[] for _ in chunks]
        for a, chunk in enumerate(chunks):
            left = self._parts(chunk)
            for b in range(a):
                rows[a].append(_product(left, self._parts(chunks[b])))
            rows[a].append(_product(left, left))
        self._whole = left if len(chunks) == 1 else None
        return _mirrored(rows)

    def _parts(self, x: Batch) -> list[Rows | Outer]:
        """The Jacobian of a chunk in parts: of layers by themselves, of other parameters block by block."""
        own = self._own or (factors(self.model, self.layers, x) if self.layers else (None, []))
        blocks = zip(self.rest, self._blocks(x), strict=True) if self.rest else ()
        return own[1] + [Rows(name, block) for name, block in blocks]

    def _blocks(self, x: Batch) -> list[Tensor]:
        """By vmap or, where a network's layers do not go with it, output by output."""
        if not self._one_by_one:
            try:
                return jacobian(self._f, self.rest, x)
            except torch.OutOfMemoryError:
                raise
            except Exception:  # recurrent layers, checkpoints, data-dependent branches: of many kinds
                self._one_by_one = True
        try:
            return rows_one_by_one(self.model, self.rest, x)
        except RuntimeError as error:
            raise ValueError(
                f"the outputs of {type(self.model).__name__} cannot be differentiated one by one: {error}"
            ) from error

    def pullback(self, z: Tensor) -> Parameters:
        r""":math:`J^\top z` by the parameter's name, for z of shape (N·K,)."""
        if self._whole:
            z = z.to(self.outputs.dtype)
            pulled = {name: p for part in self._whole for name, p in part.pullback(z).items()}
            return {name: pulled[name].view_as(p) for name, p in self._params.items()}
        n, total = size(self.x), {}
        chunks, parts = (split(part, self._chunk) for part in (self.x, z.view(n, -1)))
        for chunk, part in zip(chunks, parts, strict=True):
            pulled = pulled_back(self.model, self._params, chunk, part)
            total = {name: total[name].add_(p) for name, p in pulled.items()} if total else pulled
        return total


def as_function(model: nn.Module) -> tuple[Parameters, Callable[[Parameters, Batch], Tensor]]:
    """The trainable parameters, detached, and (parameters, one example) → its K outputs."""

    def f(params: Parameters, x: Batch) -> Tensor:
        return call(model, params, each(lambda t: t[None], x)).flatten()

    return trainable(model), f


def jacobian(f: Callable[[Parameters, Batch], Tensor], params: Parameters, x: Batch) -> list[Tensor]:
    """The Jacobian of some examples' outputs, a block (n·K, P_l) for each parameter."""
    blocks = vmap(jacrev(f), (None, 0))(params, x)
    return [blocks[name].flatten(0, 1).flatten(1) for name in params]


def _product(left: list[Rows | Outer], right: list[Rows | Outer]) -> Tensor:
    """A block of the kernel, part by part: the Jacobians are never put together."""
    block = left[0] @ right[0]
    for a, b in zip(left[1:], right[1:], strict=True):
        block += a @ b
    return block


def _mirrored(rows: list[list[Tensor]]) -> Tensor:
    """The whole kernel from the blocks on and below its diagonal."""
    if len(rows) == 1:
        return rows[0][0]
    sizes = [len(row[0]) for row in rows]
    kernel = rows[0][0].new_empty(sum(sizes), sum(sizes))
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    for a, row in enumerate(rows):
        for b, block in enumerate(row):
            here, there = (slice(starts[k], starts[k] + sizes[k]) for k in (a, b))
            kernel[here, there] = block
            kernel[there, here] = block.mT
    return kernel
