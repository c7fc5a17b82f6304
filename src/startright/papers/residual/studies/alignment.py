"""The gradients of two inputs through depth, against what is assumed and what is exact (C15)."""

from dataclasses import dataclass

import torch

from startright.papers.residual.shattering import sampled_correlation
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study

LAYERS = (1, 5, 10)


@dataclass(frozen=True)
class AlignmentConfig:
    """Two inputs at an angle, in degrees, through a random network without normalisation, He's weights."""

    kind: str
    angle: float
    depth: int = 20
    width: int = 300


def run_alignment(config: AlignmentConfig, seed: int, device: torch.device) -> Outcome:
    """The correlation of the gradients after every layer."""
    found = sampled_correlation(
        config.kind,
        config.depth,
        width=config.width,
        generator=generator(seed, f"alignment-{config}", device),
        angle=config.angle / 180 * torch.pi,
    )
    metrics = {f"correlation_{layer}": float(found[layer - 1]) for layer in LAYERS}
    return Outcome(metrics, {"correlation": found.tolist()})


GRID = [AlignmentConfig(kind, angle) for kind in ("plain", "residual") for angle in (90.0, 10.0)]

ALIGNMENT = Study(
    name="residual-alignment",
    version=1,
    question="How fast do the gradients of two inputs become unlike, without normalisation?",
    grid=by_profile(quick=GRID, full=[AlignmentConfig(c.kind, c.angle, width=1000) for c in GRID]),
    seeds=by_profile(quick=tuple(range(20)), full=tuple(range(20))),
    run=run_alignment,
)
