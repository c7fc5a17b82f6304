"""Pre-activations through depth (C1, C6)."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from startright.papers.preact import chains, ks, schemes
from startright.papers.preact.studies.common import FIVE, images, pairs
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class DepthConfig:
    """``draws`` independent networks of one width, seen by one input.

    ``inputs`` is ``"unit"`` (any vector with ‖x‖² = n₀: the first layer is then sampled directly) or
    the name of a dataset, whose first image of class 0, scaled to ‖x‖² = n₀, goes through a full first layer.
    """

    scheme: str
    theta: float | None
    width: int
    depth: int
    draws: int
    inputs: str = "unit"


def run_depth(config: DepthConfig, seed: int, device: torch.device) -> Outcome:
    """KS distances and variance of one neuron, layer by layer."""
    rng = generator(seed, f"depth-{config}", device)
    z = _propagate(config, rng, device)  # (depth, draws)
    if not bool(torch.isfinite(z).all()):
        return Outcome({}, status="diverged", reason="a pre-activation is not finite")
    curves = {
        "ks": ks.distance(z).tolist(),
        "ks_standardised": [_shape_distance(layer) for layer in z],
        "variance": z.double().var(-1).tolist(),
    }
    return Outcome({name: curve[-1] for name, curve in curves.items()}, curves)


def _shape_distance(layer: torch.Tensor) -> float:
    """Standardised KS distance of one layer, (draws,)."""
    if bool((layer == layer[0]).all()):
        return 0.5  # every network is dead: a point mass is half a unit from any normal law centred on it
    return float(ks.distance_standardised(layer))


def _propagate(config: DepthConfig, rng: torch.Generator, device: torch.device) -> torch.Tensor:
    scheme = schemes.named(config.scheme, config.theta)
    if config.inputs == "unit" and scheme.gaussian_weights:
        return chains.scalar_chain(scheme, config.width, config.depth, config.draws, generator=rng)
    x = None
    if config.inputs != "unit":
        x = images(config.inputs, 1, 1, device)[0][0]
    return chains.matrix_chain(scheme, config.width, config.depth, config.draws, generator=rng, x=x)


def _depth_grid(
    thetas: Sequence[float], widths: Sequence[int], draws: int, dataset: str, classic_widths: Sequence[int]
) -> list[DepthConfig]:
    classic = [DepthConfig(s, None, w, 50, draws) for s in ("relu", "tanh") for w in classic_widths]
    ours = [DepthConfig(s, t, w, 30, draws) for s, t in pairs(thetas)[2:] for w in widths]
    images = [DepthConfig(s, t, 10, 30, draws, dataset) for s, t in pairs(thetas)]
    return classic + ours + images


DEPTH = Study(
    name="preact-depth",
    version=1,
    question="Do pre-activations stay N(0, 1) through depth?",
    grid=by_profile(
        quick=_depth_grid((2.05, 10.0), (10,), 4_000, "digits", (10, 100)),
        full=_depth_grid((2.05, 4.0, 10.0), (10, 30, 100), 10_000, "cifar10", (2, 10, 30, 100)),
    ),
    seeds=by_profile(quick=FIVE, full=(0, 1, 2)),
    run=run_depth,
)
