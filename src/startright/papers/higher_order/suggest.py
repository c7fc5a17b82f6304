"""Learning rates for the groups of a network, read off the curvature of the loss at one point."""

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import nn

from startright.errors import unknown
from startright.papers.higher_order.cubic import anisotropy, cubic_step
from startright.papers.higher_order.partition import Groups, as_partition
from startright.papers.higher_order.reduced import add_derivatives, grouped_derivatives, loss_function, scalar

Batch = tuple[torch.Tensor, torch.Tensor]


def suggest_learning_rates(
    model: nn.Module,
    loss: Callable[[torch.Tensor, torch.Tensor], torch.Tensor],
    data: Batch | Iterable[Batch],
    *,
    groups: Groups = "canonical",
    lambda_int: float = 1.0,
    direction: str | Mapping[str, torch.Tensor] = "gradient",
) -> dict[str, float]:
    r"""The learning rate of each group that minimises the cubic model of the loss along its gradient.

    Args:
        model: where to look; it does not change. In the mode it is in: call ``eval()`` before if it has
            dropout or batch normalisation.
        loss: of outputs and targets, a mean over examples.
        data: one mini-batch, or several, (x, y) each; they count by their sizes.
        groups: as for :class:`~startright.higher_order.optim.GroupedNewton`.
        lambda_int: :math:`\lambda` of the cubic term.
        direction: ``"gradient"``, of all of ``data``; or any other by the name of the parameter.

    Returns:
        :math:`\eta_s` by the name of the group. A negative one says that, next to the steps of the other
        groups, this one had better go back; a group that the loss ignores has 0.

    Raises:
        ValueError: no data, or what :func:`~startright.higher_order.reduced.grouped_derivatives` refuses.
        InfeasibleModel: the model has no minimiser.

    >>> line = nn.Linear(1, 1, bias=False)
    >>> x = torch.tensor([[1.0], [3.0]])  # the mean of x² is 5, the loss is 5 (w - 2)²
    >>> rates = suggest_learning_rates(line, nn.functional.mse_loss, (x, 2 * x))
    >>> {name: round(rate, 6) for name, rate in rates.items()}
    {'weight': 0.1}
    """
    batches = _batches(data)
    partition = as_partition(groups, model)
    params = {name: p for name, p in model.named_parameters() if p.requires_grad}
    total = sum(len(x) for x, _ in batches)
    weighted = [(len(x) / total, loss_function(model, loss, x, y)) for x, y in batches]
    if isinstance(direction, str):
        if direction != "gradient":
            raise unknown("direction", direction, ["gradient"])
        direction = _gradient(weighted, params)
    mean = add_derivatives(
        (weight, grouped_derivatives(of_params, params, partition, direction, third=lambda_int > 0))
        for weight, of_params in weighted
    )
    d = None if mean.d3 is None else anisotropy(mean.d3)
    eta = cubic_step(mean.g, mean.H, d, lambda_int).eta
    return dict(zip(partition.names, eta.tolist(), strict=True))


def _batches(data: Batch | Iterable[Batch]) -> list[Batch]:
    if isinstance(data, tuple | list) and len(data) == 2 and isinstance(data[0], torch.Tensor):
        return [tuple(data)]
    batches = [tuple(batch) for batch in data]
    if not batches or not all(len(batch) == 2 and len(batch[0]) for batch in batches):
        raise ValueError("data must be a mini-batch (x, y), or one or more of them, none empty")
    return batches


def _gradient(weighted, params: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The gradient of the weighted sum of losses by name; 0 where there is none."""
    total = {name: torch.zeros_like(p) for name, p in params.items()}
    for weight, of_params in weighted:
        with torch.enable_grad():
            value = scalar(of_params(params))
        grads = torch.autograd.grad(value, list(params.values()), allow_unused=True)
        for name, grad in zip(params, grads, strict=True):
            if grad is not None:
                total[name] += weight * grad
    return total
