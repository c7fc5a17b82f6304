"""One learning rate for every width (C3, C4): one hidden layer, plain SGD.

Metrics: ``first_change`` is the root mean square change of the outputs on the first batch by one step on it;
``train_loss`` the mean of the last epoch, ``test_accuracy`` at the end.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product

import torch
from torch import nn
from torch.nn import functional as F

from startright import training
from startright.data import Dataset
from startright.papers.scalp import hidden
from startright.papers.scalp.hidden import STANDARD
from startright.papers.scalp.scalings import NAMED
from startright.profiles import by_profile
from startright.studies import Outcome, Study

ETA = 1.0  # of ScaLa, at every width
BATCH = 100


@dataclass(frozen=True)
class WidthConfig:
    """A network of one hidden layer of ``width`` neurons, a method and a learning rate.

    Raises:
        ValueError: an unknown method.
    """

    method: str
    activation: str
    width: int
    lr: float
    dataset: str
    epochs: int
    n_train: int | None = None
    n_test: int | None = None

    def __post_init__(self):
        hidden.check_method(self.method)


def first_change(model: nn.Module, data: Dataset, lr: float) -> float:
    """By how much one step on the first batch moves the outputs there, root mean square."""
    moved, (x, y) = copy.deepcopy(model), (part[:BATCH] for part in data.train)
    before = moved(x)
    gradients = torch.autograd.grad(F.cross_entropy(before, y), list(moved.parameters()))
    with torch.no_grad():
        for values, gradient in zip(moved.parameters(), gradients, strict=True):
            values.sub_(gradient, alpha=lr)
        return float((moved(x) - before).square().mean().sqrt())


def run_width(config: WidthConfig, seed: int, device: torch.device) -> Outcome:
    """Train one network (see :func:`run_width_stacked`, which is how the study usually runs)."""
    return run_width_stacked([(config, seed)], device)[0]


def run_width_stacked(runs: Sequence[tuple[WidthConfig, int]], device: torch.device) -> list[Outcome]:
    """Train networks of one width, alike in all but scaling, learning rate and seed, as one program."""
    config = runs[0][0]
    images = hidden.images(config.dataset, config.n_train, device, config.n_test)
    sizes = images.train.x.shape[1], config.width, images.n_classes
    models = [hidden.network(c.method, sizes, seed=seed, activation=c.activation) for c, seed in runs]
    changes = [first_change(m.to(device), images, c.lr) for m, (c, _) in zip(models, runs, strict=True)]
    settings = training.TrainConfig(epochs=config.epochs, batch_size=BATCH)
    rates = [c.lr for c, _ in runs]
    seeds = [seed for _, seed in runs]
    histories = training.train_stacked(models, images, settings, seeds=seeds, lrs=rates)
    return [
        Outcome.of(history, {**history.last, "first_change": change})
        for history, change in zip(histories, changes, strict=True)
    ]


def _grid(
    activations: Sequence[str], widths: Sequence[int], lrs: Sequence[float], **options
) -> list[WidthConfig]:
    methods = [*((scaling, ETA) for scaling in NAMED), *((STANDARD, lr) for lr in lrs)]
    return [
        WidthConfig(method, activation, width, lr, **options)
        for activation, width, (method, lr) in product(activations, widths, methods)
    ]


FIVE = (1e-5, 1e-4, 1e-3, 1e-2, 1e-1)  # the paper's grid
THREE = FIVE[2:]
CIFAR = {"dataset": "cifar10", "epochs": 3, "n_train": 2000, "n_test": 1000}
WIDTH = Study(
    name="scalp-width",
    version=1,
    question="Does one learning rate do at every width?",
    grid=by_profile(
        quick=_grid(("relu",), (100, 1000, 3000), THREE, dataset="digits", epochs=10),
        full=[
            *_grid(("relu",), (300, 1000, 3000), THREE, **CIFAR),
            *_grid(("identity",), (300, 1000), THREE, **CIFAR),
        ],
        paper=_grid(
            ("relu", "identity"),
            (300, 1000, 3000, 10_000, 30_000, 100_000),
            FIVE,
            dataset="cifar10",
            epochs=10,
        ),
    ),
    seeds=by_profile(quick=(0, 1, 2), full=(0, 1, 2), paper=(0, 1, 2)),
    run=run_width,
    run_stacked=run_width_stacked,
    stack_key=lambda c: replace(c, method=STANDARD if c.method == STANDARD else "uniform", lr=ETA),
    max_stack=24,
)
