"""Several panels that are still read on a phone: two beside each other at most, and one legend for all."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from startright.figures.style import WIDTH

COLUMNS = 2


def pairs(count: int, *, height: float = 2.6, **kwargs: object) -> tuple[Figure, list[Axes]]:
    """A figure of panels in reading order, two in a row.

    Args:
        count: how many panels; an odd number leaves a free place, where :func:`key` puts the legend.
        height: of a row, in inches.
        **kwargs: passed on to ``matplotlib.pyplot.subplots``.

    Raises:
        ValueError: less than one panel.
    """
    if count < 1:
        raise ValueError(f"a figure has one panel or more, got {count}")
    columns = min(count, COLUMNS)
    rows = -(-count // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(WIDTH, height * rows), squeeze=False, **kwargs)
    shown = list(axes.flat[:count])
    for ax in axes.flat[count:]:
        ax.set_axis_off()
        shown[-columns].tick_params(labelbottom=True)  # of a shared axis: the panel above the free place
    return figure, shown


def key(figure: Figure, ax: Axes, *, columns: int = 3, more: Sequence[Artist] = ()) -> None:
    """One legend for all panels: in the place that they leave free, else above them.

    Args:
        figure: the figure.
        ax: the panel whose labelled artists are named.
        columns: of the legend above.
        more: other handles with labels.
    """
    handles, labels = ax.get_legend_handles_labels()
    handles, labels = [*handles, *more], [*labels, *(artist.get_label() for artist in more)]
    free = [other for other in figure.axes if not other.axison]
    if free:
        free[-1].legend(handles, labels, loc="center")
    else:
        figure.legend(handles, labels, loc="outside upper center", ncols=min(columns, len(labels)))
