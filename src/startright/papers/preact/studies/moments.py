"""Moments of ReLU networks of finite width (C8)."""

from dataclasses import dataclass

import torch

from startright.papers.preact import chains, finite_width, schemes
from startright.papers.preact.studies.common import FIVE
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class MomentsConfig:
    """ReLU networks of one width, σ_w² = 2, σ_b = 0."""

    width: int
    depth: int
    draws: int


def run_moments(config: MomentsConfig, seed: int, device: torch.device) -> Outcome:
    """Second and fourth moments of a pre-activation, layer by layer, against the exact recursion."""
    rng = generator(seed, f"moments-{config}", device)
    z = chains.scalar_chain(schemes.relu(), config.width, config.depth, config.draws, generator=rng)
    second, fourth = z.double().square().mean(-1), z.double().pow(4).mean(-1)
    curves = {
        "second": (second / 2).tolist(),  # exact: 1 at every layer (in units of the first layer's variance)
        "kurtosis": (fourth / second.square()).tolist(),
        "kurtosis_exact": [
            finite_width.relu_kurtosis(config.width, layer) for layer in range(1, config.depth + 1)
        ],
    }
    metrics = {"second": curves["second"][-1]}
    metrics |= {f"kurtosis_{layer}": curves["kurtosis"][layer - 1] for layer in (1, 2, 3)}
    return Outcome(metrics, curves)


MOMENTS = Study(
    name="preact-moments",
    version=1,
    question="Are second-moment recursions exact at finite width?",
    grid=by_profile(
        quick=[MomentsConfig(width, 10, 50_000) for width in (10, 30)],
        full=[MomentsConfig(width, 10, 1_000_000) for width in (10, 30, 100)],
    ),
    seeds=by_profile(quick=FIVE, full=FIVE),
    run=run_moments,
)
