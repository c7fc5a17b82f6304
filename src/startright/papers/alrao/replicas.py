"""One model in several processes, each on its share of a batch.

The gradients of the backbone and of the heads, and the log-likelihoods for Switch, are means over examples.
So their means over the processes, weighted by the examples of each, are those of the whole batch; one
collective operation a minibatch is enough. ``DistributedDataParallel`` would average the backbone alone.
"""

import hashlib
from collections.abc import Iterable, Sequence

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

#: All processes of ``torch.distributed``.
WORLD = "world"
Group = dist.ProcessGroup | str | None


def partners(group: Group) -> dist.ProcessGroup | None:
    """The process group, if it is one of two processes or more that run now.

    Args:
        group: ``"world"``; a group; None: alone.
    """
    if group is None or not (dist.is_available() and dist.is_initialized()):
        return None
    found = dist.group.WORLD if isinstance(group, str) else group
    return found if dist.get_world_size(found) > 1 else None


def unwrapped(module: nn.Module, group: Group) -> tuple[nn.Module, Group]:
    """The module in a ``DistributedDataParallel`` with its group; any other as it is.

    Raises:
        ValueError: parameters of which each process holds a part.
    """
    for part in module.modules():
        if type(part).__name__.startswith(("FullyShardedDataParallel", "FSDP")) or any(
            type(p).__name__ == "DTensor" for p in part.parameters(recurse=False)
        ):
            raise ValueError(
                f"{type(part).__name__} shards its parameters, so that units are in pieces: wrap the plain"
                " module, whose gradients are then averaged over the processes"
            )
    if not isinstance(module, DistributedDataParallel):
        return module, group
    own = module.process_group
    return module.module, WORLD if own is dist.group.WORLD else own


@torch.no_grad()
def sum_(tensors: Sequence[torch.Tensor], group: dist.ProcessGroup | None = None) -> None:
    """Replace tensors by their sums over the processes, all in one operation."""
    views = [torch.view_as_real(tensor) if tensor.is_complex() else tensor for tensor in tensors]
    flat = torch.cat([view.reshape(-1) for view in views])
    dist.all_reduce(flat, group=group)
    for view, part in zip(views, flat.split([view.numel() for view in views]), strict=True):
        view.copy_(part.view_as(view))


@torch.no_grad()
def merge_(
    model: nn.Module, means: Sequence[torch.Tensor], amount: torch.Tensor, group: dist.ProcessGroup
) -> None:
    """Make means over one share those of the whole batch: the model's gradients, and others.

    The statistics that normalisations have taken are averaged alike, and other buffers are those of the first
    process, so that all go on with the same model. A parameter without a gradient counts as one of zero.

    Args:
        model: the same in all processes.
        means: other means over this process's share, changed in place.
        amount: how much the share counts, such as its number of examples; a scalar on the model's device.
        group: the processes.
    """
    learning = [p for p in model.parameters() if p.requires_grad]
    for p in learning:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    taken, others = _buffers(model)
    averaged, total = [*(p.grad for p in learning), *taken, *means], amount.clone()
    for tensor in averaged:
        tensor.mul_(amount.to(tensor.device))
    if dist.get_rank(group) > 0:
        for tensor in others:
            tensor.zero_()
    sum_([total, *averaged, *others], group)
    total.clamp_min_(torch.finfo(total.dtype).tiny)
    for tensor in averaged:
        tensor.div_(total.to(tensor.device))


def _buffers(model: nn.Module) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Statistics of normalisations that take them now, and the other buffers with fractions."""
    learning = [part for part in model.modules() if isinstance(part, _BatchNorm) and part.training]
    taken = [b for part in learning for b in part.buffers() if b.is_floating_point()]
    known = {id(b) for b in taken}
    kept = [b for b in model.buffers() if b.is_floating_point() or b.is_complex()]
    return taken, [b for b in kept if id(b) not in known]


def refuse_different(tensors: Iterable[torch.Tensor], group: dist.ProcessGroup) -> None:
    """See that all processes hold the same; waits for them.

    Args:
        tensors: parameters, buffers, rates.
        group: the processes.

    Raises:
        ValueError: in all processes, if not.
    """
    digest = hashlib.sha256()
    where = torch.device("cpu")
    for tensor in tensors:
        where = tensor.device if tensor.device.type != "cpu" else where
        real = torch.view_as_real(tensor.detach()) if tensor.is_complex() else tensor.detach()
        digest.update(real.contiguous().view(-1).view(torch.uint8).cpu().numpy().tobytes())
    own = torch.tensor(list(digest.digest()[:8]), dtype=torch.int64, device=where)
    low, high = own.clone(), own.clone()
    dist.all_reduce(low, dist.ReduceOp.MIN, group=group)
    dist.all_reduce(high, dist.ReduceOp.MAX, group=group)
    if not torch.equal(low, high):
        raise ValueError(
            f"the {dist.get_world_size(group)} processes hold different models, but would share their"
            " gradients: give all the same initialisation and wrap's seed; or wrap with group=None if each"
            " trains a model of its own"
        )
