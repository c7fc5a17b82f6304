"""The drawing of the method: neurons in an order, each with less freedom than the one before."""

from matplotlib.figure import Figure

from startright.figures import COLOURS
from startright.papers.scalp.scalings import sigma
from startright.schematic import arrow, box, canvas, say

NEURONS, KEPT = 9, 4


def method() -> Figure:
    """A hidden layer, the scaling between it and the next weights, and what pruning leaves."""
    figure, ax = canvas(2.6)
    left, right = COLOURS["orange"], COLOURS["grey"]
    heights = sigma("1/k", NEURONS) / sigma("1/k", 1)
    for k in range(NEURONS):
        x, colour = 1.3 + 0.55 * k, left if k < KEPT else right
        box(ax, (x, 0.75), (0.4, 0.4), colour=colour)
        say(ax, (x, 0.75), f"{k + 1}", fontsize=8)
        height = 0.08 + 0.8 * float(heights[k])
        box(ax, (x, 1.2 + height / 2), (0.3, height), colour=colour, strength=0.45)
    say(ax, (0.55, 0.75), "neuron k", fontsize=8)
    say(ax, (0.55, 1.3), "scaling σₖ", fontsize=8)
    say(ax, (2.12, 0.3), "left after training", left, fontsize=8)
    say(ax, (4.8, 0.3), "cheap to lose", right, fontsize=8)
    arrow(ax, (6.0, 1.3), (6.45, 1.3))
    box(ax, (7.0, 1.3), (0.95, 0.7), colour=COLOURS["blue"])
    say(ax, (7.0, 1.3), "outputs\n$\\tilde w\\,(\\sigma\\odot x)$", fontsize=8)
    say(ax, (3.8, 2.4), "one learning rate and one penalty for every $\\tilde w$", fontsize=9)
    return figure
