"""Which summary of the law each initialisation preserves (C9)."""

from dataclasses import dataclass

import torch

from startright.papers.preact import finite_width
from startright.profiles import by_profile
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class PrincipleConfig:
    """One initialisation principle, a key of ``startright.preact.finite_width.PRINCIPLES``."""

    principle: str


def run_principle(config: PrincipleConfig, seed: int, device: torch.device) -> Outcome:
    """How far each summary of the pre-activation law is from being a fixed point of the layer map."""
    return Outcome(finite_width.residuals(config.principle))


PRINCIPLE_GRID = [PrincipleConfig(name) for name in finite_width.PRINCIPLES]

PRINCIPLES = Study(
    name="preact-principles",
    version=1,
    question="Which summary of the pre-activation law does each initialisation preserve?",
    grid=by_profile(quick=PRINCIPLE_GRID, full=PRINCIPLE_GRID),
    seeds=by_profile(quick=(0,), full=(0,)),
    run=run_principle,
)
