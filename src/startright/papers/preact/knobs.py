"""What the sliders of the pages turn: one figure for several θ, or several σ_w."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from startright.figures import COLOURS, Sheet, sheet
from startright.papers.preact.law import phi
from startright.papers.preact.maps import chi1, correlation_map, variance_fixed_point
from startright.papers.preact.schemes import Scheme

THETAS = (2.05, 2.5, 3.0, 4.0, 6.0, 10.0)
SIGMAS = (0.8, 1.0, 1.2, 1.5, 2.0, 3.0)


def pair(thetas: Sequence[float] = THETAS) -> Sheet:
    """φ_θ, odd, beside the density of its weights W(θ, 1); their product is Gaussian for every θ."""
    return sheet(_pair, thetas)


def _pair(figure: Figure, theta: float) -> None:
    left, right = figure.subplots(1, 2)
    z, w = np.linspace(-4, 4, 401), np.linspace(-2.5, 2.5, 401)
    left.plot(z, phi(z, theta), color=COLOURS["blue"])
    left.set(xlabel="z (standard deviations)", ylabel="φ(z)", ylim=(-4, 4), title=f"θ = {theta:g}")
    density = theta / 2 * np.abs(w) ** (theta - 1) * np.exp(-(np.abs(w) ** theta))
    right.plot(w, density, color=COLOURS["green"])
    right.plot(w, np.exp(-(w**2) / 2) / np.sqrt(2 * np.pi), color=COLOURS["grey"], ls="--")
    right.set(xlabel="w", ylabel="density of a weight", ylim=(0, 2))


def orbit(sigmas: Sequence[float] = SIGMAS, sigma_b2: float = 0.013, start: float = 0.6) -> Sheet:
    """The correlation map of tanh and the orbit of one pair of inputs, for several σ_w.

    Args:
        sigmas: standard deviations of the weights times the root of the fan-in.
        sigma_b2: variance of the biases.
        start: the correlation of the two inputs.
    """
    return sheet(lambda figure, sigma: _orbit(figure, sigma, sigma_b2, start), sigmas, height=3.4)


def _orbit(figure: Figure, sigma_w: float, sigma_b2: float, start: float) -> None:
    scheme = Scheme("tanh", torch.tanh, sigma_w2=sigma_w**2, sigma_b2=sigma_b2)
    v = variance_fixed_point(scheme)
    c = np.linspace(0, 1, 101)
    following = correlation_map(scheme, c, v)
    steps = [start]
    for _ in range(12):
        steps += [float(np.interp(steps[-1], c, following))]
    ax = figure.subplots()
    ax.plot(c, c, color=COLOURS["grey"], lw=0.8)
    ax.plot(c, following, color=COLOURS["blue"])
    corners = np.repeat(steps, 2)
    ax.plot(corners[:-1], np.r_[0, corners[2:]], color=COLOURS["red"], lw=1)
    phase = "ordered" if float(chi1(scheme, v)) < 1 else "chaotic"
    ax.set(xlim=(0, 1), ylim=(0, 1), xlabel="correlation in a layer", ylabel="correlation in the next")
    ax.set_title(rf"$\sigma_w$ = {sigma_w:g}: χ₁ = {float(chi1(scheme, v)):.2f}, {phase}")
