"""A loss as a function of its parameters and of nothing else: same model, same numbers, at every look.

Derivatives of different orders must be those of one function. What is random, or changes with each look, is
refused; and a look leaves the model as it was.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from startright.models.functional import call_at

Params = Mapping[str, torch.Tensor]
Loss = Callable[[Params], torch.Tensor]
WRAPPERS = (nn.parallel.DistributedDataParallel, nn.DataParallel)


def bare(model: nn.Module) -> nn.Module:
    """The module inside of ``DistributedDataParallel``, ``DataParallel`` or ``torch.compile``."""
    while True:
        if isinstance(model, WRAPPERS):
            model = model.module
        elif "_orig_mod" in model._modules:
            model = model._orig_mod
        else:
            return model


@contextmanager
def plain_torch(params: Params) -> Iterator[None]:
    """Inside, torch computes in full precision, uncompiled, and attends by kernels with all derivatives."""
    with ExitStack() as stack:
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))  # the fused ones have no second derivative
        for kind in {p.device.type for p in params.values()}:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        if "torch._dynamo" in sys.modules:  # else nothing is compiled
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


def steady(loss_fn: Loss) -> Loss:
    """The same loss, refusing to be called if it draws random numbers.

    One that sets its seed itself draws the same at every look, and is none of these.

    Args:
        loss_fn: of parameters by name.

    Raises:
        ValueError: (by the loss) it is random.
    """

    def loss(params: Params) -> torch.Tensor:
        devices = {p.device for p in params.values() if p.is_cuda}
        before = _random_state(devices)
        value = loss_fn(params)
        if _moved(before, after := _random_state(devices)):
            with torch.no_grad():
                loss_fn(params)
            if _moved(after, _random_state(devices)):
                raise ValueError(
                    "the loss draws random numbers, so that each look at it sees another function: call"
                    " model.eval() if it has dropout in training, or set the seed in the loss"
                )
        return value

    return loss


def _random_state(devices: set[torch.device]) -> list[torch.Tensor]:
    return [torch.get_rng_state(), *(torch.cuda.get_rng_state(device) for device in devices)]


def _moved(before: list[torch.Tensor], after: list[torch.Tensor]) -> bool:
    return not all(map(torch.equal, before, after))


def outputs_of(model: nn.Module, params: Params, x: object) -> object:
    """What a model gives for inputs, at other values of its parameters; it is left as it was found.

    Args:
        model: in the mode it is in.
        params: values by name, of all or some parameters.
        x: a tensor, a tuple or list of arguments, or a mapping of arguments by name.

    Raises:
        ValueError: the forward pass changes a buffer, as batch and spectral normalisation do in training.
    """
    buffers = {name: b.detach().clone() for name, b in model.named_buffers()}
    versions = {name: b._version for name, b in buffers.items()}
    args, kwargs = _arguments(x)
    with _attributes_kept(model):
        outputs = call_at(model, {**buffers, **params}, args, kwargs)
    if changed := [name for name, b in buffers.items() if b._version != versions[name]]:
        raise ValueError(
            f"a forward pass changes the model's {changed[0]!r}, as normalisations in training do, so that"
            " each look at the loss sees another function: call model.eval()"
        )
    return outputs


def _arguments(x: object) -> tuple[tuple, dict]:
    if isinstance(x, Mapping):
        return (), dict(x)
    if isinstance(x, tuple | list) and not hasattr(x, "_fields"):  # a named tuple is one argument
        return tuple(x), {}
    return (x,), {}


@contextmanager
def _attributes_kept(model: nn.Module) -> Iterator[None]:
    """Whatever the forward pass writes to the modules is forgotten: hidden states, counters."""
    before = [(vars(module), dict(vars(module))) for module in model.modules()]
    try:
        yield
    finally:
        for own, kept in before:
            for name in own.keys() - kept.keys():
                del own[name]
            own.update(kept)
