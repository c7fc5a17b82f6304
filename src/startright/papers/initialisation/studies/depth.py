"""Signals and gradients through thirty layers, by activation and law (C2 to C6)."""

from dataclasses import dataclass

import torch

from startright.papers.initialisation.activations import activation
from startright.papers.initialisation.laws import weight_variance
from startright.papers.initialisation.propagation import propagate
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class DepthConfig:
    """Square layers without biases, standard normal inputs and, at the top, standard normal gradients."""

    activation: str
    law: str
    slope: float = 0.0
    shape: str = "normal"
    width: int = 300
    depth: int = 30
    batch: int = 64


def run_depth(config: DepthConfig, seed: int, device: torch.device) -> Outcome:
    """Variances layer by layer, and the factors a layer that they amount to."""
    variance = weight_variance(config.law, config.width, config.width, slope=config.slope)
    found = propagate(
        activation(config.activation, config.slope),
        variance,
        depth=config.depth,
        width=config.width,
        shape=config.shape,
        batch=config.batch,
        generator=generator(seed, f"depth-{config}", device),
    )
    signal, gradient, weight = found
    steps = config.depth - 1
    metrics = {f"signal_{layer}": float(signal[layer - 1]) for layer in (1, 5, 10, config.depth)}
    metrics |= {
        "signal_factor": float(signal[-1] / signal[0]) ** (1 / steps),
        "gradient_factor": float(gradient[0] / gradient[-1]) ** (1 / steps),
        "gradient_ratio": float(gradient[0] / gradient[-1]),
        "weight_ratio": float(weight[0] / weight[-1]),
    }
    curves = {"signal": signal.tolist(), "gradient": (gradient / gradient[-1]).tolist()}
    return Outcome(metrics, curves | {"weight_gradient": (weight / weight[-1]).tolist()})


PAIRS = (
    ("tanh", "naive", 0.0),
    ("tanh", "glorot", 0.0),
    ("tanh", "he", 0.0),
    ("sigmoid", "glorot", 0.0),
    ("relu", "naive", 0.0),
    ("relu", "glorot", 0.0),
    ("relu", "he", 0.0),
    ("leaky", "he", 0.1),
    ("leaky", "he", 0.5),
)
UNIFORM = (("tanh", "glorot"), ("relu", "naive"), ("relu", "glorot"), ("relu", "he"))


def _grid(width: int, batch: int) -> list[DepthConfig]:
    sizes = {"width": width, "batch": batch}
    normal = [DepthConfig(name, law, slope, **sizes) for name, law, slope in PAIRS]
    return normal + [DepthConfig(name, law, shape="uniform", **sizes) for name, law in UNIFORM]


DEPTH = Study(
    name="initialisation-depth",
    version=1,
    question="What does each law of the first weights do to signals and gradients through depth?",
    grid=by_profile(quick=_grid(300, 64), full=_grid(500, 256)),
    seeds=by_profile(quick=(0, 1, 2, 3, 4), full=tuple(range(20))),
    run=run_depth,
)
