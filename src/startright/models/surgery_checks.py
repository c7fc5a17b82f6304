"""Which networks, and which of their layers, are ones of which units can be taken out."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from startright.models.layers import NORMS, PARALLEL, WEIGHTED

DTYPES = (torch.float32, torch.float64)
#: The tensors of a layer or a normalisation whose entries belong to units or to inputs.
OWN = ("weight", "bias", "sigma", "running_mean", "running_var")


def is_scaled(part: nn.Module) -> bool:
    """Whether a layer scales its inputs by ``sigma``, (inputs,): its ``effective_weight()`` is what acts."""
    sigma = part._buffers.get("sigma")
    return sigma is not None and sigma.dim() == 1 and callable(getattr(part, "effective_weight", None))


def is_layer(part: nn.Module) -> bool:
    """Whether a module has units: a linear layer or a convolution, scaled or not."""
    return isinstance(part, WEIGHTED) or is_scaled(part)


def admit(model: nn.Module) -> None:
    """Refuse what cannot be operated on as a whole.

    Raises:
        ValueError: a scripted module, a wrapper for several processes, parameters without values, spread over
            processes, or not in float32 or float64.
    """
    for name, part in model.named_modules():
        what = repr(name) if name else type(part).__name__
        if type(part).__name__ in PARALLEL:
            raise ValueError(f"{type(part).__name__} has copied the weights: operate on the module inside it")
        if isinstance(part, torch.jit.ScriptModule):
            raise ValueError(f"{what} is scripted: take the units out first, then script it")
    for name, tensor in (*model.named_parameters(), *model.named_buffers()):
        if isinstance(tensor, nn.parameter.UninitializedTensorMixin) or tensor.is_meta:
            raise ValueError(f"{name!r} has no values yet: run one pass, or use to_empty, first")
        if hasattr(tensor, "device_mesh"):
            raise ValueError(f"{name!r} is spread over processes: surgery needs it whole, in one process")
        counter = not isinstance(tensor, nn.Parameter) and not tensor.is_complex()
        if tensor.is_complex() or not (tensor.is_floating_point() or counter):
            kind = str(tensor.dtype).removeprefix("torch.")
            raise ValueError(f"{name!r} is {kind}: surgery is for real weights, in float32 or float64")
        if tensor.is_floating_point() and tensor.dtype not in DTYPES:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise ValueError(
                f"{name!r} is {kind}, in which the outputs cannot be compared to 1e-5: call model.float()"
                " first, and .half() afterwards"
            )


def refusals(parts: Mapping[str, nn.Module]) -> dict[str, str]:
    """Layers and normalisations that cannot be cut, by name → why: computed weights, unknown tensors."""
    relevant = {name: part for name, part in parts.items() if is_layer(part) or isinstance(part, NORMS)}
    return {name: why for name, part in relevant.items() if (why := _problem(part))}


def _problem(part: nn.Module) -> str | None:
    computed = hasattr(part, "parametrizations") or not isinstance(part._parameters.get("weight"), Tensor)
    if computed and not (isinstance(part, NORMS) and not part.affine):
        return (
            "its weight is computed in every pass (a parametrization, weight normalisation, a mask): remove"
            " that first"
        )
    if is_layer(part) and not part.weight.numel():
        return f"its weight has no entries, but the shape {tuple(part.weight.shape)}"
    for name, tensor in (*part._parameters.items(), *part._buffers.items()):
        if name not in OWN and tensor is not None and tensor.numel() > 1:
            return f"it keeps {name!r}, of which nobody says what belongs to which unit"
    return None


def shared(parts: Mapping[str, nn.Module]) -> dict[str, str]:
    """Modules with a parameter that stands in another as well, by name → why they cannot be cut."""
    owners: dict[int, list[str]] = {}
    for name, part in parts.items():
        for tensor in {id(t): t for t in (*part._parameters.values(), *part._buffers.values())}.values():
            if tensor is not None:
                owners.setdefault(id(tensor), []).append(name)
    tied = [names for names in owners.values() if len(names) > 1]
    return {
        name: f"it shares a tensor with {' and '.join(repr(other) for other in names if other != name)}"
        for names in tied
        for name in names
    }
