"""Maps of numbers: every cell has its value in words that can be read, and says so where runs diverged."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from startright.figures.colours import luminance

HALF = 0.179  # the luminance on which black and white words have the same contrast


def heat(
    ax: Axes,
    values: np.ndarray,
    text: Callable[[float], str],
    *,
    diverged: np.ndarray | None = None,
    **look: object,
) -> AxesImage:
    """A map of cells with their values written in them.

    Args:
        ax: where it is drawn.
        values: (rows, columns); what is not a number stays blank.
        text: how a value is written.
        diverged: the cells whose runs diverged, a bool each: hatched, with the word.
        **look: passed on to ``Axes.imshow``: ``cmap``, ``norm``, ``vmin``, …
    """
    image = ax.imshow(values, aspect="auto", **look)
    for (row, column), value in np.ndenumerate(values):
        if diverged is not None and diverged[row, column]:
            _diverged(ax, row, column)
        elif np.isfinite(value):
            dark = luminance(image.to_rgba(value)[:3]) < HALF
            style = {"color": "white" if dark else "black", "ha": "center", "va": "center", "fontsize": 9}
            ax.text(column, row, text(value), **style)
    ax.grid(visible=False)
    return image


def _diverged(ax: Axes, row: int, column: int) -> None:
    corner = (column - 0.5, row - 0.5)
    ax.add_patch(Rectangle(corner, 1, 1, fc="white", ec="0.75", hatch="///", lw=0, gid="diverged"))
    box = {"fc": "white", "ec": "none", "pad": 1.5}
    ax.text(column, row, "diverged", ha="center", va="center", fontsize=9, style="italic", bbox=box)
