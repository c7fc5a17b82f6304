"""A known prior, its divergence, and back again (C1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from startright.papers.priors import deconvolution, divergences, families, verdicts
from startright.papers.priors.grids import Grid
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study

PRIORS: dict[str, tuple[Callable, Callable]] = {
    "gaussian": (divergences.from_gaussian, divergences.gaussian_log_density),
    "laplace": (divergences.from_laplace, divergences.laplace_log_density),
    "quartic": (divergences.from_quartic, divergences.quartic_log_density),
}
SHIFT = 0.7  # a constant added to every penalty: it must come back as K


@dataclass(frozen=True)
class RecoveryConfig:
    """A prior seen through Gaussian posteriors of one σ, with noise on the penalty, and the cut τ."""

    prior: str
    sigma: float
    cut: float
    noise: float = 0.0
    half_width: float = 12.0
    points: int = 4096


def run_recovery(config: RecoveryConfig, seed: int, device: torch.device) -> Outcome:
    """How far the recovered prior is from the one that made the penalty.

    ``tv``: total variation; ``constant_error``: of K; ``centre``: ΔA(0); ``way_back``: of r − KL − K.
    """
    penalty, log_density = PRIORS[config.prior]
    grid, family = Grid(config.half_width, config.points), families.gaussian()
    rng = generator(seed, f"recovery-{config}")
    noise = config.noise * torch.randn(grid.points, generator=rng, dtype=torch.float64).numpy()
    curve = deconvolution.log_prior(
        lambda mu, sigma: penalty(mu, sigma) + SHIFT + noise, family, config.sigma, grid, cut=config.cut
    )
    highest = curve.max()
    density = np.exp(curve - highest)
    log_mass = float(np.log(density.sum() * grid.step) + highest)
    density /= density.sum() * grid.step
    true = log_density(grid.w)
    mu = np.linspace(-grid.half_width / 3, grid.half_width / 3, 61)
    expected = verdicts.expected(curve - log_mass, mu, family, config.sigma, grid)
    divergence = -family.entropy(config.sigma) - expected
    metrics = {
        "tv": float(np.abs(density - np.exp(true)).sum() * grid.step / 2),
        "constant_error": -log_mass - SHIFT,
        "centre": float(curve[grid.points // 2] + SHIFT - true[grid.points // 2]),
        "way_back": float(np.abs(penalty(mu, config.sigma) + SHIFT - divergence + log_mass).max()),
    }
    return Outcome(metrics)


EXACT = [
    RecoveryConfig(prior, sigma, 1e-8)
    for prior, sigmas in {
        "gaussian": (0.25, 0.5, 1.0),
        "laplace": (0.1, 0.25, 0.5, 1.0),
        "quartic": (0.25, 0.5),
    }.items()
    for sigma in sigmas
]

RECOVERY = Study(
    name="priors-recovery",
    version=1,
    question="Is a prior recovered from its own divergence?",
    grid=by_profile(quick=EXACT, full=EXACT),
    seeds=by_profile(quick=(0,), full=(0,)),
    run=run_recovery,
)


def _noise_grid(cuts: Sequence[float], levels: Sequence[float]) -> list[RecoveryConfig]:
    return [RecoveryConfig("laplace", 0.5, float(cut), level) for level in levels for cut in cuts]


NOISE = Study(
    name="priors-noise",
    version=1,
    question="Where should the deconvolution of a noisy penalty be cut?",
    grid=by_profile(
        quick=_noise_grid([10.0**-k for k in (0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 8)], (0.0, 1e-3)),
        full=_noise_grid([10.0 ** (-k / 2) for k in range(1, 17)], (0.0, 1e-4, 1e-3, 1e-2)),
    ),
    seeds=by_profile(quick=(0, 1, 2, 3, 4), full=(0, 1, 2, 3, 4)),
    run=run_recovery,
)
