r"""Gauss-Newton as an optimizer of torch, for any module.

.. code-block:: python

    optimizer = GaussNewton(model, "squared", lr=0.1)
    loss = optimizer.step(lambda: (x, y))

The batch is all the data, or a part of it. The learning rate is :math:`\lambda_\mathrm{eff}`, the part of the
residual that a step removes to first order: 1 is a full step, and the paper's λ is N times it (for its H =
I).

Small steps are slow and generalise better: that is the paper's point.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from startright.errors import unknown
from startright.papers.gauss_newton.dual import Damping
from startright.papers.gauss_newton.admission import check_alone, check_model
from startright.papers.gauss_newton.general import Direction, direction, in_full_precision
from startright.papers.gauss_newton.losses import HESSIANS, LOSSES, ExampleLoss


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

    Attributes:
        last: the loss, ε and the extreme eigenvalues of the last step, as tensors; None before it.

    Raises:
        ValueError: an option out of range, or a model without parameters to train.

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
    ):
        if not callable(loss) and loss not in LOSSES:
            raise unknown("loss", loss, LOSSES)
        if hessian not in HESSIANS:
            raise unknown("hessian", hessian, HESSIANS)
        Damping(alpha, floor, relative_floor)
        if not 0 < lr <= 2:
            raise ValueError(
                f"lr is the part of the residual that a step removes, above 0 and at most 2, got {lr}"
            )
        named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
        if not named:
            raise ValueError(f"{type(model).__name__} has no parameter that requires a gradient")
        defaults = {"lr": lr, "alpha": alpha, "floor": floor, "relative_floor": relative_floor}
        super().__init__(named, defaults)
        self.model, self.loss, self.hessian, self.chunk_size = model, loss, hessian, chunk_size
        self.last: dict[str, Tensor] | None = None
        self._checked = False

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Refused: all parameters share one problem.

        Raises:
            ValueError: there is a group already.
        """
        if self.param_groups:
            raise ValueError("Gauss-Newton moves all parameters together: make a new optimizer")
        super().add_param_group(param_group)

    @torch.no_grad()
    def step(self, closure: Callable[[], tuple[Tensor, Tensor]]) -> Tensor:
        """One step; nothing moves if it fails.

        Args:
            closure: gives the batch: inputs, (N, …), and targets, (N, …).

        Returns:
            The loss before the step, ().

        Raises:
            ValueError: a batch, model or learning rate that does not fit.
            FloatingPointError: the loss or the tangent kernel is not finite.
        """
        x, targets = self._batch(closure)
        group = self.param_groups[0]
        if not 0 <= group["lr"] <= 2:
            raise ValueError(f"lr must be between 0 and 2, got {group['lr']}: beyond, Gauss-Newton diverges")
        if not self._checked:
            self._check(x)
        found = direction(
            self.model,
            x,
            targets,
            self.loss,
            hessian=self.hessian,
            damping=Damping(group["alpha"], group["floor"], group["relative_floor"]),
            chunk_size=self.chunk_size,
        )
        self._move(found, float(group["lr"]))
        return found.loss

    def _batch(self, closure: Callable[[], tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
        batch = closure() if callable(closure) else None
        if not isinstance(batch, tuple | list) or len(batch) != 2:
            raise ValueError("step takes a function that gives the batch: optimizer.step(lambda: (x, y))")
        return batch[0], batch[1]

    def _move(self, found: Direction, lr: float) -> None:
        for name, p in self.model.named_parameters():
            if name in found.parameters:
                p.sub_(found.parameters[name], alpha=lr)
        names = ("loss", "damping", "smallest", "largest")
        self.last = {name: getattr(found, name) for name in names}

    def _check(self, x: Tensor) -> None:
        """Once: are an example's outputs the same alone as in the batch?"""
        with in_full_precision(self.model):
            check_alone(self.model, x)
        self._checked = True
