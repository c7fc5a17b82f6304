"""How deep a network of random depth is, by draws of its own modules (C14)."""

import math
from dataclasses import dataclass

import torch

from startright.papers.dropout.depth import (
    DepthCounter,
    depth_variance,
    expected_depth,
    simulate,
    survival,
)
from startright.profiles import by_profile
from startright.seeds import lend_global_stream
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class DepthConfig:
    """Blocks, the survival of the last one, the rule for the others."""

    depth: int
    last: float
    rule: str
    draws: int


def run_depth(config: DepthConfig, seed: int, device: torch.device) -> Outcome:
    """Depths of random networks: their mean and variance, in standard errors from the closed forms."""
    case = config.depth, config.last, config.rule
    mean, variance, p = expected_depth(*case), depth_variance(*case), survival(*case)
    with lend_global_stream(seed, f"depth-{config}"):
        found = simulate(p, config.draws)
    evaluated = DepthCounter(p).eval()(torch.zeros(1, dtype=torch.float64))
    ratio = float(found.var()) / variance
    return Outcome(
        {
            "expected": mean,
            "variance": variance,
            "sum_error": abs(float(p.sum()) - mean),
            "evaluated_error": abs(float(evaluated) - mean),
            "sampled": float(found.mean()),
            "errors_of_mean": (float(found.mean()) - mean) / math.sqrt(variance / config.draws),
            "variance_ratio": ratio,
            "errors_of_variance": (ratio - 1) / math.sqrt(2 / config.draws),
        }
    )


CASES = ((54, 0.5, "linear"), (10, 0.5, "linear"), (54, 0.2, "linear"), (54, 0.8, "linear"))
CASES += ((200, 0.5, "linear"), (54, 0.5, "uniform"))

DEPTH = Study(
    name="dropout-depth",
    version=1,
    question="How deep is a network of random depth, and how much does its depth vary?",
    grid=by_profile(
        quick=[DepthConfig(*case, 20_000) for case in CASES],
        full=[DepthConfig(*case, 200_000) for case in CASES],
    ),
    seeds=by_profile(quick=(0, 1, 2, 3, 4), full=(0, 1, 2, 3, 4)),
    run=run_depth,
)
