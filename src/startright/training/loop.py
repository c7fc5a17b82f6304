"""The one training loop."""

from collections.abc import Callable

import torch
from torch import nn

from startright.data import Dataset, batches
from startright.seeds import generator
from startright.training.config import History, TrainConfig
from startright.training.evaluation import Loss, Recorder, cross_entropy

Step = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
Augment = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


def train(
    model: nn.Module,
    data: Dataset,
    config: TrainConfig,
    *,
    seed: int = 0,
    loss: Loss = cross_entropy,
    augment: Augment | None = None,
    step: Step | None = None,
) -> History:
    """Train ``model`` in place, on the device where ``data`` are.

    The host waits for the device once an evaluation. A training whose loss is not finite at an evaluation
    ends there, marked ``diverged``.

    Args:
        model: gives outputs, (n, classes), for inputs, (n, ...).
        data: where to train and evaluate.
        config: how.
        seed: of the order of the examples (role ``"order"``) and of the augmentation (role ``"augment"``);
            the initialisation is the model's own, see :func:`startright.models.build`.
        loss: gives the loss of each example, (n,), from outputs and labels; the batch mean is minimised.
        augment: changes a batch of training inputs, given a generator on their device.
        step: moves the model by one batch of inputs and targets and returns the batch loss, a scalar on the
            device; by default a step of the optimizer that ``config`` describes on ``loss``.

    Returns:
        The curves and how it ended.

    Raises:
        ValueError: a seed that is not a non-negative integer, or batches that the data do not fill.
    """
    (x, y), device = data.train, data.train.x.device
    order, noise = generator(seed, "order"), generator(seed, "augment", device)
    model.to(device).train()
    step = step or _gradient_step(model, torch_optimizer(config, model), loss)
    recorder = Recorder(config, data, loss)
    for _ in range(config.epochs):
        for index in batches(len(y), config.batch_size, order, drop_last=config.drop_last, device=device):
            inputs = augment(x[index], noise) if augment else x[index]
            batch_loss = step(inputs, y[index])
            if recorder.step(batch_loss[None], lambda x: _eval_outputs(model, x)[None]) == []:
                return recorder.histories[0]
    return recorder.histories[0]


def _gradient_step(model: nn.Module, optimizer: torch.optim.Optimizer, loss: Loss) -> Step:
    def step(inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        batch_loss = loss(model(inputs), targets).mean()
        optimizer.zero_grad()
        batch_loss.backward()
        optimizer.step()
        return batch_loss

    return step


def _eval_outputs(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    model.eval()
    outputs = model(x)
    model.train()
    return outputs


def torch_optimizer(config: TrainConfig, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer of torch that ``config`` describes, on the parameters of ``model``."""
    common = {"lr": config.lr, "weight_decay": config.weight_decay}
    if config.optimizer == "sgd":
        return torch.optim.SGD(model.parameters(), momentum=config.momentum, **common)
    return torch.optim.Adam(model.parameters(), betas=config.betas, eps=config.eps, **common)
