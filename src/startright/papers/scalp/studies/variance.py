r"""Variances of one neuron at the start and of its first step, sampled (C2, C3).

One neuron :math:`y = \sum_k \sigma_k \tilde w_k x_k`, with inputs, weights and the gradient g at y standard
normal. After one step :math:`y' - y = -\eta g \sum_k \sigma_k^2 x_k^2`. ``"standard"`` has weights from
:math:`\mathcal N(0, 1/N)`, trained themselves: :math:`y' - y = -\eta g \sum_k x_k^2`.

Metrics: ``start`` and ``step`` are the sampled :math:`\operatorname{Var} y` and
:math:`\operatorname{Var}(y' - y)/\eta^2`; ``start_exact`` and ``step_exact`` their closed forms.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from startright.papers.scalp import scalings
from startright.papers.scalp.hidden import STANDARD
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study

DIVERGENT = "1/√k"
KINDS = (*scalings.NAMED, DIVERGENT, STANDARD)
CHUNK = 4_000_000  # numbers drawn at once


@dataclass(frozen=True)
class VarianceConfig:
    """One scaling, or ``"1/√k"``, or ``"standard"``; N inputs; how many neurons are drawn."""

    kind: str
    width: int
    draws: int


def coefficients(kind: str, n: int) -> tuple[Tensor, Tensor]:
    r"""What multiplies :math:`\tilde w_k x_k` in y, and :math:`g x_k^2` in the step, (N,) each."""
    if kind == STANDARD:
        return scalings.uniform(n), torch.ones(n, dtype=torch.float64)
    scaling = (lambda k: k**-0.5) if kind == DIVERGENT else kind
    sigma = scalings.sigma(scaling, n)
    return sigma, sigma**2


def closed_forms(kind: str, n: int) -> tuple[float, float]:
    r"""Var y, and Var(y' − y)/η²: :math:`s_2` and :math:`(\sum_k a_k)^2 + 2\sum_k a_k^2`.

    With :math:`a_k = \sigma_k^2` the second is :math:`s_2^2 + 2s_4`, with :math:`a_k = 1` it is :math:`N^2 +
    2N`.

    >>> closed_forms("standard", 10)[1]
    120.0
    """
    start, step = coefficients(kind, n)
    return float((start**2).sum()), float(step.sum() ** 2 + 2 * (step**2).sum())


def run_variance(config: VarianceConfig, seed: int, device: torch.device) -> Outcome:
    """Draw neurons, take one step of each; see the head of the module."""
    rng = generator(seed, "scalp-variance", device)
    start, step = (c.to(device, torch.float32) for c in coefficients(config.kind, config.width))
    squares, left = torch.zeros(2, dtype=torch.float64), config.draws
    while left:
        size = min(left, max(1, CHUNK // config.width))
        x, w = torch.randn(2, size, config.width, generator=rng, device=device)
        g = torch.randn(size, generator=rng, device=device)
        y, change = (w.mul_(x) @ start), g * (x.square_() @ step)
        squares += torch.stack([y.double().square().sum(), change.double().square().sum()]).cpu()
        left -= size
    sampled = (squares / config.draws).tolist()
    exact = closed_forms(config.kind, config.width)
    names = ("start", "step", "start_exact", "step_exact")
    return Outcome(dict(zip(names, (*sampled, *exact), strict=True)))


def _grid(widths: tuple[int, ...], draws: int) -> list[VarianceConfig]:
    return [VarianceConfig(kind, width, draws) for kind in KINDS for width in widths]


VARIANCE = Study(
    name="scalp-variance",
    version=1,
    question="Do the variances at the start and after one step stay bounded as the layer widens?",
    grid=by_profile(quick=_grid((10, 100, 1000), 20_000), full=_grid((300, 3000), 40_000)),
    seeds=by_profile(quick=(0, 1, 2, 3, 4), full=(0, 1, 2, 3, 4)),
    run=run_variance,
)
