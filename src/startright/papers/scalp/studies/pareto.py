"""Accuracy against what is left, over the strength of the penalty (C7, C8).

A network of one hidden layer on digits; in the profile ``paper`` the paper's VGG19 on CIFAR-10. Metrics:
``test_accuracy`` as trained, ``pruned_accuracy`` and ``parameters`` after what is to go is taken out,
``share`` of the parameters that there were.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from startright import training
from startright.data import cifar
from startright.errors import unknown
from startright.models import VGG19, build
from startright.papers.scalp import hidden, slimming
from startright.papers.scalp.hidden import BN_LASSO, SLIM
from startright.papers.scalp.penalties import ColumnLasso, ScaleLasso
from startright.papers.scalp.place import scale_
from startright.papers.scalp.prune import prune_
from startright.papers.scalp.studies import stability
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study
from startright.training.evaluation import evaluate
from startright.training.penalties import Penalty
from startright.training.schedules import milestones

NETWORKS = ("hidden", "vgg19")
VGG_METHODS = ("uniform", "1/(√k ln k)", BN_LASSO)
VGG_BATCH = 64


@dataclass(frozen=True)
class ParetoConfig:
    """A network, a method and its λ.

    Args:
        network: ``"hidden"``, one hidden layer, or ``"vgg19"``.
        method: a scaling, with the group lasso, or ``"bn-lasso"``.
        strength: λ.
        size: hidden neurons, or the factor of the channels of VGG19.
        dataset: the images.
        epochs: passes over them.
        n_train: how many are used of them; all by default.

    Raises:
        ValueError: an unknown network or method.
    """

    network: str
    method: str
    strength: float
    size: float
    dataset: str
    epochs: int
    n_train: int | None = None

    def __post_init__(self):
        hidden.check_method(self.method)
        if self.network not in NETWORKS:
            raise unknown("network", self.network, NETWORKS)


def run_pareto(config: ParetoConfig, seed: int, device: torch.device) -> Outcome:
    """Train and prune one network (see :func:`run_pareto_stacked`)."""
    return run_pareto_stacked([(config, seed)], device)[0]


def run_pareto_stacked(runs: Sequence[tuple[ParetoConfig, int]], device: torch.device) -> list[Outcome]:
    """Networks of one hidden layer as one program; of VGG19 one after another."""
    if runs[0][0].network == "vgg19":
        return [_vgg(config, seed, device) for config, seed in runs]
    as_widths = [
        (
            stability.StabilityConfig(c.method, int(c.size), c.strength, c.dataset, c.epochs, c.n_train),
            seed,
        )
        for c, seed in runs
    ]
    names = ("test_accuracy", "pruned_accuracy", "parameters", "share", "left")
    return [
        replace(outcome, curves={}, metrics={k: v for k, v in outcome.metrics.items() if k in names})
        for outcome in stability.run_stability_stacked(as_widths, device)
    ]


# --- VGG19 --------------------------------------------------------------------------------------


def vgg(config: ParetoConfig, seed: int) -> tuple[nn.Module, Penalty]:
    """VGG19 with scaling layers, or with scales of one half, and its penalty."""
    model, example = build(lambda: VGG19(10, width=config.size), seed), torch.zeros(2, 3, 32, 32)
    if config.method == BN_LASSO:
        slimming.set_scales_(model)
        scales = set(slimming.scales(model))
        return model, ScaleLasso(config.strength, select=lambda name, values: name in scales)
    scale_(model, config.method, example, weights="redraw", generator=generator(seed, "scalp-vgg"))
    return model, ColumnLasso(config.strength)


def _vgg(config: ParetoConfig, seed: int, device: torch.device) -> Outcome:
    """Train, prune, test."""
    images = cifar.load(device)
    if config.n_train is not None:
        images = replace(images, train=type(images.train)(*(part[: config.n_train] for part in images.train)))
    model, penalty = vgg(config, seed)
    steps = config.epochs * -(-len(images.train.y) // VGG_BATCH)
    settings = training.TrainConfig(
        epochs=config.epochs,
        batch_size=VGG_BATCH,
        penalty=penalty,
        schedule=milestones((steps // 2, 3 * steps // 4)),
        **stability.SETTINGS[config.method == BN_LASSO],
    )
    history = training.train(model, images, settings, seed=seed, augment=cifar.augment)
    if history.status != "ok":
        return Outcome.of(history)
    example = images.test.x[:2]
    if config.method == BN_LASSO:
        done = slimming.slim_(model, example=example, threshold=SLIM)
    else:
        done = prune_(model, epsilon=0, example=example)
    before, after = (size.parameters for size in done.cost)
    accuracy = evaluate(lambda x: model.eval()(x)[None], images.test)[1].item()
    left = sum(width for _, width in done.widths.values())
    found = {"pruned_accuracy": accuracy, "parameters": after, "share": after / before, "left": left}
    return Outcome.of(history, {"test_accuracy": history.last["test_accuracy"], **found})


def _key(config: ParetoConfig) -> ParetoConfig:
    return replace(config, method=BN_LASSO if config.method == BN_LASSO else "uniform", strength=0.0)


def _grid(
    network: str, methods: Sequence[str], lasso: Sequence[float], slim: Sequence[float], **options
) -> list[ParetoConfig]:
    """Every method with its strengths: λ of the group lasso and λ of the scales are not one thing."""
    return [
        ParetoConfig(network, method, strength, **options)
        for method in methods
        for strength in (slim if method == BN_LASSO else lasso)
    ]


#: λ of the group lasso, and of the scales. A group needs √fan-out/(ηλ) steps to vanish.
HIDDEN = ("hidden", stability.METHODS, (5e-3, 1e-2, 2e-2), (3e-3, 1e-2, 3e-2))
LARGE = ("vgg19", VGG_METHODS, (1e-3, 3e-3, 1e-2, 3e-2, 1e-1), (1e-5, 3e-5, 1e-4, 3e-4, 1e-3))
DIGITS = {"size": 100, "dataset": "digits", "epochs": 40}
IMAGES = {"size": 300, "dataset": "mnist", "epochs": 10, "n_train": 10_000}
PARETO = Study(
    name="scalp-pareto",
    version=1,
    question="How accurate is what a penalty leaves, for the parameters that it leaves?",
    grid=by_profile(
        quick=_grid(*HIDDEN, **DIGITS),
        full=_grid("hidden", VGG_METHODS, *HIDDEN[2:], **IMAGES),
        paper=_grid(*LARGE, size=1.0, dataset="cifar10", epochs=30),
    ),
    seeds=by_profile(quick=(0, 1, 2), full=(0, 1, 2), paper=(0, 1, 2)),
    run=run_pareto,
    run_stacked=run_pareto_stacked,
    stack_key=_key,
    max_stack=36,
)
