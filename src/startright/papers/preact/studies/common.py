"""What several studies of the paper need: the schemes they compare and the images they see."""

from collections.abc import Sequence
from functools import lru_cache

import torch

from startright import data

THETAS = (2.05, 2.5, 3.0, 4.0, 5.0, 7.0, 10.0)  # the seven values of the released objects
KINDS = ("odd", "positive")
FIVE = (0, 1, 2, 3, 4)  # seeds: fewer say too little about a spread


def pairs(thetas: Sequence[float]) -> list[tuple[str, float | None]]:
    """ReLU, tanh and both variants of φ_θ for every θ, for :func:`startright.preact.schemes.named`."""
    return [("relu", None), ("tanh", None), *((kind, theta) for kind in KINDS for theta in thetas)]


@lru_cache(maxsize=8)
def images(
    dataset: str, classes: int, per_class: int, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor]:
    """The first ``per_class`` training images of each class, scaled to ‖x‖² = n₀, and their labels."""
    train = data.load(dataset, device=device).train
    chosen = torch.cat([(train.y == k).nonzero()[:per_class, 0] for k in range(classes)])
    return data.normalised_inputs(train.x[chosen]), train.y[chosen]
