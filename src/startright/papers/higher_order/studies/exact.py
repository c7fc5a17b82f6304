"""Identities that hold to rounding: exactness, merging of groups, invariance (C1, C3, C8)."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch.func import grad, hessian, jacfwd

from startright.papers.higher_order.cubic import anisotropy, cubic_step
from startright.papers.higher_order.networks import make_network
from startright.papers.higher_order.partition import Partition, as_partition
from startright.papers.higher_order.reduced import grouped_derivatives
from startright.papers.higher_order.tasks import (
    LossOfParams,
    Params,
    batch_loss,
    gradient,
    load,
    loss_of,
    parameters,
)
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study

DOUBLE = torch.float64


# --- against all derivatives (C1) -----------------------------------------------------------


@dataclass(frozen=True)
class ExactConfig:
    """A network of 64 parameters, whose Hessian and third derivative are computed entry by entry.

    Args:
        backend: of the reduced derivatives.
        groups: name of the partition.
        batch: random inputs with random labels.
    """

    backend: str
    groups: str
    batch: int = 20


def run_exact(config: ExactConfig, seed: int, device: torch.device) -> Outcome:
    """The largest differences of ḡ, H̄ and the diagonal of D from contractions of the whole derivatives.

    They are divided by the largest entry of each. The direction is random.
    """
    rng = generator(seed, "inputs")
    x, y = torch.randn(config.batch, 4, generator=rng, dtype=DOUBLE), torch.arange(config.batch) % 3
    model = make_network("tiny", seed).to(DOUBLE)
    params, of_params = parameters(model), batch_loss(model, loss_of("tiny"), x, y)
    direction = {name: torch.randn(p.shape, generator=rng, dtype=DOUBLE) for name, p in params.items()}
    groups = as_partition(config.groups, params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # torch about itself, at the first forward derivative
        ours = grouped_derivatives(of_params, params, groups, direction, backend=config.backend)
        g, H, d3 = brute_force(of_params, params, groups, direction)
    pairs = {"g": (ours.g, g), "H": (ours.H, H), "d3": (ours.d3, d3)}
    return Outcome(
        {f"error_{name}": float((a - b).abs().max() / b.abs().max()) for name, (a, b) in pairs.items()}
    )


def brute_force(
    of_params: LossOfParams, params: Params, groups: Partition, direction: Params
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """ḡ, H̄ and the diagonal of D from the flat gradient, Hessian and third derivative: P³ numbers."""
    names, shapes = list(params), [p.shape for p in params.values()]
    flat = torch.cat([p.flatten() for p in params.values()])

    def of_flat(theta: torch.Tensor) -> torch.Tensor:
        parts = theta.split([shape.numel() for shape in shapes])
        return of_params({n: part.view(s) for n, part, s in zip(names, parts, shapes, strict=True)})

    whole = hessian(of_flat)
    # row s: the direction on group s, zero elsewhere
    U = torch.stack(
        [torch.cat([direction[n].flatten() * (n in group) for n in names]) for group in groups.groups]
    )
    third = jacfwd(whole)(flat)
    d3 = torch.einsum("ijk,si,sj,sk->s", third, U, U, U)
    return U @ grad(of_flat)(flat), U @ whole(flat) @ U.T, d3


BACKENDS = ("double_backward", "func", "tangents")
GROUPS = ("canonical", "trivial", "weights_biases")

EXACTNESS = Study(
    name="higher-order-exactness",
    version=1,
    question="Are the reduced derivatives exact?",
    grid=by_profile(
        quick=[ExactConfig(backend, groups) for backend in BACKENDS for groups in GROUPS],
        full=[ExactConfig(backend, groups) for backend in BACKENDS for groups in GROUPS],
    ),
    seeds=by_profile(quick=(0,), full=tuple(range(10))),
    run=run_exact,
)

# --- merging (C8) ---------------------------------------------------------------------------


@dataclass(frozen=True)
class MergeConfig:
    """A network on a batch of images in float64, with one group a tensor and with fewer groups."""

    dataset: str
    net: str
    groups: str
    batch: int = 100


def run_merge(config: MergeConfig, seed: int, device: torch.device) -> Outcome:
    """The largest relative differences of ḡ and H̄ from sums over the entries of the finest partition."""
    images = load(config.dataset, config.net, device, dtype=DOUBLE)
    model = make_network(config.net, seed).to(device, DOUBLE)
    chosen = torch.randperm(len(images.train.y), generator=generator(seed, "batch"))[: config.batch]
    of_params = batch_loss(
        model, loss_of(config.net), images.train.x[chosen], images.train.y[chosen].to(device)
    )
    params = parameters(model)
    direction = gradient(of_params, params)
    fine, coarse = Partition.canonical(params), as_partition(config.groups, params)
    small = grouped_derivatives(of_params, params, coarse, direction, third=False)
    large = grouped_derivatives(of_params, params, fine, direction, third=False)
    J = fine.block_sums(coarse)
    g, H = J @ large.g, J @ large.H @ J.T
    return Outcome(
        {
            "error_g": float((small.g - g).abs().max() / g.abs().max()),
            "error_H": float((small.H - H).abs().max() / H.abs().max()),
            "count": len(coarse),
        }
    )


def _merge(dataset: str, net: str) -> list[MergeConfig]:
    return [MergeConfig(dataset, net, groups) for groups in ("trivial", "weights_biases", "blocks")]


MERGING = Study(
    name="higher-order-merging",
    version=1,
    question="Are the derivatives of a coarser partition sums of those of a finer one?",
    grid=by_profile(
        quick=_merge("digits", "digits-mlp"),
        full=[*_merge("mnist", "small-mlp"), *_merge("cifar10", "lenet")],
    ),
    seeds=by_profile(quick=(0,), full=(0, 1, 2)),
    run=run_merge,
)

# --- invariance (C3) ------------------------------------------------------------------------


@dataclass(frozen=True)
class InvarianceConfig:
    """Two trainings in float64 of one function in two parameterisations.

    Args:
        change: ``"scale"``, one factor a tensor, log-uniform in 0.1 to 10; ``"rotation"``, an orthogonal map
            in each tensor; ``"split"``, where weight and bias share a group and have different factors.
        direction: ``"momentum"`` (0.9), which transforms as a gradient does, or ``"adam"``, which turns with
            no rotation.
        lambda_int: weight of the cubic term.
        steps: full-batch steps.
        lr: λ₁, the factor of every step.
    """

    change: str
    direction: str = "momentum"
    lambda_int: float = 1.0
    steps: int = 10
    lr: float = 0.1
    dataset: str = "digits"
    net: str = "digits-mlp"
    batch: int = 100


def run_invariance(config: InvarianceConfig, seed: int, device: torch.device) -> Outcome:
    """The largest distance of the two trainings in the original parameters, relative to the distance gone."""
    images = load(config.dataset, config.net, device, dtype=DOUBLE)
    model = make_network(config.net, seed).to(device, DOUBLE)
    x, y = images.train.x[: config.batch], images.train.y[: config.batch]
    of_params, start = batch_loss(model, loss_of(config.net), x, y), parameters(model)
    there, back = _change(config.change, start, generator(seed, "change"))
    plain = _course(config, of_params, start)
    changed = _course(config, lambda q: of_params(there(q)), back(start))
    distances = [_distance(a, there(b)) for a, b in zip(plain, changed, strict=True)]
    gone = _distance(plain[-1], start)
    losses = [float(of_params(params)) for params in (start, plain[-1])]
    return Outcome(
        {"error": max(distances) / gone, "loss_before": losses[0], "loss_after": losses[1]},
        {"error": [d / gone for d in distances]},
    )


Map = Callable[[Params], dict[str, torch.Tensor]]


def _change(kind: str, params: Params, rng: torch.Generator) -> tuple[Map, Map]:
    """New parameters → the network's, and back."""
    if kind == "rotation":
        turns = {
            name: torch.linalg.qr(torch.randn(len(p), len(p), generator=rng, dtype=DOUBLE))[0].to(p.device)
            for name, p in params.items()
        }
        return (
            lambda q: {name: turns[name] @ value for name, value in q.items()},
            lambda q: {name: turns[name].T @ value for name, value in q.items()},
        )
    factors = {name: 10 ** float(2 * torch.rand((), generator=rng) - 1) for name in params}
    return (
        lambda q: {name: factors[name] * value for name, value in q.items()},
        lambda q: {name: value / factors[name] for name, value in q.items()},
    )


def _course(
    config: InvarianceConfig, of_params: LossOfParams, params: Params
) -> list[dict[str, torch.Tensor]]:
    """The parameters after each step."""
    groups = as_partition("blocks" if config.change == "split" else "canonical", params)
    first = {name: torch.zeros_like(p) for name, p in params.items()}
    second, course = dict(first), []
    for t in range(1, config.steps + 1):
        g = gradient(of_params, params)
        if config.direction == "adam":
            first = {n: 0.9 * first[n] + 0.1 * g[n] for n in g}
            second = {n: 0.999 * second[n] + 0.001 * g[n] ** 2 for n in g}
            u = {n: first[n] / (1 - 0.9**t) / ((second[n] / (1 - 0.999**t)).sqrt() + 1e-8) for n in g}
        else:
            u = first = {n: 0.9 * first[n] + g[n] for n in g}
        d = grouped_derivatives(of_params, params, groups, u)
        eta = config.lr * cubic_step(d.g, d.H, anisotropy(d.d3), config.lambda_int).eta
        params = {n: p - float(eta[groups.index(n)]) * u[n] for n, p in params.items()}
        course.append(params)
    return course


def _distance(a: Params, b: Params) -> float:
    return float(torch.stack([(a[name] - b[name]).square().sum() for name in a]).sum().sqrt())


def _invariance(**options) -> list[InvarianceConfig]:
    same = [InvarianceConfig(change, **options) for change in ("scale", "rotation")]
    adam = [InvarianceConfig(change, "adam", **options) for change in ("scale", "rotation")]
    return [*same, replace(same[0], lambda_int=10.0), InvarianceConfig("split", **options), *adam]


INVARIANCE = Study(
    name="higher-order-invariance",
    version=1,
    question="Is the step the same in another parameterisation of the groups?",
    grid=by_profile(quick=_invariance(), full=_invariance(dataset="mnist", net="small-mlp", batch=200)),
    seeds=by_profile(quick=(0,), full=(0, 1, 2)),
    run=run_invariance,
)
