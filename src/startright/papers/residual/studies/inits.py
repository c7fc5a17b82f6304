"""Training of fifty layers, without skips and with them, from different first weights (C16)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import torch

from startright import data
from startright.papers.residual import networks
from startright.profiles import by_profile
from startright.seeds import generator
from startright.studies import Outcome, Study
from startright.training import TrainConfig, train_stacked


@dataclass(frozen=True)
class InitsConfig:
    """One network of fifty layers, trained by Adam for 300 steps."""

    network: str
    lr: float
    dataset: str = "digits"
    batch: int = 50
    steps: int = 300
    depth: int = 50
    width: int = 64
    tested: int = 2000


@lru_cache(maxsize=4)
def _images(dataset: str, seen: int, tested: int, device: torch.device) -> data.Dataset:
    whole = data.load(dataset, device=device)
    train, test = (
        data.Split(*(part[:count] for part in split))
        for split, count in ((whole.train, seen), (whole.test, tested))
    )
    return replace(whole, train=train, test=test)


def run_inits(config: InitsConfig, seed: int, device: torch.device) -> Outcome:
    """Train one network (see :func:`run_inits_stacked`)."""
    return run_inits_stacked([(config, seed)], device)[0]


def run_inits_stacked(runs: Sequence[tuple[InitsConfig, int]], device: torch.device) -> list[Outcome]:
    """Train networks of one kind as one program, each at its own rate."""
    config, seen = runs[0][0], runs[0][0].steps * runs[0][0].batch
    images = _images(config.dataset, seen, config.tested, device)
    how = {"depth": config.depth, "width": config.width}
    models = [
        networks.network(config.network, images.train.x[:4].cpu(), generator=generator(seed, "init"), **how)
        for _, seed in runs
    ]
    settings = TrainConfig(
        epochs=seen // len(images.train.x),
        batch_size=config.batch,
        optimizer="adam",
        lr=config.lr,
        eval_every=config.steps // 15,
    )
    histories = train_stacked(
        models, images, settings, seeds=[seed for _, seed in runs], lrs=[each.lr for each, _ in runs]
    )
    return [Outcome.of(history, curves={**history.curves, "step": history.steps}) for history in histories]


SEEN = ("looks-linear", "residual", "crelu", "relu")  # of which there are reference values
DENSE = [InitsConfig(name, lr, "mnist", batch=128) for name in networks.DENSE for lr in (3e-4, 1e-3)]
MAPS = [InitsConfig(name, 1e-3, "mnist", batch=64, tested=1000) for name in networks.CONVOLUTIONAL]

INITS = Study(
    name="residual-inits",
    version=1,
    question="Which starts let fifty layers learn without skips?",
    grid=by_profile(quick=[InitsConfig(name, 3e-4) for name in SEEN], full=[*DENSE, *MAPS]),
    seeds=by_profile(quick=(0, 1, 2), full=(0, 1, 2)),
    run=run_inits,
    run_stacked=run_inits_stacked,
    stack_key=lambda c: (c.network, c.dataset, c.batch, c.steps, c.depth, c.width, c.tested),
)
