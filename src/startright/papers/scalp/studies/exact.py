r"""Identities: what a scaling layer is, without any rounding but that of float64 (C1, C5).

Metrics of a record: ``distance`` is the largest relative difference between the two sides,

``"plain"``, ``"momentum"``, ``"adam"``
    Weights after 200 steps of an optimizer on w̃, and of the same on w with the learning rate
    :math:`\eta\sigma_k^2` for each input k. Of Adam they are no equals: its steps do not scale with the
    gradient.
``"glorot"``
    The uniform scaling, and the usual parametrisation with :math:`\mathcal N(0, 1/N)` and η/N.
``"l2"``, ``"lasso"``
    The penalty of w̃, and that of the usefulness of the neurons: :math:`\sum_k m_k^2/\sigma_k^2`,
    :math:`\sum_k m_k/\sigma_k`.
``"force"``
    The force of the L2 penalty on :math:`w_k`, relative to it, and :math:`2\lambda/\sigma_k^2`.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from startright.errors import unknown
from startright.papers.scalp.layers import ScaledLinear
from startright.papers.scalp.penalties import usefulness
from startright.papers.scalp.scalings import NAMED
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study
from startright.training.optim import StackedAdam, StackedSGD

OPTIMIZERS = {
    "plain": (StackedSGD, {}),
    "momentum": (StackedSGD, {"momentum": 0.9}),
    "adam": (StackedAdam, {}),
}
PENALTIES = ("l2", "lasso", "force")
RATE, STEPS = 0.05, 200


@dataclass(frozen=True)
class ExactConfig:
    """One identity under one scaling, in a network 20 → 30 → 3 in float64.

    Raises:
        ValueError: an unknown identity.
    """

    identity: str
    scaling: str

    def __post_init__(self):
        known = (*OPTIMIZERS, "glorot", *PENALTIES)
        if self.identity not in known:
            raise unknown("identity", self.identity, known)


def _pair(config: ExactConfig, rng: torch.Generator) -> tuple[nn.Sequential, nn.Sequential]:
    """A network of scaled layers, and a plain one with the same weights."""
    sizes, scalings = ((20, 30), (30, 3)), (config.scaling, config.scaling)
    scaled = [
        ScaledLinear(n, m, scaling=scaling, generator=rng, dtype=torch.float64)
        for (n, m), scaling in zip(sizes, scalings, strict=True)
    ]
    usual = [nn.Linear(n, m, dtype=torch.float64) for n, m in sizes]
    for ours, theirs in zip(scaled, usual, strict=True):
        theirs.load_state_dict({"weight": ours.effective_weight().detach(), "bias": ours.bias.detach()})
    return tuple(nn.Sequential(first, nn.Tanh(), second) for first, second in (scaled, usual))


def _trained_apart(config: ExactConfig, rng: torch.Generator) -> float:
    """The largest relative difference of the weights after training on w̃, and on w with rates ησ²."""
    scaled, usual = _pair(config, rng)
    sides = [(scaled, _optimizers(config, scaled, [1.0, 1.0]))]
    rates = [_rates(layer, config.identity) for layer in (scaled[0], scaled[2])]
    sides.append((usual, _optimizers(config, usual, rates)))
    for _ in range(STEPS):
        x, y = torch.randn(16, 20, generator=rng, dtype=torch.float64), torch.randint(3, (16,), generator=rng)
        for net, optimizers in sides:
            parameters = list(net.parameters())
            gradients = torch.autograd.grad(nn.functional.cross_entropy(net(x), y), parameters)
            for optimizer, values, gradient in zip(optimizers, parameters, gradients, strict=True):
                optimizer.step(values, gradient)
    return max(_apart(scaled[k].effective_weight(), usual[k].weight) for k in (0, 2))


def _optimizers(config: ExactConfig, net: nn.Module, rates: list[Tensor | float]) -> list:
    """One a parameter, with a learning rate an entry: those of the weights times ``rates``."""
    make, options = OPTIMIZERS.get(config.identity, OPTIMIZERS["plain"])
    factors = [factor for rate in rates for factor in (rate, 1.0)]  # biases have η itself
    return [
        make(
            RATE * torch.ones_like(values).mul(factor) if values.dim() > 1 else torch.tensor(RATE), **options
        )
        for values, factor in zip(net.parameters(), factors, strict=True)
    ]


def _rates(layer: ScaledLinear, identity: str) -> Tensor:
    """σ²; or 1/N for all inputs, as Glorot's initialisation has it."""
    return torch.full_like(layer.sigma, 1 / layer.in_features) if identity == "glorot" else layer.sigma**2


def _apart(a: Tensor, b: Tensor) -> float:
    return float((a - b).detach().abs().max() / b.detach().abs().max())


def _penalised_apart(config: ExactConfig, rng: torch.Generator) -> float:
    layer = ScaledLinear(30, 3, scaling=config.scaling, generator=rng, dtype=torch.float64)
    trained, m = layer.weight.detach(), usefulness(layer)
    if config.identity == "l2":
        return _apart(trained.square().sum(), (m**2 / layer.sigma**2).sum())
    if config.identity == "lasso":
        return _apart(trained.norm(dim=0).sum(), (m / layer.sigma).sum())
    w = layer.effective_weight().detach().requires_grad_()
    (force,) = torch.autograd.grad((w / layer.factors()).square().sum(), w)
    return _apart(force / w, (2 / layer.sigma**2).expand_as(w))


def run_exact(config: ExactConfig, seed: int, device: torch.device) -> Outcome:
    """Both sides of one identity; see the head of the module."""
    rng = generator(seed, "scalp-exact")
    apart = _penalised_apart if config.identity in PENALTIES else _trained_apart
    return Outcome({"distance": apart(config, rng)})


GRID = [
    *(ExactConfig(name, scaling) for name in (*OPTIMIZERS, *PENALTIES) for scaling in NAMED),
    ExactConfig("glorot", "uniform"),
]

EXACT = Study(
    name="scalp-exact",
    version=1,
    question="Is a step on w̃ one on w with a rate for each input, and its penalty an asymmetric one?",
    grid=by_profile(quick=GRID, full=GRID),
    seeds=by_profile(quick=(0,), full=(0, 1, 2)),
    run=run_exact,
)
