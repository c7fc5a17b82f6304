r"""ScaLP's rule for pruning: neurons whose outgoing weights have become small are taken out.

With :math:`w_{k\to}` the weights that leave neuron k of a hidden layer, and # their present number, k goes
when

.. math:: \frac{m_k}{\#[w_{k\to}]} < \varepsilon, \qquad m_k = \lVert w_{k\to}\rVert_2.

Of a scaled layer, w = σw̃ counts. The division is by the number, not by its root. That ε is relative to the
value at the start is our choice: the paper's ε, how often one prunes and what follows are not known to us.

Source: P. Wolinski, G. Charpiat and Y. Ollivier, *Asymmetrical scaling layers for stable network pruning*,
2019.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from startright.errors import number
from startright.models.surgery import Chain, Site, chain, remove_
from startright.models.surgery_cost import Cost, cost
from startright.papers.scalp.penalties import usefulness as outgoing


@dataclass(frozen=True)
class Pruned:
    """What a pruning did.

    Attributes:
        widths: name → neurons before and after, of each layer that can lose some.
        survivors: name → which neurons stayed, counted from 0 in the network as it was at the start.
        cost: parameters and multiplications before and after.
        collapsed: layers that would have lost all, and kept their strongest neuron.
        refused: name → why a layer cannot lose neurons.
        difference: the largest change of an output on the example, relative to the largest output.
        exact: whether no input can tell.
    """

    widths: Mapping[str, tuple[int, int]]
    survivors: Mapping[str, tuple[int, ...]]
    cost: tuple[Cost, Cost]
    collapsed: tuple[str, ...]
    refused: Mapping[str, str]
    difference: float
    exact: bool


@dataclass
class Start:
    r"""A network at the start, to which later prunings refer; each pruning leaves in it what stays.

    Attributes:
        usefulness: name → :math:`m_k/\#` of each neuron at the start, (units now,), float64.
        indices: name → where each neuron stood at the start, (units now,).
    """

    usefulness: dict[str, Tensor]
    indices: dict[str, Tensor]

    @classmethod
    def of(cls, model: nn.Module, example: Any) -> "Start":
        """The network as it is now; ``example`` as for :func:`~startright.models.surgery_walk.chain`."""
        found = usefulness(model, chain(model, example))
        return cls(found, {name: torch.arange(len(values)) for name, values in found.items()})

    def keep(self, masks: Mapping[str, Tensor]) -> None:
        """Forget the neurons that are gone, given name → mask of those that stay."""
        for name, mask in masks.items():
            self.usefulness[name], self.indices[name] = self.usefulness[name][mask], self.indices[name][mask]


def usefulness(model: nn.Module, found: Chain) -> dict[str, Tensor]:
    r"""Name → :math:`m_k/\#[w_{k\to}]` of each neuron, (units,), of the layers that can lose some.

    Args:
        model: the network.
        found: what :func:`~startright.models.surgery_walk.chain` says of it.
    """
    parts = dict(model.named_modules())
    return {name: _usefulness(site, parts) for name, site in found.sites.items()}


@torch.no_grad()
def _usefulness(site: Site, parts: Mapping[str, nn.Module]) -> Tensor:
    squares, count = torch.zeros(site.units, dtype=torch.float64), 0
    for part in site.consumers:
        layer = parts[part.name]
        squares = squares + outgoing(layer, part.factor).cpu().double().square()
        count += layer.weight.numel() // site.units
    return squares.sqrt() / count


def prune_(
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    *,
    epsilon: float,
    example: Any,
    start: Start | None = None,
    fold: bool = False,
) -> Pruned:
    r"""Take out the neurons of all hidden layers with :math:`m_k/\# < \varepsilon` or :math:`m_k = 0`.

    A layer that would lose all keeps its strongest neuron, and is reported as collapsed. Outputs, and layers
    whose neurons others depend on, lose none.

    Args:
        model: the network; it changes in place, or stays as it was if an error is raised.
        optimizer: of the training, which goes on with the state of the weights that stay.
        epsilon: ε, relative to each neuron's value at the start if ``start`` is given; 0 takes exact zeros
            alone, which a proximal step makes.
        example: an input of two examples or more, as for :func:`~startright.models.surgery_walk.chain`.
        start: of the training; it is changed to what stays.
        fold: as for :func:`~startright.models.surgery.remove_`.

    Raises:
        ValueError: an ε that is negative or no number, or a start of another network; what
            :func:`~startright.models.surgery.remove_` refuses.

    >>> net = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> _ = net[2].weight.data[:, 1].zero_()
    >>> done = prune_(net, epsilon=0, example=torch.ones(2, 4))
    >>> done.survivors, done.exact, [size.parameters for size in done.cost]
    ({'0': (0, 2)}, True, [23, 16])
    """
    if not 0 <= number(epsilon) < math.inf:
        raise ValueError(f"ε must be at least 0 and finite, got {epsilon!r}")
    found = chain(model, example)
    scores = usefulness(model, found)
    check(model, found, scores, start)
    bars = {name: epsilon * (start.usefulness[name] if start else 1.0) for name in scores}
    masks = {name: (values >= bars[name]) & (values > 0) for name, values in scores.items()}
    return take_out(model, optimizer, masks, scores, example=example, start=start, fold=fold)


def check(model: nn.Module, found: Chain, scores: Mapping[str, Tensor], start: Start | None) -> None:
    """Refuse a network of which no layer can lose neurons, and a start that is not its own.

    Raises:
        ValueError: one of these.
    """
    if start is not None and not isinstance(start, Start):
        raise ValueError(f"start must be a Start, made by Start.of(model, example), got {start!r}")
    if not scores:
        why = "; ".join(f"{name!r}: {reason}" for name, reason in found.refused.items())
        why = why or "it has no linear or convolutional layer that is watched"
        raise ValueError(f"no layer of {type(model).__name__} can lose neurons: {why}")
    for name, values in scores.items() if start else ():
        known = start.usefulness.get(name, values[:0])
        if len(known) != len(values):
            raise ValueError(
                f"layer {name!r} has {len(values)} neurons, in start {len(known)}: that is of another"
                " network, or of one that was pruned without it"
            )


def take_out(
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None,
    masks: Mapping[str, Tensor],
    scores: Mapping[str, Tensor],
    *,
    example: Any,
    start: Start | None = None,
    fold: bool = False,
) -> Pruned:
    """Keep the neurons of some masks, and of a layer that would lose all the one of the highest score.

    Args:
        model: the network.
        optimizer: of the training, if it goes on.
        masks: name → mask of what stays, (units,).
        scores: name → how much each neuron counts, (units,).
        example: as for :func:`prune_`.
        start: likewise.
        fold: likewise.

    Raises:
        ValueError: what :func:`~startright.models.surgery.remove_` refuses.
    """
    before, refused = cost(model, example), chain(model, example).refused
    collapsed = tuple(name for name, mask in masks.items() if not mask.any())
    best = {name: torch.arange(len(scores[name])) == scores[name].argmax() for name in collapsed}
    masks = {**masks, **best}
    done = remove_(model, masks, optimizer, example=example, fold=fold)
    start = start or Start(dict(scores), {name: torch.arange(len(mask)) for name, mask in masks.items()})
    start.keep(masks)
    survivors = {name: tuple(start.indices[name].tolist()) for name in masks}
    costs = before, cost(model, example)
    return Pruned(done.widths, survivors, costs, collapsed, refused, done.difference, done.exact)
