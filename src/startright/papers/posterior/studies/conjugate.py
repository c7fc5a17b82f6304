"""Where the best temperature is known: linear regression, every number a closed form (C11 to C13)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from startright.papers.posterior.conjugate import DOUBLE, Regression, draw_inputs, expected_nll
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study

GRID = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)  # on which the best temperature is sought
FINE = tuple(np.geomspace(0.01, 100, 81))  # that of the recorded curves


@dataclass(frozen=True)
class ConjugateConfig:
    """``problems`` sets of ``count`` inputs with ``features`` features, tested at ``points`` inputs each.

    ``curation`` and ``copies`` are S and K of :class:`~startright.posterior.conjugate.Regression`,
    ``correlation`` is that of any two features, and ``mean_field`` predicts with independent weights.
    """

    curation: float = 1.0
    copies: float = 1.0
    correlation: float = 0.0
    mean_field: bool = False
    count: int = 20
    features: int = 10
    problems: int = 100
    points: int = 50


def curve(config: ConjugateConfig, seed: int, taus: Tensor) -> Tensor:
    """Expected negative log-likelihood in nats, (problems, T): the mean over the points of each problem."""
    model, rng = Regression(curation=config.curation, copies=config.copies), generator(seed, "inputs")
    found = []
    for _ in range(config.problems):
        x = draw_inputs(config.count, config.features, config.correlation, rng)
        at = draw_inputs(config.points, config.features, config.correlation, rng)
        found.append(expected_nll(x, at, taus, model, mean_field=config.mean_field))
    return torch.stack(found)


def run_conjugate(config: ConjugateConfig, seed: int, device: torch.device) -> Outcome:
    """The curve, the best temperature of the grid, and how flat the curve is where theory puts the best."""
    known = Regression(curation=config.curation, copies=config.copies).best_temperature
    at = torch.tensor([known], dtype=DOUBLE).log().requires_grad_()
    (slopes,) = torch.autograd.grad(curve(config, seed, at.exp()).mean(0).sum(), at)
    coarse, fine = (curve(config, seed, torch.tensor(taus, dtype=DOUBLE)) for taus in (GRID, FINE))
    each = coarse.argmin(1)
    metrics = {
        "known": known,
        "best": GRID[int(coarse.mean(0).argmin())],
        "agree": float((torch.tensor(GRID)[each] == torch.tensor(known).float()).float().mean()),
        "slope": float(slopes[0]),
        "nll_best": float(coarse.mean(0).min()),
        "nll_bayes": float(coarse.mean(0)[GRID.index(1.0)]),
        "fine_best": float(FINE[int(fine.mean(0).argmin())]),
    }
    return Outcome(metrics, {"nll": fine.mean(0).tolist()})


def _grid(problems: int, points: int) -> Sequence[ConjugateConfig]:
    size = {"problems": problems, "points": points}
    return [
        ConjugateConfig(**size),
        *(ConjugateConfig(curation=s, **size) for s in (2.0, 5.0, 10.0)),
        *(ConjugateConfig(copies=k, **size) for k in (2.0, 5.0, 10.0)),
        *(ConjugateConfig(correlation=r, mean_field=True, **size) for r in (0.0, 0.5, 0.9, 0.99)),
        *(ConjugateConfig(correlation=r, **size) for r in (0.5, 0.9, 0.99)),
    ]


CONJUGATE = Study(
    name="posterior-conjugate",
    version=1,
    question="Which temperature predicts best where the answer is known?",
    grid=by_profile(quick=_grid(100, 50), full=_grid(400, 200)),
    seeds=by_profile(quick=(0, 1, 2), full=(0, 1, 2, 3, 4)),
    run=run_conjugate,
)
