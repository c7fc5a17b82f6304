"""Which networks and batches Gauss-Newton can be used on, and what is said of the others."""

import torch
from torch import Tensor, nn

from startright.papers.gauss_newton.batches import Batch, call, each, leaves, size, trainable

#: Wrappers of a network for several processes or devices.
PARALLEL = ("DistributedDataParallel", "DataParallel", "FullyShardedDataParallel")


def check_model(model: nn.Module) -> None:
    """Say what is wrong with a network, whatever its mode.

    Raises:
        ValueError: no trainable parameter, not one and the same precision, single or double, or a wrapper for
            several processes.
    """
    for part in model.modules():
        if type(part).__name__ in PARALLEL:
            raise ValueError(
                f"{type(part).__name__} gives every process a part of the batch, but the kernel couples all"
                " examples: train the module inside it, in one process or on the same whole batch in each"
            )
    parameters = trainable(model)
    if not parameters:
        raise ValueError(f"{type(model).__name__} has no parameter that requires a gradient")
    if any(hasattr(p, "device_mesh") for p in parameters.values()):
        raise ValueError(
            "parameters are spread over processes: Gauss-Newton needs them whole, in one process"
        )
    dtypes = {p.dtype for p in parameters.values()}
    if dtypes - {torch.float32, torch.float64}:
        raise ValueError(f"parameters are {_names(dtypes)}: Gauss-Newton needs float32, or better float64")
    if len(dtypes) > 1:
        raise ValueError(f"parameters are {_names(dtypes)}: give them all one precision, better float64")


def check(model: nn.Module, x: Batch) -> None:
    """Say what is wrong with a network in its present mode, or with its inputs.

    Raises:
        ValueError: see :func:`check_model` and :func:`~startright.gauss_newton.batches.size`; inputs in half
            precision; a layer whose outputs are drawn, or depend on the other examples.
    """
    check_model(model)
    size(x)
    coarse = {t.dtype for t in leaves(x)} & {torch.float16, torch.bfloat16}
    if coarse:
        raise ValueError(f"inputs are {_names(coarse)}: Gauss-Newton needs float32, or better float64")
    for name, part in model.named_modules():
        if why := _mixes(part):
            raise ValueError(f"the layer {name!r}, {type(part).__name__}, {why}")


def _names(dtypes: set[torch.dtype]) -> str:
    return ", ".join(sorted(str(dtype).removeprefix("torch.") for dtype in dtypes))


def _mixes(part: nn.Module) -> str | None:
    """Why a layer's outputs are no function of one example, if they are not."""
    random = getattr(part, "p", 0) if isinstance(part, nn.modules.dropout._DropoutNd) else 0
    random = getattr(part, "dropout", 0) if isinstance(part, nn.RNNBase | nn.MultiheadAttention) else random
    if part.training and (random > 0 or isinstance(part, nn.RReLU)):
        return "is random in training: call model.eval() before the step"
    if isinstance(part, nn.modules.batchnorm._BatchNorm) and (part.training or part.running_mean is None):
        return "mixes the examples of a batch: call model.eval() before the step, and keep running statistics"
    return None


def check_outputs(outputs: Tensor, x: Batch) -> None:
    """Say what is wrong with a network's outputs.

    Raises:
        ValueError: they are not one tensor with the examples first, or in half precision.
    """
    n = size(x)
    if not isinstance(outputs, Tensor) or outputs.shape[:1] != (n,):
        found = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ValueError(f"for {n} examples the network must give a tensor ({n}, …), got {found}")
    if outputs.dtype not in (torch.float32, torch.float64):
        raise ValueError(
            f"outputs are {_names({outputs.dtype})}: Gauss-Newton needs float32, or better float64"
        )


def check_alone(model: nn.Module, x: Batch) -> None:
    """Are the outputs of an example the same again, and the same alone as in the batch?

    Raises:
        ValueError: they are not; or see :func:`check` and :func:`check_outputs`.
    """
    check(model, x)
    params = trainable(model)
    together, again = call(model, params, x), call(model, params, x)
    check_outputs(together, x)
    if not torch.allclose(together, again, 1e-3, 1e-5, equal_nan=True):
        raise ValueError(
            f"{type(model).__name__} is random, two passes differ: call model.eval(), or take the draws out"
        )
    for k in range(min(2, len(together))):
        alone = call(model, params, each(lambda t, k=k: t[k : k + 1], x))
        if not torch.allclose(alone.reshape(-1), together[k].reshape(-1), 1e-3, 1e-5, equal_nan=True):
            raise ValueError("an example's outputs depend on the others of the batch: each must stand alone")
