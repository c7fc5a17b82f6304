r"""How deep a network of random depth is: exactly, and by draws.

With independent :math:`b_l \sim \mathrm{Bernoulli}(p_l)` the depth is :math:`\tilde L = \sum_l b_l`, so

.. math:: E\tilde L = \sum_{l=1}^L p_l, \qquad V\tilde L = \sum_{l=1}^L p_l (1 - p_l).

Source: G. Huang et al., *Deep networks with stochastic depth* (2016), section on the implicit ensemble and
expected depth; exercise 6 of the lecture.
"""

import torch
from torch import Tensor, nn

from startright.errors import unknown
from startright.papers.dropout.layers import StochasticDepth

RULES = ("linear", "uniform")


def survival(depth: int, last: float, rule: str = "linear") -> Tensor:
    r"""Probabilities that blocks survive, :math:`p_l = 1 - \frac lL (1 - p_L)`, or :math:`p_L` for all.

    Args:
        depth: L, blocks.
        last: :math:`p_L`.
        rule: ``"linear"`` or ``"uniform"``.

    Returns:
        (depth,), float64.

    Raises:
        ValueError: a depth below 1, a probability outside (0, 1], an unknown rule.

    >>> survival(4, 0.5).tolist()
    [0.875, 0.75, 0.625, 0.5]
    """
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
        raise ValueError(f"depth must be a positive integer, a number of blocks, got {depth!r}")
    if not 0 < last <= 1:
        raise ValueError(f"the last block must survive with a probability in (0, 1], got {last}")
    if rule not in RULES:
        raise unknown("rule", rule, RULES)
    share = torch.arange(1, depth + 1, dtype=torch.float64) / depth
    return 1 - (share if rule == "linear" else torch.ones_like(share)) * (1 - last)


def expected_depth(depth: int, last: float, rule: str = "linear") -> float:
    r"""The closed form :math:`L - (1 - p_L)(L + 1)/2` of the linear rule, :math:`L p_L` of equal rates.

    Args:
        depth: L.
        last: :math:`p_L`.
        rule: ``"linear"`` or ``"uniform"``.

    >>> expected_depth(54, 0.5), expected_depth(54, 0.5, "uniform")
    (40.25, 27.0)
    """
    survival(depth, last, rule)  # refuses what is none
    return depth - (1 - last) * (depth + 1) / 2 if rule == "linear" else depth * last


def depth_variance(depth: int, last: float, rule: str = "linear") -> float:
    r"""The variance :math:`\sum_l p_l (1 - p_l)`.

    Args:
        depth: L.
        last: :math:`p_L`.
        rule: ``"linear"`` or ``"uniform"``.
    """
    p = survival(depth, last, rule)
    return float((p * (1 - p)).sum())


class DepthCounter(nn.Module):
    """Blocks whose branches are 1 everywhere: started at 0, it counts the branches that survive.

    In evaluation, under the scaling of the paper, it gives the expected depth.

    Args:
        survivals: probabilities of the blocks, (depth,).
    """

    def __init__(self, survivals: Tensor):
        super().__init__()
        self.drops = nn.ModuleList(
            StochasticDepth(1 - float(p), scaling="evaluation") for p in survivals
        ).double()
        for drop, p in zip(self.drops, survivals, strict=True):
            drop.set_rate(1 - float(p))  # in double precision, now that the buffers are

    def forward(self, x: Tensor) -> Tensor:
        """The depth of each row, from zeros, (n,)."""
        for drop in self.drops:
            x = x + drop(torch.ones_like(x))
        return x


@torch.no_grad()
def simulate(survivals: Tensor, draws: int) -> Tensor:
    """Depths of ``draws`` random networks, (draws,), float64, from torch's global stream.

    Args:
        survivals: probabilities of the blocks, (depth,).
        draws: how many.
    """
    return DepthCounter(survivals).train()(torch.zeros(draws, dtype=torch.float64))
