"""What the slider of the page turns: the slope α of Leaky ReLU."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from startright.figures import COLOURS, Sheet, sheet
from startright.papers.residual.tailored import correlation_map, through

SLOPES = (0.0, 0.2, 0.43, 0.6, 0.8, 1.0)


def leaky(slopes: Sequence[float] = SLOPES, depth: int = 50) -> Sheet:
    """What a layer makes of a correlation for one α, and what ``depth`` layers do."""
    return sheet(lambda figure, alpha: _leaky(figure, alpha, depth), slopes, height=3.0)


def _leaky(figure: Figure, alpha: float, depth: int) -> None:
    ax = figure.subplots()
    c = np.linspace(0, 1, 101)
    ax.plot(c, c, color=COLOURS["grey"], lw=1, ls="--", label="unchanged")
    ax.plot(c, correlation_map(c, alpha), color=COLOURS["red"], label="one layer")
    whole = [through(depth, alpha, start)[-1] for start in c]
    ax.plot(c, whole, color=COLOURS["blue"], label=f"{depth} layers")
    ax.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="correlation before", ylabel="correlation after")
    ax.set_title(f"α = {alpha:g}: 0 becomes {whole[0]:.2f}")
    ax.legend(loc="lower right")
