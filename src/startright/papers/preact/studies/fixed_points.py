"""The fixed points of a log-periodic variance map (C7)."""

from dataclasses import dataclass

import numpy as np
import torch

from startright.papers.preact import log_periodic
from startright.profiles import by_profile
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class FixedPointConfig:
    """The log-periodic activation x·exp((δ/ω) sin(ω ln|x|)) on ``periods`` periods of its variance map."""

    omega: float
    delta: float = 0.99
    periods: int = 5


def run_fixed_points(config: FixedPointConfig, seed: int, device: torch.device) -> Outcome:
    """Count the fixed points of the variance map, σ_w² in the middle of the range that has any."""
    low, high = log_periodic.ratio_range(config.delta, config.omega)
    sigma_w = (low * high) ** -0.25  # 1/σ_w² is the geometric mean of the range of V(v)/v
    points = log_periodic.fixed_points(config.delta, config.omega, sigma_w, config.periods)
    slopes = np.array([point.slope for point in points])
    stable = np.abs(slopes) < 1
    metrics = {
        "ratio_low": low,
        "ratio_high": high,
        "sigma_w": sigma_w,
        "stable_per_period": stable.sum() / config.periods,
        "unstable_per_period": (~stable).sum() / config.periods,
        "stable_slope": float(slopes[stable].mean()),
        "unstable_slope": float(slopes[~stable].mean()),
    }
    return Outcome(metrics)


FIXED_POINTS = Study(
    name="preact-fixed-points",
    version=1,
    question="Can the variance map have infinitely many stable fixed points?",
    grid=by_profile(
        quick=[FixedPointConfig(omega) for omega in (2.0, 3.0, 6.0)],
        full=[FixedPointConfig(omega, periods=20) for omega in (2.0, 3.0, 6.0)],
    ),
    seeds=by_profile(quick=(0,), full=(0,)),
    run=run_fixed_points,
)
