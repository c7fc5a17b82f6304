"""What needs no large network: counts, the identity with SGD, the regression toy (C12, C15)."""

import copy
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import nn

from startright import models
from startright.data import Split, batches
from startright.papers.alrao import images
from startright.papers.alrao.heads import HeadBank
from startright.papers.alrao.model import wrap
from startright.papers.alrao.studies.images import DECADES, DIGITS, HEADS, INTERVAL, adam, sgd
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study
from startright.training.config import TrainConfig
from startright.training.loop import torch_optimizer

# --- parameters (C12) -----------------------------------------------------------------------


def _of_torchvision(name: str, **options: bool) -> Callable[[], nn.Module]:
    def make() -> nn.Module:
        from torchvision.models import get_model  # noqa: PLC0415 - slow to import

        return get_model(name, **options)

    return make


NETS: dict[str, Callable[[], nn.Module]] = {
    "googlenet": models.GoogLeNet,
    "mobilenet": models.MobileNetV2,
    "vgg19": models.VGG19,
    "senet18": models.SENet18,
    "char-lstm": models.CharLSTM,
    "word-lstm": lambda: models.CharLSTM(10_000, n_classes=10_000),
    "alexnet": _of_torchvision("alexnet"),
    "resnet50": _of_torchvision("resnet50"),
    "densenet121": _of_torchvision("densenet121", memory_efficient=False),
}


@dataclass(frozen=True)
class CountConfig:
    """A network and how many heads it gets."""

    net: str
    heads: int


def run_counts(config: CountConfig, seed: int, device: torch.device) -> Outcome:
    """Trainable parameters of the backbone, with its own last layer, and with all the heads."""
    with torch.device("meta"):  # shapes are enough
        net = NETS[config.net]()
        last = [part for part in net.modules() if isinstance(part, nn.Linear)][-1]
        bank = HeadBank([nn.Linear(last.in_features, last.out_features) for _ in range(config.heads)])
    one_head, head, bank_size = _size(net), _size(last), _size(bank)
    whole = one_head - head + bank_size
    metrics = {"backbone": one_head - head, "one_head": one_head, "all_heads": whole}
    return Outcome(metrics | {"overhead": 100 * (whole / one_head - 1)})


def _size(module: nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def _counts() -> list[CountConfig]:
    rnn = [CountConfig(net, 6) for net in ("char-lstm", "word-lstm")]
    large = [CountConfig(net, n) for net in ("alexnet", "resnet50", "densenet121") for n in (6, 10)]
    return [*(CountConfig(net, 10) for net in ("googlenet", "mobilenet", "vgg19", "senet18")), *rnn, *large]


COUNTS = Study(
    name="alrao-counts",
    version=1,
    question="How many parameters do the heads add?",
    grid=by_profile(quick=_counts(), full=_counts()),
    seeds=by_profile(quick=(0,), full=(0,)),
    run=run_counts,
)

# --- identity with SGD and Adam (C15) -------------------------------------------------------


@dataclass(frozen=True)
class IdentityConfig(images.ImageConfig):
    """One head and an interval of one rate, beside the optimizer of torch at that rate."""

    double: bool = True


def run_identity(config: IdentityConfig, seed: int, device: torch.device) -> Outcome:
    """The largest difference of the batch losses over a training, and of the losses after it."""
    data = images.load(config, device)
    x, y = data.train.x.to(torch.float64 if config.double else torch.float32), data.train.y
    data = replace(data, train=Split(x, y))
    model, optimizer = images.make_model(config, seed, data, device)
    plain = nn.Sequential(copy.deepcopy(model.backbone), nn.Linear(*model.heads.weight.shape[:0:-1])).to(x)
    with torch.no_grad():
        plain[1].weight.copy_(model.heads.weight[0])
        plain[1].bias.copy_(model.heads.bias[0])
    theirs = torch_optimizer(TrainConfig(lr=config.lo, optimizer=config.optimizer), plain)
    order, differences = generator(seed, "order"), []
    for _ in range(config.epochs):
        for index in batches(len(y), config.batch_size, order, device=device):
            loss = nn.functional.cross_entropy(plain(x[index]), y[index])
            theirs.zero_grad()
            loss.backward()
            theirs.step()
            differences.append((model.training_step(x[index], y[index], optimizer) - loss.detach()).abs())
    return Outcome({"loss_difference": float(torch.stack(differences).max()), "steps": len(differences)})


def _identity(epochs: int) -> list[IdentityConfig]:
    digits = {**DIGITS, "epochs": epochs}
    rates = [sgd(0.01, **digits), sgd(0.1, **digits), adam(1e-3, **digits)]
    return [IdentityConfig(**vars(rate), double=double) for rate in rates for double in (True, False)]


IDENTITY = Study(
    name="alrao-identity",
    version=1,
    question="Is Alrao with one head and one rate the plain optimizer?",
    grid=by_profile(quick=_identity(5)[2:4], full=_identity(15)),
    seeds=by_profile(quick=(0,), full=(0, 1, 2)),
    run=run_identity,
)

# --- regression -----------------------------------------------------------------------------


@dataclass(frozen=True)
class RegressionConfig:
    """A hidden layer of 100 ReLUs on the powers of u, to give sin(πu)."""

    lo: float
    hi: float
    heads: int
    epochs: int


def powers(n: int, rng: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """``n`` inputs (u, u², …, u¹⁰) with u uniform in ±1, (n, 10), and targets sin(πu), (n, 1)."""
    u = 2 * torch.rand(n, 1, generator=rng) - 1
    return u ** torch.arange(1, 11), (torch.pi * u).sin()


def run_regression(config: RegressionConfig, seed: int, device: torch.device) -> Outcome:
    """Mean squared error on fresh points, after every epoch."""
    rng = generator(seed, "points")
    (x, y), test = powers(1000, rng), powers(100, rng)
    backbone = models.build(lambda: nn.Sequential(nn.Linear(10, 100), nn.ReLU()), seed)
    model, optimizer = wrap(
        backbone,
        lambda: nn.Linear(100, 1),
        (config.lo, config.hi),
        config.heads,
        seed=seed,
        likelihood="gaussian",
    )
    order, errors = generator(seed, "order"), []
    for _ in range(config.epochs):
        for index in batches(len(y), 32, order):
            model.training_step(x[index], y[index], optimizer)
        with torch.no_grad():
            errors.append(float((model(test[0]) - test[1]).square().mean()))
        if not math.isfinite(errors[-1]):
            reason = f"the squared error was not finite after {len(errors)} epochs"
            return Outcome({}, status="diverged", reason=reason)
    return Outcome({"mse": errors[-1]}, {"mse": errors})


def _regression(epochs: int) -> list[RegressionConfig]:
    grid = [RegressionConfig(rate, rate, 1, epochs) for rate in DECADES[1:]]
    return [*(RegressionConfig(*interval, HEADS, epochs) for interval in ((1e-5, 1.0), INTERVAL)), *grid]


REGRESSION = Study(
    name="alrao-regression",
    version=1,
    question="Does Alrao regress as it classifies?",
    grid=by_profile(quick=_regression(10), full=_regression(200)),
    seeds=by_profile(quick=(0, 1, 2), full=tuple(range(5))),
    run=run_regression,
)
