"""Training a model of :func:`startright.alrao.wrap` with the book's loop."""

from collections.abc import Callable

import torch

from startright.data import Dataset
from startright.papers.alrao.model import Alrao, Optimizer
from startright.training import History, TrainConfig, train

Watch = Callable[[torch.Tensor], None]


def fit(
    model: Alrao,
    optimizer: Optimizer,
    data: Dataset,
    config: TrainConfig,
    *,
    seed: int = 0,
    augment: Callable[[torch.Tensor, torch.Generator], torch.Tensor] | None = None,
    watch: Watch | None = None,
    capture: bool = False,
) -> History:
    """Train ``model`` in place; the curves are those of the mixture.

    Args:
        model: from :func:`~startright.alrao.model.wrap`, on the device where ``data`` are.
        optimizer: its optimizer; the learning rate and the optimizer that ``config`` names play no part.
        data: classes.
        config: epochs, size of the batches, evaluations.
        seed: see :func:`startright.training.train`.
        augment: likewise.
        watch: given the heads' weights, (N,), after every step, on the device.
        capture: see :func:`startright.training.train`.

    Returns:
        The curves and how it ended: ``diverged`` if the features, or all heads, were not finite.
    """
    for group in optimizer.param_groups:
        group["capturable"] = capture and data.train.x.is_cuda

    def step(inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        return model.training_step(inputs, targets, optimizer)

    def watched(count: int, model: Alrao) -> None:
        watch(model.switch.weights)

    hook = None if watch is None else watched
    return train(model, data, config, seed=seed, augment=augment, step=step, on_step=hook, capture=capture)
