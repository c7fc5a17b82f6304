"""Deconvolution of a penalty on 4096 points: its time on one core, and how near the prior comes.

To reach: 50 ms, and a total variation of 0.01 from Laplace's prior seen through posteriors of σ = 0.5. The
baseline is the naive transform of the penalty, without a background: faster, and no prior.
"""

import numpy as np
import torch
from timing import alternate, arguments, row, show

from startright.papers.priors import divergences, gaussian
from startright.papers.priors.backgrounds import Background
from startright.papers.priors.deconvolution import log_prior
from startright.papers.priors.grids import Grid

SIGMA, GRID = 0.5, Grid(12.0, 4096)
BACKGROUNDS = {"deconvolution": None, "naive": Background()}


def main() -> None:
    options = arguments(__doc__, blocks=21).parse_args()
    torch.set_num_threads(options.threads)
    kinds = {name: lambda background=b: prior(background) for name, b in BACKGROUNDS.items()}
    seconds = alternate(kinds, options.blocks)
    distances = {f"tv_{name}": distance(run()) for name, run in kinds.items()}
    case = f"{GRID.points} points"
    show([row("priors_deconvolution", case, seconds, *kinds, goal_s=0.05, cost=True, **distances)], options)


def prior(background: Background | None) -> np.ndarray:
    return log_prior(divergences.from_laplace, gaussian(), SIGMA, GRID, background=background)


def distance(curve: np.ndarray) -> float:
    """Total variation from the true prior."""
    density = np.exp(curve - curve.max())
    density /= density.sum() * GRID.step
    true = np.exp(divergences.laplace_log_density(GRID.w))
    return float(np.abs(density - true).sum() * GRID.step / 2)


if __name__ == "__main__":
    main()
