"""The drawing of the chapter: a plain block, a skip, and mirrored weights."""

from matplotlib.figure import Figure

from startright.figures import COLOURS
from startright.schematic import arrow, box, canvas, say


def blocks() -> Figure:
    """Three ways through one layer."""
    figure, ax = canvas(2.5)
    kinds = (
        (1.3, "plain", "$x$ passes the ReLU", COLOURS["grey"]),
        (3.8, "with a skip", "$x$ passes beside it", COLOURS["blue"]),
        (6.3, "looks-linear", "both signs pass: $Vx$", COLOURS["red"]),
    )
    for x, title, below, colour in kinds:
        say(ax, (x, 2.3), title, colour)
        say(ax, (x, 0.2), below, fontsize=8)
        arrow(ax, (x, 0.4), (x, 0.62))
        arrow(ax, (x, 1.88), (x, 2.12))
    for x, colour in ((1.3, COLOURS["grey"]), (3.8, COLOURS["blue"])):
        box(ax, (x, 0.85), (0.8, 0.42), "ReLU", colour=colour)
        arrow(ax, (x, 1.08), (x, 1.42))
        box(ax, (x, 1.65), (0.8, 0.42), "$W$", colour=colour)
    arrow(ax, (3.95, 0.45), (3.95, 2.05), COLOURS["blue"], bend=0.75)
    box(ax, (5.85, 0.85), (0.78, 0.42), "ReLU$(x)$", colour=COLOURS["red"])
    box(ax, (6.75, 0.85), (0.86, 0.42), "ReLU$(-x)$", colour=COLOURS["red"])
    arrow(ax, (5.85, 1.08), (6.2, 1.42))
    arrow(ax, (6.75, 1.08), (6.4, 1.42))
    box(ax, (6.3, 1.65), (1.1, 0.42), "$[V, -V]$", colour=COLOURS["red"])
    return figure
