"""What the sliders of the page turn: the survival of the last block, and the cutoff of a schedule."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from startright.figures import COLOURS, Sheet, sheet
from startright.papers.dropout.depth import depth_variance, expected_depth, survival
from startright.papers.dropout.schedules import factor

LASTS = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
CUTOFFS = (5, 10, 17, 25, 50, 75)


def depth(lasts: Sequence[float] = LASTS, size: int = 54) -> Sheet:
    """Survival block by block under the linear rule, and the depth that follows, for several p_L."""
    return sheet(lambda figure, last: _depth(figure, last, size), lasts)


def _depth(figure: Figure, last: float, size: int) -> None:
    ax, blocks = figure.subplots(), np.arange(1, size + 1)
    p = survival(size, last).numpy()
    ax.bar(blocks, p, width=1.0, color=COLOURS["green"], alpha=0.5)
    ax.set(xlabel="block $l$", ylabel="survival $p_l$", ylim=(0, 1.05), xlim=(0, size + 1))
    mean, spread = expected_depth(size, last), depth_variance(size, last) ** 0.5
    ax.set_title(f"$p_L$ = {last:g}: {mean:.2f} ± {spread:.1f} of {size}")


def cutoff(cutoffs: Sequence[int] = CUTOFFS, total: int = 100) -> Sheet:
    """The rate over a training of 100 steps, early and late, for several cutoffs."""
    return sheet(lambda figure, c: _cutoff(figure, c, total), cutoffs)


def _cutoff(figure: Figure, c: int, total: int) -> None:
    ax, steps = figure.subplots(), range(total + 1)
    for schedule, colour in (("early", "blue"), ("late", "orange")):
        rates = [factor(schedule, step, c) for step in steps]
        ax.plot(steps, rates, color=COLOURS[colour], label=schedule, drawstyle="steps-post")
    ax.set(xlabel="step t", ylabel="part of the rate", ylim=(-0.05, 1.3), title=f"cutoff c = {c}")
    ax.legend(loc="upper center", ncols=2)
