"""One way to choose a device, and to say which one was used. Never a silent fall-back."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from startright.errors import unknown

DEVICES = ("auto", "cpu", "cuda", "mps")


def pick_device(request: str | torch.device = "auto") -> torch.device:
    """The device asked for.

    Args:
        request: ``"auto"`` (CUDA, then MPS, then CPU), ``"cpu"``, ``"cuda"``, ``"cuda:1"``,
            ``"mps"``, or a ``torch.device``, which is checked as well.

    Raises:
        ValueError: an unknown name, or a device this machine does not have.

    >>> pick_device("cpu")
    device(type='cpu')
    """
    present = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if request == "auto":
        return torch.device(next(kind for kind in ("cuda", "mps", "cpu") if present[kind]))
    kind, _, index = str(request).partition(":")
    if kind not in present or (index and not index.isdigit()):
        raise unknown("device", request, DEVICES)
    if not present[kind]:
        raise ValueError(f"device {str(request)!r} is not present on this machine; use 'auto' or 'cpu'")
    if kind == "cuda" and index and int(index) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise ValueError(
            f"device {str(request)!r} is not present: this machine has cuda:0 to cuda:{count - 1}"
        )
    return torch.device(str(request))


def describe_device(device: torch.device) -> str:
    """The device in words, e.g. ``"NVIDIA H200"`` or ``"CPU, 2 threads"``."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "mps":
        return "Apple GPU (MPS)"
    threads = torch.get_num_threads()
    return f"CPU, {threads} thread{'s' * (threads > 1)}"


@contextmanager
def flushed_denormals() -> Iterator[None]:
    """On the CPU, numbers below the smallest normal one count as zero inside the block.

    Arithmetic with them is many times slower, and saturated gates are full of them; what is trained in single
    precision does not hang on numbers below 1e-38.
    """
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)
