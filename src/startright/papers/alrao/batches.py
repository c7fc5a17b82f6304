"""What a minibatch may look like: inputs of any kind for the backbone, features and targets for the heads."""

import inspect
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


def call(backbone: nn.Module, x: Any) -> Any:
    """What the backbone gives for inputs of any kind.

    A dictionary is spread into keywords, a tuple or a list into arguments, if ``forward`` takes them so; a
    named tuple, such as a packed sequence, and all else is one argument.

    >>> class Sum(nn.Module):
    ...     def forward(self, a, b):
    ...         return a + b
    >>> one, two = torch.tensor(1), torch.tensor(2)
    >>> call(Sum(), {"a": one, "b": two}), call(Sum(), (one, two))
    (tensor(3), tensor(3))
    """
    if isinstance(x, Mapping) and _takes(backbone, (), x):
        return backbone(**x)
    if isinstance(x, tuple | list) and not hasattr(x, "_fields") and _takes(backbone, x, {}):
        return backbone(*x)
    return backbone(x)


def _takes(backbone: nn.Module, args: Any, named: Any) -> bool:
    try:
        inspect.signature(backbone.forward).bind(*args, **named)
    except TypeError:
        return False
    return True


def as_features(z: Any, dtype: torch.dtype) -> torch.Tensor:
    """Features as (B, d), in the type of the heads: those of a backbone in bfloat16 become float32.

    Raises:
        ValueError: no tensor of real numbers and of two axes or more.
    """
    if not isinstance(z, torch.Tensor) or z.dim() < 2 or z.is_nested:
        raise ValueError(
            f"the backbone must return features, (B, d), got {shown(z)}; wrap it in a module that does,"
            " or compute them and call fit_features"
        )
    if z.is_complex():
        raise ValueError(
            f"the backbone returns complex features, {z.dtype}: end it with what makes them real, such as"
            " abs or torch.view_as_real(z).flatten(1)"
        )
    return z.flatten(0, -2).to(dtype)


def flat_targets(targets: Any, z: torch.Tensor) -> torch.Tensor:
    """Targets as (B,) or (B, D), for features, (..., d).

    Raises:
        ValueError: no tensor, or other leading axes than those of the features.
    """
    leading = z.shape[:-1]
    if not isinstance(targets, torch.Tensor) or targets.shape[: len(leading)] != leading:
        raise ValueError(
            f"for features of {tuple(z.shape)} the targets must be a tensor of {tuple(leading)}, or of that"
            f" and more axes, got {shown(targets)}"
        )
    return targets.flatten(0, len(leading) - 1)


def shown(value: Any) -> str:
    """A tensor by its shape, anything else by its type."""
    if isinstance(value, torch.Tensor) and not value.is_nested:
        return f"a tensor of {tuple(value.shape)}"
    return "a nested tensor" if isinstance(value, torch.Tensor) else type(value).__name__
