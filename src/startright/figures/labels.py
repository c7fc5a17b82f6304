"""Names of curves where they end, so that no reader has to look up a colour."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from startright.figures.colours import ink

GAP = 4.0  # points between the end of a curve and its name
FARTHEST = 3.5  # heights of a line of text, by which a name may be moved away from its curve
LATEST = 0.1  # of the width of the axes: a curve that ends farther from the right edge gets no name there


def apart(wanted: Sequence[float], height: float, top: float) -> np.ndarray | None:
    """Places near the wanted ones, at least ``height`` from each other, between 0 and ``top``.

    The sum of squared distances to the wanted places is least (pooled neighbours share their mean).

    Args:
        wanted: in any order, (n,).
        height: of one name.
        top: the upper end; the lowest place is half a name above 0, the highest half a name below it.

    Returns:
        The places, (n,), in the order of ``wanted``; None if there is no room.

    >>> apart([5.0, 5.0], 2.0, 10.0)
    array([4., 6.])
    """
    n = len(wanted)
    if n * height > top:
        return None
    order = np.argsort(wanted, kind="stable")
    steps = height * np.arange(n)
    pools: list[list[float]] = []  # of places less their steps, which must not fall
    for value in np.asarray(wanted, dtype=float)[order] - steps:
        pools.append([value])
        while len(pools) > 1 and np.mean(pools[-2]) > np.mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    level = np.concatenate([np.full(len(pool), np.mean(pool)) for pool in pools])
    placed = np.clip(level, height / 2, top - height / 2 - steps[-1]) + steps
    places = np.empty(n)
    places[order] = placed
    return places


def name_curves(ax: Axes, lines: Sequence[Line2D] | None = None, *, fontsize: float = 9) -> bool:
    """Write the label of each curve at its right end; a legend where they do not fit.

    Call it last: the places depend on the limits of the axes.

    Args:
        ax: the axes.
        lines: the curves, those of ``ax`` that have a label if None.
        fontsize: of the names, in points.

    Returns:
        Whether the names stand at the curves; False for a legend.
    """
    lines = [line for line in lines or ax.get_lines() if not line.get_label().startswith("_")]
    places = _places(ax, lines, fontsize)
    if places is None:
        ax.legend(handles=lines, fontsize=fontsize)
        return False
    for line, place in zip(lines, places, strict=True):
        ax.annotate(
            line.get_label(),
            (1, place),
            xycoords="axes fraction",
            xytext=(GAP, 0),
            textcoords="offset points",
            va="center",
            fontsize=fontsize,
            color=ink(line.get_color()),
            annotation_clip=False,
        )
    return True


def _places(ax: Axes, lines: Sequence[Line2D], fontsize: float) -> np.ndarray | None:
    """Where the names stand, as parts of the height of the axes; None if they cannot."""
    ax.figure.draw_without_rendering()  # the layout decides how high the axes are
    ends = [_end(ax, line) for line in lines]
    if not lines or any(end is None for end in ends):
        return None
    dot = ax.figure.dpi / 72
    line_height, top = 1.25 * fontsize * dot, ax.bbox.height
    wanted = top * np.array(ends)
    places = apart(wanted, line_height, top)
    if places is None or np.abs(places - np.clip(wanted, 0, top)).max() > FARTHEST * line_height:
        return None
    return places / top


def _end(ax: Axes, line: Line2D) -> float | None:
    """How high a curve is where it ends at the right, as a part of the axes; None if it ends elsewhere."""
    points = ax.transAxes.inverted().transform(line.get_transform().transform(line.get_xydata()))
    points = points[np.isfinite(points).all(axis=1) & (points[:, 0] <= 1 + 1e-9)]
    if not len(points) or points[:, 0].max() < 1 - LATEST:
        return None
    height = float(points[points[:, 0].argmax(), 1])
    return height if -0.02 <= height <= 1.02 else None
