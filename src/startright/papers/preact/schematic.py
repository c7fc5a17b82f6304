"""The drawings of the two chapters: a layer that keeps Gaussian numbers Gaussian; the two phases."""

from collections.abc import Callable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from startright.figures import COLOURS
from startright.papers.preact.law import QuotientLaw
from startright.schematic import INK, Point, arrow, box, canvas, say

THETA = 4.0
Curve = Callable[[np.ndarray], np.ndarray]


def layer() -> Figure:
    """What goes in, what the activation and the weights make of it, and what comes out."""
    figure, ax = canvas(1.9)
    law, reach = QuotientLaw(THETA), 3.0
    weight = lambda w: THETA / 2 * np.abs(w) ** (THETA - 1) * np.exp(-(np.abs(w) ** THETA))  # noqa: E731
    stages = (
        ("$Z$", "Gaussian", _normal, COLOURS["grey"]),
        (r"$\varphi_\theta(Z)$", "its activation", lambda x: law.pdf(np.abs(x)) / 2, COLOURS["blue"]),
        ("$W$", "a weight, of Weibull's law", weight, COLOURS["green"]),
        (r"$W\varphi_\theta(Z)$", "Gaussian again", _normal, COLOURS["grey"]),
    )
    for k, (symbol, words, density, colour) in enumerate(stages):
        x = 0.95 + 1.9 * k
        _small(ax, (x, 1.05), density, reach, colour)
        say(ax, (x, 1.7), symbol)
        say(ax, (x, 0.25), words, fontsize=8)
    for k, sign in enumerate(("→", "×", "=")):
        say(ax, (1.9 * (k + 1), 0.75), sign, fontsize=14)
    return figure


def _normal(x: np.ndarray) -> np.ndarray:
    return np.exp(-(x**2) / 2) / np.sqrt(2 * np.pi)


def _small(ax: Axes, centre: Point, density: Curve, reach: float, colour: str) -> None:
    """A density, 1.4 inches wide; of height 1 where it is 1."""
    x = np.linspace(-reach, reach, 241)
    at, floor = centre[0] + 0.7 * x / reach, centre[1] - 0.6
    ax.fill_between(at, floor, floor + density(x), color=colour, alpha=0.25, lw=0)
    ax.plot(at, floor + density(x), color=colour, lw=1.4)
    ax.plot(at[[0, -1]], [floor, floor], color=INK, lw=0.8)


def phases() -> Figure:
    """Two inputs through many layers, on either side of the edge and on it."""
    figure, ax = canvas(2.3)
    kinds = (
        ("ordered", "they become one", 0.55, COLOURS["blue"]),
        ("the edge", "they stay as far apart as they were", 0.97, COLOURS["grey"]),
        ("chaotic", "they forget each other", 1.35, COLOURS["red"]),
    )
    for k, (name, words, factor, colour) in enumerate(kinds):
        middle = 1.3 + 2.5 * k
        box(ax, (middle, 1.2), (2.3, 1.35), colour=colour, strength=0.08)
        depth = np.linspace(0, 1, 100)
        gap = 0.45 * np.tanh(0.36 * factor ** (9 * depth))
        for side in (-1, 1):
            ax.plot(middle - 1.0 + 2 * depth, 1.2 + side * gap, color=colour, lw=1.6)
        arrow(ax, (middle - 1.0, 0.62), (middle + 1.0, 0.62))
        say(ax, (middle, 2.05), name)
        say(ax, (middle, 0.3), words, fontsize=8)
    say(ax, (1.3, 0.71), "layers", fontsize=8)
    return figure
