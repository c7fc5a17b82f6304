"""K-FAC as a peer: the curvature is of ``curvlinops-for-pytorch``, the step around it is written here."""

import warnings
from typing import Any

import torch
from torch import nn


def _curvlinops() -> Any:
    """The library, or what to do if it is missing."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # what its dependencies use of torch
            import curvlinops  # noqa: PLC0415 (an extra: the paper's methods work without)
    except ImportError as error:
        raise ImportError(
            "K-FAC needs the package curvlinops-for-pytorch: pip install 'startright[peers]'"
        ) from error
    return curvlinops


class KFAC:
    r"""Momentum and KL clipping around the Kronecker-factored Fisher information of each layer.

    Let :math:`F \approx A \otimes B` be the factors of a layer, averaged over the updates with the weight
    :math:`\rho` for the past. The step is

    .. math:: v = (A \otimes B + \delta I)^{-1}\nabla L, \qquad
        \nu = \min\Bigl(1, \sqrt{\kappa / (\alpha^2 \langle v, \nabla L\rangle)}\Bigr), \qquad
        m \leftarrow \mu m + \nu v, \qquad \theta \leftarrow \theta - \alpha m .

    Args:
        model: of ``nn.Linear`` and ``nn.Conv2d`` layers; all its parameters are trained.
        lr: :math:`\alpha`.
        momentum: :math:`\mu`.
        damping: :math:`\delta`, added to the eigenvalues of the product.
        kl_clip: :math:`\kappa`.
        decay: :math:`\rho`.
        factor_period: steps between two estimates of the factors.
        inverse_period: steps between two decompositions, a multiple of ``factor_period``.
        weight_decay: coefficient of the L2 penalty, added to the gradient before the preconditioner.
        seed: of the labels drawn from the model, one an example.

    Raises:
        ImportError: the package of the curvature is missing; the message names the extra.
        ValueError: a period that does not fit, or a number out of its range.

    Source: J. Martens and R. Grosse, *Optimizing neural networks with Kronecker-factored approximate
    curvature*, 2015; R. Grosse and J. Martens, 2016, for convolutions. The defaults are those of the paper's
    comparison, but for the weight decay, which is left out: the other methods have none.
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        lr: float = 1e-2,
        momentum: float = 0.9,
        damping: float = 0.03,
        kl_clip: float = 0.01,
        decay: float = 0.95,
        factor_period: int = 10,
        inverse_period: int = 100,
        weight_decay: float = 0.0,
        seed: int = 0,
    ):
        _curvlinops()
        if factor_period < 1 or inverse_period < 1 or inverse_period % factor_period:
            raise ValueError(
                "inverse_period must be a multiple of factor_period,"
                f" got {inverse_period} and {factor_period}"
            )
        for name, value in (("lr", lr), ("damping", damping), ("kl_clip", kl_clip)):
            if not value > 0:
                raise ValueError(f"{name} must be positive, got {value}")
        if not (0 <= momentum < 1 and 0 <= decay < 1):
            raise ValueError(f"momentum and decay must be in [0, 1), got {momentum} and {decay}")
        self.model, self.params = model, [p for p in model.parameters() if p.requires_grad]
        self.lr, self.momentum, self.damping, self.kl_clip = lr, momentum, damping, kl_clip
        self.decay, self.weight_decay, self.seed = decay, weight_decay, seed
        self.factor_period, self.inverse_period = factor_period, inverse_period
        self.steps, self.factors, self.inverse = 0, None, None
        self.buffers = [torch.zeros_like(p) for p in self.params]

    def zero_grad(self) -> None:
        """Forget the gradient."""
        for p in self.params:
            p.grad = None

    def step(self, inputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Move the parameters, after ``backward``; the batch gives the factors when they are due."""
        if self.steps % self.factor_period == 0:
            self._estimate(inputs, targets)
        self.steps += 1
        self._move()

    def _estimate(self, inputs: torch.Tensor, targets: torch.Tensor) -> None:
        """Average the factors of this batch into the kept ones; decompose them anew when that is due."""
        lib = _curvlinops()
        operator = lib.KFACLinearOperator(
            self.model,
            nn.CrossEntropyLoss(),
            self.params,
            [(inputs, targets)],
            check_deterministic=False,
            seed=self.seed + self.steps,
            separate_weight_and_bias=False,
            num_data=len(targets),
            num_per_example_loss_terms=1,
        )
        gradients = [p.grad for p in self.params]  # the library clears them
        operator.compute_kronecker_factors()
        for p, gradient in zip(self.params, gradients, strict=True):
            p.grad = gradient
        state = operator.state_dict()
        new = {kind: state[kind] for kind in ("input_covariances", "gradient_covariances")}
        self.factors = new if self.factors is None else _mixed(self.factors, new, self.decay)
        if self.steps % self.inverse_period == 0:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # that the model's weights are overwritten: by themselves
                operator.load_state_dict({**state, **self.factors})
            self.inverse = lib.KFACInverseLinearOperator(
                operator, damping=self.damping, use_exact_damping=True
            )

    @torch.no_grad()
    def _move(self) -> None:
        gradients = [p.grad.add(p, alpha=self.weight_decay) for p in self.params]
        directions = self.inverse @ gradients
        products = [(v * g).sum() for v, g in zip(directions, gradients, strict=True)]
        size = self.lr**2 * torch.stack(products).sum()
        clip = (self.kl_clip / size.clamp(min=1e-30)).sqrt().clamp(max=1.0)
        for p, m, v in zip(self.params, self.buffers, directions, strict=True):
            p.add_(m.mul_(self.momentum).add_(v * clip), alpha=-self.lr)


def _mixed(old: dict, new: dict, decay: float) -> dict:
    """``decay`` of the old factors and the rest of the new ones, factor by factor."""
    return {
        kind: {name: factor.lerp(new[kind][name], 1 - decay) for name, factor in factors.items()}
        for kind, factors in old.items()
    }
