"""The drawing of the chapter: three rates over a training, and a residual network with a branch dropped."""

import numpy as np
from matplotlib.figure import Figure

from startright.figures import COLOURS
from startright.papers.dropout.schedules import factor
from startright.schematic import arrow, box, canvas, say


def schedules() -> Figure:
    """The rate against time for each schedule; below, four blocks of which one is dropped."""
    figure, ax = canvas(3.2)
    for k, (schedule, colour) in enumerate((("standard", "grey"), ("early", "blue"), ("late", "orange"))):
        middle = 1.3 + 2.5 * k
        box(ax, (middle, 2.2), (2.3, 1.15), colour=COLOURS[colour], strength=0.1)
        steps = np.arange(101)
        cutoff = 35 if schedule == "early" else 55
        rates = np.array([factor(schedule, int(step), cutoff) for step in steps])
        ax.plot(middle - 1 + 2 * steps / 100, 1.75 + 0.75 * rates, color=COLOURS[colour], lw=1.8)
        arrow(ax, (middle - 1.05, 1.7), (middle + 1.1, 1.7))
        say(ax, (middle, 3.0), f"{schedule}: rate over time")
    for k in range(4):
        x = 1.2 + 1.65 * k
        dropped = k == 2
        colour = COLOURS["grey"] if dropped else COLOURS["green"]
        box(ax, (x, 1.05), (0.95, 0.4), "dropped" if dropped else "branch", colour=colour, strength=0.1)
        if not dropped:
            arrow(ax, (x - 0.7, 0.52), (x - 0.4, 0.85), colour)
            arrow(ax, (x + 0.4, 0.85), (x + 0.7, 0.52), colour)
    arrow(ax, (0.2, 0.5), (7.4, 0.5))
    say(ax, (3.8, 0.22), "the skips always pass")
    return figure
