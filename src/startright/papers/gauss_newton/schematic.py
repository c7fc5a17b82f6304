"""The drawing of the method: two ways down, seen in the space of outputs and in that of parameters."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Patch

from startright.figures import COLOURS, colour, ink
from startright.schematic import INK, Point, arrow, box, canvas, say

SLOPES = 0.12, 1.0  # eigenvalues of the kernel: directions that gradient descent sees badly, and well


def method() -> Figure:
    """Gradient descent bends in the space of outputs, Gauss-Newton goes straight at its target."""
    figure, ax = canvas(2.7)
    outputs = box(ax, (1.75, 1.3), (3.2, 2.2), colour=COLOURS["grey"], strength=0.06)
    box(ax, (5.85, 1.3), (3.2, 2.2), colour=COLOURS["grey"], strength=0.06)
    say(ax, (1.75, 2.58), "outputs on the N examples", fontsize=8)
    say(ax, (5.85, 2.58), "the M ≫ N parameters", fontsize=8)
    _outputs(ax, (0.5, 0.55), (2.75, 1.85), outputs)
    _parameters(ax, 4.75)
    arrow(ax, (3.45, 1.45), (4.15, 1.45), bend=-0.25)
    say(ax, (3.8, 1.72), "$J^+$", fontsize=9)
    say(ax, (3.8, 1.2), "least norm", fontsize=8)
    return figure


def _outputs(ax: Axes, start: Point, goal: Point, inside: Patch) -> None:
    for size in (0.5, 1.0, 1.5):
        level = Ellipse(goal, 1.6 * size, size, fill=False, ec=COLOURS["grey"], lw=0.5)
        ax.add_patch(level)
        level.set_clip_path(inside)
    time = np.linspace(0, 6, 200)
    path = [g + (s - g) * np.exp(-rate * time) for s, g, rate in zip(start, goal, SLOPES, strict=True)]
    ax.plot(*path, color=colour("gradient"), lw=1.6)
    arrow(ax, start, goal, colour("gauss-newton"))
    ax.plot(*start, "o", color=INK, ms=4)
    ax.plot(*goal, "*", color=INK, ms=9)
    say(ax, (start[0], start[1] - 0.17), "F", fontsize=8)
    say(ax, (goal[0] + 0.15, goal[1] + 0.12), "y", fontsize=8)
    say(ax, (2.15, 1.05), "Gauss-Newton", ink(colour("gauss-newton")), fontsize=8)
    say(ax, (0.95, 2.05), "gradient descent", ink(colour("gradient")), fontsize=8)


def _level(x: np.ndarray | float, shift: float) -> np.ndarray | float:
    """A curve of parameters that give the same outputs."""
    return 0.76 + shift + 0.12 * np.sin(2.2 * x) + 0.09 * (x - 4.45)


def _parameters(ax: Axes, start: float) -> None:
    x = np.linspace(4.45, 7.3, 60)
    for shift in (0.0, 0.45, 0.9):
        ax.plot(x, _level(x, shift), color=COLOURS["grey"], lw=0.7, ls="-" if shift else "--")
    end = start + 0.2
    arrow(ax, (start, _level(start, 0.0)), (end, _level(end, 0.9)), colour("gauss-newton"))
    ax.plot(start, _level(start, 0.0), "o", color=INK, ms=4)
    say(ax, (start, _level(start, 0.0) - 0.17), "w", fontsize=8)
    say(ax, (6.2, 2.22), "all of these give the outputs y", COLOURS["grey"], fontsize=8)
    say(ax, (6.1, 0.4), "the step leads to the nearest:\nthe parameters move as little as can be", fontsize=8)
