"""Calls of a module with other values for its parameters, also where parts of it are used in two places."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import nn
from torch.func import functional_call


def places(model: nn.Module, *, again: bool = False) -> dict[str, str]:
    """Where each parameter and buffer stands: place → the name it goes by, its first.

    A tensor of two modules has two places; a module that stands twice counts once, unless ``again``.
    """
    first = {id(t): name for name, t in (*model.named_parameters(), *model.named_buffers())}
    return {
        f"{path}.{name}".lstrip("."): first[id(tensor)]
        for path, part in model.named_modules(remove_duplicate=not again)
        for name, tensor in (*part._parameters.items(), *part._buffers.items())
        if tensor is not None
    }


def call_at(
    model: nn.Module,
    tensors: Mapping[str, torch.Tensor],
    args: Sequence[Any],
    kwargs: Mapping[str, Any] | None = None,
    *,
    where: Mapping[str, str] | None = None,
) -> Any:
    """What ``model`` gives for ``args`` at other values of its parameters and buffers.

    That is ``torch.func.functional_call``, which leaves a module that stands in two places with the tensors
    of the call in place of its parameters.

    Args:
        model: left with its own tensors.
        tensors: by the names of ``named_parameters`` and ``named_buffers``; others keep their values.
        args: of the forward pass.
        kwargs: likewise.
        where: :func:`places` of the model, where they are known.
    """
    known = places(model) if where is None else where
    placed = {place: tensors[name] for place, name in known.items() if name in tensors}
    return functional_call(model, placed, tuple(args), dict(kwargs or {}), tie_weights=False)
