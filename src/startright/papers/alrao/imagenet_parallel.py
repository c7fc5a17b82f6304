"""One step of Alrao by many processes, each on its share of the batch; all hold the same model.

The gradients of the backbone and of the heads, and the log-likelihoods for the Switch, are means over the
examples. So their means over equal shares are those of the whole batch, and one collective operation a step
is enough.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
import torch.distributed as dist

from startright.devices import pick_device
from startright.papers.alrao.model import Alrao, Optimizer


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
    if world.size == 1 or not tensors:
        return
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    dist.all_reduce(flat)
    flat /= world.size
    for tensor, part in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view_as(tensor))


def parallel_step(
    model: Alrao, optimizer: Optimizer, x: torch.Tensor, targets: torch.Tensor, world: World
) -> torch.Tensor:
    """:meth:`Alrao.training_step <startright.alrao.model.Alrao.training_step>` on a batch in equal shares.

    Args:
        model: the same in all processes.
        optimizer: its optimizer.
        x: this process's share of the inputs, (B/processes, ...).
        targets: its class numbers, (B/processes,).
        world: the processes.

    Returns:
        The mixture's loss on the whole batch before the step, on the device.

    Note:
        Batch normalisation takes the statistics of each share, as is usual.
    """
    optimizer.zero_grad()
    loss, log_likelihoods = model.backward(model.backbone(x), targets)
    average_([loss, log_likelihoods, *(p.grad for p in model.parameters() if p.grad is not None)], world)
    failed = log_likelihoods == -torch.inf  # in one share is in all
    for p in model.heads.parameters():
        p.grad.masked_fill_(failed.view(-1, *[1] * (p.dim() - 1)), 0)
    optimizer.step()
    if model.heads.n > 1:
        model.switch.update(log_likelihoods)
    return loss


def average_statistics_(model: Alrao, world: World) -> None:
    """Give all processes the means of what normalisations have seen, so that they evaluate one model."""
    average_([buffer for buffer in model.backbone.buffers() if buffer.is_floating_point()], world)
