r"""A scheme: the pair (activation function, law of the weights) that makes a random network."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import gamma

import torch
from torch import Tensor

from startright.errors import unknown
from startright.papers.preact.activation import GaussianActivation
from startright.papers.preact.init import symmetric_weibull_
from startright.papers.preact.law import check_kind, check_theta

TANH_SIGMA_W2, TANH_SIGMA_B2 = 1.46, 0.013  # the authors' pair for tanh, near the Edge of Chaos


@dataclass(frozen=True)
class Scheme:
    r"""$Z^{l+1}_i = n^{-1/2} \sum_j W_{ij}\varphi(Z^l_j) + B_i$ with independent $W$ and $B$.

    Args:
        name: how the scheme is called.
        activation: $\varphi$, elementwise on tensors of any floating dtype, differentiable.
        sigma_w2: variance of $W$.
        sigma_b2: variance of the Gaussian bias; 0 for none.
        theta: None for Gaussian weights; else $W$ is symmetric Weibull $W(\theta, 1)$ and the first layer
            has standard normal weights.

    Raises:
        ValueError: a variance that is negative.
    """

    name: str
    activation: Callable[[Tensor], Tensor]
    sigma_w2: float
    sigma_b2: float = 0.0
    theta: float | None = None

    def __post_init__(self):
        if not (self.sigma_w2 >= 0 and self.sigma_b2 >= 0):
            raise ValueError(
                f"variances must not be negative, got sigma_w2 = {self.sigma_w2}, sigma_b2 = {self.sigma_b2}"
            )

    @property
    def gaussian_weights(self) -> bool:
        """Whether all weights are Gaussian, so that a layer is Gaussian given the one below."""
        return self.theta is None

    @property
    def first_variance(self) -> float:
        r"""Variance of the first pre-activations for an input with $\|x\|^2 = n_0$."""
        return 1.0 if self.theta is not None else self.sigma_w2 + self.sigma_b2

    def weights(self, *shape: int, generator: torch.Generator) -> Tensor:
        """Independent weights of a later layer, float32, on the device of ``generator``."""
        if self.theta is not None:
            empty = torch.empty(shape, device=generator.device)
            return symmetric_weibull_(empty, self.theta, generator=generator)
        return normal(*shape, generator=generator).mul_(self.sigma_w2**0.5)

    def add_bias_(self, z: Tensor, generator: torch.Generator) -> Tensor:
        """Add a fresh bias to every entry of ``z``, in place."""
        return z.add_(normal(*z.shape, generator=generator), alpha=self.sigma_b2**0.5) if self.sigma_b2 else z


def normal(*shape: int, generator: torch.Generator) -> Tensor:
    """Standard normal entries, float32, on the device of ``generator``."""
    return torch.randn(shape, generator=generator, device=generator.device)


@cache
def relu() -> Scheme:
    r"""ReLU with He's Gaussian weights, $\sigma_w^2 = 2$, no bias."""
    return Scheme("relu", torch.relu, 2.0)


@cache
def tanh_eoc() -> Scheme:
    r"""The function tanh with the authors' $\sigma_w^2 = 1.46$ and $\sigma_b^2 = 0.013$."""
    return Scheme("tanh", torch.tanh, TANH_SIGMA_W2, TANH_SIGMA_B2)


@cache
def linear() -> Scheme:
    """No activation function, Gaussian weights of variance 1 (Glorot's for equal widths)."""
    return Scheme("linear", lambda z: z, 1.0)


@cache
def gaussian_preact(theta: float, kind: str = "odd") -> Scheme:
    r"""$\varphi_\theta$ with symmetric Weibull weights; variance $\Gamma(1 + 2/\theta)$, no bias.

    Raises:
        ValueError: ``theta`` outside [2, inf] or an unknown kind.
    """
    theta, kind = check_theta(theta), check_kind(kind)
    return Scheme(f"{kind} {theta:g}", GaussianActivation(theta, kind), gamma(1 + 2 / theta), theta=theta)


def named(name: str, theta: float | None = None) -> Scheme:
    """The scheme called ``"odd"`` or ``"positive"``, of φ_θ, ``"relu"`` or ``"tanh"``, at the Edge of Chaos.

    Raises:
        ValueError: an unknown name.
    """
    classic = {"relu": relu, "tanh": tanh_eoc}
    if name in classic:
        return classic[name]()
    if name in ("odd", "positive"):
        return gaussian_preact(theta, name)
    raise unknown("scheme", name, [*classic, "odd", "positive"])
