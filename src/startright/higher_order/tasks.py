"""Data, network and loss of the room's experiments, and the loss as a function of the parameters."""

from collections.abc import Callable, Mapping

import torch
from torch import nn
from torch.func import functional_call

from startright import data
from startright.data import Dataset
from startright.higher_order.networks import network
from startright.training import cross_entropy
from startright.training.evaluation import Loss

Params = Mapping[str, torch.Tensor]
LossOfParams = Callable[[Params], torch.Tensor]


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

    def of_params(params: Params) -> torch.Tensor:
        return loss(functional_call(model, dict(params), (x,)), y).mean()

    return of_params


def gradient(of_params: LossOfParams, params: Params) -> dict[str, torch.Tensor]:
    """The gradient of a loss by name."""
    leaves = {name: p.detach().requires_grad_() for name, p in params.items()}
    values = torch.autograd.grad(of_params(leaves), list(leaves.values()))
    return dict(zip(leaves, values, strict=True))
