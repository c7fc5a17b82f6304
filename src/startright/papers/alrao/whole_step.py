"""The whole step of Alrao as one compiled program, for networks of known layers on a CPU.

Heads and Switch alone (:mod:`startright.alrao.compiled`) leave the pass of the backbone, its gradient and the
update, for a narrow network most of a step. All of it can be compiled where the pass is known to be a
function of inputs, parameters and buffers: a network that counts its calls, or draws, would go on with what
it did while it was recorded. So the layers are those of a list, and every step asks whether they still are.
"""

import warnings
from collections.abc import Sequence
from functools import partial
from operator import attrgetter
from typing import Any

import torch
from torch import nn
from torch.func import functional_call
from torch.nn.modules.module import _has_any_global_hook
from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

from startright.models import MLP
from startright.papers.alrao import replicas
from startright.papers.alrao.batches import as_features, flat_targets
from startright.papers.alrao.ends import End
from startright.papers.alrao.likelihoods import Categorical
from startright.papers.alrao.mixture import linear_step
from startright.papers.alrao.optim import PerUnitSGD, clear
from startright.papers.alrao.switch import switch_update
from startright.training.compiled import CannotCompile, Compiled

#: Modules whose pass is a function of inputs, parameters and buffers, in training.
PURE = {nn.Sequential, MLP, End, nn.Identity, nn.Flatten, nn.Linear, nn.BatchNorm1d, nn.LayerNorm}
PURE |= {nn.ReLU, nn.LeakyReLU, nn.ELU, nn.SELU, nn.GELU, nn.SiLU, nn.Softplus, nn.Sigmoid, nn.Tanh}
#: Settings of each that are no tensors, such as a momentum: recorded as they stood, so asked for every time.
SETTINGS = {kind: attrgetter(*kind.__constants__) for kind in PURE if getattr(kind, "__constants__", ())}


class WholeStep:
    """A step of a model, from the inputs to the moved parameters and weights of its heads.

    Args:
        model: an :class:`~startright.alrao.model.Alrao` with linear heads.
    """

    def __init__(self, model: nn.Module):
        self.model, self._fails = model, False
        self._step = Compiled(partial(_whole, model), "the whole step")
        self._rate: tuple[float, torch.Tensor] | None = None

    def __call__(self, x: Any, targets: Any, optimizer: torch.optim.Optimizer) -> torch.Tensor | None:
        """Make a step if it can be made so: of classes, by plain SGD, of the layers above, with no hooks.

        Args:
            x: inputs.
            targets: of the examples.
            optimizer: of the model.

        Returns:
            The loss, detached; None where the step is still to be made in another way.

        Raises:
            ValueError: targets that do not fit; nothing has moved.
        """
        parts = list(self.model.backbone.modules())
        if not self._takes(x, targets, optimizer, parts):
            return None
        heads, switch, (group,) = self.model.heads, self.model.switch, optimizer.param_groups
        moving = [p for part in (*parts, heads.stack) for p in part._parameters.values() if p is not None]
        buffers = [b for part in parts for b in part._buffers.values() if b is not None]
        rates = [_rate_of(p, optimizer) for p in moving]
        if (
            len({*map(id, moving), *map(id, buffers)}) < len(moving) + len(buffers)
            or len(moving) != len(group["params"])
            or any(rate is None for rate in rates)
        ):
            return None
        self.model.likelihood.check(heads.weight.shape[1], targets, len(targets))
        lr = float(group["lr"])  # of a tensor too, which schedules change in place
        if self._rate is None or self._rate[0] != lr:
            self._rate = lr, torch.tensor(lr, dtype=torch.float64)
        clear(optimizer)  # as after any other step no older gradient is left
        try:
            (loss,) = self._step(
                *(x.contiguous(), targets.contiguous(), self._rate[1], switch.log_mass, switch.t),
                *(*buffers, *moving, *rates),
                kind=(switch.theta, *map(_built, parts)),
            )
        except CannotCompile as error:
            warnings.warn(f"{error}; heads and Switch alone are compiled", stacklevel=3)
            self._fails = True
            return None
        self.model.turn.done()
        optimizer._opt_called = True  # else schedules warn that they stepped first
        return loss

    def _takes(
        self, x: Any, targets: Any, optimizer: torch.optim.Optimizer, parts: Sequence[nn.Module]
    ) -> bool:
        return (
            not self._fails
            and type(optimizer) is PerUnitSGD
            and type(self.model.likelihood) is Categorical
            and len(optimizer.param_groups) == 1
            and not (optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks)
            and not (_global_optimizer_pre_hooks or _global_optimizer_post_hooks or _has_any_global_hook())
            and _are_plain(x, targets)
            and torch.is_grad_enabled()
            and not (torch.is_autocast_enabled("cpu") or torch.is_anomaly_enabled())
            and all(map(_is_pure, parts))
            and replicas.partners(self.model.group) is None
        )


def _are_plain(x: Any, targets: Any) -> bool:
    both = isinstance(x, torch.Tensor) and isinstance(targets, torch.Tensor)
    return both and x.is_cpu and targets.is_cpu and targets.dim() == 1 and len(x) > 0 and not x.requires_grad


def _is_pure(part: nn.Module) -> bool:
    """Whether nobody has changed what a layer does; without a momentum it looks at its own count."""
    return (
        type(part) in PURE
        and part.training
        and "forward" not in part.__dict__
        and part._compiled_call_impl is None
        and not (part._forward_hooks or part._forward_pre_hooks)
        and not (part._backward_hooks or part._backward_pre_hooks)
        and getattr(part, "momentum", 0.0) is not None
    )


def _built(part: nn.Module) -> tuple:
    """What a module is but for its tensors: its type, settings and children."""
    read = SETTINGS.get(type(part))
    return type(part), read and read(part), *part._modules.values()


def _rate_of(p: nn.Parameter, optimizer: PerUnitSGD) -> torch.Tensor | None:
    """The rates of a parameter that learns; None where the step has to see to it."""
    if not p.requires_grad or p._backward_hooks or p._post_accumulate_grad_hooks:
        return None
    rate = optimizer.state.get(p, {}).get("rate")
    return rate if rate is not None and rate.dtype is p.dtype and rate.is_cpu else None


def _held(module: nn.Module, kind: str) -> dict[str, torch.Tensor]:
    """The parameters or buffers of a module by name, in its order, those that stand twice as well."""
    return {
        f"{path}.{name}".lstrip("."): tensor
        for path, part in module.named_modules()
        for name, tensor in getattr(part, kind).items()
        if tensor is not None
    }


def _whole(  # noqa: PLR0917 - what it is made for, then tensors
    model: nn.Module,
    x: torch.Tensor,
    targets: torch.Tensor,
    lr: torch.Tensor,
    log_mass: torch.Tensor,
    t: torch.Tensor,
    *rest: torch.Tensor,
) -> tuple[torch.Tensor]:
    """The algorithm of the paper in its order; all tensors but the first three are moved, and the loss given.

    The rest are the buffers and the parameters of the backbone, those of the heads, and the rates of these.
    """
    names, others = _held(model.backbone, "_parameters"), _held(model.backbone, "_buffers")
    buffers, moving = rest[: len(others)], rest[len(others) :]
    moving, rates = moving[: len(moving) // 2], moving[len(moving) // 2 :]
    own, (weight, *bias) = moving[: len(names)], moving[len(names) :]
    free = [p.detach().requires_grad_() for p in own]
    with torch.enable_grad():
        state = dict(zip((*names, *others), (*free, *buffers), strict=True))
        output = functional_call(model.backbone, state, (x,), tie_weights=False)
        z, targets = as_features(output, log_mass.dtype), flat_targets(targets, output)
    log_weights = torch.logaddexp(log_mass[0], log_mass[1])
    step = linear_step(z.detach(), weight, bias[0] if bias else None, targets, log_weights, model.likelihood)
    slopes = [*torch.autograd.grad(z, free, step.features, allow_unused=True), step.weight, step.bias]
    with torch.no_grad():
        for p, slope, rate in zip(moving, slopes, rates, strict=False):
            if slope is not None:
                p.sub_(lr * rate * slope)
        if model.heads.n > 1:
            log_mass.copy_(switch_update(log_mass, t, step.log_likelihoods, model.switch.theta))
            t.add_(1)
    return (step.loss,)
