r"""Gauss-Newton as an optimizer of torch, for any module.

.. code-block:: python

    optimizer = GaussNewton(model, "squared", lr=0.1)
    loss = optimizer.step(lambda: (x, y))

The batch is all the data, or a part of it. The learning rate is :math:`\lambda_\mathrm{eff}`, the part of the
residual that a step removes to first order: 1 is a full step, and the paper's λ is N times it (for its H =
I).

Small steps are slow and generalise better: that is the paper's point.
"""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from startright.errors import unknown
from startright.papers.gauss_newton.admission import check_alone, check_model
from startright.papers.gauss_newton.batches import Batch, size
from startright.papers.gauss_newton.dual import Damping
from startright.papers.gauss_newton.gain import START, Trust, trusted_direction
from startright.papers.gauss_newton.general import Direction, direction, in_full_precision, second_order
from startright.papers.gauss_newton.losses import HESSIANS, ExampleLoss, check_loss


class GaussNewton(torch.optim.Optimizer):
    r"""Gauss-Newton, :math:`w \leftarrow w - \lambda_\mathrm{eff}\,\Phi(w)`, solved in the space of the
    outputs.

    .. math::
        \Phi = (J^\top h J + \varepsilon I)^{-1} J^\top g, \qquad
        \varepsilon = \max(\alpha\,a_1,\ \varepsilon_0,\ \rho\,\bar a)

    with g and h the gradient and the Hessian of the examples' losses, :math:`a_1` and :math:`\bar a` the
    smallest and the mean eigenvalue of the tangent kernel; see
    :func:`~startright.gauss_newton.general.direction`. A step solves a symmetric problem as large as the
    outputs of the batch, N·K: some thousands at most.

    Args:
        model: the module to train, in place; parameters that require no gradient are left alone.
        loss: ``"squared"``, ``"cross_entropy"``, or a function of one example's outputs and target.
        lr: :math:`\lambda_\mathrm{eff}`, above 0 and at most 2; schedulers of ``torch.optim`` work on it.
        alpha: α, at least 0.
        floor: ε₀, absolute, at least 0.
        relative_floor: ρ, in units of the mean eigenvalue, at least 0.
        hessian: ``"identity"``, as in the paper's experiments, or ``"loss"``.
        chunk_size: examples whose Jacobian is formed at a time.
        adaptive: let ρ follow how well the fall of the loss is predicted, and make no step that raises the
            loss of its batch (:mod:`startright.gauss_newton.gain`); ``lr`` is then at most 1. For the Hessian
            of the loss, whose long steps leave the region where the network is linear. The state dict carries
            ρ.

    Attributes:
        last: the loss, ε and the extreme eigenvalues of the last step, as tensors; None before it. With
            ``adaptive`` also the gain, nan if there was no step to make.

    Raises:
        ValueError: an option out of range, a loss that is no mean, a model without parameters to train, or
            in a wrapper for several processes.

    Source: M. Arbel, R. Menegaux and P. Wolinski, NeurIPS 2023.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: str | ExampleLoss = "squared",
        lr: float = 0.1,
        *,
        alpha: float = 1.0,
        floor: float = 1e-7,
        relative_floor: float = 0.0,
        hessian: str = "identity",
        chunk_size: int | None = None,
        adaptive: bool = False,
    ):
        check_loss(loss)
        if hessian not in HESSIANS:
            raise unknown("hessian", hessian, HESSIANS)
        Damping(alpha, floor, relative_floor)
        if not 0 < lr <= 2:
            raise ValueError(
                f"lr is the part of the residual that a step removes, above 0 and at most 2, got {lr}"
            )
        check_model(model)
        defaults = {"lr": lr, "alpha": alpha, "floor": floor, "relative_floor": relative_floor}
        if adaptive:
            defaults |= {"relative_floor": relative_floor or START, "growth": Trust().growth}
        super().__init__(list(model.named_parameters()), defaults)
        self.model, self.loss, self.hessian, self.chunk_size = model, loss, hessian, chunk_size
        self.adaptive = adaptive
        self.last: dict[str, Tensor] | None = None
        self._checked: list[bool] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """All of it, so that copies and pickles work; torch keeps three attributes."""
        own = ("model", "loss", "hessian", "chunk_size", "adaptive", "last", "_checked")
        return super().__getstate__() | {name: getattr(self, name) for name in own}

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Refused: all parameters share one problem, and those that are frozen are in it already.

        Raises:
            ValueError: there is a group already.
        """
        if self.param_groups:
            raise ValueError(
                "Gauss-Newton moves all parameters together, frozen ones as soon as they require a gradient:"
                " for new ones make a new optimizer"
            )
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure: Callable[[], tuple[Batch, Batch]] | None = None) -> Tensor:
        """One step; nothing moves if it fails.

        Args:
            closure: gives the batch, all of it: inputs, (N, …), and targets, (N, …). Inputs may be a tuple of
                the network's arguments or a dict of them by name.

        Returns:
            The loss before the step, ().

        Raises:
            ValueError: a batch, model or learning rate that does not fit.
            FloatingPointError: the loss or the tangent kernel is not finite.
        """
        x, targets = self._batch(closure)
        group, limit = self.param_groups[0], 1 if self.adaptive else 2
        if not 0 <= group["lr"] <= limit:
            beyond = "no fall of the loss is predicted" if self.adaptive else "Gauss-Newton diverges"
            raise ValueError(f"lr must be between 0 and {limit}, got {group['lr']}: beyond, {beyond}")
        self._check(x)
        damping = Damping(group["alpha"], group["floor"], group["relative_floor"])
        options = {"hessian": self.hessian, "chunk_size": self.chunk_size}
        if self.adaptive:
            found, gain = self._trusted(x, targets, damping)
        else:
            found = direction(self.model, x, targets, self.loss, damping=damping, **options)
            gain = None
        self._move(found, float(group["lr"]), gain)
        return found.loss

    def _trusted(self, x: Batch, targets: Batch, damping: Damping) -> tuple[Direction, float]:
        """A direction along which the loss falls, and its gain; the group keeps the trust."""
        group, chunk = self.param_groups[0], self.chunk_size
        with in_full_precision(self.model):
            here = second_order(self.model, x, targets, self.loss, hessian=self.hessian, chunk_size=chunk)
            found, trust, gain = trusted_direction(
                self.model,
                (x, targets),
                self.loss,
                here,
                damping=damping,
                trust=Trust(group["relative_floor"] or START, group.get("growth", 2.0)),
                lr=float(group["lr"]),
            )
        group |= {"relative_floor": trust.relative_floor, "growth": trust.growth}
        return found, gain

    def _batch(self, closure: Callable[[], tuple[Batch, Batch]] | None) -> tuple[Batch, Batch]:
        batch = closure() if callable(closure) else None
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise ValueError(
                "step takes a function that gives the batch: optimizer.step(lambda: (x, y)). Gradients that"
                " backward left are not used; chunk_size takes the place of their accumulation"
            )
        if any(p.grad is not None and bool(p.grad.any()) for p in self.param_groups[0]["params"]):
            warnings.warn(
                "gradients that backward left are not used: Gauss-Newton differentiates the batch itself;"
                " call optimizer.zero_grad()",
                stacklevel=4,
            )
        return batch[0], batch[1]

    def _move(self, found: Direction, lr: float, gain: float | None) -> None:
        for name, p in self.model.named_parameters():
            if name in found.parameters:
                p.sub_(found.parameters[name], alpha=lr)
        torch.clear_autocast_cache()  # it may hold casts of the old parameters
        self.last = {name: getattr(found, name) for name in ("loss", "damping", "smallest", "largest")}
        if gain is not None:
            self.last["gain"] = torch.tensor(gain)

    def _check(self, x: Batch) -> None:
        """Once in each mode: do the examples stand alone? Always: are all parameters known?"""
        known = {id(p) for p in self.param_groups[0]["params"]}
        for name, p in self.model.named_parameters():
            if id(p) not in known:
                raise ValueError(f"parameter {name!r} is newer than the optimizer: make a new optimizer")
        modes = [part.training for part in self.model.modules()]
        if self._checked != modes:
            with in_full_precision(self.model):
                check_alone(self.model, x)
            self._checked = modes if size(x) > 1 else None
