"""One training under a deficit, and many of one shape: what all studies of the paper run.

Networks on digits are trained as one program; those on CIFAR-10 one after another, each step recorded as one
launch on a GPU (:mod:`startright.training.launches`).

The recipe is the paper's but for the momentum, which our source does not give, and, in the small profiles,
for the network and the data.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from startright import data
from startright.models import AllCNN, DigitsCNN, ResNet18, build
from startright.papers.critical.deficits import Window, deficit_schedule
from startright.papers.critical.fisher import fisher_trace
from startright.studies import Outcome, thin
from startright.training import History, ModelStack, TrainConfig, train_stacked
from startright.training.schedules import Schedule, exponential, restarted

FACTOR = 0.97  # of the learning rate, an epoch
BATCH = 128
HELD = 900  # of the digits' training images, tested on beside the test images


class Recipe(NamedTuple):
    """A network and the learning rate of its first epoch."""

    make: Callable[[], nn.Module]
    lr: float
    momentum: float = 0.9


RECIPES = {
    "digits": Recipe(DigitsCNN, 0.05),
    "allcnn-quarter": Recipe(lambda: AllCNN(width=0.25), 0.05),
    "allcnn": Recipe(AllCNN, 0.05),
    "resnet18": Recipe(ResNet18, 0.1),
}


@dataclass(frozen=True)
class DeficitConfig:
    """One training: a deficit from epoch ``start`` until before ``stop``, of ``epochs`` in all.

    ``restart``: the learning rate starts anew at ``stop``. ``images``: of the training set, 0 for all.
    ``probes``: training images on which the Fisher information is taken, 0 for none. ``every``: epochs
    between two evaluations.
    """

    deficit: str
    start: int
    stop: int
    epochs: int
    restart: bool = False
    weight_decay: float = 1e-3
    network: str = "digits"
    dataset: str = "digits"
    images: int = 600
    probes: int = 0
    every: int = 10


def probe_epochs(epochs: int) -> list[int]:
    """When the Fisher information is taken: each of the first epochs, then less and less often, and the end.

    >>> probe_epochs(25)
    [0, 1, 2, 3, 4, 5, 6, 8, 10, 12, 15, 19, 24, 25]
    """
    found, epoch = [], 0
    while epoch < epochs:
        found.append(epoch)
        epoch = max(epoch + 1, round(1.25 * epoch))
    return [*found, epochs]


@lru_cache(maxsize=2)
def images(dataset: str, count: int, device: torch.device) -> data.Dataset:
    """The images; of the digits, those that are not trained on are tested on as well."""
    if dataset != "digits":
        return data.load(dataset, device=device, n_train=count or None)
    loaded = data.load("digits", device=device, n_train=count, validation=HELD)
    tested = (torch.cat(parts) for parts in zip(loaded.test, loaded.validation, strict=True))
    return replace(loaded, test=data.Split(*tested), validation=None)


def rate(config: DeficitConfig, steps: int) -> Schedule:
    """The factor of the learning rate, by steps, of which an epoch has ``steps``."""
    schedule = exponential(FACTOR, every=steps)
    return restarted(schedule, steps * config.stop) if config.restart else schedule


def run_deficit(config: DeficitConfig, seed: int, device: torch.device) -> Outcome:
    """One training (see :func:`run_deficit_stacked`)."""
    return run_deficit_stacked([(config, seed)], device)[0]


def run_deficit_stacked(runs: Sequence[tuple[DeficitConfig, int]], device: torch.device) -> list[Outcome]:
    """Train networks of one shape, each under its own deficit and for its own epochs."""
    first = runs[0][0]
    loaded, recipe = images(first.dataset, first.images, device), RECIPES[first.network]
    steps = -(-len(loaded.train.y) // BATCH)
    training = TrainConfig(
        epochs=max(config.epochs for config, _ in runs),
        batch_size=BATCH,
        lr=recipe.lr,
        momentum=recipe.momentum,
        weight_decay=first.weight_decay,
        eval_every=steps * first.every,
    )
    models = [build(recipe.make, seed).to(device) for _, seed in runs]
    probe = Probe(models, loaded.train.x[: first.probes], [config.epochs for config, _ in runs])
    how = {
        "seeds": [seed for _, seed in runs],
        "alter": [schedule_of(config, loaded.n_classes) for config, _ in runs],
        "schedules": [rate(config, steps) for config, _ in runs],
        "epochs": [config.epochs for config, _ in runs],
    }
    hook, capture = probe if first.probes else None, not together(first)
    histories = train_stacked(models, loaded, training, on_epoch=hook, capture=capture, **how)
    probe.finish()
    return [outcome(history, curves) for history, curves in zip(histories, probe.curves, strict=True)]


def schedule_of(config: DeficitConfig, classes: int):
    """The deficit of a config and when it holds."""
    windows = [] if config.deficit == "none" else [Window(config.deficit, config.start, config.stop)]
    return deficit_schedule(windows, epochs=config.epochs, classes=classes)


class Probe:
    """Takes the Fisher information of the runs of a stack, before an epoch and at the end.

    Args:
        models: of the runs.
        x: inputs; none takes nothing.
        epochs: of each run.
    """

    def __init__(self, models: Sequence[nn.Module], x: Tensor, epochs: Sequence[int]):
        self.models, self.x, self.epochs = list(models), x, list(epochs)
        self.curves: list[dict[str, list[float]]] = [{} for _ in models]

    def __call__(self, epoch: int, trained: ModelStack | nn.Module) -> None:
        """The hook of :func:`startright.training.train` and :func:`startright.training.train_stacked`."""
        stacked = isinstance(trained, ModelStack)
        present = trained.models if stacked else [trained]
        due = [
            k
            for k, model in enumerate(self.models)
            if any(model is own for own in present) and epoch in probe_epochs(self.epochs[k])
        ]
        if due and stacked:
            trained.write()
        for k in due:
            self._take(k, epoch)
            self.models[k].train()

    def finish(self) -> None:
        """Take it once more, when all have ended."""
        if len(self.x):
            for k, epochs in enumerate(self.epochs):
                self._take(k, epochs)

    def _take(self, k: int, epoch: int) -> None:
        dtype = torch.float64 if self.x.is_cuda else None  # float32 is rounded to TF32 there, which is seen
        parts = fisher_trace(self.models[k].eval(), self.x, dtype=dtype)
        values = {f"fisher_{layer}": value for layer, value in parts.items()}
        point = {"fisher_epoch": float(epoch), "fisher": sum(parts.values())} | values
        for name, value in point.items():
            self.curves[k].setdefault(name, []).append(value)


def outcome(history: History, curves: dict[str, list[float]]) -> Outcome:
    """Accuracies in per cent, losses in nats, and the course of the Fisher information."""
    if history.status != "ok":
        return Outcome.of(history)
    last, accuracy = history.last, [100 * value for value in history.curves["test_accuracy"]]
    metrics = {"accuracy": accuracy[-1], "test_loss": last["test_loss"], "train_loss": last["train_loss"]}
    if curves:
        trace = curves["fisher"]
        metrics |= {"fisher_first": trace[0], "fisher_peak": max(trace), "fisher_last": trace[-1]}
        top = int(curves["fisher_epoch"][trace.index(max(trace))])
        metrics |= {"peak_epoch": top, "accuracy_at_peak": accuracy[max(top - 1, 0)]}
    return Outcome(
        metrics, {"accuracy": thin(accuracy)} | {name: thin(values) for name, values in curves.items()}
    )


def together(config: DeficitConfig) -> bool:
    """Whether its networks are small enough to be trained as one program."""
    return config.network == "digits"


def stack_key(config: DeficitConfig) -> DeficitConfig | tuple:
    """What runs of one stack share: all but the seed where they are trained one by one."""
    if not together(config):
        return config
    return config.network, config.dataset, config.images, config.weight_decay, config.every, config.probes
