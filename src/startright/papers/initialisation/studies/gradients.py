"""Back-propagation by hand against autograd, and the bound on what vanishes (C1, C2)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from startright.papers.initialisation import backprop
from startright.papers.initialisation.activations import STEEPEST, activation
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class GradientsConfig:
    """A random network of four square layers, half the mean squared error, in float64."""

    activation: str
    slope: float = 0.0
    width: int = 20
    depth: int = 4
    batch: int = 16


def by_autograd(
    x: Tensor, target: Tensor, weights: list[Tensor], biases: list[Tensor], f: backprop.Activation
) -> tuple[Tensor, ...]:
    """∂C/∂W of all layers, then ∂C/∂b, by automatic differentiation."""
    leaves = [each.clone().requires_grad_() for each in (*weights, *biases)]
    out = backprop.forward(x, leaves[: len(weights)], leaves[len(weights) :], f).a[-1]
    return torch.autograd.grad(0.5 * (out - target).square().sum() / len(x), leaves)


def run_gradients(config: GradientsConfig, seed: int, device: torch.device) -> Outcome:
    """The largest difference to autograd, and the largest gradient over its bound."""
    f = activation(config.activation, config.slope)
    rng = generator(seed, f"gradients-{config}", device)
    weights, biases = backprop.random_layers([config.width] * (config.depth + 1), generator=rng)
    x, target = torch.randn(2, config.batch, config.width, generator=rng, device=device, dtype=torch.float64)
    done = backprop.forward(x, weights, biases, f)
    ours = backprop.backward(done, (done.a[-1] - target) / config.batch, weights, f)
    theirs = by_autograd(x, target, weights, biases, f)
    difference = max(
        float((a - b).abs().max()) for a, b in zip((*ours.weights, *ours.biases), theirs, strict=True)
    )
    bounds = backprop.bound(weights, ours.delta[-1], STEEPEST[config.activation])
    below = zip(ours.delta[:-1], bounds[:-1], strict=True)  # in the last layer the bound is |δ| itself
    slack = max(float((delta.abs() / most).max()) for delta, most in below)
    return Outcome({"difference": difference, "of_bound": slack})


ACTIVATIONS = (("sigmoid", 0.0), ("tanh", 0.0), ("relu", 0.0), ("leaky", 0.1))
GRADIENTS = Study(
    name="initialisation-gradients",
    version=1,
    question="Is back-propagation by hand what autograd computes?",
    grid=by_profile(
        quick=[GradientsConfig(*pair) for pair in ACTIVATIONS],
        full=[GradientsConfig(*pair, width=100, depth=10) for pair in ACTIVATIONS],
    ),
    seeds=by_profile(quick=(0, 1, 2, 3, 4), full=tuple(range(20))),
    run=run_gradients,
)
