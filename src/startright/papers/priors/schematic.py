"""The drawing of the chapter: a penalty of means, blurred by the posterior, and the prior behind it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from startright.figures import COLOURS
from startright.papers.priors import divergences
from startright.schematic import INK, Point, arrow, canvas, say


def method() -> Figure:
    """From the prior to the penalty by a blur, and back by its inverse."""
    figure, ax = canvas(2.1)
    w = np.linspace(-2.2, 2.2, 201)
    curves = (
        (r"prior $\alpha(w)$", np.exp(divergences.laplace_log_density(w)), COLOURS["green"]),
        (r"$-\ln\alpha(w)$", -divergences.laplace_log_density(w) / 2.6, COLOURS["green"]),
        (r"penalty $r_\sigma(\mu)$", divergences.from_laplace(w, 0.5) / 2.6, COLOURS["blue"]),
    )
    for k, (name, values, colour) in enumerate(curves):
        _small(ax, (1.1 + 2.7 * k, 1.0), values, colour)
        say(ax, (1.1 + 2.7 * k, 1.9), name)
    arrow(ax, (4.75, 1.35), (5.5, 1.35))
    say(ax, (5.1, 1.55), "blur", fontsize=8)
    arrow(ax, (5.5, 0.75), (4.75, 0.75), COLOURS["red"])
    say(ax, (5.1, 0.55), "divide", COLOURS["red"], fontsize=8)
    arrow(ax, (2.8, 0.75), (2.05, 0.75), COLOURS["red"])
    say(ax, (2.42, 0.55), "if it has mass", COLOURS["red"], fontsize=7)
    say(ax, (6.5, 0.15), r"for every $\sigma$ alike", fontsize=8)
    return figure


def _small(ax: Axes, centre: Point, values: np.ndarray, colour: str) -> None:
    """A curve, 1.4 inches wide; of height ¾ inch where it is 1."""
    at = centre[0] + np.linspace(-0.65, 0.65, len(values))
    floor = centre[1] - 0.6
    ax.plot(at, floor + 0.95 * np.clip(values, -0.1, 1.4), color=colour, lw=1.6)
    ax.plot(at[[0, -1]], [floor, floor], color=INK, lw=0.8)
