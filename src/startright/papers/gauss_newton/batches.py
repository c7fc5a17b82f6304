"""Batches of examples: a tensor with the examples first, or a tuple or a dict of such tensors."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from startright.models.functional import call_at

#: A tensor, (N, …), a tuple of the network's arguments, or a dict of its arguments by name.
Batch = Tensor | tuple[Any, ...] | list[Any] | dict[str, Any]


def each(change: Callable[[Tensor], Tensor], batch: Batch) -> Batch:
    """A batch of the same form with every tensor changed."""
    if isinstance(batch, Tensor):
        return change(batch)
    if isinstance(batch, dict):
        return {name: each(change, part) for name, part in batch.items()}
    return tuple(each(change, part) for part in batch)


def leaves(batch: Batch) -> Iterator[Any]:
    """The tensors of a batch, or whatever is in their place."""
    if isinstance(batch, tuple | list | dict):
        for part in batch.values() if isinstance(batch, dict) else batch:
            yield from leaves(part)
    else:
        yield batch


def size(batch: Batch, what: str = "inputs") -> int:
    """The number N of examples.

    Raises:
        ValueError: there is none, what is no tensor, or tensors that do not agree.
    """
    found = list(leaves(batch))
    if not found or not all(isinstance(t, Tensor) and not t.is_nested and t.dim() and len(t) for t in found):
        raise ValueError(
            f"{what} must be a tensor, (N, …), of at least one example, or a tuple or dict of such tensors;"
            " pad ragged examples to one length"
        )
    sizes = sorted({len(t) for t in found})
    if len(sizes) > 1:
        raise ValueError(
            f"{what} disagree on the number of examples, {', '.join(map(str, sizes))}: each tensor of a batch"
            " must be (N, …); pad ragged examples to one length"
        )
    return sizes[0]


def split(batch: Batch, chunk_size: int) -> list[Batch]:
    """The batch in chunks of examples."""
    n = size(batch)
    return [each(lambda t, a=a: t[a : a + chunk_size], batch) for a in range(0, n, chunk_size)]


def call(model: nn.Module, parameters: dict[str, Tensor], batch: Batch) -> Any:
    """The network's outputs at other parameters, on copies of its buffers: counters and statistics stay."""
    args = batch if isinstance(batch, tuple | list) else () if isinstance(batch, dict) else (batch,)
    kwargs = batch if isinstance(batch, dict) else {}
    buffers = {name: buffer.clone() for name, buffer in model.named_buffers()}
    recurrent = any(isinstance(part, nn.RNNBase) for part in model.modules())
    with (
        torch.backends.cudnn.flags(enabled=False) if recurrent else nullcontext()
    ):  # no backward pass in eval
        return call_at(model, buffers | parameters, args, kwargs)


def trainable(model: nn.Module) -> dict[str, Tensor]:
    """The parameters that require a gradient, detached, by name."""
    return {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}


def rows_one_by_one(model: nn.Module, params: dict[str, Tensor], batch: Batch) -> list[Tensor]:
    """The Jacobian of some examples' outputs by a backward pass an output, a block (n·K, P_l) a parameter.

    Slow, and right for every network that has a backward pass: recurrent layers, checkpoints.
    """
    rows: list[list[Tensor]] = []
    with torch.enable_grad():
        leaf = {name: p.clone().requires_grad_() for name, p in params.items()}
        for example in split(batch, 1):
            for output in call(model, leaf, example).flatten():
                rows.append([g.flatten() for g in _gradients(output, leaf)])
    return [torch.stack(block) for block in zip(*rows, strict=True)]


def pulled_back(
    model: nn.Module, params: dict[str, Tensor], batch: Batch, weights: Tensor
) -> dict[str, Tensor]:
    """The Jacobian's transpose times ``weights``, one number an output, by the parameter's name."""
    with torch.enable_grad():
        leaf = {name: p.clone().requires_grad_() for name, p in params.items()}
        outputs = call(model, leaf, batch)
        return dict(
            zip(leaf, _gradients(outputs, leaf, weights.to(outputs.dtype).view(outputs.shape)), strict=True)
        )


def _gradients(outputs: Tensor, leaf: dict[str, Tensor], weights: Tensor | None = None) -> tuple[Tensor, ...]:
    """Gradients by all parameters, 0 where the outputs do not need one."""
    options = {"grad_outputs": weights, "retain_graph": weights is None, "materialize_grads": True}
    return torch.autograd.grad(outputs, list(leaf.values()), **options)
