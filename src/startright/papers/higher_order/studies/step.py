"""What one step does, with all of H̄, without its off-diagonal, without the cubic term (C4, C5)."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import nn

from startright.data import Split, batches
from startright.papers.higher_order.cubic import anisotropy, cubic_step
from startright.papers.higher_order.networks import make_network
from startright.papers.higher_order.partition import Partition
from startright.papers.higher_order.reduced import Derivatives, grouped_derivatives
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

# --- one step (C4, C5) ----------------------------------------------------------------------


@dataclass(frozen=True)
class StepConfig:
    """One step along the gradient of some images, judged on the same images.

    Args:
        dataset: of the images.
        net: name of the network.
        images: how many.
        adam_steps: steps of Adam at 1e-3 on batches of 100 of these images before.
        lambda_int: weight of the cubic term.
    """

    dataset: str
    net: str
    images: int
    adam_steps: int = 0
    lambda_int: float = 1.0


def some_images(config, seed: int, device: torch.device) -> Split:
    """The images of a config, drawn with the seed."""
    train = load(config.dataset, config.net, device).train
    index = torch.randperm(len(train.y), generator=generator(seed, "images"))[: config.images].to(device)
    return Split(train.x[index], train.y[index])


def train_adam(
    model: nn.Module, images: Split, config, seed: int, steps: int, *, batch: int = 100
) -> Iterator[int]:
    """Adam at 1e-3 on the images: yields the number of steps done before each one, and at the end."""
    adam, order = torch.optim.Adam(model.parameters(), lr=1e-3), generator(seed, "order")
    loss, done = loss_of(config.net), 0
    while done < steps:
        for index in batches(len(images.y), batch, order, device=images.y.device):
            if done == steps:
                break
            yield done
            adam.zero_grad()
            loss(model(images.x[index]), images.y[index]).mean().backward()
            adam.step()
            done += 1
    yield done


def etas(d: Derivatives, lambda_int: float) -> dict[str, torch.Tensor]:
    """The learning rates of the four steps that keep one group a tensor, by what they know."""
    diagonal, scale = d.H.diagonal(), anisotropy(d.d3)
    return {
        "cubic": cubic_step(d.g, d.H, scale, lambda_int).eta,
        "order2": torch.linalg.solve(d.H, d.g),
        "diagonal": d.g / diagonal,
        "diagonal_cubic": cubic_step(d.g, torch.diag(diagonal), scale, lambda_int).eta,
    }


def moved(params: Params, direction: Params, eta: torch.Tensor, groups: Partition) -> dict[str, torch.Tensor]:
    """The parameters after the step −Σ η_s u_s."""
    return {name: p - float(eta[groups.index(name)]) * direction[name] for name, p in params.items()}


@torch.no_grad()
def losses_after(
    of_params: LossOfParams, params: Params, direction: Params, d: Derivatives, lambda_int: float
) -> dict[str, float]:
    """The loss after each of the steps; the one of a single group comes from sums over the entries."""
    groups = Partition.canonical(params)
    rates = etas(d, lambda_int) | {"one_group": (d.g.sum() / d.H.sum()).expand(len(d.g))}
    return {name: float(of_params(moved(params, direction, eta, groups))) for name, eta in rates.items()}


def normalised(H: torch.Tensor) -> torch.Tensor:
    r""":math:`C_{st} = \bar H_{st} / \sqrt{|\bar H_{ss}\bar H_{tt}|}`, (S, S)."""
    size = H.diagonal().abs().sqrt()
    return H / size[:, None] / size


def run_step(config: StepConfig, seed: int, device: torch.device) -> Outcome:
    """The loss before and after one step of each kind; H̄ normalised, one curve a row."""
    images = some_images(config, seed, device)
    model = make_network(config.net, seed).to(device)
    for _ in train_adam(model, images, config, seed, config.adam_steps):
        pass
    params, of_params = parameters(model), batch_loss(model, loss_of(config.net), *images)
    direction, groups = gradient(of_params, params), Partition.canonical(params)
    d = grouped_derivatives(of_params, params, groups, direction)
    C, eigen = normalised(d.H), torch.linalg.eigvalsh(d.H)
    off = (C - torch.diag(C.diagonal())).abs()
    eta = cubic_step(d.g, d.H, anisotropy(d.d3), config.lambda_int).eta
    with torch.no_grad():
        before = float(of_params(params))
    metrics = {"before": before, "min_eigenvalue": float(eigen[0]), "max_eigenvalue": float(eigen[-1])}
    metrics |= {
        "max_interaction": float(off.max()),
        "mean_interaction": float(off.sum() / (len(C) ** 2 - len(C))),
    }
    after = losses_after(of_params, params, direction, d, config.lambda_int)
    # a step that explodes is a result, not a failed run: infinity is kept as the largest float
    metrics |= {name: value if math.isfinite(value) else 1e30 for name, value in after.items()}
    curves = {f"interaction_{s}": row.tolist() for s, row in enumerate(C)}
    return Outcome(metrics, {**curves, "eta": eta.tolist(), "d3": d.d3.tolist()})


def _steps(dataset: str, net: str, images: int, *, trained: int = 120) -> list[StepConfig]:
    return [StepConfig(dataset, net, images, steps) for steps in dict.fromkeys((0, trained))]


ONE_STEP = Study(
    name="higher-order-step",
    version=1,
    question="What do the interactions of layers and the cubic term do for one step?",
    grid=by_profile(
        quick=_steps("digits", "digits-mlp", 500),
        full=[
            *_steps("mnist", "small-mlp", 2000),
            *_steps("mnist", "mlp", 1000),
            *_steps("cifar10", "lenet", 1000),
        ],
        paper=[
            *_steps("mnist", "mlp", 54_000),
            *_steps("cifar10", "lenet", 45_000),
            *_steps("cifar10", "vgg11", 1000),
            *_steps("cifar10", "big-mlp", 1000),
        ],
    ),
    seeds=by_profile(quick=tuple(range(6)), full=tuple(range(4)), paper=tuple(range(5))),
    run=run_step,
)

LARGE_STEP = Study(
    name="higher-order-large-step",
    version=1,
    question="The same on the deep networks of the paper, at initialisation.",
    grid=by_profile(
        full=[
            *_steps("cifar10", "vgg11", 100, trained=0),
            *_steps("mnist", "deep-mlp", 1000, trained=0),
        ]
    ),
    seeds=by_profile(full=(0, 1)),
    run=run_step,
)

# --- where H̄ is indefinite (C5) -------------------------------------------------------------


@dataclass(frozen=True)
class IndefiniteConfig(StepConfig):
    """States along a training by Adam, ``adam_steps`` long, looked at ``points`` times.

    Args:
        points: how often.
        batch: images of the reduced derivatives, drawn anew for each state.
    """

    points: int = 12
    batch: int = 100


def run_indefinite(config: IndefiniteConfig, seed: int, device: torch.device) -> Outcome:
    """The least eigenvalue of H̄ on a batch, and by how much each step from there changes its loss."""
    images = some_images(config, seed, device)
    model = make_network(config.net, seed).to(device)
    rng, curves = generator(seed, "curvature"), {}
    last = config.points - 1  # dense at the beginning, where H̄ changes fast
    stops = {round(config.adam_steps * (k / last) ** 2) for k in range(config.points)}
    for done in train_adam(model, images, config, seed, config.adam_steps):
        if done not in stops:
            continue
        index = torch.randperm(len(images.y), generator=rng)[: config.batch].to(device)
        of_params = batch_loss(model, loss_of(config.net), images.x[index], images.y[index])
        for name, value in _state(of_params, parameters(model), config).items():
            curves.setdefault(name, []).append(value)
        curves.setdefault("adam_step", []).append(float(done))
    lowest = torch.tensor(curves["relative_eigenvalue"])
    return Outcome({"indefinite": float((lowest <= 0).double().mean()), "states": len(lowest)}, curves)


def _state(of_params: LossOfParams, params: Params, config: IndefiniteConfig) -> dict[str, float]:
    direction, groups = gradient(of_params, params), Partition.canonical(params)
    d = grouped_derivatives(of_params, params, groups, direction)
    eigen = torch.linalg.eigvalsh(d.H)
    with torch.no_grad():
        before = float(of_params(params))
    after = losses_after(of_params, params, direction, d, config.lambda_int)
    negative = cubic_step(d.g, d.H, anisotropy(d.d3), config.lambda_int).eta < 0
    change = {f"change_{name}": min(value - before, 1e30) for name, value in after.items()}
    return change | {
        "loss": before,
        "relative_eigenvalue": float(eigen[0] / eigen[-1]),
        "negative_rates": float(negative.double().mean()),
    }


def _along(dataset: str, net: str, images: int, steps: int, points: int) -> list[IndefiniteConfig]:
    base = IndefiniteConfig(dataset, net, images, steps, points=points)
    return [base, replace(base, lambda_int=10.0)]


INDEFINITE = Study(
    name="higher-order-indefinite",
    version=1,
    question="How often is H̄ indefinite, and what does the cubic term do there?",
    grid=by_profile(
        quick=_along("digits", "digits-mlp", 1500, 150, 12)[:1],  # with λ = 1
        full=[
            *_along("mnist", "small-mlp", 12_000, 600, 25),
            *_along("cifar10", "lenet", 12_000, 600, 25),
        ],
        paper=_along("cifar10", "lenet", 45_000, 4500, 100),
    ),
    seeds=by_profile(quick=tuple(range(5)), full=(0, 1, 2), paper=tuple(range(5))),
    run=run_indefinite,
)
