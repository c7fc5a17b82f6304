"""Two inputs through depth: the Edge of Chaos (C6)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from startright.papers.preact import chains, maps, schemes
from startright.papers.preact.studies.common import FIVE, images, pairs
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class CorrelationConfig:
    """One random network seen by ``per_class`` images of each of ``classes`` classes."""

    scheme: str
    theta: float | None
    width: int
    depth: int
    dataset: str
    classes: int = 10
    per_class: int = 10


def run_correlation(config: CorrelationConfig, seed: int, device: torch.device) -> Outcome:
    """Mean correlation within and between classes, layer by layer, beside the infinite-width map."""
    scheme = schemes.named(config.scheme, config.theta)
    x, y = images(config.dataset, config.classes, config.per_class, device)
    rng = generator(seed, f"correlation-{config}", device)
    c = chains.correlation_chain(scheme, x, config.width, config.depth, generator=rng)  # (depth, m, m)
    same = y[:, None] == y[None, :]
    pairs = {"within": same & ~torch.eye(len(y), dtype=torch.bool, device=device), "between": ~same}
    start = (x @ x.T / x.shape[1]).clamp(-1, 1)
    theory = maps.iterate_correlation(scheme, start.double().cpu().numpy(), config.depth)
    curves = {}
    for name, pair in pairs.items():
        curves[name] = c[:, pair].nanmean(1).tolist()  # of the inputs that some neuron still sees
        curves[f"{name}_theory"] = theory[:, pair.cpu().numpy()].mean(1).tolist()
    gaps = [np.abs(np.subtract(curves[n], curves[f"{n}_theory"]))[:20].max() for n in pairs]
    return Outcome({"gap": float(max(gaps)), **{n: curves[n][-1] for n in pairs}}, curves)


def _correlation_grid(thetas: Sequence[float], widths: Sequence[int], depth: int, dataset: str) -> list:
    return [CorrelationConfig(s, t, w, depth, dataset) for s, t in pairs(thetas) for w in widths]


CORRELATION = Study(
    name="preact-correlation",
    version=1,
    question="How does the correlation of two inputs evolve with depth?",
    grid=by_profile(
        quick=_correlation_grid((2.05, 10.0), (10, 300), 20, "digits"),
        full=_correlation_grid((2.05, 10.0), (10, 100, 1000), 50, "cifar10"),
    ),
    seeds=by_profile(quick=FIVE, full=tuple(range(20))),
    run=run_correlation,
)
