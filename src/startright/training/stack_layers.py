"""The layers of a stack of models as single operations for all runs.

``torch.func.vmap`` runs any model, at some ten microseconds more for each operation and as much for each
parameter, which is most of the time of a narrow network. The layers that have a rule here are run without it:
the same products and sums, bit for bit in training. A layer without a rule goes through ``vmap`` alone; a
model without one, as a whole.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from startright.models import MLP

ELEMENTWISE = (nn.Identity, nn.Tanh, nn.Sigmoid, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Softplus)


@dataclass(frozen=True)
class Values:
    """The tensors of the models of a stack at one of their modules.

    Attributes:
        tensors: of each run, (runs, ...), by their place in the model.
        other: how a module without a rule is run, given it, its inputs, and these at the module.
        place: of the module, with a dot behind it; empty for the model.
    """

    tensors: Mapping[str, torch.Tensor]
    other: Callable[[nn.Module, torch.Tensor, "Values"], torch.Tensor]
    place: str = ""

    def __call__(self, name: str) -> torch.Tensor | None:
        """The module's own tensor of this name, (runs, ...), or None."""
        return self.tensors.get(self.place + name)

    def run(self, name: str, module: nn.Module, x: torch.Tensor) -> torch.Tensor:
        """Outputs of the module's child of this name, (runs, n, ...), for inputs, (runs, n, ...)."""
        there = Values(self.tensors, self.other, f"{self.place}{name}.")
        return (RULES[type(module)] if ruled(module) else self.other)(module, x, there)


Rule = Callable[[nn.Module, torch.Tensor, Values], torch.Tensor]
RULES: dict[type[nn.Module], Rule] = {}


def rule(*kinds: type[nn.Module]) -> Callable[[Rule], Rule]:
    """Registers how layers of these types, and not of those derived from them, are run for all runs at once.

    What is decorated takes a layer of the first run, for its settings, the inputs, (runs, n, ...), and
    :class:`Values`, and gives the outputs, (runs, n, ...).
    """

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(kinds, function))
        return function

    return register


def ruled(module: nn.Module) -> bool:
    """Whether a module has a rule, and no hooks, which only its own forward pass would call."""
    hooks = module._forward_hooks or module._forward_pre_hooks
    return type(module) in RULES and not hooks and "forward" not in vars(module)


@rule(nn.Sequential)
def _sequential(module: nn.Sequential, x: torch.Tensor, values: Values) -> torch.Tensor:
    for name, child in module._modules.items():
        x = values.run(name, child, x)
    return x


@rule(MLP)
def _mlp(module: MLP, x: torch.Tensor, values: Values) -> torch.Tensor:
    return values.run("layers", module.layers, module.flat(x, 2))


@rule(*ELEMENTWISE)
def _elementwise(module: nn.Module, x: torch.Tensor, values: Values) -> torch.Tensor:
    return module(x.clone() if getattr(module, "inplace", False) else x)


@rule(nn.ReLU)
def _relu(module: nn.ReLU, x: torch.Tensor, values: Values) -> torch.Tensor:
    return x.relu()


@rule(nn.Flatten)
def _flatten(module: nn.Flatten, x: torch.Tensor, values: Values) -> torch.Tensor:
    first, last = (dim + (dim >= 0) for dim in (module.start_dim, module.end_dim))
    return x.flatten(first, last)


@rule(nn.Linear)
def _linear(module: nn.Linear, x: torch.Tensor, values: Values) -> torch.Tensor:
    return linear(x, values("weight"), values("bias"))


def linear(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """A linear layer of each run.

    Args:
        x: inputs, (runs, n, ..., k).
        weight: (runs, m, k).
        bias: (runs, m), or None.
    """
    rows = x if x.dim() == 3 else x.flatten(1, -2)
    outputs = rows @ weight.mT if bias is None else torch.baddbmm(bias[:, None], rows, weight.mT)
    return outputs if x.dim() == 3 else outputs.view(*x.shape[:-1], -1)


@rule(nn.BatchNorm1d, nn.BatchNorm2d)
def _batch_norm(module: nn.BatchNorm1d | nn.BatchNorm2d, x: torch.Tensor, values: Values) -> torch.Tensor:
    """As that of one batch with runs × channels channels."""
    moving = module.training and module.track_running_stats
    if moving:
        values("num_batches_tracked").add_(1)
    kept = (
        values(name) if moving or not module.training else None for name in ("running_mean", "running_var")
    )
    mean, var, weight, bias = (
        t if t is None else t.flatten() for t in (*kept, values("weight"), values("bias"))
    )
    folded = x.movedim(0, 1).flatten(1, 2)
    by_batch = module.training or mean is None
    found = F.batch_norm(folded, mean, var, weight, bias, by_batch, module.momentum, module.eps)
    return found.unflatten(1, (len(x), -1)).movedim(1, 0)
