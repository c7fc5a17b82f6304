"""What the slider of the page turns: the temperature of a posterior in one dimension."""

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.figure import Figure

from startright.figures import COLOURS, Sheet, sheet
from startright.papers.posterior.conjugate import DOUBLE, Regression, posterior
from startright.seeds import generator

TEMPERATURES = (0.01, 0.1, 0.3, 1.0, 3.0, 10.0)
CENTRES = torch.linspace(-3, 3, 13, dtype=DOUBLE)
NOISE = 0.3  # standard deviation of the labels, in the model and in truth


def fit(temperatures: Sequence[float] = TEMPERATURES) -> Sheet:
    """What a regression on 13 bumps predicts at several temperatures: mean and two standard deviations."""
    return sheet(_fit, temperatures)


def features(x: torch.Tensor) -> torch.Tensor:
    """Gaussian bumps of width 0.5 at each centre, (n, 13)."""
    return (-((x[:, None] - CENTRES) ** 2) / 0.5).exp()


def _data() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Inputs with a gap in the middle, labels, and the weights behind them."""
    rng = generator(1, "fit")
    weights = torch.randn(len(CENTRES), generator=rng, dtype=DOUBLE)
    x = torch.cat([torch.linspace(-2.6, -0.8, 9, dtype=DOUBLE), torch.linspace(1.0, 2.6, 9, dtype=DOUBLE)])
    y = features(x) @ weights + NOISE * torch.randn(len(x), generator=rng, dtype=DOUBLE)
    return x, y, weights


def _fit(figure: Figure, tau: float) -> None:
    x, y, weights = _data()
    mean, precision = posterior(features(x), y, tau, Regression(noise=NOISE**2))
    grid = torch.linspace(-3.2, 3.2, 200, dtype=DOUBLE)
    phi = features(grid)
    middle = phi @ mean
    half = 2 * ((phi * torch.linalg.solve(precision, phi.T).T).sum(1) + NOISE**2).sqrt()
    ax = figure.subplots()
    ax.fill_between(grid, middle - half, middle + half, color=COLOURS["green"], alpha=0.2, lw=0)
    ax.plot(grid, middle, color=COLOURS["green"])
    ax.plot(grid, phi @ weights, color=COLOURS["grey"], ls="--", lw=1)
    ax.plot(x, y, ".", color="black", ms=4)
    ax.set(xlabel="x", ylabel="y", ylim=(-4, 4), title=f"τ = {tau:g}")
    ax.set_xticks(np.arange(-3, 4))
