"""Independent random streams: one generator for each seed and role, never the global state."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive(seed: int, role: str) -> int:
    """A 63-bit seed for ``role`` (such as ``"init"`` or ``"order"``), unrelated to those of other roles.

    Raises:
        ValueError: ``seed`` is not a non-negative integer.

    >>> derive(0, "init") == derive(0, "init"), derive(0, "init") == derive(0, "order")
    (True, False)
    """
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ValueError(f"seed must be a non-negative integer, got {seed!r}")
    digest = hashlib.sha256(f"{role}:{seed}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(seed: int, role: str, device: str | torch.device = "cpu") -> torch.Generator:
    """A ``torch.Generator`` on ``device`` for this seed and role.

    Separate roles let a study change, say, the order of the data and keep the initial weights.

    Raises:
        ValueError: ``seed`` is not a non-negative integer.
    """
    return torch.Generator(device=device).manual_seed(derive(seed, role))


@contextmanager
def lend_global_stream(seed: int, role: str, device: str | torch.device = "cpu") -> Iterator[None]:
    """Torch's global generators, those of the CPU and of ``device``, run on this stream inside the block.

    For what takes no generator, such as the first weights of torch's layers and their dropout. Afterwards the
    generators are as they were before.

    Raises:
        ValueError: ``seed`` is not a non-negative integer.
    """
    value, device = derive(seed, role), torch.device(device)
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else ()):
        torch.default_generator.manual_seed(value)
        if device.type == "cuda":
            with torch.cuda.device(device):
                torch.cuda.manual_seed(value)
        yield
