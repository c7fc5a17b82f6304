"""A loss in float64, whatever the precision of the tensors that it brings along."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_map

WIDE = {torch.float32: torch.float64, torch.complex64: torch.complex128}

CASTS = {torch.Tensor.float: torch.Tensor.double, torch.Tensor.cfloat: torch.Tensor.cdouble}


def _wide(value: object) -> object:
    if isinstance(value, torch.Tensor) and value.dtype in WIDE:
        return value.to(WIDE[value.dtype])
    return WIDE.get(value, value) if isinstance(value, torch.dtype) else value


class _Widening(TorchFunctionMode):
    """Operations take and give float64: what they meet of less is widened before."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        func = CASTS.get(func, func)
        args, kwargs = tree_map(_wide, (args, kwargs or {}))
        return tree_map(_wide, func(*args, **kwargs))


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def widened(loss_fn: Callable[[Mapping[str, torch.Tensor]], torch.Tensor]) -> Callable:
    """The same loss, of parameters in float64, with its inputs and constants widened as they are met.

    Args:
        loss_fn: of parameters by name.
    """

    def loss(params: Mapping[str, torch.Tensor]) -> torch.Tensor:
        with _default_dtype(torch.float64), _Widening():
            return loss_fn(params)

    return loss
