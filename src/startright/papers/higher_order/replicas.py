"""Several processes that train replicas of one model: one direction, and derivatives of all their data."""

import torch
from torch import distributed

from startright.papers.higher_order.reduced import Derivatives, Params


def world_size() -> int:
    """How many processes train together."""
    ready = distributed.is_available() and distributed.is_initialized()
    return distributed.get_world_size() if ready else 1


def refuse_sharded(params: Params) -> None:
    """Say that a process must hold all of each parameter.

    Raises:
        ValueError: a parameter is a ``DTensor``, as those of fully sharded data parallelism.
    """
    if sharded := [name for name, p in params.items() if hasattr(p, "placements")]:
        raise ValueError(
            f"{sharded[0]} is sharded over processes: derivatives along its group need all of it in each, as"
            " DistributedDataParallel has"
        )


def mean_over_processes(derivatives: Derivatives, direction: Params) -> Derivatives:
    """The mean of what each process found on its data, the same bits in all.

    Args:
        derivatives: of this process.
        direction: along which they are; all processes must have the same.

    Raises:
        ValueError: directions that differ.
    """
    device = next(iter(direction.values())).device
    prints = torch.stack([_fingerprint(u) for u in direction.values()])
    highest, lowest = prints.clone(), prints.clone()
    distributed.all_reduce(highest, distributed.ReduceOp.MAX)
    distributed.all_reduce(lowest, distributed.ReduceOp.MIN)
    if odd := [n for n, same in zip(direction, (highest == lowest).tolist(), strict=True) if not same]:
        raise ValueError(
            f"the processes have gradients of their own for {odd[0]}, so that their replicas would part:"
            " average the gradients before the step, as DistributedDataParallel does"
        )
    parts = [part for part in derivatives if part is not None]
    flat = torch.cat([part.flatten() for part in parts]).to(device)
    distributed.all_reduce(flat)
    mean = (flat.cpu() / world_size()).split([part.numel() for part in parts])
    found = [value.view(part.shape) for value, part in zip(mean, parts, strict=True)]
    return Derivatives(*found, *[None] * (len(derivatives) - len(found)))


def _fingerprint(u: torch.Tensor) -> torch.Tensor:
    """A number that differs if any bit does, but for one case in many: the bits summed with odd factors."""
    bits = u.detach().contiguous().view(torch.int32 if u.dtype == torch.float32 else torch.int64).flatten()
    factors = torch.arange(1, 2 * len(bits), 2, device=u.device)
    return (bits.long() * factors).sum()
