"""Penalties with a prior and penalties without (C2 to C4)."""

from dataclasses import dataclass

import numpy as np
import torch

from startright.papers.priors import gallery
from startright.profiles import by_profile
from startright.studies import Outcome, Study

FLOOR, CEILING = 1e-12, 1e12  # of what is recorded: rounding below, overflow above


@dataclass(frozen=True)
class ConditionConfig:
    """A penalty of the gallery, a key of ``startright.papers.priors.gallery.CASES``."""

    case: str


def run_condition(config: ConditionConfig, seed: int, device: torch.device) -> Outcome:
    """What the tests of condition (⋆) say of one penalty.

    ``accepted`` and ``right`` (the reason is the one that the theorem gives) are 1 or 0; ``depends``,
    ``change``, ``lost`` and ``way_back`` are the tests' numbers, 0 where one was not made; ``tv`` is the
    distance from the prior that the theorem gives, 1 where there is none.
    """
    chosen = gallery.case(config.case)
    found = chosen.recover()
    verdict = found.verdict
    expected = (chosen.expected,) if chosen.expected else ()
    numbers = {
        "depends": verdict.depends,
        "change": verdict.changes[-1],
        "lost": verdict.lost,
        "way_back": verdict.way_back,
    }
    tv = 1.0
    if chosen.prior is not None:
        true = chosen.prior(found.grid.w)
        density = np.exp(true - true.max())
        density /= density.sum() * found.grid.step
        tv = float(np.abs(np.exp(found.values) - density).sum() * found.grid.step / 2)
    metrics = {name: float(np.clip(np.nan_to_num(x), 0, CEILING)) for name, x in numbers.items()}
    metrics |= {"accepted": verdict.accepted, "right": verdict.reasons == expected, "tv": tv}
    return Outcome(metrics)


GRID = [ConditionConfig(name) for name in gallery.CASES]

CONDITIONS = Study(
    name="priors-conditions",
    version=1,
    question="Which penalties have a prior, and why do the others have none?",
    grid=by_profile(quick=GRID, full=GRID),
    seeds=by_profile(quick=(0,), full=(0,)),
    run=run_condition,
)
