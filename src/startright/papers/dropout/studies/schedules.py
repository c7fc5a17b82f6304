"""Dropout and stochastic depth, always, early or late, for networks that under-fit or over-fit (C13)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from startright import data
from startright.models import build
from startright.papers.dropout.depth import survival
from startright.papers.dropout.layers import Dropout, StochasticDepth, droppings
from startright.papers.dropout.networks import residual_mlp
from startright.papers.dropout.schedules import SCHEDULES as KINDS
from startright.papers.dropout.schedules import RateSchedule
from startright.papers.dropout.studies.common import images
from startright.profiles import by_profile
from startright.seeds import generator, lend_global_stream
from startright.studies import Outcome, Study
from startright.training import TrainConfig, evaluate, train
from startright.training.schedules import cosine

CUTOFF = 1 / 6  # of the training, as epoch 50 of the paper's 300
MOST = 10_000  # training images on which the end is evaluated


@dataclass(frozen=True)
class ScheduleConfig:
    """A residual network trained by Adam on some images, its noise by method and schedule.

    ``regime`` is ``"under"`` or ``"over"``: what the other sizes are chosen for. ``method`` is ``"none"``,
    ``"dropout"`` or ``"depth"``; the rate is that of every dropout, or of the last block by the linear rule.
    """

    regime: str
    method: str
    schedule: str
    rate: float
    dataset: str
    width: int
    images: int
    epochs: int
    batch: int
    depth: int
    lr: float = 1e-3


def drive(model: nn.Module, config: ScheduleConfig, total: int) -> RateSchedule | None:
    """What sets the rates of a network over a training; nothing where there is no noise."""
    if config.method == "none":
        return None
    kind = Dropout if config.method == "dropout" else StochasticDepth
    modules = list(droppings(model, kind).values())
    survivals = survival(len(modules), 1 - config.rate, "uniform" if kind is Dropout else "linear")
    for module, p in zip(modules, survivals, strict=True):
        module.set_rate(1 - float(p))
    cutoff = None if config.schedule == "standard" else max(1, round(CUTOFF * total))
    return RateSchedule(model, config.schedule, total=total, cutoff=cutoff, kind=kind)


def run_schedule(config: ScheduleConfig, seed: int, device: torch.device) -> Outcome:
    """Train one network, and evaluate it on the test images and on those it was trained on."""
    whole = images(config.dataset, device)
    chosen = torch.randperm(len(whole.train.y), generator=generator(seed, "subset"))[: config.images]
    train_part = data.Split(*(part[chosen.to(part.device)] for part in whole.train))
    part = replace(whole, train=train_part)
    inputs = whole.train.x[0].numel()
    model = build(lambda: residual_mlp(inputs, config.width, config.depth), seed).to(device)
    total = config.epochs * -(-config.images // config.batch)
    settings = TrainConfig(
        epochs=config.epochs,
        batch_size=config.batch,
        lr=config.lr,
        optimizer="adam",
        schedule=cosine(total),
        eval_every=-(-total // 12),
    )
    with lend_global_stream(seed, "dropout", device):
        history = train(model, part, settings, seed=seed, on_step=drive(model, config, total))
    if history.status != "ok":
        return Outcome.of(history)
    shown = data.Split(*(tensor[:MOST] for tensor in train_part))
    loss, accuracy = evaluate(lambda x: model.eval()(x)[None], shown)
    own = {"train_loss": float(loss), "train_accuracy": float(accuracy)}
    last = {name: history.last[name] for name in ("test_loss", "test_accuracy")}
    curves = {"test_accuracy": history.curves["test_accuracy"], "step": history.steps}
    return Outcome(last | own, curves)


def _grid(under: dict, over: dict) -> Sequence[ScheduleConfig]:
    """None first, then each method by each schedule, for both networks: the first part of it is balanced."""
    cells = [("none", "none")] + [(method, kind) for method in ("dropout", "depth") for kind in KINDS]
    return [
        ScheduleConfig(regime, method, schedule, rate if method != "none" else 0.0, **sizes)
        for method, schedule in cells
        for regime, rate, sizes in (("under", 0.1, under), ("over", 0.4, over))
    ]


DIGITS = (
    {"dataset": "digits", "width": 16, "images": 1500, "epochs": 4, "batch": 64, "depth": 2},
    {"dataset": "digits", "width": 96, "images": 150, "epochs": 40, "batch": 64, "depth": 2},
)
MNIST = (
    {"dataset": "mnist", "width": 24, "images": 60_000, "epochs": 1, "batch": 128, "depth": 4},
    {"dataset": "mnist", "width": 128, "images": 1000, "epochs": 40, "batch": 128, "depth": 4},
)

SCHEDULES = Study(
    name="dropout-schedules",
    version=1,
    question="Does dropout help early, late or always, and which network?",
    grid=by_profile(quick=_grid(*DIGITS), full=_grid(*MNIST)),
    seeds=by_profile(quick=(0, 1, 2, 3, 4), full=(0, 1, 2, 3, 4, 5)),
    run=run_schedule,
)
