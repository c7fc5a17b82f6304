"""Training torchvision's networks on a folder of images, by one process or many, with checkpoints."""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from startright.errors import unknown
from startright.models import build
from startright.papers.alrao.imagenet_data import held_out_batches, load_folders, train_batches
from startright.papers.alrao.imagenet_parallel import World, average_
from startright.papers.alrao.model import Alrao, Optimizer, wrap_classifier
from startright.papers.alrao.rates import LogUniform
from startright.seeds import lend_global_stream
from startright.studies import Outcome, thin


def _torchvision(name: str) -> Callable[[int], nn.Module]:
    def make(n_classes: int) -> nn.Module:
        from torchvision.models import get_model  # noqa: PLC0415 - slow to import

        return get_model(name, weights=None, num_classes=n_classes)

    return make


MODELS = {name: _torchvision(name) for name in ("alexnet", "densenet121", "resnet50")}
OPTIMIZERS = ("sgd", "adam")


@dataclass(frozen=True)
class ImagenetConfig:
    """One network trained by Alrao or, with one head and lo = hi, at one rate.

    Args:
        model: a key of ``MODELS``.
        optimizer: ``"sgd"`` or ``"adam"``.
        lo: ηmin.
        hi: ηmax.
        heads: their number; the paper does not say which it had.
        epochs: passes over the training images.
        batch_size: of all processes together; likewise unknown.
        image_size: side of the crops, in pixels.

    Raises:
        ValueError: an unknown model or optimizer, a reversed interval, a number that is not positive, or one
            head for an interval.
    """

    model: str
    optimizer: str
    lo: float
    hi: float
    heads: int
    epochs: int = 100
    batch_size: int = 256
    image_size: int = 224

    def __post_init__(self):
        for kind, name, options in (("model", self.model, MODELS), ("optimizer", self.optimizer, OPTIMIZERS)):
            if name not in options:
                raise unknown(kind, name, options)
        LogUniform(self.lo, self.hi)
        for name in ("heads", "epochs", "batch_size", "image_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if self.heads == 1 and self.lo < self.hi:
            raise ValueError(f"one head has no rate in [{self.lo:g}, {self.hi:g}]: take two heads or more")


def make_model(
    config: ImagenetConfig, n_classes: int, seed: int, device: torch.device
) -> tuple[Alrao, Optimizer]:
    """The network at initialisation, the same in all processes, and its optimizer."""
    net = build(lambda: MODELS[config.model](n_classes), seed).to(device)
    rates = (config.lo, config.hi)
    return wrap_classifier(net, rates, config.heads, seed=seed, optimizer=config.optimizer)


@torch.no_grad()
def evaluate(model: Alrao, batches: DataLoader, world: World) -> tuple[float, float]:
    """Mean loss in nats and accuracy of the mixture, over the shares of all processes."""
    model.eval()
    totals = torch.zeros(3, device=world.device)
    for x, y in batches:
        log_probs, targets = model(x.to(world.device)), y.to(world.device)
        hits = (log_probs.argmax(1) == targets).sum()
        totals += torch.stack(
            [F.nll_loss(log_probs, targets, reduction="sum"), hits, hits.new_tensor(len(y))]
        )
    model.train()
    if world.size > 1:
        dist.all_reduce(totals)
    loss, hits, n = totals.tolist()
    return loss / n, hits / n


def train_epoch(model: Alrao, optimizer: Optimizer, batches: DataLoader, world: World) -> float:
    """The mean of the losses of the batches, each before its step."""
    total = torch.zeros((), device=world.device)
    for x, y in batches:
        inputs, targets = (part.to(world.device, non_blocking=True) for part in (x, y))
        total += model.training_step(inputs, targets, optimizer)
    return float(total) / len(batches)


@dataclass
class Progress:
    """How far a training has come."""

    epoch: int = 0
    seconds: float = 0.0
    curves: dict[str, list[float]] = field(
        default_factory=lambda: {"train_loss": [], "test_loss": [], "test_accuracy": []}
    )


def save_checkpoint(path: Path, key: str, progress: Progress, model: Alrao, optimizer: Optimizer) -> None:
    """Replace the checkpoint in one step or not at all.

    Raises:
        OSError: it cannot be written; the old one is untouched.
    """
    state = {"key": key, **vars(progress), "model": model.state_dict(), "optimizer": optimizer.state_dict()}
    temporary = path.with_name(path.name + ".new")
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(temporary, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def load_checkpoint(path: Path, key: str, model: Alrao, optimizer: Optimizer) -> Progress:
    """Put model and optimizer back where the checkpoint was written. Nothing in it is executed.

    Raises:
        ValueError: no checkpoint, one of another run, or a damaged one.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        found = state.pop("key")
    except OSError:
        raise
    except Exception as error:  # whatever a reader makes of damaged bytes
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{path} is no checkpoint ({reason}): delete it to start again") from error
    if found != key:
        raise ValueError(f"{path} is the checkpoint of run {found}, not of {key}: name another folder")
    model.load_state_dict(state.pop("model"))
    optimizer.load_state_dict(state.pop("optimizer"))
    return Progress(**state)


@dataclass(frozen=True)
class Checkpoints:
    """Where a training keeps its state after every epoch.

    Args:
        path: the file, on a disk that all processes see.
        key: of the run.
        resume: go on from the file if it is there; without, a file that is there is an error.
    """

    path: Path
    key: str
    resume: bool = False

    def restore(self, model: Alrao, optimizer: Optimizer, world: World) -> Progress:
        """The progress to go on from.

        Raises:
            FileExistsError: a checkpoint, and no leave to use it.
            OSError: not all processes find the same.
            ValueError: see :func:`load_checkpoint`.
        """
        there = self.path.exists()
        if there and not self.resume:
            raise FileExistsError(f"{self.path} is there already: --resume goes on from it; else delete it")
        progress = load_checkpoint(self.path, self.key, model, optimizer) if there else Progress()
        mean = torch.tensor(float(progress.epoch), device=world.device)
        average_([mean], world)
        if mean != progress.epoch:
            raise OSError(
                f"not every process finds {self.path}: name a folder on a disk that all of them see"
            )
        return progress


def train(
    config: ImagenetConfig,
    folder: Path,
    world: World,
    *,
    seed: int = 0,
    checkpoints: Checkpoints | None = None,
    workers: int = 8,
    report: Callable[[Progress], Any] = lambda progress: None,
) -> tuple[Outcome, float]:
    """Train one network; every process calls this with the same arguments, but for ``world``.

    Args:
        config: what to train.
        folder: with ``train/`` and ``val/``.
        world: the processes.
        seed: of initialisation, rates, order, crops and dropout.
        checkpoints: written by process 0 after every epoch; None: none.
        workers: loading processes of each process; 0: it loads its images itself.
        report: called by process 0 after every epoch whose loss is finite.

    Returns:
        Losses and accuracies an epoch, up to the first epoch whose loss is not finite; and the seconds of all
        attempts together.

    Raises:
        OSError: folders or checkpoints that are absent or in the way.
        ValueError: batches that do not fit, or a checkpoint of another run.
    """
    images, held_out = load_folders(folder, config.image_size, seed)
    train_batches(images, 0, config.batch_size, world, 0)  # what does not fit is found out before the work
    model, optimizer = make_model(config, len(held_out.classes), seed, world.device)
    progress = checkpoints.restore(model, optimizer, world) if checkpoints else Progress()
    while progress.epoch < config.epochs:
        start = time.perf_counter()
        batches = train_batches(images, progress.epoch, config.batch_size, world, workers)
        with lend_global_stream(seed, f"dropout-{progress.epoch}-{world.rank}", world.device):
            point = {"train_loss": train_epoch(model, optimizer, batches, world)}
        tests = held_out_batches(held_out, config.batch_size, world, workers)
        point["test_loss"], point["test_accuracy"] = evaluate(model, tests, world)
        for name, value in point.items():
            progress.curves[name].append(value)
        progress.epoch += 1
        progress.seconds += time.perf_counter() - start
        if not math.isfinite(point["train_loss"]):
            break
        if world.rank == 0:
            if checkpoints:
                save_checkpoint(checkpoints.path, checkpoints.key, progress, model, optimizer)
            report(progress)
    return _outcome(model, progress, len(images), len(held_out.classes)), progress.seconds


def _outcome(model: Alrao, progress: Progress, n_images: int, n_classes: int) -> Outcome:
    """Last values and curves, which head was best, and how large the data were."""
    metrics = {name: values[-1] for name, values in progress.curves.items()}
    metrics |= {"train_images": n_images, "classes": n_classes}
    if model.heads.n > 1:
        metrics["best_head_rate"] = float(model.head_rates[model.switch.weights.argmax()])
        metrics["best_head_weight"] = float(model.switch.weights.max())
    return Outcome(metrics, {name: thin(values) for name, values in progress.curves.items()})
