"""Data, network and loss of the paper's experiments, and the loss as a function of the parameters."""

import time
from collections.abc import Callable

import torch
from torch import nn

from startright import data
from startright.data import Dataset
from startright.papers.higher_order.networks import network
from startright.papers.higher_order.reduced import Loss as LossOfParams
from startright.papers.higher_order.reduced import Params, loss_function
from startright.training import cross_entropy
from startright.training.evaluation import Loss


def own_loss(outputs: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The loss of each example, (n,), of a network that returns it itself, (n, 1); labels play no role."""
    return outputs[:, 0]


def loss_of(net: str) -> Loss:
    """The loss of each example for the network of that name."""
    return own_loss if network(net).rebuilds else cross_entropy


def load(
    dataset: str,
    net: str,
    device: torch.device,
    *,
    n_train: int | None = None,
    validation: int = 0,
    dtype: torch.dtype = torch.float32,
) -> Dataset:
    """The images in the shape that the network takes, standardised for each channel.

    Those that an auto-encoder is to give back stay in 0 to 1.
    """
    return data.load(
        dataset,
        device=device,
        n_train=n_train,
        validation=validation,
        flatten=network(net).flat,
        normalize=not network(net).rebuilds,
        dtype=dtype,
    )


def parameters(model: nn.Module) -> dict[str, torch.Tensor]:
    """The parameters by name, detached."""
    return {name: p.detach() for name, p in model.named_parameters()}


def batch_loss(model: nn.Module, loss: Loss, x: torch.Tensor, y: torch.Tensor) -> LossOfParams:
    """The mean loss on a batch as a function of the model's parameters by name."""
    return loss_function(model, lambda outputs, targets: loss(outputs, targets).mean(), x, y)


def gradient(of_params: LossOfParams, params: Params) -> dict[str, torch.Tensor]:
    """The gradient of a loss by name."""
    leaves = {name: p.detach().requires_grad_() for name, p in params.items()}
    values = torch.autograd.grad(of_params(leaves), list(leaves.values()))
    return dict(zip(leaves, values, strict=True))


def clock(device: torch.device) -> Callable[[], float]:
    """Gives seconds: of the processor, which other programs do not lengthen; of the wall on a GPU."""
    if device.type == "cpu":
        return time.process_time

    def wall() -> float:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        return time.perf_counter()

    return wall
