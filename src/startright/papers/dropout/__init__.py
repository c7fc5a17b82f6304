"""Early and late dropout, stochastic depth: noise that comes and goes while a network learns.

After Liu, Xu, Jin, Shen and Darrell (2023) and Huang, Sun, Liu, Sedra and Weinberger (2016). In a network of
your own: :class:`~startright.dropout.layers.Dropout` and :class:`~startright.dropout.layers.StochasticDepth`,
whose rates one :class:`~startright.dropout.schedules.RateSchedule` drives as a hook of the training. How deep
a network of random depth is: :mod:`startright.dropout.depth`; what the noise does to gradients:
:mod:`startright.dropout.metrics`.
"""

from startright.papers import Paper
from startright.papers.dropout.depth import depth_variance, expected_depth, survival
from startright.papers.dropout.layers import Dropout, StochasticDepth
from startright.papers.dropout.metrics import direction_error, direction_variance
from startright.papers.dropout.schedules import RateSchedule

PAPER = Paper(
    __name__,
    title="Dropout, early and late",
    citation="liu2023dropout",
    part=1,
    rank=3,
    pages=("starting/dropout",),
)

__all__ = [
    "Dropout",
    "RateSchedule",
    "StochasticDepth",
    "depth_variance",
    "direction_error",
    "direction_variance",
    "expected_depth",
    "survival",
]
