"""The drawing of the method: a Hessian of P × P summed by groups to one of S × S."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from startright.figures import COLOURS
from startright.schematic import arrow, box, canvas, say

GROUPS = (4, 1, 6, 2, 3)  # parameters of each group, in cells of the drawing
TINTS = ("blue", "sky", "green", "orange", "purple")


def method() -> Figure:
    """Directions of the step, one per group; the big Hessian along them; what is solved."""
    figure, ax = canvas(2.6)
    cell = 0.115
    _matrix(ax, (0.35, 0.35), cell)
    say(ax, (0.35 + 8 * cell, 2.4), "Hessian: P × P, never formed", fontsize=8)
    arrow(ax, (2.35, 1.3), (3.15, 1.3))
    say(ax, (2.75, 1.62), "along the step\nof each group", fontsize=8)
    _reduced(ax, (3.3, 0.7), 0.24)
    say(ax, (3.9, 2.15), r"$\bar H$: S × S", fontsize=9)
    say(ax, (3.9, 0.45), "and g, and the third\nderivatives on the diagonal", fontsize=8)
    arrow(ax, (4.65, 1.3), (5.2, 1.3))
    box(ax, (6.0, 1.3), (1.45, 0.95), "one system of\nsize S gives a\nrate per group", colour=COLOURS["red"])
    say(ax, (6.0, 0.45), "the groups are weights and\nbiases of each layer, say", fontsize=8)
    return figure


def _matrix(ax: Axes, corner: tuple[float, float], cell: float) -> None:
    ends = np.cumsum((0, *GROUPS))
    size = ends[-1]
    rows, columns = np.indices((size, size))
    noise = np.abs(np.sin(1.7 * rows + 0.9 * columns) + np.sin(0.6 * rows * columns)) / 2  # any pattern
    for a, b in np.ndindex(len(GROUPS), len(GROUPS)):
        colour = COLOURS[TINTS[a]] if a == b else COLOURS["grey"]
        for i in range(ends[a], ends[a + 1]):
            for j in range(ends[b], ends[b + 1]):
                where = (corner[0] + j * cell, corner[1] + (size - 1 - i) * cell)
                ax.add_patch(Rectangle(where, cell, cell, fc=colour, alpha=0.15 + 0.6 * noise[i, j], lw=0))
    for end in ends:
        at = (corner[0] + end * cell, corner[1] + (size - end) * cell)
        ax.plot([at[0]] * 2, [corner[1], corner[1] + size * cell], color="white", lw=1.2)
        ax.plot([corner[0], corner[0] + size * cell], [at[1]] * 2, color="white", lw=1.2)


def _reduced(ax: Axes, corner: tuple[float, float], cell: float) -> None:
    size = len(GROUPS)
    for a, b in np.ndindex(size, size):
        colour = COLOURS[TINTS[a]] if a == b else COLOURS["grey"]
        where = (corner[0] + b * cell, corner[1] + (size - 1 - a) * cell)
        ax.add_patch(
            Rectangle(where, cell, cell, fc=colour, alpha=0.75 if a == b else 0.35, ec="white", lw=1.2)
        )
