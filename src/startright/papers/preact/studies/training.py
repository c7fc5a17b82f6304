"""Training from a Gaussian initialisation (C10)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from startright import data, training
from startright.models import MLP
from startright.models.init import init_gaussian_
from startright.papers.preact import schemes
from startright.papers.preact.init import init_gaussian_preact_
from startright.papers.preact.studies.common import FIVE, KINDS, pairs
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study


@dataclass(frozen=True)
class TrainingConfig:
    """One MLP of ``depth`` hidden layers of ``width`` neurons, plain SGD at one learning rate."""

    scheme: str
    theta: float | None
    width: int
    depth: int
    lr: float
    dataset: str
    epochs: int
    batch_size: int = 128


def _make_mlp(config: TrainingConfig, rng: torch.Generator, n_inputs: int, n_classes: int) -> nn.Module:
    """The network at initialisation: logits like the other pre-activations, weights over √fan-in."""
    activation = nn.ReLU if config.scheme == "relu" else nn.Tanh
    net = MLP([n_inputs, *[config.width] * config.depth, n_classes], activation)
    if config.scheme in KINDS:
        return init_gaussian_preact_(net, config.theta, config.scheme, generator=rng)
    scheme = schemes.named(config.scheme, None)
    return init_gaussian_(net, scheme.sigma_w2, scheme.sigma_b2, generator=rng)


def _training_data(config: TrainingConfig, device: torch.device) -> data.Dataset:
    """The dataset with a fifth of its training images for validation, every input scaled to ‖x‖² = n₀."""
    held = {"digits": 300}.get(config.dataset, 10_000)
    loaded = data.load(config.dataset, device=device, validation=held, flatten=True)
    parts = {
        part: getattr(loaded, part)._replace(x=data.normalised_inputs(getattr(loaded, part).x))
        for part in ("train", "validation", "test")
    }
    return replace(loaded, **parts)


def run_training(config: TrainingConfig, seed: int, device: torch.device) -> Outcome:
    """Train one network (see :func:`run_training_stacked`, which is how the study usually runs)."""
    return run_training_stacked([(config, seed)], device)[0]


def run_training_stacked(runs: Sequence[tuple[TrainingConfig, int]], device: torch.device) -> list[Outcome]:
    """Train networks of one shape, alike in all but learning rate and seed, as one program."""
    config = runs[0][0]
    images = _training_data(config, device)
    n_inputs = images.train.x.shape[1]
    models = [_make_mlp(config, generator(seed, "init"), n_inputs, images.n_classes) for _, seed in runs]
    settings = training.TrainConfig(epochs=config.epochs, batch_size=config.batch_size)
    histories = training.train_stacked(
        models, images, settings, seeds=[seed for _, seed in runs], lrs=[each.lr for each, _ in runs]
    )
    return [Outcome.of(history) for history in histories]


def _training_grid(
    widths: Sequence[int], depths: Sequence[int], lrs: Sequence[float], dataset: str, epochs: int
) -> list[TrainingConfig]:
    return [
        TrainingConfig(scheme, theta, width, depth, lr, dataset, epochs)
        for width in widths
        for depth in depths
        for scheme, theta in pairs((2.05, 10.0))
        for lr in lrs
    ]


HALF_DECADES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)

TRAINING = Study(
    name="preact-training",
    version=1,
    question="Does a Gaussian initialisation help training?",
    grid=by_profile(
        quick=_training_grid((10,), (3, 10), (0.03, 0.1, 0.3), "digits", 5),
        full=_training_grid((10, 64), (3, 10, 30), HALF_DECADES, "mnist", 2),
    ),
    seeds=by_profile(quick=FIVE, full=(0, 1, 2)),
    run=run_training,
    run_stacked=run_training_stacked,
    stack_key=lambda config: replace(config, lr=0.0),
)
