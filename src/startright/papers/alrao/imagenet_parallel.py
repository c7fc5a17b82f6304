"""The processes of a training that ``torchrun`` has started."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from startright.devices import pick_device
from startright.papers.alrao.replicas import sum_


@dataclass(frozen=True)
class World:
    """The processes of a training, seen by one of them.

    Args:
        device: of this process.
        rank: number of this process; 0 prints and writes.
        size: how many there are.
    """

    device: torch.device
    rank: int = 0
    size: int = 1


@contextmanager
def join(device: str = "auto") -> Iterator[World]:
    """Join the processes that ``torchrun`` has started; alone without it. On a GPU each takes its own.

    Args:
        device: ``auto``, ``cpu`` or ``cuda``.

    Raises:
        ValueError: a device that is not there.
    """
    rank, size, local = (
        int(os.environ.get(k, d)) for k, d in (("RANK", 0), ("WORLD_SIZE", 1), ("LOCAL_RANK", 0))
    )
    where = pick_device(device)
    if where.type == "cuda":
        where = pick_device(f"cuda:{local}" if where.index is None else where)
        torch.cuda.set_device(where)
    if size == 1:
        yield World(where)
        return
    dist.init_process_group("nccl" if where.type == "cuda" else "gloo")
    try:
        yield World(where, rank, size)
    finally:
        dist.destroy_process_group()


def first_says(answer: bool, world: World) -> bool:
    """The answer of process 0, in all of them."""
    flag = torch.tensor(answer, dtype=torch.uint8, device=world.device)
    if world.size > 1:
        dist.broadcast(flag, 0)
    return bool(flag)


@torch.no_grad()
def average_(tensors: Sequence[torch.Tensor], world: World) -> None:
    """Replace tensors by their means over the processes, all in one operation."""
    if world.size > 1 and tensors:
        sum_(tensors)
        for tensor in tensors:
            tensor.div_(world.size)
