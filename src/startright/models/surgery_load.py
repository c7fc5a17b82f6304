"""Checkpoints from before a surgery: what is said when one is loaded."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from startright.models.surgery_cut import fits


class Pruned:
    """A hook that a network carries after surgery: it refuses a checkpoint with the units that are gone.

    Args:
        sizes: name of a layer → all the numbers of units that it ever had, the present one last.
    """

    def __init__(self, sizes: Mapping[str, tuple[int, ...]]) -> None:
        self.sizes = dict(sizes)

    def __call__(self, module: nn.Module, state: Mapping[str, Any], prefix: str, *_: Any) -> None:
        """Look at a checkpoint before any of it is loaded.

        Raises:
            ValueError: it has a layer as it was before it lost units.
        """
        for name, (*earlier, now) in self.sizes.items():
            weight = state.get(f"{prefix}{name}.weight" if name else f"{prefix}weight")
            found = len(weight) if weight is not None and weight.dim() else now
            if found != now and found in earlier:
                raise ValueError(
                    f"this checkpoint is from before the network was pruned: layer {name!r} has {found} units"
                    f" there, and was pruned from {found} to {now}. Load it in a network as it was then, and"
                    " take the units out again with the masks that remove_ reported"
                )


def remember(model: nn.Module, sizes: Mapping[str, tuple[int, int]]) -> None:
    """Make the network refuse checkpoints from before, given name → (units before, units now)."""
    hooks = (getattr(hook, "hook", hook) for hook in model._load_state_dict_pre_hooks.values())
    known = next((hook for hook in hooks if isinstance(hook, Pruned)), None)
    if known is None:
        known = Pruned({})
        model.register_load_state_dict_pre_hook(known)
    for name, (before, now) in sizes.items():
        known.sizes[name] = (*known.sizes.get(name, (before,)), now)


def remember_state(optimizer: torch.optim.Optimizer) -> None:
    """Make an optimizer refuse state from before the surgery, once."""
    if _check_state not in optimizer._optimizer_load_state_dict_pre_hooks.values():
        optimizer.register_load_state_dict_pre_hook(_check_state)


def _check_state(optimizer: torch.optim.Optimizer, saved: Mapping[str, Any]) -> None:
    """Look at a checkpoint of the optimizer before any of it is loaded.

    Raises:
        ValueError: state of other shapes than the parameters have.
    """
    own = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    keys = [key for group in saved["param_groups"] for key in group["params"]]
    for parameter, key in zip(own, keys, strict=False):  # torch tells of other numbers
        for slot, value in saved["state"].get(key, {}).items():
            same = isinstance(value, Tensor) and value.dim() == parameter.dim()
            if same and not fits(value, parameter):
                raise ValueError(
                    f"this state of the {type(optimizer).__name__} is of another size: {slot!r} has the shape"
                    f" {tuple(value.shape)}, its parameter {tuple(parameter.shape)}. It may be from before"
                    " the network was pruned: load it there, and give the optimizer to remove_"
                )
