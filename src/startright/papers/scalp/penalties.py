r"""Penalties on what is trained: the same for all w̃, and so harsher on the weights w of late neurons.

The weights that leave a neuron k are the column :math:`\tilde w_{k\to}` of the next layer. With the
usefulness :math:`m_k = \lVert w_{k\to}\rVert_2`,

.. math::
    \sum_k \lVert\tilde w_{k\to}\rVert^2 = \sum_k \frac{m_k^2}{\sigma_k^2}, \qquad
    \sum_k \lVert\tilde w_{k\to}\rVert = \sum_k \frac{m_k}{\sigma_k}.

The first is :class:`startright.training.penalties.L2` on w̃, up to its factor ½; the second, which makes
exact zeros, is :class:`ColumnLasso`. The columns of the first layer, those of the inputs, are penalised as
well: otherwise they grow to make up for what the later layers lose.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import nn

from startright.training.penalties import Parameters, Penalty


def columns(weight: torch.Tensor, positions: int = 1) -> torch.Tensor:
    """The weights that leave each channel, (…, channels, weights of each), of (…, out, in, kernel …).

    Args:
        weight: of a linear layer, (out, in), or a convolution, (out, in, height, width).
        positions: inputs of a channel, one after another, behind a flattening.

    Raises:
        ValueError: positions that do not divide the inputs.
    """
    out, inputs = weight.shape[:2]
    if positions < 1 or inputs % positions:
        raise ValueError(f"{inputs} inputs are no whole number of channels of {positions} positions")
    return weight.reshape(out, inputs // positions, -1).transpose(0, 1).flatten(1)


def usefulness(layer: nn.Module, positions: int = 1) -> torch.Tensor:
    r"""The norm :math:`m_k = \lVert w_{k\to}\rVert_2` of the weights on each input channel, (channels,).

    Args:
        layer: scaled or plain; of a scaled one w = σw̃ counts.
        positions: as for :func:`columns`.
    """
    weight = layer.effective_weight() if hasattr(layer, "effective_weight") else layer.weight
    return columns(weight.detach(), positions).norm(dim=1)


@dataclass(frozen=True)
class ColumnLasso(Penalty):
    r"""The norms of the columns, :math:`\lambda\sum_k \lVert\tilde w_{k\to}\rVert`: neurons and inputs
    become 0.

    It acts by a proximal step after the optimizer's, which makes exact zeros; with ``in_loss`` it joins the
    loss, whose subgradient makes small numbers only ("as in the paper", with a threshold).

    Args:
        positions: of the layers behind a flattening, by the names of their weights: the inputs of a channel.

    Source: M. Yuan and Y. Lin, *Model selection and estimation in regression with grouped variables*, 2006;
        whether the paper weighs groups by their sizes is not known to us, and it does not here.
    """

    positions: Mapping[str, int] = field(default_factory=dict)

    @torch.no_grad()
    def prox(self, parameters: Parameters, rates: torch.Tensor | float) -> None:
        r"""Every column shrinks by :math:`\max(0, 1 - \eta\lambda/\lVert\tilde w_{k\to}\rVert)`."""
        for name, w in () if self.in_loss else self._selected(parameters).items():
            norms = self._columns(name, w).norm(dim=2)
            limits = torch.ones_like(norms[:, 0]) * self._strengths(name, norms) * rates
            limits = limits.to(w.dtype).view(-1, 1)
            factors = torch.where(norms > limits, 1 - limits / norms, 0)  # (runs, channels)
            factors = factors.repeat_interleave(self.positions.get(name, 1), 1)
            w.mul_(factors.view(len(w), 1, -1, *[1] * (w.dim() - 3)))

    def _term(self, name: str, values: torch.Tensor) -> torch.Tensor:
        norms = self._columns(name, values).norm(dim=2).sum(1)
        return self._strengths(name, norms) * norms

    def _columns(self, name: str, w: torch.Tensor) -> torch.Tensor:
        """(runs, channels, weights of each)."""
        return torch.vmap(lambda one: columns(one, self.positions.get(name, 1)))(w)

    def _strengths(self, name: str, like: torch.Tensor) -> torch.Tensor | float:
        """λ times the factor of the parameter, one or one per run."""
        self._check_runs(like)
        factor = 1.0 if self.factors is None else self.factors[name]
        if not isinstance(self.strength, tuple):
            return factor * self.strength  # a number is not copied to the device at each step
        return like.new_tensor([factor * strength for strength in self.strength])


@dataclass(frozen=True)
class ScaleLasso(Penalty):
    r"""The sum of the sizes, :math:`\lambda\sum|\gamma|`, in the loss, as network slimming has it.

    Source: Z. Liu et al., *Learning efficient convolutional networks through network slimming*, 2017.
    """

    def value(self, parameters: Parameters) -> torch.Tensor:
        """λΣ|γ| of each run, (runs,)."""
        return self.total(parameters)

    def _term(self, name: str, values: torch.Tensor) -> torch.Tensor:
        sizes = values.abs().flatten(1).sum(1)
        column = self._column(name, sizes)
        return column * sizes
