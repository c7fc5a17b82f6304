"""The drawings of the two chapters: the two passes of a network; what a law does through depth."""

import numpy as np
from matplotlib.figure import Figure

from startright.figures import COLOURS
from startright.schematic import arrow, box, canvas, say


def passes() -> Figure:
    """The forward pass above, the backward pass below."""
    figure, ax = canvas(2.1)
    stages = ((0.75, "$a^{l-1}$"), (2.75, "$z^l$"), (4.75, "$a^l$"), (6.75, "$C$"))
    steps = ("times $W^l$, plus $b^l$", "$f$", "the layers above")
    back = (r"times $(W^l)^\top$", r"times $f'(z^l)$", "the layers above")
    for x, symbol in stages:
        box(ax, (x, 1.05), (0.8, 0.55), symbol)
    for k, (up, down) in enumerate(zip(steps, back, strict=True)):
        left, right = stages[k][0] + 0.45, stages[k + 1][0] - 0.45
        arrow(ax, (left, 1.2), (right, 1.2), COLOURS["blue"])
        arrow(ax, (right, 0.9), (left, 0.9), COLOURS["red"])
        say(ax, ((left + right) / 2, 1.45), up, fontsize=8)
        say(ax, ((left + right) / 2, 0.65), down, fontsize=8)
    say(ax, (3.75, 1.85), "forward: signals", COLOURS["blue"])
    say(ax, (3.75, 0.25), r"backward: $\delta^l = \partial C/\partial z^l$", COLOURS["red"])
    return figure


def laws() -> Figure:
    """Bells that widen, stay or narrow from layer to layer."""
    figure, ax = canvas(2.3)
    kinds = (
        ("too small", "the signal dies", 0.14, 0.65, COLOURS["grey"]),
        ("right", "every layer sees the same", 0.1, 1.0, COLOURS["red"]),
        ("too large", "it explodes", 0.05, 1.45, COLOURS["blue"]),
    )
    x = np.linspace(-1, 1, 121)
    for k, (title, words, first, factor, colour) in enumerate(kinds):
        middle = 1.3 + 2.5 * k
        box(ax, (middle, 1.15), (2.3, 1.35), colour=colour, strength=0.12)
        for layer in range(4):
            width = first * factor**layer
            at = middle - 0.83 + 0.55 * layer
            bell = 0.85 * np.exp(-((x / width) ** 2) / 2) * min(1, first / width)
            inside = np.abs(x) < 0.27
            ax.plot(at + x[inside], 0.62 + bell[inside], color=colour, lw=1.4)
        arrow(ax, (middle - 1.0, 0.55), (middle + 1.0, 0.55))
        say(ax, (middle, 2.02), f"weights {title}" if title != "right" else "weights just right")
        say(ax, (middle, 0.25), words, fontsize=8)
    return figure
