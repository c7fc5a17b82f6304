"""Random batches of indices: no loader, no worker, and the same order on every device."""

from collections.abc import Iterator

import torch


def epoch_order(n: int, generator: torch.Generator, device: str | torch.device = "cpu") -> torch.Tensor:
    """A random order of ``range(n)``, drawn where the generator lives and moved once.

    Args:
        n: the number of examples.
        generator: of the order. One on the CPU gives the same order whatever the device.
        device: where the indices are to live.

    Returns:
        A permutation, int64 (n,).
    """
    return torch.randperm(n, generator=generator, device=generator.device).to(device, non_blocking=True)


def batches(
    n: int,
    batch_size: int,
    generator: torch.Generator,
    *,
    drop_last: bool = False,
    device: str | torch.device = "cpu",
) -> Iterator[torch.Tensor]:
    """One pass over ``range(n)`` in random order, by batches.

    Args:
        n: the number of examples.
        batch_size: how many a batch holds; the last one may hold fewer.
        generator: of the order; its state moves on by one permutation per pass.
        drop_last: leave out a last batch that is not full.
        device: where the indices are to live.

    Returns:
        An iterator over index tensors, int64 (batch,).

    Raises:
        ValueError: ``n`` or ``batch_size`` is not positive, or ``drop_last`` leaves no batch.

    >>> [len(b) for b in batches(10, 4, torch.Generator().manual_seed(0))]
    [4, 4, 2]
    """
    sizes = batch_sizes(n, batch_size, drop_last)
    order = epoch_order(n, generator, device)
    return iter(order[: sum(sizes)].split(batch_size))


def batch_sizes(n: int, batch_size: int, drop_last: bool = False) -> list[int]:
    """The sizes of one pass's batches.

    Raises:
        ValueError: ``n`` or ``batch_size`` is not positive, or ``drop_last`` leaves no batch.

    >>> batch_sizes(10, 4), batch_sizes(10, 4, drop_last=True)
    ([4, 4, 2], [4, 4])
    """
    if n < 1 or batch_size < 1:
        raise ValueError(f"n and batch_size must be positive, got {n} and {batch_size}")
    full, rest = divmod(n, batch_size)
    if drop_last and not full:
        raise ValueError(f"no batch of {batch_size} in {n} examples; lower batch_size or set drop_last=False")
    return [batch_size] * full + ([rest] if rest and not drop_last else [])
