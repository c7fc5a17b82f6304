"""What dropout does to gradients over a training (C12)."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from startright import data
from startright.models import build
from startright.papers.dropout.layers import Dropout
from startright.papers.dropout.metrics import (
    batch_gradients,
    direction_error,
    direction_variance,
    flat_parameters,
    model_distance,
    whole_gradient,
)
from startright.papers.dropout.networks import residual_mlp
from startright.papers.dropout.schedules import RateSchedule
from startright.papers.dropout.studies.common import images
from startright.profiles import by_profile
from startright.seeds import derive, generator, lend_global_stream
from startright.studies import Outcome, Study
from startright.training import TrainConfig, evaluate, train

POINTS = 15  # measurements of a training, evenly spaced, beside that of its start
EARLY = 0.2  # of the training: what is called early
BATCHES = 8  # minibatches whose gradients are compared at a point


@dataclass(frozen=True)
class MetricsConfig:
    """A residual network trained by Adam with dropout of one rate."""

    rate: float
    dataset: str
    width: int
    epochs: int
    batch: int
    depth: int
    lr: float = 1e-3


class Measured:
    """Measures a training as a hook, at its start and at evenly spaced steps.

    Args:
        train: the training part.
        config: of the run.
        seed: of the minibatches that are compared, and of their noise.
    """

    def __init__(self, train: data.Split, config: MetricsConfig, seed: int):
        self.train, self.config, self.seed = train, config, seed
        self.total = config.epochs * -(-len(train.y) // config.batch)
        self.due = set(np.linspace(0, self.total, POINTS + 1).round().astype(int).tolist())
        self.curves: dict[str, list[float]] = {}
        self.start: torch.Tensor | None = None

    def __call__(self, count: int, model: nn.Module) -> None:
        """Measure, if it is time."""
        if self.start is None:
            self.start = flat_parameters(model)
        if count not in self.due:
            return
        order = torch.randperm(len(self.train.y), generator=generator(self.seed, f"compared-{count}"))
        batches = order.to(self.train.y.device).split(self.config.batch)[:BATCHES]
        seed = derive(self.seed, f"noise-{count}")
        found = batch_gradients(model, self.train, batches, seed=seed)
        point = {
            "step": count,
            "norm": float(found.double().norm(dim=1).mean()),
            "distance": model_distance(model, self.start),
            "gdv": float(direction_variance(found)),
            "gde": float(direction_error(found, whole_gradient(model, self.train))),
        }
        for name, value in point.items():
            self.curves.setdefault(name, []).append(value)

    def early(self) -> dict[str, float]:
        """Means over the early measurements without the start; of the distance the last of them."""
        steps = np.array(self.curves["step"])
        inside = (steps > 0) & (steps <= EARLY * self.total)
        of = {name: np.array(curve)[inside] for name, curve in self.curves.items()}
        means = {f"early_{name}": float(of[name].mean()) for name in ("gdv", "gde")}
        return means | {
            "early_norm": float(np.log10(of["norm"]).mean()),
            "early_distance": float(np.log10(of["distance"][-1])),
        }


def drive(model: nn.Module, rate: float, total: int) -> RateSchedule:
    """Dropout of one rate all along."""
    return RateSchedule(model, "standard", rate=rate, total=total, kind=Dropout)


def run_metrics(config: MetricsConfig, seed: int, device: torch.device) -> Outcome:
    """Train one network, and measure its gradients on the way."""
    whole = images(config.dataset, device)
    inputs = whole.train.x[0].numel()
    model = build(lambda: residual_mlp(inputs, config.width, config.depth), seed).to(device)
    measured = Measured(whole.train, config, seed)
    drive(model, config.rate, measured.total)
    measured(0, model.train())
    settings = TrainConfig(
        epochs=config.epochs, batch_size=config.batch, lr=config.lr, optimizer="adam", eval_every=10**9
    )
    with lend_global_stream(seed, "dropout", device):
        history = train(model, whole, settings, seed=seed, on_step=measured)
    if history.status != "ok":
        return Outcome.of(history, curves=measured.curves)
    loss, accuracy = evaluate(lambda x: model.eval()(x)[None], whole.train)
    last = {"test_accuracy": history.last["test_accuracy"], "test_loss": history.last["test_loss"]}
    trained = {"train_loss": float(loss), "train_accuracy": float(accuracy)}
    return Outcome(measured.early() | last | trained, measured.curves)


DIGITS = {"dataset": "digits", "width": 48, "epochs": 6, "batch": 50, "depth": 2}
MNIST = {"dataset": "mnist", "width": 64, "epochs": 2, "batch": 128, "depth": 4}

METRICS = Study(
    name="dropout-metrics",
    version=1,
    question="What does dropout do to the gradients, early in training and later?",
    grid=by_profile(
        quick=[MetricsConfig(rate, **DIGITS) for rate in (0.0, 0.1)],
        full=[MetricsConfig(rate, **MNIST) for rate in (0.0, 0.1, 0.3)],
    ),
    seeds=by_profile(quick=(0, 1, 2, 3, 4), full=(0, 1, 2, 3, 4)),
    run=run_metrics,
)
