"""Four penalties, two set-ups, and λ over half-decades: what training says of λ_Th (C6 to C8)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch
from torch import nn

from startright import data, training
from startright.models import MLP, VGG19, build
from startright.models.vgg import PLAN
from startright.papers.priors.convolutional import CVNN
from startright.papers.priors.factors import KINDS, lambda_th
from startright.papers.priors.networks import layerwise_penalty
from startright.profiles import by_profile
from startright.studies import Outcome, Study
from startright.training.schedules import cosine

VALIDATION = {"digits": 300, "cifar10": 10_000}


@dataclass(frozen=True)
class TrainingConfig:
    """One network with one penalty; λ = λ_Th · 10^``exponent``, λ_Th = 1/#train.

    ``n_train`` images are trained on; None: all but those held out for validation, ``n_validation`` or the
    dataset's own number. ``n_test`` are tested on; None: all. ``width`` is that of the hidden layer, or the
    channels of the first convolution; VGG19 as published has 64.
    """

    kind: str
    setup: str
    exponent: float
    network: str
    dataset: str
    epochs: int
    lr: float
    batch_size: int
    width: int
    n_train: int | None = None
    n_validation: int | None = None
    n_test: int | None = None


@lru_cache(maxsize=2)
def _images(dataset: str, flat: bool, device: torch.device, **sizes: int | None) -> data.Dataset:
    return data.load(dataset, device=device, flatten=flat, **sizes)


def _maker(config: TrainingConfig) -> Callable[[], nn.Module]:
    """What makes the network."""
    makers = {
        "mlp": lambda: MLP([64, config.width, 10], nn.ReLU),
        "cvnn": lambda: CVNN(config.width),
        "vgg19": lambda: VGG19(width=config.width / PLAN[0]),
    }
    return makers[config.network]


def run_training(config: TrainingConfig, seed: int, device: torch.device) -> Outcome:
    """Train one network (see :func:`run_training_stacked`)."""
    images, settings = _prepared([(config, seed)], device)
    model = build(_maker(config), seed).to(device)
    if config.network != "mlp":
        model = model.to(memory_format=torch.channels_last)
    return Outcome.of(training.train(model, images, settings, seed=seed, capture=True), curves={})


def run_training_stacked(runs: Sequence[tuple[TrainingConfig, int]], device: torch.device) -> list[Outcome]:
    """Train networks alike in all but λ and seed as one program."""
    config = runs[0][0]
    images, settings = _prepared(runs, device)
    models = [build(_maker(config), seed) for _, seed in runs]
    histories = training.train_stacked(models, images, settings, seeds=[seed for _, seed in runs])
    return [Outcome.of(history, curves={}) for history in histories]


def _prepared(
    runs: Sequence[tuple[TrainingConfig, int]], device: torch.device
) -> tuple[data.Dataset, training.TrainConfig]:
    """The images, and how all the runs are trained: each with its own λ."""
    config = runs[0][0]
    sizes = {"n_train": config.n_train, "n_test": config.n_test}
    sizes["validation"] = config.n_validation or VALIDATION[config.dataset]
    images = _images(config.dataset, config.network == "mlp", device, **sizes)
    n = len(images.train.y)
    strengths = tuple(lambda_th(n) * 10.0**each.exponent for each, _ in runs)
    model = build(_maker(config), 0)
    penalty = layerwise_penalty(
        model, config.kind, strengths if len(runs) > 1 else strengths[0], setup=config.setup
    )
    steps = config.epochs * -(-n // config.batch_size)
    settings = training.TrainConfig(
        epochs=config.epochs,
        batch_size=config.batch_size,
        lr=config.lr,
        momentum=0.9,
        schedule=cosine(steps),
        penalty=penalty,
        eval_every=steps,
    )
    return images, settings


def _grid(
    kinds: Sequence[str], exponents: dict[str, Sequence[float]], **network: object
) -> list[TrainingConfig]:
    return [
        TrainingConfig(kind, setup, exponent, **network)
        for kind in kinds
        for setup, powers in exponents.items()
        for exponent in powers
    ]


def half_decades(first: float, last: float) -> tuple[float, ...]:
    """Exponents of λ/λ_Th from one to the other, in steps of ½."""
    return tuple(first + k / 2 for k in range(round(2 * (last - first)) + 1))


DIGITS = {
    **{"network": "mlp", "dataset": "digits", "epochs": 25, "lr": 0.05},
    **{"batch_size": 50, "width": 32, "n_train": 300},
}
SMALL = {"network": "cvnn", "dataset": "cifar10", "epochs": 12, "lr": 0.05, "batch_size": 128, "width": 16}
#: A quarter of the width, and few images: two cores train VGG19 for some hundred steps.
QUARTER = {
    **{"network": "vgg19", "dataset": "cifar10", "epochs": 3, "lr": 0.02, "batch_size": 16, "width": 16},
    **{"n_train": 1_000, "n_validation": 2_000, "n_test": 2_000},
}
DECADES = {"usual": (0.0, 1.0, 2.0), "bayesian": (-2.0, -1.0, 0.0)}
PAPER = {"dataset": "cifar10", "epochs": 100, "lr": 0.05, "batch_size": 128}
WHOLE = {setup: half_decades(-3.0, 1.0) for setup in ("usual", "bayesian")}

TRAINING = Study(
    name="priors-training",
    version=1,
    question="How far is the theoretical strength of a penalty from the best one?",
    grid=by_profile(
        quick=_grid(KINDS, {"usual": half_decades(-1.5, 1.5), "bayesian": half_decades(-2.5, 0.5)}, **DIGITS),
        full=[
            *_grid(
                ("l2", "rows"),
                {"usual": half_decades(0.0, 2.0), "bayesian": half_decades(-2.0, 0.5)},
                **SMALL,
                n_train=5_000,
            ),
            *_grid(("l2", "rows"), DECADES, **QUARTER),
        ],
        paper=[
            *_grid(KINDS, WHOLE, network="cvnn", width=64, **PAPER),
            *_grid(KINDS, WHOLE, network="vgg19", width=64, **PAPER),
        ],
    ),
    seeds=by_profile(quick=(0, 1, 2, 3, 4), full=(0, 1, 2), paper=(0, 1, 2)),
    run=run_training,
    run_stacked=run_training_stacked,
    stack_key=lambda config: replace(config, exponent=0.0),
)
