r"""The methods as the papers' equations say them, line by line: slow, and without checks of the input.

What runs is :mod:`startright.dropout.layers`, :mod:`startright.dropout.schedules` and
:mod:`startright.dropout.metrics`. The tests hold them equal.

Source: Z. Liu et al. (2023); G. Huang et al. (2016).
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def stochastic_depth(
    x: Tensor, branches: Sequence[Callable[[Tensor], Tensor]], p_L: float, training: bool
) -> Tensor:
    r"""A residual network of random depth, as in the paper: :eq:`sd-block`.

    Args:
        x: one example.
        branches: f of each block.
        p_L: the probability that the last block survives.
        training: whether it is trained.
    """
    L = len(branches)
    for l, f in enumerate(branches, start=1):  # noqa: E741 - the paper's letter
        p = 1 - l / L * (1 - p_L)  # the linear rule
        if training:
            b = torch.rand(()) < p  # b ~ Bernoulli(p)
            x = x + b * f(x)
        else:
            x = x + p * f(x)
    return x


def rate(schedule: str, r: float, t: int, c: int) -> float:
    r"""The rate of dropout at step t: :eq:`dropout-schedules`.

    Args:
        schedule: ``"standard"``, ``"early"`` or ``"late"``.
        r: the full rate.
        t: the step.
        c: the cutoff.
    """
    if schedule == "early":
        return r * (1 - t / c) if t < c else 0.0
    if schedule == "late":
        return 0.0 if t < c else r
    return r


def metrics(g: Sequence[Tensor], whole: Tensor) -> tuple[float, float]:
    r"""Variance and error of the directions of gradients: :eq:`dropout-gdv` and :eq:`dropout-gde`.

    Args:
        g: gradients of minibatches.
        whole: that of the training set, without noise.
    """
    n = len(g)

    def half(a: Tensor, b: Tensor) -> float:
        return float(1 - a @ b / (a.norm() * b.norm())) / 2

    gdv = sum(half(g[i], g[j]) for i in range(n) for j in range(i)) * 2 / (n * (n - 1))
    gde = sum(half(g[i], whole) for i in range(n)) / n
    return gdv, gde
