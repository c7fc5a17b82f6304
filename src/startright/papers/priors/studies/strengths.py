"""The factor of each penalty, held against Glorot's condition by sampling its prior (C5)."""

from dataclasses import dataclass

import torch
from torch import nn

from startright.papers.priors import factors
from startright.papers.priors.laws import GaussianPrior, GroupPrior, LaplacePrior
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class StrengthConfig:
    """A dense layer of n neurons with P weights each; ``draws`` weights are drawn, at least one group."""

    kind: str
    fan_in: int
    fan_out: int
    draws: int
    setup: str = "bayesian"


def run_strength(config: StrengthConfig, seed: int, device: torch.device) -> Outcome:
    """P·E w² and the kurtosis of weights drawn from the prior, with what they are in closed form."""
    layer = nn.Linear(config.fan_in, config.fan_out, device="meta")
    factor = {"bayesian": factors.penalty_factor, "usual": factors.usual_factor}[config.setup]
    rate = factor(config.kind, layer)
    rng = generator(seed, f"strength-{config}")
    size = {"rows": config.fan_in, "columns": config.fan_out}.get(config.kind, 1)
    if config.kind == "l2":
        w = GaussianPrior((2 * rate) ** -0.5).sample((config.draws,), rng)
    elif config.kind == "l1":
        w = LaplacePrior(1 / rate).sample((config.draws,), rng)
    else:
        w = GroupPrior(size, rate).sample(max(config.draws // size, 1), rng)
    w = w.double().flatten()
    second, fourth = w.square().mean(), w.pow(4).mean()
    kurtosis = 3.0 if config.kind == "l2" else GroupPrior(size, rate).kurtosis
    metrics = {
        "factor": rate,
        "second": float(config.fan_in * second),
        "kurtosis": float(fourth / second**2),
        "kurtosis_exact": kurtosis,
    }
    return Outcome(metrics)


SIZES = ((784, 300), (27, 64), (4608, 512))  # a dense layer; the first and a late convolution of VGG19


def _grid(draws: int) -> list[StrengthConfig]:
    return [StrengthConfig(kind, *size, draws) for size in SIZES for kind in factors.KINDS]


STRENGTHS = Study(
    name="priors-strengths",
    version=1,
    question="Do the factors make the prior fulfil Glorot's condition?",
    grid=by_profile(quick=_grid(400_000), full=_grid(4_000_000)),
    seeds=by_profile(quick=(0, 1, 2, 3, 4), full=(0, 1, 2, 3, 4)),
    run=run_strength,
)
