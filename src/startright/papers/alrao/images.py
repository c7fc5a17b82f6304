"""One classification run of the paper: which data, which network, which rates, and how it went."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from startright import data
from startright.data import Dataset, cifar
from startright.data.batches import batch_sizes
from startright.models import MLP, VGG19, GoogLeNet, MobileNetV2, build
from startright.papers.alrao.model import Alrao, Optimizer, wrap_classifier
from startright.papers.alrao.rates import Fraction
from startright.papers.alrao.stack import fit_stacked
from startright.papers.alrao.trace import WeightTrace, log_steps
from startright.papers.alrao.training import fit
from startright.studies import Outcome, thin
from startright.training import History, TrainConfig

CONV = {"vgg19": VGG19, "googlenet": GoogLeNet, "mobilenet": MobileNetV2}
HELD = {"digits": 203, "mnist": 10_000}  # validation images; digits leaves 1297 to train on


@dataclass(frozen=True)
class ImageConfig:
    """One classifier trained by Alrao or, with one head and lo = hi, at one rate.

    Args:
        dataset: ``"digits"``, ``"mnist"`` or ``"cifar10"``.
        net: ``"mlp"`` (hidden layers of 128 and 128 units with batch normalisation), ``"vgg19"``,
            ``"googlenet"`` or ``"mobilenet"``.
        optimizer: ``"sgd"`` or ``"adam"``.
        lo: ηmin.
        hi: ηmax.
        heads: their number.
        epochs: passes over the training images.
        width: factor of every layer's width.
        per: ``"unit"`` or ``"weight"``.
        fraction: if given, only this fraction of the units learns, at the rate ``hi``.
        augment: random crops and reflections of colour images.
        batch_size: 32 in the paper; a rate means something with the size of the batch only.
    """

    dataset: str
    net: str
    optimizer: str
    lo: float
    hi: float
    heads: int
    epochs: int
    width: float = 1.0
    per: str = "unit"
    fraction: float | None = None
    augment: bool = True
    batch_size: int = 32


def load(config: ImageConfig, device: torch.device) -> Dataset:
    """The images in three parts; CIFAR-10 as :mod:`startright.data.cifar` cuts it."""
    if config.dataset == "cifar10":
        return cifar.load(device)
    return data.load(config.dataset, device=device, validation=HELD[config.dataset], flatten=True)


def augmentation(config: ImageConfig) -> Callable[[torch.Tensor, torch.Generator], torch.Tensor] | None:
    """What is done to a batch of training images."""
    if config.dataset != "cifar10":
        return None
    return cifar.augment if config.augment else cifar.prepare


def make_model(
    config: ImageConfig, seed: int, images: Dataset, device: torch.device
) -> tuple[Alrao, Optimizer]:
    """The network at initialisation, and its optimizer."""
    if config.net == "mlp":
        hidden = round(128 * config.width)
        widths = (images.train.x[0].numel(), hidden, hidden, images.n_classes)
        net = build(lambda: MLP(widths, batch_norm=True), seed)
    else:
        net = build(lambda: CONV[config.net](images.n_classes, width=config.width), seed)
        net = net.to(memory_format=torch.channels_last)  # a quarter faster on a CPU
    rates = (config.lo, config.hi) if config.fraction is None else Fraction(config.hi, config.fraction)
    return wrap_classifier(
        net.to(images.train.x.dtype).to(device),
        rates,
        config.heads,
        seed=seed,
        optimizer=config.optimizer,
        head_rate=config.hi if config.fraction is not None else None,
        per=config.per,
    )


def training(config: ImageConfig) -> TrainConfig:
    """Epochs and batches for the loop."""
    return TrainConfig(epochs=config.epochs, batch_size=config.batch_size)


def _trace(config: ImageConfig, images: Dataset) -> WeightTrace:
    steps = config.epochs * len(batch_sizes(len(images.train.y), config.batch_size))
    return WeightTrace(log_steps(steps))


def outcome(config: ImageConfig, model: Alrao, history: History, trace: WeightTrace) -> Outcome:
    """Curves an epoch, the test values of the epoch with the least validation loss, what the heads did."""
    curves, metrics = dict(history.curves), {}
    if curves:
        best = min(range(len(history.steps)), key=curves["validation_loss"].__getitem__)
        metrics = {f"best_{name}": curves[name][best] for name in ("test_loss", "test_accuracy")}
        metrics |= history.last | {"best_epoch": best + 1}
    curves = {name: thin(values) for name, values in curves.items()}
    if config.heads > 1 and history.status == "ok":
        metrics["best_head_rate"] = float(model.head_rates[model.switch.weights.argmax()])
        metrics["best_head_weight"] = float(model.switch.weights.max())
        curves |= trace.curves()
    return Outcome.of(history, metrics, curves)


def run_images(config: ImageConfig, seed: int, device: torch.device) -> Outcome:
    """Train one classifier."""
    images = load(config, device)
    model, optimizer = make_model(config, seed, images, device)
    trace, change = _trace(config, images), augmentation(config)
    history = fit(
        model, optimizer, images, training(config), seed=seed, augment=change, watch=trace, capture=True
    )
    return outcome(config, model, history, trace)


def run_images_stacked(runs: Sequence[tuple[ImageConfig, int]], device: torch.device) -> list[Outcome]:
    """Train classifiers that differ in rates, heads and seeds alone, as one program."""
    config = runs[0][0]
    images = load(config, device)
    pairs = [make_model(each, seed, images, device) for each, seed in runs]
    traces = [_trace(each, images) for each, _ in runs]
    histories = fit_stacked(
        pairs,
        images,
        training(config),
        seeds=[seed for _, seed in runs],
        augment=augmentation(config),
        watches=[trace if each.heads > 1 else _ignore for trace, (each, _) in zip(traces, runs, strict=True)],
    )
    return [
        outcome(each, model, history, trace)
        for (each, _), (model, _), history, trace in zip(runs, pairs, histories, traces, strict=True)
    ]


def _ignore(weights: torch.Tensor) -> None:
    """The weight of a single head is one."""


def stack_key(config: ImageConfig) -> ImageConfig:
    """What runs of one program have in common: all but rates and heads."""
    return replace(config, lo=0.0, hi=0.0, heads=0, per="unit", fraction=None)
