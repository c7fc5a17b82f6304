"""Models of one shape as one function of one matrix of parameters."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.func import functional_call, vmap

_REFUSED = (nn.modules.batchnorm._BatchNorm, nn.modules.dropout._DropoutNd)


class ModelStack:
    """The trainable parameters of many models of one shape, as the rows of one matrix.

    A forward pass is the models' own, vectorised over the rows by ``torch.func``. Buffers and frozen
    parameters that are the same in all models, such as the table of an activation, are kept once.

    Args:
        models: on one device, alike in all but the values of their parameters and buffers.

    Attributes:
        theta: the parameters, (runs, parameters), a leaf that requires its gradient.

    Raises:
        ValueError: no model, one model twice, models that differ, or models that batch normalisation or
            dropout makes depend on more than their inputs and parameters.
    """

    def __init__(self, models: Sequence[nn.Module]):
        _check_alike(models)
        self.models = list(models)
        self._base = models[0]
        trainable = {name: p for name, p in self._base.named_parameters() if p.requires_grad}
        self._names = list(trainable)
        self._shapes = [p.shape for p in trainable.values()]
        self._sizes = [p.numel() for p in trainable.values()]
        self.theta = torch.stack([self._flat(model) for model in models]).requires_grad_()
        self._shared, self._own = self._fixed()

    def _flat(self, model: nn.Module) -> torch.Tensor:
        return torch.cat([model.get_parameter(name).detach().flatten() for name in self._names])

    def _fixed(self) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Buffers and frozen parameters: those that all models share, and those of each run, stacked."""
        shared, own = {}, {}
        fixed = [
            {k: t for k, t in (*m.named_parameters(), *m.named_buffers()) if k not in self._names}
            for m in self.models
        ]
        for name, first in fixed[0].items():
            values = [tensors[name].detach() for tensors in fixed]
            if all(torch.equal(first, value) for value in values):
                shared[name] = values[0]
            else:
                own[name] = torch.stack(values)
        return shared, own

    def __call__(self, x: torch.Tensor, *, shared: bool) -> torch.Tensor:
        """Outputs, (runs, n, classes), for inputs, (n, ...) if all runs share them, else (runs, n, ...)."""
        parts = zip(self._names, self.theta.split(self._sizes, 1), self._shapes, strict=True)
        rows = {name: part.view(len(part), *shape) for name, part, shape in parts}

        def outputs(tensors: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
            return functional_call(self._base, (tensors, self._shared), (x,))

        return vmap(outputs, in_dims=(0, None if shared else 0))(rows | self._own, x)

    @torch.no_grad()
    def keep(self, rows: Sequence[int]) -> None:
        """Give every model its parameters back, and go on with those of the given rows."""
        for model, row in zip(self.models, self.theta, strict=True):
            for name, part, shape in zip(self._names, row.split(self._sizes), self._shapes, strict=True):
                model.get_parameter(name).copy_(part.view(shape))
        self.models = [self.models[row] for row in rows]
        self.theta = self.theta.detach()[rows].requires_grad_()
        self._own = {name: values[rows] for name, values in self._own.items()}


def _check_alike(models: Sequence[nn.Module]) -> None:
    if len({id(model) for model in models}) < max(1, len(models)):
        raise ValueError(f"expected one or more models, none of them twice, got {len(models)}")
    for module in models[0].modules():
        if isinstance(module, _REFUSED):
            raise ValueError(
                f"{module} depends on more than inputs and parameters: train such runs one by one"
            )
    first = _likeness(models[0])
    for index, model in enumerate(models):
        if (other := _likeness(model)) != first:
            raise ValueError(f"model {index} differs from model 0: {_difference(first, other)}")


def _likeness(model: nn.Module) -> list[str]:
    tensors = (*model.named_parameters(), *model.named_buffers())
    return [
        *repr(model).splitlines(),
        *(f"{name}: {tuple(t.shape)} {t.dtype} {t.requires_grad}" for name, t in tensors),
    ]


def _difference(first: list[str], other: list[str]) -> str:
    for a, b in zip(first, other, strict=False):
        if a != b:
            return f"{b.strip()!r} instead of {a.strip()!r}"
    return f"{len(other)} layers and tensors instead of {len(first)}"
