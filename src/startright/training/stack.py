"""Models of one shape as one function of one matrix of parameters."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.func import vmap
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from startright.models.functional import call_at, places
from startright.training.stack_layers import RULES, Values, ruled

_NORMS = nn.modules.batchnorm._NormBase  # they move their buffers while they train


class ModelStack:
    """The trainable parameters of many models of one shape, as the rows of one matrix.

    A forward pass is the models' own, vectorised over the rows, in the mode, training or evaluation, of the
    first model: by rules of their layers (:mod:`startright.training.stack_layers`), or by ``torch.func``.
    Buffers and frozen parameters that are the same in all models, such as the table of an activation, are
    kept once; the running statistics of normalisations are each run's own.

    Args:
        models: on one device, alike in all but the values of their parameters and buffers.

    Attributes:
        theta: the parameters, (runs, parameters), a leaf that requires its gradient.
        names: of the parameters, in the order in which their entries follow each other in a row.

    Raises:
        ValueError: no model, one model twice, models that differ or have nothing to train, or models that
            dropout, or a normalisation's cumulative average, makes impossible to run together.
    """

    def __init__(self, models: Sequence[nn.Module]):
        check_alike(models)
        self.models = list(models)
        self._base = models[0]
        trainable = {name: p for name, p in self._base.named_parameters() if p.requires_grad}
        if not trainable:
            raise ValueError(f"{type(self._base).__name__} has no parameter to train")
        self.names, self._places = list(trainable), places(self._base)
        self._all_places = places(self._base, again=True)
        self._shapes = [p.shape for p in trainable.values()]
        self._sizes = [p.numel() for p in trainable.values()]
        rows = [torch.cat([m.get_parameter(k).detach().flatten() for k in self.names]) for m in models]
        self.theta = torch.stack(rows).requires_grad_()
        self._shared, self._own = self._fixed()

    def _fixed(self) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
        """Buffers and frozen parameters: those that all models share, and those of each run, stacked."""
        shared, own = {}, {}
        fixed = [{k: t for k, t in _tensors(m).items() if k not in self.names} for m in self.models]
        moving = _moving(self._base)
        for name, first in fixed[0].items():
            values = [tensors[name].detach() for tensors in fixed]
            if name not in moving and all(torch.equal(first, value) for value in values):
                shared[name] = values[0]
            else:
                own[name] = torch.stack(values)
        return shared, own

    def __call__(self, x: torch.Tensor, *, shared: bool) -> torch.Tensor:
        """Outputs, (runs, n, classes), for inputs, (n, ...) if all runs share them, else (runs, n, ...)."""
        if not ruled(self._base):
            return self._mapped(x, shared)
        known = self.parts() | self._own
        runs = len(self.theta)
        known |= {name: t.expand(runs, *t.shape) for name, t in self._shared.items()}
        values = Values({place: known[name] for place, name in self._all_places.items()}, self._other)
        return RULES[type(self._base)](self._base, x.expand(runs, *x.shape) if shared else x, values)

    def _other(self, module: nn.Module, x: torch.Tensor, values: Values) -> torch.Tensor:
        """Outputs of a part of the models, (runs, n, ...), for its inputs, (runs, n, ...)."""
        own, shared = {}, {}
        for name in _tensors(module):
            known = self._all_places[values.place + name]
            (shared if known in self._shared else own)[name] = self._shared.get(known, values(name))

        def outputs(tensors: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
            return call_at(module, tensors | shared, (x,))

        with _FoldedNorms():
            return vmap(outputs)(own, x)

    def _mapped(self, x: torch.Tensor, shared: bool) -> torch.Tensor:
        """The same by ``vmap``, which runs any model."""

        def outputs(tensors: dict[str, torch.Tensor], x: torch.Tensor) -> torch.Tensor:
            return call_at(self._base, tensors | self._shared, (x,), where=self._places)

        with _FoldedNorms():
            return vmap(outputs, in_dims=(0, None if shared else 0))(self.parts() | self._own, x)

    def predict(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs in evaluation mode, (runs, n, classes), for inputs that all runs share, (n, ...)."""
        training = self._base.training
        self._base.eval()
        outputs = self(x, shared=True)
        self._base.train(training)
        return outputs

    def first(self) -> dict[str, torch.Tensor]:
        """The parameters of the first run by name."""
        return {name: values[0].detach() for name, values in self.parts().items()}

    def slots(self) -> list[tuple[Any, str]]:
        """Where the parameters and the buffers of each run are held."""
        return [(self, "theta"), *((self._own, name) for name in self._own)]

    def parts(self) -> dict[str, torch.Tensor]:
        """The parameters by name, (runs, ...), as views of ``theta``."""
        parts = zip(self.names, self.theta.split(self._sizes, 1), self._shapes, strict=True)
        return {name: part.view(len(part), *shape) for name, part, shape in parts}

    @torch.no_grad()
    def write(self) -> None:
        """Give every model its parameters and buffers as they are now."""
        stacked = self.parts() | self._own
        for row, model in enumerate(self.models):
            tensors = _tensors(model)
            for name, values in stacked.items():
                tensors[name].copy_(values[row])

    @torch.no_grad()
    def keep(self, rows: Sequence[int]) -> None:
        """Give every model its parameters and buffers back, and go on with those of the given rows."""
        self.write()
        self.models = [self.models[row] for row in rows]
        self.theta = self.theta.detach()[rows].requires_grad_()
        self._own = {name: values[rows] for name, values in self._own.items()}


class _FoldedNorms(TorchFunctionMode):
    """Batch normalisation under ``vmap`` as that of one batch with runs × channels channels.

    That is what ``vmap`` does as well, but without its scale and shift of each run, which cost as much again.
    """

    def __torch_function__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        if func is not F.batch_norm:
            return func(*args, **(kwargs or {}))
        return _fold(*args, **(kwargs or {}))


def _fold(  # noqa: PLR0917 - the signature of F.batch_norm
    x: torch.Tensor,
    running_mean: torch.Tensor | None,
    running_var: torch.Tensor | None,
    weight: torch.Tensor | None = None,
    bias: torch.Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> torch.Tensor:
    return _Folded.apply(x, running_mean, running_var, weight, bias, training, momentum, eps)


class _Folded(torch.autograd.Function):
    """Only its rule for ``vmap`` is ever used; what that computes is differentiated as usual."""

    @staticmethod
    def forward(*args: Any) -> torch.Tensor:
        raise AssertionError("a stack runs its models under vmap")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple, output: torch.Tensor) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: tuple, x: torch.Tensor, *rest: Any) -> tuple[torch.Tensor, int]:
        runs = info.batch_size

        def rows(t: torch.Tensor | None, dim: int | None) -> torch.Tensor | None:
            """The values of all runs one after another, (runs × channels,)."""
            if t is None:
                return None
            return t.repeat(runs) if dim is None else t.movedim(dim, 0).flatten()

        x = x.unsqueeze(1).expand(-1, runs, *x.shape[1:]) if in_dims[0] is None else x.movedim(in_dims[0], 1)
        statistics = [rows(t, dim) for t, dim in zip(rest[:4], in_dims[1:5], strict=True)]
        return F.batch_norm(x.flatten(1, 2), *statistics, *rest[4:]).unflatten(1, (runs, -1)), 1


def _tensors(model: nn.Module) -> dict[str, torch.Tensor]:
    return dict((*model.named_parameters(), *model.named_buffers()))


def _moving(model: nn.Module) -> set[str]:
    """Names of the buffers that a normalisation moves while it trains."""
    return {
        f"{path}.{name}".lstrip(".")
        for path, module in model.named_modules()
        if isinstance(module, _NORMS)
        for name, _ in module.named_buffers(recurse=False)
    }


def check_alike(models: Sequence[nn.Module]) -> None:
    """Refuse models that cannot be stacked.

    Raises:
        ValueError: see :class:`ModelStack`.
    """
    if len({id(model) for model in models}) < max(1, len(models)):
        raise ValueError(f"expected one or more models, none of them twice, got {len(models)}")
    for module in models[0].modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            raise ValueError(
                f"{module} depends on more than inputs and parameters: train such runs one by one"
            )
        if isinstance(module, _NORMS) and module.track_running_stats and module.momentum is None:
            raise ValueError(f"{module} counts its batches on the host: train such runs one by one")
    first = _likeness(models[0])
    for index, model in enumerate(models):
        if (other := _likeness(model)) != first:
            raise ValueError(f"model {index} differs from model 0: {_difference(first, other)}")


def _likeness(model: nn.Module) -> list[str]:
    return [
        *repr(model).splitlines(),
        *(f"{name}: {tuple(t.shape)} {t.dtype} {t.requires_grad}" for name, t in _tensors(model).items()),
    ]


def _difference(first: list[str], other: list[str]) -> str:
    for a, b in zip(first, other, strict=False):
        if a != b:
            return f"{b.strip()!r} instead of {a.strip()!r}"
    return f"{len(other)} layers and tensors instead of {len(first)}"
