"""The gain of Leaky ReLU (C6)."""

from dataclasses import dataclass

import torch

from startright.meanfield import next_variance
from startright.papers.initialisation.activations import activation
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class LeakyConfig:
    """Leaky ReLU of slope α below 0, of a standard normal variable."""

    slope: float
    draws: int


def run_leaky(config: LeakyConfig, seed: int, device: torch.device) -> Outcome:
    """E f(z)² by quadrature and by draws, over (1 + α²)/2."""
    f = activation("leaky", config.slope)
    exact = (1 + config.slope**2) / 2
    rng = generator(seed, f"leaky-{config}", device)
    z = torch.randn(config.draws, generator=rng, device=device, dtype=torch.float64)
    integral = float(next_variance(f, 1.0, 1.0))
    return Outcome({"error": abs(integral / exact - 1), "sampled": float(f(z).square().mean()) / exact})


LEAKY = Study(
    name="initialisation-leaky",
    version=1,
    question="Which part of the second moment passes Leaky ReLU?",
    grid=by_profile(
        quick=[LeakyConfig(slope, 100_000) for slope in (0.0, 0.1, 0.3, 0.5, 1.0)],
        full=[LeakyConfig(slope, 10_000_000) for slope in (0.0, 0.1, 0.3, 0.5, 1.0)],
    ),
    seeds=by_profile(quick=(0, 1, 2, 3, 4), full=(0, 1, 2, 3, 4)),
    run=run_leaky,
)
