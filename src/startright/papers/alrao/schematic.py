"""The drawing of the method: a backbone of units of many rates under a mixture of heads."""

import numpy as np
import torch
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from startright.figures import COLOURS
from startright.schematic import arrow, box, canvas, say
from startright.seeds import generator

LAYERS, UNITS, HEADS = 3, 7, ("1", "2", "3", "N")


def method() -> Figure:
    """Backbone, heads and mixture; colours are rates, from slow (dark) to fast (light)."""
    figure, ax = canvas(2.6)
    say(ax, (0.25, 1.3), "x")
    say(ax, (1.6, 2.45), "backbone: one rate per unit, drawn once", fontsize=8)
    for layer, units in enumerate(torch.rand(LAYERS, UNITS, generator=generator(3, "schematic")).tolist()):
        x = 0.95 + 0.75 * layer
        for y, share in zip(np.linspace(0.5, 2.1, UNITS), units, strict=True):
            ax.add_patch(Circle((x, y), 0.105, fc=_shade(share), ec="white", lw=0.6))
        arrow(ax, (x - 0.55, 1.3), (x - 0.18, 1.3))
    say(ax, (4.25, 2.45), "N heads: rates in geometric progression", fontsize=8)
    for name, y, share in zip(HEADS, np.linspace(2.05, 0.6, 4), np.linspace(0, 1, 4), strict=True):
        arrow(ax, (2.68, 1.3), (3.5, y))
        box(ax, (3.95, y), (0.86, 0.34), f"head {name}", colour=_shade(share), strength=0.45)
        end = 1.3 + 0.15 * (y - 1.3)
        arrow(ax, (4.42, y), (5.3, end))
        say(ax, (4.75, y + 0.375 * (end - y) + 0.13), f"$a_{name}$")  # above its arrow
    say(ax, (3.95, 0.845), "⋮")
    box(ax, (5.85, 1.3), (1.05, 0.62), "mixture", colour=COLOURS["red"])
    arrow(ax, (6.42, 1.3), (6.85, 1.3))
    say(ax, (7.2, 1.3), "p(y | x)")
    arrow(ax, (5.85, 0.95), (1.7, 0.25), COLOURS["red"], bend=-0.16)
    say(ax, (5.4, 0.2), "the mixture's gradient moves the backbone", COLOURS["red"], fontsize=8)
    say(ax, (6.6, 2.0), "Switch sets the weights $a_j$\nby what each head predicts", fontsize=8)
    return figure


def _shade(share: float) -> str:
    """The colour of a rate, from slow, 0, to fast, 1."""
    return to_hex(colormaps["viridis"](0.9 * share))
