"""How alike slopes at neighbouring inputs are, by depth (C15)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from startright.papers.residual.shattering import autocorrelation, slopes
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study

LAGS = (1, 5, 15)
FARTHEST = 40  # lag of the recorded curves
SHOWN = (4, 10, 24, 50)  # depths whose autocorrelation is recorded


@dataclass(frozen=True)
class ShatteringConfig:
    """Random networks of scalar inputs, width 200, on a grid of 256 points from -2 to 2."""

    kind: str
    norm: bool
    beta: float = 1.0
    depth: int = 50
    width: int = 200
    points: int = 256


def run_shattering(config: ShatteringConfig, seed: int, device: torch.device) -> Outcome:
    """One network (see :func:`run_shattering_stacked`)."""
    return run_shattering_stacked([(config, seed)], device)[0]


def run_shattering_stacked(
    runs: Sequence[tuple[ShatteringConfig, int]], device: torch.device
) -> list[Outcome]:
    """Networks of one config as one program: autocorrelations of df/dx after every layer."""
    config = runs[0][0]
    # not of the config: networks that differ in kind share their weights
    found = slopes(
        config.kind,
        [generator(seed, "shattering", device) for _, seed in runs],
        depth=config.depth,
        norm=config.norm,
        beta=config.beta,
        width=config.width,
        points=config.points,
    ).slopes
    likeness = autocorrelation(found, FARTHEST)
    depths = [depth for depth in SHOWN if depth <= config.depth]
    outcomes = []
    for one in likeness:
        metrics = {f"lag_{k}_at_{L}": float(one[L - 1, k]) for L in depths for k in LAGS}
        curves = {f"at_{L}": one[L - 1].tolist() for L in depths}
        outcomes.append(Outcome(metrics, curves | {"by_depth": one[:, 1].tolist()}))
    return outcomes


CONFIGS = (
    ShatteringConfig("plain", True, depth=24),
    ShatteringConfig("residual", True, 1.0),
    ShatteringConfig("residual", True, 0.1),
    ShatteringConfig("plain", False),
)

SHATTERING = Study(
    name="residual-shattering",
    version=1,
    question="How alike are the slopes of a random network at neighbouring inputs, by its depth?",
    grid=by_profile(quick=CONFIGS, full=CONFIGS),
    seeds=by_profile(quick=tuple(range(20)), full=tuple(range(20, 100))),
    run=run_shattering,
    run_stacked=run_shattering_stacked,
    max_stack=20,
)
