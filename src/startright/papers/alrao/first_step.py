"""What is looked at in the first step, and when one fails: it waits for the device."""

import warnings
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn

from startright.papers.alrao.ends import complain, kind_of_probabilities, looking
from startright.papers.alrao.likelihoods import Categorical, check_slope, in_closed_form


def check_type(z: Any) -> None:
    """Warn of features in float16."""
    if isinstance(z, torch.Tensor) and z.dtype == torch.float16:
        warnings.warn(
            "features in float16: small gradients become zero in it, and nothing scales them; take bfloat16",
            stacklevel=5,
        )


def check_step(model: nn.Module, z: torch.Tensor, targets: torch.Tensor, *, first: bool = False) -> None:
    """Say what is wrong with a minibatch, or with the model that has it.

    Args:
        model: with heads, a likelihood and ``strict``; left as it is.
        z: features, (B, d).
        targets: of the examples.
        first: look at the kind of the values as well.

    Raises:
        ValueError: an empty minibatch, features or targets that do not fit, a likelihood that contradicts
            itself; or, if strict, features or outputs that look like probabilities.
    """
    if not len(z):
        raise ValueError("the minibatch is empty")
    with torch.no_grad(), looking(model.heads), full_precision(z):
        try:
            outputs = model.heads(z)
        except RuntimeError as error:
            raise ValueError(f"the heads do not take features of {tuple(z.shape)}: {error}") from error
    model.likelihood.check(outputs.shape[-1], targets, len(z))
    if not first:
        return
    if in_closed_form(model.likelihood) and type(model.likelihood).__module__ != Categorical.__module__:
        check_slope(model.likelihood, outputs.mT, targets)
    if (kind := kind_of_probabilities(z)) in {"softmax", "log_softmax"}:
        complain(f"the features look like those of {kind}, the end of a classifier", model.strict)
    if isinstance(model.likelihood, Categorical) and (kind := kind_of_probabilities(outputs)) in {
        "softmax",
        "sigmoid",
    }:
        complain(f"the heads seem to end in {kind}, but should give logits", model.strict)


def full_precision(z: torch.Tensor) -> AbstractContextManager:
    """Out of autocast, if it is on where ``z`` is: in bfloat16 heads would be too coarse."""
    kind = z.device.type
    return torch.autocast(kind, enabled=False) if torch.is_autocast_enabled(kind) else nullcontext()
