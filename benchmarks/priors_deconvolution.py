"""Deconvolution of a penalty on 4096 points: its time on one core, and how near the prior comes.

To reach: 50 ms, and a total variation of 0.01 from Laplace's prior seen through posteriors of σ = 0.5. The
baseline is the naive transform of the penalty, without a background: as fast, and no prior.
"""

import argparse
import json
import time

import numpy as np
import torch

from startright.papers.priors import divergences, gaussian
from startright.papers.priors.backgrounds import Background
from startright.papers.priors.deconvolution import log_prior
from startright.papers.priors.grids import Grid

SIGMA, REPEATS = 0.5, 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    torch.set_num_threads(1)
    row = measure()
    print(
        json.dumps(row)
        if options.json
        else "{points} points: {deconvolution_ms:.1f} ms (to reach: 50), TV {tv:.4f} (to reach: 0.01); "
        "naive {naive_ms:.1f} ms, TV {naive_tv:.2f}".format(**row)
    )


def measure() -> dict:
    grid = Grid(12.0, 4096)
    ours, naive = (timed(grid, background) for background in (None, Background()))
    return {
        "benchmark": "priors_deconvolution",
        "points": grid.points,
        "deconvolution_ms": ours[0],
        "tv": ours[1],
        "naive_ms": naive[0],
        "naive_tv": naive[1],
        "ratio": 50 / ours[0],
    }


def timed(grid: Grid, background: Background | None) -> tuple[float, float]:
    """Milliseconds of the processor, the least of several repeats, and the distance from the true prior."""
    times = []
    for _ in range(REPEATS):
        begin = time.thread_time()
        curve = log_prior(divergences.from_laplace, gaussian(), SIGMA, grid, background=background)
        times.append(1e3 * (time.thread_time() - begin))
    density = np.exp(curve - curve.max())
    density /= density.sum() * grid.step
    true = np.exp(divergences.laplace_log_density(grid.w))
    return min(times), float(np.abs(density - true).sum() * grid.step / 2)


if __name__ == "__main__":
    main()
