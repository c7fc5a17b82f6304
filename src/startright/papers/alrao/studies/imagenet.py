"""The paper's networks on ImageNet as a grid of runs (C6); for a cluster only."""

from typing import Any

import torch

from startright.errors import unknown
from startright.papers.alrao.imagenet_parallel import World
from startright.papers.alrao.imagenet_training import MODELS, Checkpoints, ImagenetConfig, train
from startright.paths import data_root
from startright.profiles import by_profile
from startright.studies import Outcome, Run, Study

INTERVAL, HEADS = (1e-5, 10.0), 10
BEST_RATES = {"alexnet": 1e-2, "densenet121": 1.0, "resnet50": 1.0}  # of SGD, as the paper found them
METHODS = ("alrao", "sgd", "adam")


def configure(
    model: str,
    method: str,
    *,
    interval: tuple[float, float] = INTERVAL,
    heads: int = HEADS,
    lr: float | None = None,
    **options: Any,
) -> ImagenetConfig:
    """One row of the paper's table.

    Args:
        model: ``"alexnet"``, ``"densenet121"`` or ``"resnet50"``.
        method: ``"alrao"``, or ``"sgd"`` or ``"adam"`` at one rate.
        interval: of Alrao.
        heads: of Alrao.
        lr: the one rate; None: the best that the paper found for SGD, 1e-3 for Adam.
        options: other fields of the config.

    Raises:
        ValueError: an unknown method, a rate given to Alrao, or a field that does not fit.

    >>> configure("resnet50", "sgd").lo
    1.0
    """
    if method not in METHODS:
        raise unknown("optimizer", method, METHODS)
    if method == "alrao":
        if lr is not None:
            raise ValueError(f"Alrao has an interval of rates, not one: leave out lr = {lr:g}")
        return ImagenetConfig(model, "sgd", *interval, heads, **options)
    if lr is None:
        lr = BEST_RATES.get(model, 0.1) if method == "sgd" else 1e-3
    return ImagenetConfig(model, method, lr, lr, 1, **options)


def checkpoints(run: Run, *, resume: bool = True) -> Checkpoints:
    """Where a run keeps its state: in the folder of the data, which is on a large disk."""
    return Checkpoints(data_root() / "checkpoints" / f"{run.key}.pt", run.key, resume)


def run_imagenet(config: ImagenetConfig, seed: int, device: torch.device) -> Outcome:
    """Train one network on one device, going on from where an earlier attempt was stopped."""
    run = Run(IMAGENET.name, IMAGENET.version, config, seed)
    kept = checkpoints(run)
    return train(config, data_root() / "imagenet", World(device), seed=seed, checkpoints=kept)[0]


IMAGENET = Study(
    name="alrao-imagenet",
    version=1,
    question="Does Alrao train large networks on large images about as well as the best rate?",
    grid=by_profile(paper=[configure(model, method) for model in MODELS for method in METHODS]),
    seeds=by_profile(paper=(0, 1, 2)),  # the paper has one run each, which decides nothing
    run=run_imagenet,
)
