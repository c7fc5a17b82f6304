r"""SGD and Adam with a learning rate an entry of every parameter.

Each comes as a plain loop over the parameters, which reads like the formula, and as a few operations over all
of them at once (``foreach``), which is what runs by default; the tests hold one against the other.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch

from startright.papers.alrao.rates import real_type
from startright.papers.alrao.turns import Turn

Named = Iterable[tuple[str, torch.nn.Parameter]] | Iterable[dict[str, Any]]


class _PerUnit(torch.optim.Optimizer):
    """What the optimizers share: every parameter's rates, at its full shape, in the state.

    Complex parameters are moved as pairs of real ones, as ``torch.optim`` does.

    Attributes:
        turn: of the model whose heads this optimizer moves; None without one.
    """

    def __init__(self, named_params: Named, rates: Mapping[str, torch.Tensor], defaults: dict[str, Any]):
        named_params = list(named_params)
        if not all(isinstance(entry, tuple | dict) for entry in named_params):
            raise ValueError("parameters must come with their names: model.named_parameters()")
        if not 0 < defaults["lr"] < math.inf:
            raise ValueError(f"lr multiplies all rates: positive and finite, got {defaults['lr']}")
        self.turn: Turn | None = None
        super().__init__(named_params, defaults)
        self._take_rates(self.param_groups, rates)

    def _take_rates(self, groups: list[dict[str, Any]], rates: Mapping[str, torch.Tensor]) -> None:
        owners = {name: p for group in groups for name, p in zip(*_named(group), strict=True)}
        if unpaired := sorted(set(owners) ^ set(rates)):
            raise ValueError(
                f"every parameter needs rates, and all rates a parameter; without: {', '.join(unpaired)}"
            )
        for name, p in owners.items():
            self.state[p]["rate"] = _full(name, rates[name], p)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """One more group, of (name, parameter) pairs, with ``"rates"`` by those names.

        Raises:
            ValueError: names that do not match, rates that do not fit; the optimizer is as it was.
        """
        group = dict(param_group)
        rates = group.pop("rates", None)
        super().add_param_group(group)
        if rates is None:  # the first groups, whose rates follow; any other is refused at the step
            return
        try:
            self._take_rates(self.param_groups[-1:], rates)
        except ValueError:
            for p in self.param_groups.pop()["params"]:
                self.state.pop(p, None)
            raise

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"turn": self.turn}

    @torch.no_grad()
    def step(self, closure: Callable[[], torch.Tensor] | None = None) -> torch.Tensor | None:
        """Move every parameter that has a gradient; the loss of ``closure`` if there is one.

        Raises:
            ValueError: a parameter that was added later and has no rates, or a sparse gradient.
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        moved = False
        for group in self.param_groups:
            params = [p for p in group["params"] if p.grad is not None]
            if params:
                states, grads = [self.state[p] for p in params], [p.grad for p in params]
                if not all(_fits(state.get("rate"), g) for state, g in zip(states, grads, strict=True)):
                    self._mend(params)
                self._move(group, _real(params), _real(grads), states)
                moved = True
        if moved and self.turn is not None:
            self.turn.stepped()
        return loss

    def _mend(self, params: list[torch.Tensor]) -> None:
        """Follow a model that was moved, or cast, after the optimizer was made."""
        for p in params:
            state = self.state[p]
            if "rate" not in state or p.grad.is_sparse:
                why = (
                    "a sparse gradient: make it dense"
                    if "rate" in state
                    else 'no rates: add its group with "rates", a dictionary by name'
                )
                raise ValueError(f"a parameter of shape {tuple(p.shape)} has {why}")
            for key, value in state.items():
                if isinstance(value, torch.Tensor):
                    state[key] = value.to(p.device, real_type(p.dtype))

    def _move(self, group, params, grads, states) -> None:
        raise NotImplementedError


def _fits(rate: torch.Tensor | None, grad: torch.Tensor) -> bool:
    return rate is not None and rate.dtype is grad.dtype and rate.device == grad.device and not grad.is_sparse


def _named(group: dict[str, Any]) -> tuple[list[str], list[torch.Tensor]]:
    if "param_names" not in group:
        raise ValueError("parameters must come with their names: model.named_parameters()")
    return group["param_names"], group["params"]


def _real(tensors: list[torch.Tensor]) -> list[torch.Tensor]:
    """Complex tensors as pairs of real ones, (..., 2), in the same memory."""
    return [torch.view_as_real(tensor) if tensor.is_complex() else tensor for tensor in tensors]


def _full(name: str, rate: torch.Tensor, p: torch.Tensor) -> torch.Tensor:
    """The rates at the parameter's full shape: the price is one more copy of the weights, the gain that all
    tensors are moved by the same few kernels.
    """
    rate = rate.detach().to(p.device, real_type(p.dtype))
    if not bool((rate.isfinite() & (rate >= 0)).all()):
        raise ValueError(f"rates must be finite and not negative, those of {name} are not")
    try:
        full = torch.empty_like(p, dtype=rate.dtype).detach().copy_(rate)
    except RuntimeError:
        raise ValueError(
            f"rates of shape {tuple(rate.shape)} do not broadcast to {name}, {tuple(p.shape)}"
        ) from None
    return full.unsqueeze(-1).expand(*p.shape, 2).contiguous() if p.is_complex() else full


class PerUnitSGD(_PerUnit):
    r"""SGD with a rate an entry.

    .. math:: \theta \leftarrow \theta - \mathrm{lr}\;\eta \odot \nabla_\theta L

    Args:
        named_params: (name, parameter) pairs, or groups of them as for ``torch.optim``.
        rates: η by the parameter's name, of shapes that broadcast to the parameters; zero freezes an entry.
        lr: factor of all rates, one a group, so that schedulers of ``torch.optim`` work.
        foreach: move all tensors at once, or one after another.

    Raises:
        ValueError: names that do not match, rates that do not fit.

    With all rates η this is ``torch.optim.SGD`` at η.
    """

    def __init__(
        self,
        named_params: Named,
        rates: Mapping[str, torch.Tensor],
        lr: float = 1.0,
        *,
        foreach: bool = True,
    ):
        super().__init__(named_params, rates, {"lr": lr, "foreach": foreach})

    def _move(self, group, params, grads, states) -> None:
        lr, rates = float(group["lr"]), [state["rate"] for state in states]
        if group["foreach"]:
            torch._foreach_addcmul_(params, grads, rates, value=-lr)
        else:
            for p, g, rate in zip(params, grads, rates, strict=True):
                p.sub_(lr * rate * g)


class PerUnitAdam(_PerUnit):
    r"""Adam with a rate an entry, which scales the update and not the gradient.

    .. math::
        m \leftarrow \beta_1 m + (1-\beta_1) g, \quad v \leftarrow \beta_2 v + (1-\beta_2) g^2, \quad
        \theta \leftarrow \theta - \mathrm{lr}\;\eta \odot
        \frac{m/(1-\beta_1^t)}{\sqrt{v/(1-\beta_2^t)} + \epsilon}

    Scaling the gradient would do nothing: Adam is invariant to it.

    Args:
        named_params: (name, parameter) pairs, or groups of them as for ``torch.optim``.
        rates: η by the parameter's name, of shapes that broadcast to the parameters.
        lr: factor of all rates, one a group.
        betas: decay rates of the two moments, in [0, 1).
        eps: added to the root of the second moment, positive.
        foreach: move all tensors at once, or one after another.
        capturable: count the steps on the device, once for all parameters of a group, for a step that is
            recorded as a CUDA graph.

    Raises:
        ValueError: names that do not match, rates that do not fit, betas or eps out of range.

    Source: D. P. Kingma and J. Ba, *Adam: a method for stochastic optimization*, 2015, algorithm 1; with
    a rate a unit, the paper's Alrao-Adam. With all rates η this is ``torch.optim.Adam`` at η.
    """

    def __init__(
        self,
        named_params: Named,
        rates: Mapping[str, torch.Tensor],
        lr: float = 1.0,
        *,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        foreach: bool = True,
        capturable: bool = False,
    ):
        if not all(0 <= beta < 1 for beta in betas) or not 0 < eps < math.inf:
            raise ValueError(f"betas must be in [0, 1) and eps positive, got {betas} and {eps}")
        defaults = {"lr": lr, "betas": betas, "eps": eps, "foreach": foreach, "capturable": capturable}
        super().__init__(named_params, rates, defaults)

    def _move(self, group, params, grads, states) -> None:
        for p, state in zip(params, states, strict=True):
            if "step" not in state:
                state |= {"step": 0, "first": torch.zeros_like(p), "second": torch.zeros_like(p)}
        rates, first, second = ([state[key] for state in states] for key in ("rate", "first", "second"))
        eps, (beta1, beta2) = group["eps"], group["betas"]
        scales, roots = self._counted(group, params[0], states)
        if group["foreach"]:
            torch._foreach_lerp_(first, grads, 1 - beta1)
            torch._foreach_mul_(second, beta2)
            torch._foreach_addcmul_(second, grads, grads, value=1 - beta2)
            scale = torch._foreach_sqrt(second)
            torch._foreach_div_(scale, roots)
            torch._foreach_add_(scale, eps)
            update = torch._foreach_div(first, scale)
            torch._foreach_mul_(update, scales)
            torch._foreach_addcmul_(params, update, rates)
            return
        if group["capturable"]:
            scales, roots = [scales] * len(params), [roots] * len(params)
        for p, g, rate, m, v, s, root in zip(params, grads, rates, first, second, scales, roots, strict=True):
            m.copy_(beta1 * m + (1 - beta1) * g)
            v.copy_(beta2 * v + (1 - beta2) * g * g)
            p.add_(s * rate * m / (v.sqrt() / root + eps))

    @staticmethod
    def _counted(group, like: torch.Tensor, states) -> tuple[Any, Any]:
        """Count a step: −lr / (1 − β₁ᵗ) and √(1 − β₂ᵗ), of each parameter or, on the device, of all."""
        lr, (beta1, beta2) = float(group["lr"]), group["betas"]
        if group["capturable"]:  # of tensors a parameter, each would be a kernel of its own
            count = torch.as_tensor(states[0]["step"], dtype=like.dtype, device=like.device)
            count += 1
            for state in states:
                state["step"] = count
            return -lr / (1 - beta1**count), (1 - beta2**count).sqrt()
        for state in states:
            state["step"] += 1
        scales = [-lr / (1 - beta1 ** state["step"]) for state in states]
        return scales, [math.sqrt(1 - beta2 ** state["step"]) for state in states]


def clear(optimizer: torch.optim.Optimizer) -> None:
    """Drop all gradients; ``zero_grad`` would write down its own time, and take twice it."""
    for group in optimizer.param_groups:
        for p in group["params"]:
            p.grad = None


OPTIMIZERS: dict[str, type[_PerUnit]] = {"sgd": PerUnitSGD, "adam": PerUnitAdam}
