"""Which layers of a network can become variational, and what stands in the way of the others."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn.utils import parametrize

from startright.errors import unknown
from startright.models.layers import PARALLEL
from startright.models.variational_layers import VARIATIONAL, Variational

Leave = Sequence[type[nn.Module] | str]


def convertible(module: nn.Module, leave: Leave = ()) -> dict[str, nn.Module]:
    """The layers to convert by name.

    Args:
        module: the network.
        leave: kinds of modules, or names, that stay as they are, with all that is in them.

    Raises:
        ValueError: the module has parts with weights that cannot be converted and are not to be left, all of
            them named; or there is nothing to convert.
    """
    if any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()):
        raise ValueError(f"{type(module).__name__} is scripted: make it variational first, then script it")
    left, shared = _left(module, leave), _shared(module)
    parts = {name: part for name, part in module.named_modules() if part not in left}
    reasons = {name: _reason(part, shared) for name, part in parts.items()}
    wrong = [f"{name or type(module).__name__} {reason}" for name, reason in reasons.items() if reason]
    if wrong:
        raise ValueError(
            f"{type(module).__name__} cannot be made variational: {'; '.join(wrong)}."
            " Change these, or name what may stay as it is in leave="
        )
    found = {name: part for name, part in parts.items() if type(part) in VARIATIONAL}
    if not found:
        raise ValueError(f"{type(module).__name__} has no linear or convolutional layer to make variational")
    return found


def _left(module: nn.Module, leave: Leave) -> set[nn.Module]:
    if isinstance(leave, str | type):
        shown = leave.__name__ if isinstance(leave, type) else repr(leave)
        raise ValueError(f"leave is a list of kinds and names: write [{shown}]")
    known = dict(module.named_modules(remove_duplicate=False))
    chosen = []
    for each in leave:
        if isinstance(each, str):
            if each not in known:
                raise unknown("module to leave", each, [name for name in known if name])
            chosen.append(known[each])
        else:
            chosen += [part for part in known.values() if isinstance(part, each)]
    return {inner for part in chosen for inner in part.modules()}


def _shared(module: nn.Module) -> set[int]:
    """The tensors, and the modules, that stand in several places, by their ids."""
    seen: dict[int, int] = {}
    for _, part in module.named_modules(remove_duplicate=False):
        for each in (part, *(p for p in part._parameters.values() if p is not None)):
            seen[id(each)] = seen.get(id(each), 0) + 1
    return {key for key, count in seen.items() if count > 1}


def _reason(part: nn.Module, shared: set[int]) -> str:
    """Why a module cannot be converted; empty if it can, or has nothing to convert."""
    own = [p for p in part._parameters.values() if p is not None]
    if type(part).__name__ in PARALLEL:
        return f"is a {type(part).__name__}, which has copied the weights: convert the module inside first"
    if not own and not isinstance(part, tuple(VARIATIONAL)):
        return ""
    if any(nn.parameter.is_lazy(p) for p in own):
        return f"is a {type(part).__name__} without values yet: pass a batch through the network first"
    known = ", ".join(kind.__name__ for kind in VARIATIONAL)
    hidden = not isinstance(part._parameters.get("weight"), nn.Parameter) or "bias" not in part._parameters
    reasons = {
        "has parametrised weights: remove the parametrisation first": parametrize.is_parametrized(part),
        "is variational already": isinstance(part, Variational),
        f"is a {type(part).__name__}: only {known} are known": type(part) not in VARIATIONAL,
        "has a weight computed from others (weight normalisation, pruning): make it plain first": hidden,
        "has weights that stand in several places: each needs weights of its own": not shared.isdisjoint(
            map(id, (part, *own))
        ),
        f"has weights in {own[0].dtype if own else 'no dtype'}: float32 or float64 is needed": not all(
            p.dtype in (torch.float32, torch.float64) for p in own
        ),
        "has no values, on the meta device: use to_empty first": any(p.is_meta for p in own),
        "has a weight without entries": any(not p.numel() for p in own),
        "has weights that are not finite": any(not (p.is_meta or p.isfinite().all()) for p in own),
        "has frozen weights: unfreeze them": not all(p.requires_grad for p in own),
    }
    return next((reason for reason, holds in reasons.items() if holds), "")
