"""The law itself: is W·φ_θ(Z) exactly N(0, 1)? (C2, C3)"""

from dataclasses import dataclass

import numpy as np
import torch

from startright.papers.preact import maps, schemes
from startright.papers.preact.activation import GaussianActivation
from startright.papers.preact.law import ks_of_product, phi
from startright.papers.preact.studies.common import KINDS, THETAS
from startright.profiles import by_profile
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class LawConfig:
    """One φ_θ and the number of nodes of its table."""

    theta: float
    kind: str
    nodes: int


def run_law(config: LawConfig, seed: int, device: torch.device) -> Outcome:
    """How exactly W·φ_θ(Z) is N(0, 1), and the table φ_θ: everything by quadrature, nothing sampled.

    ``mirror`` is the largest distance of φ(z) from −φ(−z) for z from −8 to 8, 0 of an odd function; ``least``
    is the least φ(z) there.
    """
    table = GaussianActivation(config.theta, config.kind, nodes=config.nodes)
    z = torch.linspace(-8, 8, 137, dtype=torch.float64)  # between the nodes
    exact = phi(z.numpy(), config.theta, config.kind)
    variance = maps.variance_map(schemes.gaussian_preact(config.theta, config.kind), 1.0)
    metrics = {
        "ks": ks_of_product(config.theta, config.kind),
        "second_moment_error": abs(float(variance) - 1),
        "table_error": float(np.abs(table(z).numpy() - exact).max()),
        "mirror": float(np.abs(exact + exact[::-1]).max()),
        "least": float(exact.min()),
    }
    return Outcome(metrics)


LAW = Study(
    name="preact-law",
    version=2,
    question="Is W·φ_θ(Z) exactly N(0, 1), for both variants and every θ?",
    grid=by_profile(
        quick=[LawConfig(theta, kind, 1001) for kind in KINDS for theta in (2.05, 3.0, 5.0, 10.0)],
        full=[LawConfig(theta, kind, 1001) for kind in KINDS for theta in THETAS],
    ),
    seeds=by_profile(quick=(0,), full=(0,)),
    run=run_law,
)
