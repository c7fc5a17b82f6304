"""Dependence between the neurons of a layer, in two-step networks (C4, C5)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from startright.papers.preact import chains, ks, schemes
from startright.papers.preact.studies.common import FIVE, KINDS, pairs
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class DependenceConfig:
    """A two-step network of §3.1, layer sizes (n0, n1, 1) given by ``layout`` and ``width``."""

    scheme: str
    theta: float | None
    layout: str
    width: int
    draws: int
    independent: bool = False


def run_dependence(config: DependenceConfig, seed: int, device: torch.device) -> Outcome:
    """Distance to N(0, 1) of the output of ``draws`` independent two-step networks."""
    scheme = schemes.named(config.scheme, config.theta)
    rng = generator(seed, f"dependence-{config}", device)
    out = chains.two_step(
        scheme, config.layout, config.width, config.draws, generator=rng, independent=config.independent
    )
    return Outcome(_summary(out))


def _summary(z: torch.Tensor) -> dict[str, float]:
    """KS distances, moments and thresholds of one sample of pre-activations, shape (draws,)."""
    return {
        "ks": float(ks.distance(z)),
        "ks_standardised": float(ks.distance_standardised(z)),
        "variance": float(z.var()),
        "kurtosis": float(((z - z.mean()) ** 4).mean() / z.var() ** 2),
    }


def _dependence_grid(thetas: Sequence[float], widths: Sequence[int], draws: int) -> list[DependenceConfig]:
    shared = [
        DependenceConfig(scheme, theta, layout, width, draws)
        for scheme, theta in pairs(thetas)
        for layout in "ABC"
        for width in widths
    ]
    fresh = [replace(c, independent=True) for c in shared if c.scheme in KINDS and c.layout == "C"]
    return shared + fresh


DEPENDENCE = Study(
    name="preact-dependence",
    version=1,
    question="What does dependence between the neurons of a layer do to the Gaussian law?",
    grid=by_profile(
        quick=_dependence_grid((2.05, 10.0), (1, 2, 5, 10), 20_000),
        full=_dependence_grid((2.05, 4.0, 10.0), range(1, 11), 200_000),
    ),
    seeds=by_profile(quick=FIVE, full=FIVE),
    run=run_dependence,
)
