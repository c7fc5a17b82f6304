"""Boxes, words and arrows, for the one drawing of a method that a chapter opens with."""

from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from startright.figures import COLOURS

#: Inches.
WIDTH = 7.6
Point = tuple[float, float]
INK = "#222222"


def canvas(height: float = 2.4) -> tuple[Figure, Axes]:
    """A figure without axes, :data:`WIDTH` inches wide; its unit is an inch, from the lower left corner."""
    figure = Figure(figsize=(WIDTH, height), layout="none")
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, WIDTH), ylim=(0, height), aspect="equal")
    ax.axis("off")
    return figure, ax


def box(
    ax: Axes,
    centre: Point,
    size: Point,
    text: str = "",
    *,
    colour: str = COLOURS["blue"],
    strength: float = 0.18,
) -> FancyBboxPatch:
    """A rounded box with words in it, itself returned.

    Args:
        ax: of :func:`canvas`.
        centre: its middle, in inches.
        size: width and height, in inches.
        text: the words.
        colour: of its border and, paler, of its face.
        strength: of the face, 0 to 1.
    """
    (x, y), (width, height) = centre, size
    corner = (x - width / 2, y - height / 2)
    style = f"round,pad=0,rounding_size={min(size) / 6:.3f}"
    ax.add_patch(FancyBboxPatch(corner, width, height, style, fc="white", ec="none"))
    tinted = FancyBboxPatch(corner, width, height, style, fc=to_rgba(colour, strength), ec=colour, lw=1.3)
    ax.add_patch(tinted)
    say(ax, centre, text)
    return tinted


def arrow(ax: Axes, start: Point, end: Point, colour: str = INK, bend: float = 0.0) -> None:
    """An arrow from one point to another, straight or bent."""
    look = {"arrowstyle": "-|>", "mutation_scale": 11, "shrinkA": 1, "shrinkB": 1, "lw": 1.3}
    ax.add_patch(FancyArrowPatch(start, end, connectionstyle=f"arc3,rad={bend}", color=colour, **look))


def say(ax: Axes, where: Point, text: str, colour: str = INK, **look: object) -> None:
    """Words, in the middle of a point."""
    ax.text(*where, text, **({"ha": "center", "va": "center", "color": colour, "fontsize": 9} | look))
