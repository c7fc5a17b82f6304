"""The recursion of infinite width, followed for two thousand layers (C2, C4)."""

from dataclasses import dataclass

import torch

from startright.meanfield import backward_factor
from startright.papers.initialisation.activations import activation
from startright.papers.initialisation.laws import weight_variance
from startright.papers.initialisation.propagation import mean_field
from startright.profiles import by_profile
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class RecursionConfig:
    """Square layers of infinite width, from a first variance of 1."""

    activation: str
    law: str
    depth: int = 2000


def run_recursion(config: RecursionConfig, seed: int, device: torch.device) -> Outcome:
    """The variance after ten maps and at the end, and what a layer there leaves of the gradient."""
    f, n = activation(config.activation), 1000  # any width: variance times width is what counts
    sigma_w2 = n * weight_variance(config.law, n, n)
    q, _ = mean_field(f, sigma_w2, depth=config.depth + 1, start=1.0)
    factor = float(backward_factor(f, q[-1], sigma_w2))
    return Outcome({"after_ten": float(q[10]), "last": float(q[-1]), "factor": factor})


PAIRS = (("tanh", "glorot"), ("tanh", "he"), ("sigmoid", "glorot"))
RECURSION = Study(
    name="initialisation-recursion",
    version=1,
    question="Where does the variance go at infinite width?",
    grid=by_profile(
        quick=[RecursionConfig(*pair) for pair in PAIRS],
        full=[RecursionConfig(*pair, depth=20_000) for pair in PAIRS],
    ),
    seeds=by_profile(quick=(0,), full=(0,)),
    run=run_recursion,
)
