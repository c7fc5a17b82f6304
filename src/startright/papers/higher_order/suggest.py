"""Learning rates for the groups of a network, read off the curvature of the loss at one point."""

from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import nn

from startright.errors import unknown
from startright.papers.higher_order.batches import LossOfOutputs, as_batches, weights_of
from startright.papers.higher_order.cubic import anisotropy, cubic_step
from startright.papers.higher_order.partition import Groups, as_partition
from startright.papers.higher_order.reduced import (
    add_derivatives,
    checked,
    grouped_derivatives,
    loss_function,
    scalar,
)
from startright.papers.higher_order.steady import WRAPPERS, bare, plain_torch, steady
from startright.papers.higher_order.verify import right_backend


def suggest_learning_rates(
    model: nn.Module,
    loss: LossOfOutputs,
    data: Any,
    *,
    groups: Groups = "canonical",
    lambda_int: float = 1.0,
    direction: str | Mapping[str, torch.Tensor] = "gradient",
    weights: Iterable[float] | None = None,
    check: bool = True,
) -> dict[str, float]:
    r"""The learning rate of each group that minimises the cubic model of the loss along its gradient.

    Args:
        model: where to look; it does not change. In the mode it is in: with dropout or batch normalisation,
            call ``eval()`` before.
        loss: of outputs and targets, a mean over examples.
        data: one mini-batch, or several, (x, y) each, x being a tensor, a tuple of arguments or a dictionary
            of arguments by name.
        groups: as for :class:`~startright.higher_order.optim.GroupedNewton`.
        lambda_int: :math:`\lambda` of the cubic term.
        direction: ``"gradient"``, of all of ``data``; or any other by the name of the parameter.
        weights: what the loss of each mini-batch counts for, in proportion; by default what a
            cross-entropy divided by, or else the number of examples, if the loss of joined mini-batches bears
            that out.
        check: whether to hold the derivatives along a mixed direction against differences first, and to
            take a back-end that passes; see :func:`~startright.higher_order.verify.right_backend`.

    Returns:
        :math:`\eta_s` by the name of the group. A negative one says that, next to the steps of the other
        groups, this one had better go back; a group that the loss ignores has 0.

    Raises:
        ValueError: no data, mini-batches whose losses do not say how they count, or what
            :func:`~startright.higher_order.reduced.grouped_derivatives` refuses.
        WrongDerivatives: torch has the derivatives of a layer wrong.
        InfeasibleModel: the model has no minimiser.

    >>> line = nn.Linear(1, 1, bias=False)
    >>> x = torch.tensor([[1.0], [3.0]])  # the mean of x² is 5, the loss is 5 (w - 2)²
    >>> rates = suggest_learning_rates(line, nn.functional.mse_loss, (x, 2 * x))
    >>> {name: round(rate, 6) for name, rate in rates.items()}
    {'weight': 0.1}
    """
    if isinstance(model, WRAPPERS):
        raise ValueError(
            f"{type(model).__name__} is of several processes, and these rates are of one's data: give"
            " model.module in one process, and broadcast the rates"
        )
    model, batches = bare(model), as_batches(data)
    partition = as_partition(groups, model)
    params = {name: p for name, p in model.named_parameters() if p.requires_grad}
    checked(params, partition, params)
    with plain_torch(params):
        shares = weights_of(batches, model, loss, weights)
        weighted = [(w, loss_function(model, loss, *b)) for w, b in zip(shares, batches, strict=True) if w]
        if isinstance(direction, str):
            if direction != "gradient":
                raise unknown("direction", direction, ["gradient"])
            direction = _gradient(weighted, params)
    third, backend = lambda_int > 0, "tangents"
    if check:
        backend = right_backend(weighted[0][1], params, partition, direction, third=third)
    mean = add_derivatives(
        (w, grouped_derivatives(of_params, params, partition, direction, third=third, backend=backend))
        for w, of_params in weighted
    )
    d = None if mean.d3 is None else anisotropy(mean.d3)
    eta = cubic_step(mean.g, mean.H, d, lambda_int).eta
    return dict(zip(partition.names, eta.tolist(), strict=True))


def _gradient(weighted, params: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The gradient of the weighted sum of losses by name; 0 where there is none."""
    total = {name: torch.zeros_like(p) for name, p in params.items()}
    for weight, of_params in weighted:
        with torch.enable_grad():
            value = scalar(steady(of_params)(params))
        grads = torch.autograd.grad(value, list(params.values()), allow_unused=True)
        for name, grad in zip(params, grads, strict=True):
            if grad is not None:
                total[name] += weight * grad
    return total
