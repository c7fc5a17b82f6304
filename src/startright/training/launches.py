"""Fewer launches for networks that are too small for a GPU."""

import torch
from torch import nn


def compile_passes(
    module: nn.Module, device: torch.device, *, mode: str = "reduce-overhead", backend: str = "inductor"
) -> bool:
    """On a CUDA device, make the forward and the backward pass of ``module`` one launch each.

    At batches of 32 a GPU finishes a layer before the host has launched the next. ``torch.compile`` fuses the
    small kernels and replays the rest as a CUDA graph. The module stays the one it was, with its names,
    parameters, buffers and modes; what it computes is equal within rounding. Many runs at once, as in
    :func:`startright.training.train_stacked`, gain more; this is for the run that is alone.

    Args:
        module: compiled in place, at its first call for each mode and shape of its input.
        device: where it is trained; nothing is done unless it is a CUDA device.
        mode: of ``torch.compile``; ``"reduce-overhead"`` is the one with CUDA graphs.
        backend: likewise. Those without options, such as ``"aot_eager"``, take no mode.

    Returns:
        Whether the module was compiled.
    """
    if device.type != "cuda":
        return False
    module.compile(backend=backend, dynamic=False, **({"mode": mode} if backend == "inductor" else {}))
    return True
