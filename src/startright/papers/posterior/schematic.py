"""The drawing of the chapter: one weight between its data and its prior, at three temperatures."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from startright.figures import COLOURS
from startright.papers.posterior.tempering import tempered_variance
from startright.schematic import INK, arrow, canvas, say

HALF = 0.95  # inches from the middle of a density to its end


def balance() -> Figure:
    """Cold: the data alone. One: Bayes' rule. Warm: the prior comes back."""
    figure, ax = canvas(2.3)
    cases = ((0.02, "τ ≪ 1, cold"), (1.0, "τ = 1, Bayes"), (30.0, "τ ≫ 1, warm"))
    for k, (tau, words) in enumerate(cases):
        _densities(ax, 1.3 + 2.5 * k, tau)
        say(ax, (1.3 + 2.5 * k, 0.32), words)
    arrow(ax, (2.3, 0.32), (2.85, 0.32))
    arrow(ax, (4.8, 0.32), (5.35, 0.32))
    say(ax, (3.8, 2.12), "posterior of one weight", COLOURS["blue"], fontsize=8)
    say(ax, (6.3, 2.12), "its prior, dashed", COLOURS["grey"], fontsize=8)
    say(ax, (1.3, 2.12), "best fit to the data, a line", INK, fontsize=8)
    return figure


def _densities(ax: Axes, middle: float, tau: float) -> None:
    prior, curvature, fitted = 0.16, 30.0, 0.45
    variance = tempered_variance(curvature, tau, prior)
    mean = fitted * variance * curvature / tau
    w = np.linspace(-HALF, HALF, 241)
    floor = 0.62
    for m, v, colour, style in ((0.0, prior, "grey", "--"), (mean, variance, "blue", "-")):
        height = 1.25 * np.exp(-((w - m) ** 2) / (2 * v)) * (0.55 if style == "--" else 1)
        ax.plot(middle + w, floor + height, color=COLOURS[colour], ls=style, lw=1.4)
    ax.plot([middle - HALF, middle + HALF], [floor, floor], color=INK, lw=0.8)
    ax.plot([middle + fitted] * 2, [floor, floor + 1.3], color=INK, lw=0.8, ls=":")
