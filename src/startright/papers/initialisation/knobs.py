"""What the sliders of the pages turn: the size of the weights, and the slope of Leaky ReLU."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from startright.figures import COLOURS, Sheet, sheet
from startright.meanfield import next_variance
from startright.papers.initialisation.activations import activation
from startright.papers.initialisation.propagation import mean_field

SIGMAS = (0.6, 1.0, 1.2, 1.41, 1.6, 2.0)
SLOPES = (0.0, 0.1, 0.3, 0.5, 0.8, 1.0)


def variance(sigmas: Sequence[float] = SIGMAS, depth: int = 60) -> Sheet:
    """Var z through depth at infinite width for one size of the weights, tanh and ReLU."""
    return sheet(lambda figure, sigma: _variance(figure, sigma, depth), sigmas, height=3.0)


def _variance(figure: Figure, sigma: float, depth: int) -> None:
    ax = figure.subplots()
    layers = np.arange(1, depth + 1)
    for label, f, colour in (("tanh", torch.tanh, "orange"), ("ReLU", torch.relu, "red")):
        q, _ = mean_field(f, sigma**2, depth=depth)
        ax.plot(layers, q, color=COLOURS[colour], label=label)
    ax.set(
        yscale="log", ylim=(1e-12, 1e20), xlabel="layer", ylabel="Var z", title=rf"$\sigma_w$ = {sigma:.3g}"
    )
    ax.legend(loc="upper left")


def leaky(slopes: Sequence[float] = SLOPES) -> Sheet:
    """Leaky ReLU for several α, and the variance that it asks of the weights."""
    return sheet(_leaky, slopes, height=3.0)


def _leaky(figure: Figure, slope: float) -> None:
    f, ax = activation("leaky", slope), figure.subplots()
    z = torch.linspace(-3, 3, 121, dtype=torch.float64)
    ax.plot(z, f(z), color=COLOURS["red"])
    part = float(next_variance(f, 1.0, 1.0))
    ax.set(xlim=(-3, 3), ylim=(-3, 3), xlabel="z", ylabel="f(z)")
    ax.set_title(f"α = {slope:g}: passes {part:.3g}, weights {1 / part:.3g}/n")
