r"""Layers whose inputs are scaled: what is trained is w̃, what acts is w = w̃ · diag(σ).

.. math:: w_k = g\,\sigma_k\,\tilde w_k, \qquad \tilde w_k \sim \mathcal N(0, 1) \text{ at the start}

with a gain g, and :math:`1/\sqrt{k_h k_w}` as a further factor of a convolution. A step of SGD of size η on
w̃ moves w by :math:`\eta g^2\sigma_k^2` times the gradient: no other change than a learning rate for each
input.
"""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from startright.errors import number
from startright.papers.scalp.scalings import Scaling, name, sigma
from startright.training.stack_layers import Values, linear, rule

RELU_GAIN = 2**0.5  # keeps the second moment through ReLU; the paper's gain is not known to us
DTYPES = (torch.float32, torch.float64, torch.bfloat16)


class _Scaled:
    """What scaled layers have in common; ``weight`` is w̃, ``sigma`` has one number an input channel."""

    weight: nn.Parameter
    bias: nn.Parameter | None
    sigma: torch.Tensor
    gain: float
    scaling: str

    def _set(self, values: torch.Tensor, gain: float, scaling: Scaling) -> None:
        if not 0 < number(gain) < math.inf:
            raise ValueError(f"the gain of a scaled layer must be positive and finite, got {gain!r}")
        if self.weight.dtype not in DTYPES:
            raise ValueError(
                f"σ ranges over orders of magnitude that {self.weight.dtype} cannot hold: use float32,"
                " and autocast for speed"
            )
        self.gain, self.scaling = float(gain), name(scaling)
        self.register_buffer("sigma", values.to(self.weight))

    @property
    def spread(self) -> int:
        """Over how many weights of one output an input channel's share is spread."""
        return 1

    def factors(self) -> torch.Tensor:
        r"""Of each channel, :math:`g\,\sigma_k/\sqrt{k_h k_w}`, (channels, 1, …): as weights end."""
        factors = self.sigma * (self.gain / self.spread**0.5)
        return factors.view(-1, *[1] * (self.weight.dim() - 2))

    def effective_weight(self) -> torch.Tensor:
        """w, of the shape of ``weight``."""
        return self.weight * self.factors()

    @torch.no_grad()
    def set_effective_weight(self, weight: torch.Tensor) -> None:
        """Choose w̃ so that w is ``weight``, of the same shape.

        Raises:
            ValueError: it is of another.
        """
        if weight.shape != self.weight.shape:
            raise ValueError(
                f"the weight must have the shape {tuple(self.weight.shape)}, not {tuple(weight.shape)}"
            )
        self.weight.copy_(weight / self.factors())

    @torch.no_grad()
    def redraw(self, generator: torch.Generator | None = None) -> None:
        """Draw w̃ from N(0, 1), on the CPU, and set the bias, which is not scaled, to 0."""
        drawn = torch.randn(self.weight.shape, dtype=self.weight.dtype, generator=generator)
        self.weight.copy_(drawn)
        if self.bias is not None:
            self.bias.zero_()

    def _load_from_state_dict(self, state: Mapping[str, Any], prefix: str, *rest: Any) -> None:
        """Take values of a checkpoint; w of a plain layer is not w̃.

        Raises:
            ValueError: the checkpoint has no σ.
        """
        if f"{prefix}weight" in state and f"{prefix}sigma" not in state:
            raise ValueError(
                f"this checkpoint has {prefix}weight and no {prefix}sigma: it is of a plain layer. Load it in"
                " the plain network (fold_ makes it plain), and scale that"
            )
        super()._load_from_state_dict(state, prefix, *rest)

    def _pair(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs and weights of the plain layer: the smaller of the two is scaled, which is the same."""
        if x.numel() < self.weight.numel():
            return x * self.factors(), self.weight
        return x, self.effective_weight()

    def extra_repr(self) -> str:
        """The plain layer's, and the gain; the scaling is in the buffer ``sigma``."""
        return f"{super().extra_repr()}, gain={self.gain:g}"


class ScaledLinear(_Scaled, nn.Linear):
    r"""A linear layer on scaled inputs, :math:`y = \tilde w\,(g\,\sigma \odot x) + b`.

    Args:
        in_features: inputs.
        out_features: outputs.
        bias: whether there is a bias; it is not scaled, and 0 at the start.
        scaling: of the inputs, as for :func:`~startright.scalp.scalings.sigma`.
        gain: g; √2 for inputs that come out of ReLU, 1 for others.
        positions: behind a flattening, the pixels of a channel: σ is then that of the channel, over
            √positions.
        generator: draws w̃; torch's default stream if absent.
        device: of the parameters.
        dtype: likewise.

    Raises:
        ValueError: float16, a gain that is not positive, positions that do not divide the inputs, a scaling
            that is none.

    >>> layer = ScaledLinear(3, 2, scaling="1/k")
    >>> torch.allclose(layer.effective_weight(), layer.weight * layer.sigma)
    True
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        scaling: Scaling = "uniform",
        gain: float = 1.0,
        positions: int = 1,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ):
        if positions < 1 or in_features % positions:
            raise ValueError(f"{in_features} inputs are no whole number of channels of {positions} positions")
        super().__init__(in_features, out_features, bias, device=device, dtype=dtype)
        channels = sigma(scaling, in_features // positions)
        self._set(channels.repeat_interleave(positions) / positions**0.5, gain, scaling)
        self.redraw(generator)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs, (…, out_features), for inputs, (…, in_features)."""
        return F.linear(*self._pair(x), self.bias)


@rule(ScaledLinear)
def _stacked(module: ScaledLinear, x: torch.Tensor, values: Values) -> torch.Tensor:
    """The same for many networks at once, each with its own scaling."""
    weight, factors = values("weight"), values("sigma") * (module.gain / module.spread**0.5)
    if x[0].numel() < module.weight.numel():
        x = x * factors.view(len(x), *[1] * (x.dim() - 2), -1)
    else:
        weight = weight * factors[:, None]
    return linear(x, weight, values("bias"))


class ScaledConv2d(_Scaled, nn.Conv2d):
    r"""A convolution of scaled channels, :math:`y = \tilde w * (g\,\sigma \odot x)/\sqrt{k_h k_w} + b`.

    Args:
        in_channels: before.
        out_channels: after.
        kernel_size: of the filters.
        scaling: of the input channels, as for :func:`~startright.scalp.scalings.sigma`.
        gain: g; √2 for inputs that come out of ReLU, 1 for others.
        generator: draws w̃; torch's default stream if absent.
        options: the others of ``nn.Conv2d``: stride, padding, bias, …

    Raises:
        ValueError: groups, float16, a gain that is not positive, a scaling that is none.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        *,
        scaling: Scaling = "uniform",
        gain: float = 1.0,
        generator: torch.Generator | None = None,
        **options,
    ):
        if options.get("groups", 1) != 1:
            raise ValueError(
                f"a convolution in {options['groups']} groups sees each channel in one group alone, so an"
                " order of all channels says nothing of its fan-in: leave it plain"
            )
        super().__init__(in_channels, out_channels, kernel_size, **options)
        self._set(sigma(scaling, in_channels), gain, scaling)
        self.redraw(generator)

    @property
    def spread(self) -> int:
        """The pixels of a filter."""
        return self.weight[0, 0].numel()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs, (n, out_channels, …), for images, (n, in_channels, …)."""
        return self._conv_forward(*self._pair(x), self.bias)


SCALED = (ScaledLinear, ScaledConv2d)
