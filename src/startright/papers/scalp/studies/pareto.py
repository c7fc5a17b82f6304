"""Accuracy against what is left, over the strength of the penalty (C7, C8).

A network of one hidden layer on digits or MNIST; the paper's VGG19 on CIFAR-10, of a quarter of its width in
the profile ``full``, whole in ``paper``. Metrics:
``test_accuracy`` as trained, ``pruned_accuracy`` and ``parameters`` after what is to go is taken out,
``share`` of the parameters that there were.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from startright import training
from startright.data import Dataset, Split, cifar
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
        n_test: how many test images; all by default.
        batch: images a step of VGG19; 64 by default.

    Raises:
        ValueError: an unknown network or method, or a batch for the hidden layer, which has its own.
    """

    network: str
    method: str
    strength: float
    size: float
    dataset: str
    epochs: int
    n_train: int | None = None
    n_test: int | None = None
    batch: int | None = None

    def __post_init__(self):
        hidden.check_method(self.method)
        if self.network not in NETWORKS:
            raise unknown("network", self.network, NETWORKS)
        if self.network == "hidden" and self.batch is not None:
            raise ValueError(f"batch is a setting of 'vgg19', got {self.batch} for a hidden layer")


def run_pareto(config: ParetoConfig, seed: int, device: torch.device) -> Outcome:
    """Train and prune one network (see :func:`run_pareto_stacked`)."""
    return run_pareto_stacked([(config, seed)], device)[0]


def run_pareto_stacked(runs: Sequence[tuple[ParetoConfig, int]], device: torch.device) -> list[Outcome]:
    """Networks of one hidden layer as one program; of VGG19 one after another."""
    if runs[0][0].network == "vgg19":
        return [_vgg(config, seed, device) for config, seed in runs]
    as_widths = [
        (
            stability.StabilityConfig(
                c.method, int(c.size), c.strength, c.dataset, c.epochs, c.n_train, c.n_test
            ),
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


def _images(config: ParetoConfig, device: torch.device) -> Dataset:
    """The first images of CIFAR-10; those for validation, on which nothing is chosen, are left out."""
    found = cifar.load(device)
    train, test = (
        Split(part.x[:n], part.y[:n])
        for part, n in ((found.train, config.n_train), (found.test, config.n_test))
    )
    return replace(found, train=train, test=test, validation=None)


def _vgg(config: ParetoConfig, seed: int, device: torch.device) -> Outcome:
    """Train, prune, test."""
    images, batch = _images(config, device), config.batch or VGG_BATCH
    model, penalty = vgg(config, seed)
    model.to(memory_format=torch.channels_last)
    steps = config.epochs * -(-len(images.train.y) // batch)
    settings = training.TrainConfig(
        epochs=config.epochs,
        batch_size=batch,
        penalty=penalty,
        schedule=milestones((steps // 2, 3 * steps // 4)),
        eval_every=steps,
        **stability.SETTINGS[config.method == BN_LASSO],
    )
    history = training.train(model, images, settings, seed=seed, augment=cifar.augment, capture=True)
    if history.status != "ok":
        return Outcome.of(history)
    return Outcome({"test_accuracy": history.last["test_accuracy"], **_pruned(model, config, images)})


def _pruned(model: nn.Module, config: ParetoConfig, images: Dataset) -> dict[str, float]:
    """What is left when all is taken out that the penalty has emptied."""
    example = images.test.x[:2]
    if config.method == BN_LASSO:
        done = slimming.slim_(model, example=example, threshold=SLIM)
    else:
        done = prune_(model, epsilon=0, example=example)
    before, after = (size.parameters for size in done.cost)
    accuracy = evaluate(lambda x: model.eval()(x)[None], images.test)[1].item()
    left = sum(width for _, width in done.widths.values())
    return {"pruned_accuracy": accuracy, "parameters": after, "share": after / before, "left": left}


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
LARGE = ("vgg19", stability.METHODS, (0.0, 1e-2, 2e-2, 4e-2), (0.0, 3e-4, 1e-3, 3e-3))
#: As long as a GPU trains the published width some dozen times in minutes.
WHOLE = {"size": 1.0, "dataset": "cifar10", "epochs": 4, "batch": 64}
#: VGG19 of a quarter of the width, as far as two cores train it. In so few steps a small λ prunes nothing,
#: and under a large one nothing is learned, as pilot runs with another seed had it: one of each.
QUARTER = ("vgg19", VGG_METHODS, (1e-2, 1e-1), (1e-3, 1e-2))
DIGITS = {"size": 100, "dataset": "digits", "epochs": 40}
IMAGES = {"size": 300, "dataset": "mnist", "epochs": 10, "n_train": 10_000}
PART = {
    **{"size": 0.25, "dataset": "cifar10", "epochs": 5, "n_train": 1_000, "n_test": 2_000, "batch": 16},
}
PARETO = Study(
    name="scalp-pareto",
    version=1,
    question="How accurate is what a penalty leaves, for the parameters that it leaves?",
    grid=by_profile(
        quick=_grid(*HIDDEN, **DIGITS),
        full=[*_grid("hidden", VGG_METHODS, *HIDDEN[2:], **IMAGES), *_grid(*QUARTER, **PART)],
        paper=_grid(*LARGE, **WHOLE),
    ),
    seeds=by_profile(quick=(0, 1, 2), full=(0, 1, 2), paper=(0, 1, 2)),
    run=run_pareto,
    run_stacked=run_pareto_stacked,
    stack_key=_key,
    max_stack=36,
)
