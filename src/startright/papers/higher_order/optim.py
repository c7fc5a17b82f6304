r"""Newton's method on the learning rates of groups of parameters.

.. math:: \theta_s \leftarrow \theta_s - \lambda_1\, \eta_s\, u_s

The direction u is that of momentum; the rates :math:`\eta` minimise the cubic model of the loss along u, and
are renewed every few steps from derivatives on another mini-batch.

The trajectory does not change if all parameters of a group are measured in another unit: that multiplies
the group's part of u by a constant, and η makes up for it. A direction in which a unit is built in, such as
that of Adam with its ε, loses this.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from startright.errors import unknown
from startright.papers.higher_order.cubic import CubicStep, InfeasibleModel, anisotropy, cubic_step
from startright.papers.higher_order.partition import Groups, as_partition
from startright.papers.higher_order.reduced import (
    BACKENDS,
    Derivatives,
    Loss,
    add_derivatives,
    grouped_derivatives,
    refuse_complex,
)
from startright.papers.higher_order.replicas import mean_over_processes, refuse_sharded, world_size
from startright.papers.higher_order.steady import bare
from startright.papers.higher_order.verify import right_backend

Updater = Callable[[dict[str, torch.Tensor]], Mapping[str, torch.Tensor]]
OWN = ("partition", "lambda_int", "momentum", "dampening", "period", "window", "warm_up", "remove_negative")
OWN += ("backend", "updater", "check", "steps", "estimates", "infeasible", "last")
OWN += ("_named", "_history", "_plateau", "_checked")  # what a copy takes along


class Update(NamedTuple):
    """The averaged derivatives of the last update of the rates, and the step they gave."""

    derivatives: Derivatives
    step: CubicStep


class GroupedNewton(torch.optim.Optimizer):
    r"""Momentum with a learning rate a group, from the exact reduced derivatives of the loss.

    .. code-block:: python

        loss(model(x), y).backward()
        optimizer.step(curvature=loss_function(model, loss, other_x, other_y))

    Every ``period`` steps the derivatives along the direction are computed on another mini-batch and averaged
    with earlier ones: those of the last complete window of ``window`` estimates, and those since. The rates
    are the minimiser of the cubic model of the averages, without its negative entries.

    Args:
        model: its trainable parameters are moved. The curvature needs it without dropout and batch
            normalisation, or in ``eval`` mode; activations must have a third derivative for the cubic term to
            see it, as tanh or ELU. Replicas in several processes have the mean of the derivatives that each
            finds on its data, and stay equal, if their gradients are averaged.
        groups: a partition, its name (``"canonical"``, ``"trivial"``, ``"weights_biases"``, ``"blocks"``,
            ``"alternate"``), or lists of names.
        lr: :math:`\lambda_1`, the factor of all rates, so that schedulers of torch work.
        lambda_int: :math:`\lambda` of the cubic term.
        momentum: :math:`\mu` of :math:`u \leftarrow \mu u + (1 - \tau)\nabla L`.
        dampening: :math:`\tau`.
        period: steps between two estimates.
        window: estimates in a complete window.
        warm_up: estimates before the parameters begin to move.
        remove_negative: whether a group whose rate would be negative stays until the next update.
        backend: see :func:`~startright.higher_order.reduced.grouped_derivatives`.
        updater: gives the direction from the gradients, both by name, in place of momentum.
        patience: epochs without progress that :meth:`plateau` forgives.
        check: whether to hold the first derivatives against differences, and to take a back-end that passes;
            see :func:`~startright.higher_order.verify.right_backend`.

    Attributes:
        partition: the groups.
        last: the last :class:`Update`, or None.
        infeasible: how many times the model had no minimiser; the rates before were kept.

    Raises:
        ValueError: a number out of its range, or groups that do not fit.

    Source: P. Wolinski, *Gathering and exploiting higher-order information when training large structured
    models*, 2025; period, averages, warm-up and the treatment of negative rates are those of its programs.
    """

    def __init__(
        self,
        model: nn.Module,
        groups: Groups = "canonical",
        *,
        lr: float = 0.1,
        lambda_int: float = 1.0,
        momentum: float = 0.9,
        dampening: float = 0.0,
        period: int = 10,
        window: int = 3,
        warm_up: int = 3,
        remove_negative: bool = True,
        backend: str = "tangents",
        updater: Updater | None = None,
        patience: int = 2,
        check: bool = True,
    ):
        _check_range("lr", lr, 0 < lr < math.inf, "positive and finite")
        _check_range("lambda_int", lambda_int, 0 <= lambda_int < math.inf, "finite and not negative")
        _check_range("momentum", momentum, 0 <= momentum < 1, "in [0, 1)")
        _check_range("dampening", dampening, 0 <= dampening < 1, "in [0, 1)")
        for name, value, least in (("period", period, 1), ("window", window, 1), ("warm_up", warm_up, 0)):
            _check_range(name, value, isinstance(value, int) and value >= least, f"an integer from {least}")
        if backend not in BACKENDS:
            raise unknown("backend", backend, BACKENDS)
        model = bare(model)
        self.partition = as_partition(groups, model)
        named = dict(model.named_parameters())
        refuse_complex(named)
        refuse_sharded(named)
        members = zip(self.partition.names, self.partition.groups, strict=True)
        self._named = {n: named[n] for group in self.partition.groups for n in group}
        super().__init__(
            [{"params": [named[n] for n in group], "name": name, "rate": 0.0} for name, group in members],
            {"lr": lr},
        )
        self.lambda_int, self.momentum, self.dampening = lambda_int, momentum, dampening
        self.period, self.window, self.warm_up = period, window, warm_up
        self.remove_negative, self.backend, self.updater = remove_negative, backend, updater
        self.steps = self.estimates = self.infeasible = 0
        self.last: Update | None = None
        self.check, self._checked = check, False
        self._history: list[Derivatives] = []
        self._plateau = ReduceLROnPlateau(self, factor=0.5, patience=patience, threshold=1e-4)

    @property
    def curvature_due(self) -> bool:
        """Whether the next step renews the rates, and so needs ``curvature``."""
        return (self.steps + 1) % self.period == 0

    @property
    def rates(self) -> dict[str, float]:
        r""":math:`\eta_s` in use by the name of the group, without the factor ``lr``."""
        return {group["name"]: group["rate"] for group in self.param_groups}

    @property
    def eta(self) -> dict[str, float]:
        """The rates of the last update by the name of the group, negative ones included; empty before."""
        return {} if self.last is None else dict(zip(self.rates, self.last.step.eta.tolist(), strict=True))

    @torch.no_grad()
    def step(
        self, closure: Callable[[], torch.Tensor] | None = None, *, curvature: Loss | None = None
    ) -> torch.Tensor | None:
        """Renew the direction; the rates too, when that is due; move the parameters.

        Args:
            closure: computes the loss and its gradients, if that has not been done.
            curvature: the loss of a mini-batch as a function of the parameters by name, drawn independently
                of the one that gave the gradients; used only when :attr:`curvature_due`.

        Returns:
            The loss of ``closure``, if there is one.

        Raises:
            ValueError: ``curvature`` is due and not given, or one that
                :func:`~startright.higher_order.reduced.grouped_derivatives` refuses.
            FloatingPointError: derivatives that are not finite.
        """
        due = self.curvature_due
        if due and curvature is None:
            raise ValueError(
                f"step {self.steps + 1} renews the rates: call step(curvature=…) with the loss of another"
                " mini-batch as a function of the parameters (see loss_function)"
            )
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        direction = self._direction()
        self.steps += 1
        if due:
            self._renew(curvature, direction)
        for group, names in zip(self.param_groups, self.partition.groups, strict=True):
            if group["rate"]:
                along = [direction[name] for name in names]
                torch._foreach_add_(group["params"], along, alpha=-float(group["lr"]) * group["rate"])
        return loss

    def plateau(self, epoch_loss: float) -> bool:
        """Halve ``lr`` if the loss has not fallen by a relative 1e-4 for more than ``patience`` epochs.

        Epochs in which the parameters still wait for the first rates do not count.

        Args:
            epoch_loss: the mean training loss of the epoch.

        Returns:
            Whether it was halved.
        """
        if self.last is None:
            return False
        before = self.param_groups[0]["lr"]
        self._plateau.step(epoch_loss)
        return self.param_groups[0]["lr"] < before

    def _direction(self) -> Mapping[str, torch.Tensor]:
        """The direction u by name, its buffers renewed."""
        for name, p in self._named.items():
            if not p.requires_grad:
                raise ValueError(
                    f"{name} has been frozen since the optimizer was built: build another for what trains"
                )
            if p.grad is not None and p.grad.is_sparse:
                raise ValueError(f"the gradient of {name} is sparse: build the embedding with sparse=False")
        grads = {n: torch.zeros_like(p) if p.grad is None else p.grad for n, p in self._named.items()}
        if self.updater is not None:
            return self.updater(grads)
        buffers = {}
        for name, p in self._named.items():
            buffers[name] = self.state[p].setdefault("momentum_buffer", torch.zeros_like(p))
        torch._foreach_mul_(list(buffers.values()), self.momentum)
        torch._foreach_add_(list(buffers.values()), list(grads.values()), alpha=1 - self.dampening)
        return buffers

    def _renew(self, curvature: Loss, direction: Mapping[str, torch.Tensor]) -> None:
        """One more estimate; then, after the warm-up, the rates."""
        third = self.lambda_int > 0
        along = {"params": self._named, "groups": self.partition, "direction": direction, "third": third}
        if self.check and not self._checked:
            self.backend, self._checked = right_backend(curvature, **along, backend=self.backend), True
        found = grouped_derivatives(curvature, **along, backend=self.backend)
        self._history.append(mean_over_processes(found, direction) if world_size() > 1 else found)
        self.estimates += 1
        mean = add_derivatives((1 / len(self._history), each) for each in self._history)
        if len(self._history) == 2 * self.window:  # a window is complete: forget the one before
            del self._history[: self.window]
        if self.estimates < self.warm_up:
            return
        try:
            step = cubic_step(mean.g, mean.H, anisotropy(mean.d3) if third else None, self.lambda_int)
        except InfeasibleModel:
            self.infeasible += 1
            return
        self.last = Update(mean, step)
        for group, eta in zip(self.param_groups, step.eta.tolist(), strict=True):
            group["rate"] = max(eta, 0.0) if self.remove_negative else eta

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Refused after the construction, as the groups are those of the partition.

        Raises:
            ValueError: always.
        """
        if hasattr(self, "_plateau"):
            raise ValueError(
                "the groups of GroupedNewton are those of its partition, and H knows no others: build another"
                " with all the parameters that train"
            )
        super().add_param_group(param_group)

    def __getstate__(self) -> dict[str, Any]:
        """What a copy or a pickle keeps: all but the hooks, as for the optimizers of torch."""
        return super().__getstate__() | {name: getattr(self, name) for name in OWN}

    def state_dict(self) -> dict[str, Any]:
        """What ``torch.optim`` keeps; under ``"curvature"`` the estimates, the counters and the plateau."""
        last = None if self.last is None else [tuple(self.last.derivatives), asdict(self.last.step)]
        curvature = {
            "steps": self.steps,
            "estimates": self.estimates,
            "infeasible": self.infeasible,
            "history": [tuple(each) for each in self._history],
            "last": last,
            "plateau": self._plateau.state_dict(),
        }
        return super().state_dict() | {"curvature": curvature}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from what :meth:`state_dict` gave.

        Raises:
            ValueError: the state of another optimizer, or of other groups.
        """
        state = dict(state_dict)
        curvature = state.pop("curvature", None)
        names = [group.get("name") for group in state["param_groups"]]
        if curvature is None or names != list(self.partition.names):
            raise ValueError(
                f"the state is not that of GroupedNewton with groups {self.partition.names}: {names}"
            )
        super().load_state_dict(state)
        self.steps, self.estimates = curvature["steps"], curvature["estimates"]
        self.infeasible, last = curvature["infeasible"], curvature["last"]
        self._history = [Derivatives(*each) for each in curvature["history"]]
        self.last = None if last is None else Update(Derivatives(*last[0]), CubicStep(**last[1]))
        self._plateau.load_state_dict(curvature["plateau"])


def _check_range(name: str, value: object, fits: bool, expected: str) -> None:
    if not fits:
        raise ValueError(f"{name} must be {expected}, got {value}")
