"""Rosenbrock's function of two variables, one group or two (a picture of what the groups are for)."""

from dataclasses import dataclass, replace

import torch

from startright.papers.higher_order.cubic import anisotropy, cubic_step
from startright.papers.higher_order.partition import as_partition
from startright.papers.higher_order.reduced import grouped_derivatives
from startright.papers.higher_order.studies.step import moved
from startright.papers.higher_order.tasks import Params, gradient
from startright.profiles import by_profile
from startright.studies import Outcome, Study

START = (-1.2, 1.0)  # the usual one; the minimum is 0 at (1, 1)


@dataclass(frozen=True)
class ToyConfig:
    """A path from (−1.2, 1).

    Args:
        method: ``"trivial"``, one group; ``"canonical"``, one group a variable; ``"gradient"``, a fixed rate.
        lambda_int: weight of the cubic term; 0 is the quadratic model, solved even where it has no minimum.
        steps: how many.
        rate: of gradient descent.
    """

    method: str
    lambda_int: float = 1.0
    steps: int = 60
    rate: float = 1e-3


def rosenbrock(params: Params) -> torch.Tensor:
    """(1 − x)² + 100 (y − x²)²."""
    x, y = params["x"], params["y"]
    return ((1 - x) ** 2 + 100 * (y - x**2) ** 2).sum()


def _eta(config: ToyConfig, params: Params, direction: Params) -> torch.Tensor:
    groups = as_partition(config.method, params)
    d = grouped_derivatives(rosenbrock, params, groups, direction)
    if config.lambda_int == 0:
        return torch.linalg.solve(d.H, d.g)
    return cubic_step(d.g, d.H, anisotropy(d.d3), config.lambda_int).eta


def run_toy(config: ToyConfig, seed: int, device: torch.device) -> Outcome:
    """The points visited and the function there; the steps until it is below 1e-8, or one more than all."""
    params = {name: torch.tensor([v], dtype=torch.float64) for name, v in zip("xy", START, strict=True)}
    path = {"x": [START[0]], "y": [START[1]], "value": [float(rosenbrock(params))]}
    for _ in range(config.steps):
        direction = gradient(rosenbrock, params)
        if path["value"][-1] < 1e-20:  # arrived: every step after it is rounding
            break
        if config.method == "gradient":
            params = {n: p - config.rate * direction[n] for n, p in params.items()}
        else:
            eta = _eta(config, params, direction)
            params = moved(params, direction, eta, as_partition(config.method, params))
        for name, value in (*params.items(), ("value", rosenbrock(params))):
            path[name].append(float(value))
    below = [k for k, value in enumerate(path["value"]) if value < 1e-8]
    metrics = {"log10_value": float(torch.tensor(max(path["value"][-1], 1e-30)).log10())}
    return Outcome(metrics | {"steps_needed": below[0] if below else config.steps + 1}, path)


def _paths() -> list[ToyConfig]:
    two = ToyConfig("canonical")
    return [ToyConfig("gradient"), ToyConfig("trivial"), two, replace(two, lambda_int=0.0)]


ROSENBROCK = Study(
    name="higher-order-rosenbrock",
    version=1,
    question="What do two groups do on Rosenbrock's function?",
    grid=by_profile(quick=_paths(), full=_paths()),
    seeds=by_profile(quick=(0,), full=(0,)),
    run=run_toy,
)
