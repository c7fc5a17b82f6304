r"""BN-Lasso, the comparator of ScaLP: network slimming, by the scales of batch normalisations.

The scales γ join the loss as :math:`\lambda\sum|\gamma|`, with the subgradient
:math:`\lambda\,\mathrm{sign}\,\gamma`, and channels of small :math:`|\gamma|` are taken out. By a *share* of
all channels, as the paper does, the width that is left is proportional to that at the start, by
construction; only a *threshold* lets it come out of the training, and so be compared with ScaLP's.

Source: Z. Liu, J. Li, Z. Shen, G. Huang, S. Yan and C. Zhang, *Learning efficient convolutional networks
through network slimming*, 2017.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from startright.errors import number
from startright.models.layers import NORMS
from startright.models.surgery import Chain, chain
from startright.papers.scalp.prune import Pruned, Start, check, take_out

FIRST_SCALE = 0.5  # of all γ, before the training


def scales(model: nn.Module) -> dict[str, nn.Parameter]:
    """The scales γ of all batch normalisations, by name of the parameter.

    Raises:
        ValueError: the network has none.
    """
    parts = model.named_modules()
    found = {f"{name}.weight".lstrip("."): p.weight for name, p in parts if isinstance(p, NORMS) and p.affine}
    if not found:
        raise ValueError(
            f"{type(model).__name__} has no batch normalisation with scales: slimming needs one after a layer"
        )
    return found


@torch.no_grad()
def set_scales_(model: nn.Module, value: float = FIRST_SCALE) -> None:
    """Set all scales γ to one number, as before the training.

    Raises:
        ValueError: the network has none, or the number is not positive and finite.
    """
    if not 0 < number(value) < math.inf:
        raise ValueError(f"the first scale must be positive and finite, got {value!r}")
    for scale in scales(model).values():
        scale.fill_(value)


@torch.no_grad()
def add_subgradient_(model: nn.Module, strength: float) -> None:
    r"""Add :math:`\lambda\,\mathrm{sign}\,\gamma` to the gradients of the scales.

    To be called after the backward pass, before the optimizer's step.

    Args:
        model: the network; scales without a gradient, which do not train, get none.
        strength: λ.

    Raises:
        ValueError: a strength that is negative or no number, or a network without scales.
    """
    if not 0 <= number(strength) < math.inf:
        raise ValueError(f"the strength of a penalty must be at least 0 and finite, got {strength!r}")
    for scale in scales(model).values():
        if scale.grad is not None:
            scale.grad.add_(scale.sign(), alpha=strength)


def channel_scales(model: nn.Module, found: Chain) -> dict[str, Tensor]:
    r"""Name → :math:`|\gamma|` of each unit, (units,), of the layers that can lose some and are normalised.

    Of a unit that passes several normalisations, the smallest counts.

    Args:
        model: the network.
        found: what :func:`~startright.models.surgery_walk.chain` says of it.

    Raises:
        ValueError: the network has no scales.
    """
    scales(model)
    parts = dict(model.named_modules())
    sizes = {}
    for name, site in found.sites.items():
        own = [parts[part.name].weight for part in site.norms if parts[part.name].affine]
        if own:
            each = [scale.detach().abs().cpu().view(site.units, -1).amin(1) for scale in own]
            sizes[name] = torch.stack(each).amin(0)
    return sizes


def slim_(
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    *,
    example: Any,
    threshold: float | None = None,
    share: float | None = None,
    start: Start | None = None,
    fold: bool = False,
) -> Pruned:
    r"""Take out the units with small scales, by a threshold or a share of all.

    Args:
        model: the network; it changes in place, or stays as it was if an error is raised.
        optimizer: of the training, which goes on with the state of what stays.
        example: an input of two examples or more, as for :func:`~startright.models.surgery_walk.chain`.
        threshold: units with :math:`|\gamma|` below it go.
        share: of all units of these layers, that of the smallest :math:`|\gamma|` goes, rounded down: 0.7 in
            the paper.
        start: to which the survivors' numbers refer, as for :func:`~startright.scalp.prune.prune_`.
        fold: as for :func:`~startright.models.surgery.remove_`; for units of scale 0, whose shift β remains.

    Raises:
        ValueError: both or none of threshold and share, or one out of range; a network without scales; what
            :func:`~startright.models.surgery.remove_` refuses.
    """
    if (threshold is None) == (share is None):
        raise ValueError(f"give a threshold or a share, not both or none: got {threshold} and {share}")
    found = chain(model, example)
    sizes = channel_scales(model, found)
    check(model, found, sizes, start)
    masks = _above(sizes, threshold) if threshold is not None else _largest(sizes, share)
    return take_out(model, optimizer, masks, sizes, example=example, start=start, fold=fold)


def _above(sizes: Mapping[str, Tensor], threshold: float) -> dict[str, Tensor]:
    if not 0 < number(threshold) < math.inf:
        raise ValueError(f"the threshold of |γ| must be positive and finite, got {threshold!r}")
    return {name: values >= threshold for name, values in sizes.items()}


def _largest(sizes: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    if not 0 <= number(share) < 1:
        raise ValueError(f"the share of units to take out must be at least 0 and below 1, got {share!r}")
    together = torch.cat(list(sizes.values()))
    stays = torch.ones(len(together), dtype=torch.bool)
    stays[together.argsort(stable=True)[: int(share * len(together))]] = False
    return dict(zip(sizes, stays.split([len(values) for values in sizes.values()]), strict=True))
