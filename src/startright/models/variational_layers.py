r"""Layers whose weights are independent Gaussians, :math:`w_j \sim N(\mu_j, s_j^2)`."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from startright.errors import number
from startright.models.variational_priors import GaussianPrior, Prior, prior_of

#: (shape, a tensor whose dtype and device to take) → standard normal noise.
Noise = Callable[[torch.Size, Tensor], Tensor]


def inverse_softplus(std: Tensor) -> Tensor:
    r"""The :math:`\rho` with :math:`\log(1 + e^\rho) = s`.

    >>> round(float(F.softplus(inverse_softplus(torch.tensor(0.05)))), 6)
    0.05
    """
    return std + (-torch.expm1(-std)).log()


def normal(generator: torch.Generator | None) -> Noise:
    """Standard normal noise of one stream, torch's default one if absent."""

    def draw(shape: torch.Size, like: Tensor) -> Tensor:
        stream = {} if generator is None else {"generator": generator}  # torch.compile knows no absent one
        return torch.randn(shape, device=like.device, dtype=like.dtype, **stream)

    return draw


class Variational:
    r"""What a layer with Gaussian weights has beside a plain one.

    The means are the parameters ``weight`` and ``bias``; the standard deviations are
    :math:`s = \log(1 + e^\rho)` of ``weight_rho`` and ``bias_rho``. In training mode a pass samples; in
    evaluation mode it uses the means, unless :func:`sampling` says otherwise.

    Attributes:
        prior: of the weights and biases of this layer.
        local: whether the noise is that of the outputs or of the weights, see
            :func:`~startright.models.variational.variational_`.
        generator: of the noise.
    """

    prior: Prior
    local: bool
    generator: torch.Generator | None
    noise: Noise | None = None  # of sampling(), in its block

    def begin(self, std: float, prior: Prior, local: bool, generator: torch.Generator | None) -> None:
        """Give every weight the standard deviation ``std``."""
        if not 0 < number(std) < float("inf"):
            raise ValueError(f"the first std of the weights must be positive and finite, got {std!r}")
        self.prior, self.local, self.generator = prior_of(prior, self), local, generator
        for name, mean in self.means().items():
            rho = inverse_softplus(torch.full_like(mean.detach(), std, dtype=torch.float64)).to(mean.dtype)
            self.register_parameter(f"{name}_rho", nn.Parameter(rho, requires_grad=mean.requires_grad))
        if self.bias is None:
            self.register_parameter("bias_rho", None)

    def means(self) -> dict[str, Tensor]:
        """Name → means, of the weights and, if there are any, the biases."""
        return {name: t for name in ("weight", "bias") if (t := getattr(self, name)) is not None}

    def stds(self) -> dict[str, Tensor]:
        """Name → standard deviations, likewise."""
        return {name: F.softplus(getattr(self, f"{name}_rho")) for name in self.means()}

    def forward(self, x: Tensor) -> Tensor:
        """Outputs at sampled weights, or at their means."""
        if self.noise is None and not self.training:
            return self.affine(x, self.weight, self.bias)
        draw, means, stds = self.noise or normal(self.generator), self.means(), self.stds()
        if not self.local:
            drawn = {k: mean + stds[k] * draw(mean.shape, mean) for k, mean in means.items()}
            return self.affine(x, drawn["weight"], drawn.get("bias"))
        mean = self.affine(x, self.weight, self.bias)
        variances = {name: std.square() for name, std in stds.items()}
        variance = self.affine(x.square(), variances["weight"], variances.get("bias"))
        # where all inputs are 0 the derivative of the root would be infinite
        return mean + variance.clamp_min(torch.finfo(mean.dtype).tiny).sqrt() * draw(mean.shape, mean)

    def affine(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The layer at these weights."""
        return self._conv_forward(x, weight, bias)


class VariationalLinear(Variational, nn.Linear):
    r"""A linear layer with independent Gaussian weights, by the local reparametrisation trick.

    .. math:: z_i = \sum_j \mu_{ij} x_j + b_i + \varepsilon_i \sqrt{\sum_j s_{ij}^2 x_j^2 + s_{b,i}^2}

    has for every input the law that sampled weights give, with noise of its own for every example.

    Args:
        in_features: as of ``nn.Linear``.
        out_features: likewise.
        bias: likewise; biases are Gaussian as the weights are.
        std: the first standard deviation of all weights and biases.
        prior: of these.
        local: False to sample the weights, once a pass.
        generator: of the noise, on the device of the inputs; torch's default stream if absent.
        rest: ``device``, ``dtype``.

    Source: D. P. Kingma, T. Salimans and M. Welling, *Variational dropout and the local reparameterization
    trick*, 2015, section 2.3.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        std: float = 0.05,
        prior: Prior | None = None,
        local: bool = True,
        generator: torch.Generator | None = None,
        **rest: Any,
    ):
        nn.Linear.__init__(self, in_features, out_features, bias, **rest)
        self.begin(std, prior or GaussianPrior("glorot"), local, generator)

    def affine(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The layer at these weights."""
        return F.linear(x, weight, bias)


class _Convolution(Variational):
    """The arguments of a plain convolution, and those of :class:`VariationalLinear`."""

    def __init__(
        self,
        *args: Any,
        std: float = 0.05,
        prior: Prior | None = None,
        local: bool = True,
        generator: torch.Generator | None = None,
        **rest: Any,
    ):
        super(Variational, self).__init__(*args, **rest)
        self.begin(std, prior or GaussianPrior("glorot"), local, generator)


class VariationalConv1d(_Convolution, nn.Conv1d):
    """As :class:`VariationalConv2d`, in one dimension."""


class VariationalConv2d(_Convolution, nn.Conv2d):
    """A convolution with independent Gaussian weights.

    With ``local`` every output has the mean and the variance that sampled kernels give, but noise of its
    own, while a sampled kernel moves all positions of a map together: an approximation. ``local=False``
    samples one kernel a pass, which is exact and noisier.

    Args:
        args: as of ``nn.Conv2d``.
        std: as in :class:`VariationalLinear`.
        prior: likewise.
        local: whether noise is that of the outputs.
        generator: likewise.
        rest: further arguments of ``nn.Conv2d``.

    Source: D. P. Kingma, T. Salimans and M. Welling, *Variational dropout and the local reparameterization
    trick*, 2015.
    """


VARIATIONAL = {
    nn.Linear: VariationalLinear,
    nn.Conv1d: VariationalConv1d,
    nn.Conv2d: VariationalConv2d,
}


def variational_layers(module: nn.Module) -> dict[str, Variational]:
    """The variational layers of a network by name, in order."""
    return {name: part for name, part in module.named_modules() if isinstance(part, Variational)}


@contextmanager
def sampling(
    module: nn.Module, noise: Noise | torch.Generator | None = None, *, local: bool | None = None
) -> Iterator[None]:
    """Inside the block every pass of ``module`` samples, in evaluation mode too.

    Args:
        module: with variational layers.
        noise: a generator on the device of the inputs, or what gives the noise; torch's default stream if
            absent.
        local: noise of the outputs, or of the weights; by default as each layer has it.
    """
    layers = list(variational_layers(module).values())
    source = noise if callable(noise) else normal(noise)
    before = [(layer.noise, layer.local) for layer in layers]
    for layer in layers:
        layer.noise, layer.local = source, layer.local if local is None else local
    try:
        yield
    finally:
        for layer, (own, was) in zip(layers, before, strict=True):
            layer.noise, layer.local = own, was
