"""The drawing of the chapter: when the deficit holds, by protocol."""

from matplotlib.figure import Figure

from startright.figures import COLOURS
from startright.schematic import box, canvas, say

LEFT, UNIT = 1.7, 0.026  # inches; inches per epoch
ROWS = (
    (2.25, "control", ((0, 80, "clean"),)),
    (1.75, "protocol A, small t₀", ((0, 40, "deficit"), (40, 120, "clean"))),
    (1.25, "protocol A, large t₀", ((0, 120, "deficit"), (120, 200, "clean"))),
    (0.75, "protocol B", ((0, 60, "clean"), (60, 110, "deficit"), (110, 200, "clean"))),
)


def protocols() -> Figure:
    """Bars over time: all clean; a deficit first, short or long, then equally long clean; a window of it."""
    figure, ax = canvas(2.7)
    for y, name, parts in ROWS:
        say(ax, (0.05, y), name, ha="left")
        for start, stop, kind in parts:
            colour = COLOURS["red" if kind == "deficit" else "blue"]
            middle = LEFT + UNIT * (start + stop) / 2
            box(ax, (middle, y), (UNIT * (stop - start) - 0.03, 0.36), kind, colour=colour)
    say(ax, (LEFT + UNIT * 100, 0.3), "time: all of protocol A see clean data for equally long", fontsize=8)
    return figure
