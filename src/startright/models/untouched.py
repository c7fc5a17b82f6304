"""Calls of somebody's network that leave it as it was."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Whatever ``model`` computes inside, afterwards it is as before, apart from its parameters.

    Buffers, plain attributes and the global random streams are put back, so that neither a counter nor
    running statistics nor a weight that a hook computes see the calls. Compiled parts run as they are
    written. What a pass changes inside a container, such as a list that it appends to, stays changed.

    Args:
        model: the network, on any devices.
    """
    parts = [part for part in model.modules() if not isinstance(part, torch.jit.ScriptModule)]
    attributes = [(part, dict(part.__dict__), dict(part._buffers)) for part in parts]
    values = [(b, b.detach().clone()) for b in model.buffers() if not _pending(b)]
    cuda = {t.device for t in (*model.parameters(), *model.buffers()) if t.is_cuda}
    with ExitStack() as stack:
        stack.enter_context(torch.random.fork_rng(devices=sorted(cuda, key=str)))
        if "torch._dynamo" in sys.modules:  # nobody compiled anything otherwise, and the import takes seconds
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        try:
            yield
        finally:
            for part, before, buffers in attributes:
                part.__dict__.clear()
                part.__dict__.update(before)
                part._buffers.clear()
                part._buffers.update(buffers)
            with torch.no_grad():
                for buffer, value in values:
                    if not _same(buffer, value):
                        buffer.copy_(value)


@contextmanager
def plainly(model: nn.Module, training: bool = False) -> Iterator[None]:
    """Passes in one mode, without autocast and gradients, of which nothing is left.

    Args:
        model: as for :func:`untouched`.
        training: the mode of all its parts.
    """
    kinds = {t.device.type for t in (*model.parameters(), *model.buffers())}
    with ExitStack() as stack:
        stack.enter_context(untouched(model))
        stack.enter_context(torch.no_grad())
        for kind in kinds:
            stack.enter_context(torch.autocast(kind, enabled=False))
        for part in model.modules():  # train() may be overridden
            part.training = training
        yield


def _pending(tensor: torch.Tensor) -> bool:
    return isinstance(tensor, nn.parameter.UninitializedTensorMixin)


def _same(a: torch.Tensor, b: torch.Tensor) -> bool:
    return a.shape == b.shape and torch.equal(a, b)
