"""The loss around trained residual networks, with their skips and without."""

from dataclasses import dataclass
from functools import lru_cache

import torch

from startright import data
from startright.models import CIFARResNet, build
from startright.papers.residual.surface import loss_surface, nonconvex_share, ring
from startright.profiles import by_profile
from startright.studies import Outcome, Study
from startright.training import TrainConfig, train

RADII = (0.25, 0.5, 1.0)


@dataclass(frozen=True)
class SurfacesConfig:
    """A residual network for digits, trained by SGD, and the plane around it."""

    skip: bool
    depth: int
    epochs: int
    points: int
    width: float = 0.5
    lr: float = 0.1
    batch: int = 100
    examples: int = 100


@lru_cache(maxsize=1)
def _images(device: torch.device) -> data.Dataset:
    return data.load("digits", device=device)


def run_surfaces(config: SurfacesConfig, seed: int, device: torch.device) -> Outcome:
    """Train, then look around: the loss of the first training images, normalised by their own statistics."""
    images = _images(device)
    net = build(
        lambda: CIFARResNet(10, config.width, 1, depth=config.depth, skip=config.skip, side=8), seed
    ).to(device)
    settings = TrainConfig(epochs=config.epochs, batch_size=config.batch, lr=config.lr, momentum=0.9)
    history = train(net, images, settings, seed=seed)
    if history.status != "ok":
        return Outcome.of(history)
    seen = data.Split(*(part[: config.examples] for part in images.train))
    surface = loss_surface(net.eval(), seen, points=config.points, seed=seed, recalibrate=True)
    metrics = {
        "train_loss": history.last["train_loss"],
        "test_accuracy": history.last["test_accuracy"],
        "middle": surface.middle,
        "nonconvex": nonconvex_share(surface),
        "beyond": surface.beyond,
    }
    metrics |= {f"ring_{radius:g}": ring(surface, radius) for radius in RADII}
    rows = {f"row_{k:02}": row.tolist() for k, row in enumerate(surface.losses)} if not surface.beyond else {}
    return Outcome(metrics, rows)


SURFACES = Study(
    name="residual-surfaces",
    version=1,
    question="Is the loss around a trained network flatter with skips?",
    grid=by_profile(
        quick=[SurfacesConfig(skip, 14, epochs=8, points=11, width=0.25) for skip in (True, False)],
        full=[
            SurfacesConfig(skip, depth, epochs=12, points=21)
            for depth in (20, 8, 32)
            for skip in (True, False)
        ],
    ),
    seeds=by_profile(quick=(0, 1, 2), full=(0, 1, 2)),
    run=run_surfaces,
)
