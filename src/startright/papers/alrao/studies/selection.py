"""The heads' weights over the first steps, every step of them, on the paper's network (C11)."""

from dataclasses import dataclass, replace

import torch

from startright.data import Dataset, Split
from startright.data.batches import batch_sizes
from startright.papers.alrao import images
from startright.papers.alrao.studies.images import HEADS, INTERVAL, alrao
from startright.papers.alrao.trace import WeightTrace
from startright.papers.alrao.training import fit
from startright.profiles import by_profile
from startright.studies import Outcome, Study

STEPS = 200  # the paper's selection is over by step 125
HELD = 500  # images that show that the network learns: the weights, not the accuracy, are the question


@dataclass(frozen=True)
class SelectionConfig:
    """Alrao for a number of steps.

    Args:
        dataset: as in :class:`~startright.alrao.images.ImageConfig`, as the others.
        net: the network.
        lo: ηmin.
        hi: ηmax.
        heads: their number.
        steps: how many, of 32 images each.
    """

    dataset: str
    net: str
    lo: float
    hi: float
    heads: int
    steps: int


def _first(part: Split | None, count: int) -> Split | None:
    return part and Split(part.x[:count], part.y[:count])


def _shortened(data: Dataset, steps: int, batch: int) -> Dataset:
    """The data with no more training images than ``steps`` batches need, and few to test on."""
    held = {name: _first(getattr(data, name), HELD) for name in ("validation", "test")}
    return replace(data, train=_first(data.train, steps * batch), **held)


def run_selection(config: SelectionConfig, seed: int, device: torch.device) -> Outcome:
    """The weight of every head after every step, and how well the network then does."""
    image = alrao(
        (config.lo, config.hi), dataset=config.dataset, net=config.net, epochs=1, heads=config.heads
    )
    data = _shortened(images.load(image, device), config.steps, image.batch_size)
    image = replace(image, epochs=-(-config.steps // len(batch_sizes(len(data.train.y), image.batch_size))))
    model, optimizer = images.make_model(image, seed, data, device)
    trace = WeightTrace(list(range(1, config.steps + 1)))
    change = images.augmentation(image)
    history = fit(model, optimizer, data, images.training(image), seed=seed, augment=change, watch=trace)
    return images.outcome(image, model, history, trace)


def _config(dataset: str, net: str) -> SelectionConfig:
    return SelectionConfig(dataset, net, *INTERVAL, HEADS, STEPS)


SELECTION = Study(
    name="alrao-selection",
    version=1,
    question="Which head takes the weight, and how soon?",
    grid=by_profile(
        quick=[_config("digits", "mlp")],
        full=[_config("cifar10", "googlenet")],
        paper=[_config("cifar10", net) for net in ("googlenet", "mobilenet", "vgg19")],
    ),
    seeds=by_profile(quick=tuple(range(5)), full=tuple(range(5)), paper=tuple(range(10))),
    run=run_selection,
)
