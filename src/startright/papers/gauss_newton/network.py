r"""A network of one hidden layer in mean-field scaling; its tangent kernel in closed form.

.. math::
    f_w(x) = \frac1M \sum_{i=1}^M v_i\,\gamma(u_i \cdot x + b_i), \qquad \gamma(z) = z\,\mathrm{sigmoid}(z).

All tensors may have leading axes of runs, so that many networks are computed as one.

Source:
    M. Arbel, R. Menegaux and P. Wolinski, *Rethinking Gauss-Newton for learning over-parameterized models*,
    NeurIPS 2023; SiLU, hidden biases and no output bias are those of the authors' program.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

STRIPS_FROM = 256  # rows; below, one product is faster than four


@dataclass(frozen=True)
class MeanField:
    r"""The parameters :math:`w = (v, u, b)` of a network, or of a stack of networks.

    Args:
        v: output weights, (…, M).
        u: hidden weights, (…, M, d).
        b: hidden biases, (…, M).

    Raises:
        ValueError: shapes that do not fit together.
    """

    v: Tensor
    u: Tensor
    b: Tensor

    def __post_init__(self):
        if not (self.v.shape == self.b.shape == self.u.shape[:-1]):
            shapes = [tuple(t.shape) for t in (self.v, self.u, self.b)]
            raise ValueError(f"v, u, b must have shapes (…, M), (…, M, d), (…, M), got {shapes}")

    @property
    def width(self) -> int:
        """The number M of hidden units."""
        return self.v.shape[-1]

    def features(self, x: Tensor) -> Tensor:
        r"""Hidden features :math:`\gamma(u_i\cdot x_n + b_i)` of inputs (…, N, d), (…, N, M)."""
        return torch.nn.functional.silu(_preactivations(self, x), inplace=True)

    def __call__(self, x: Tensor) -> Tensor:
        """Outputs, (…, N), for inputs (…, N, d)."""
        return read_out(self.features(x), self.v)

    def __getitem__(self, runs: int | slice | Tensor | Sequence[int]) -> "MeanField":
        """Some networks of a stack."""
        return MeanField(self.v[runs], self.u[runs], self.b[runs])

    def moved(self, direction: "MeanField", rate: float | Tensor) -> "MeanField":
        r"""The parameters :math:`w - \lambda\,\Phi`.

        Args:
            direction: Φ, shaped like the parameters.
            rate: λ, a number or one for each run.
        """
        rate = torch.as_tensor(rate, dtype=self.v.dtype, device=self.v.device)[..., None]
        return MeanField(
            self.v - rate * direction.v,
            self.u - rate[..., None] * direction.u,
            self.b - rate * direction.b,
        )


def stack(networks: Sequence[MeanField]) -> MeanField:
    """Networks of one shape as a stack with a new leading axis."""
    return MeanField(*(torch.stack([getattr(net, name) for net in networks]) for name in ("v", "u", "b")))


def read_out(features: Tensor, v: Tensor) -> Tensor:
    r"""Outputs :math:`\frac1M\sum_i v_i\,\gamma_{ni}`, (…, N), of features (…, N, M)."""
    return (features @ v[..., None]).squeeze(-1) / v.shape[-1]


def _preactivations(net: MeanField, x: Tensor) -> Tensor:
    return (x @ net.u.mT).add_(net.b[..., None, :])


@dataclass(frozen=True)
class Linearisation:
    r"""A network to first order around its parameters, on a set of inputs.

    Args:
        x: the inputs, (…, N, d).
        features: :math:`\gamma(z_{ni})`, (…, N, M).
        slopes: :math:`S_{ni} = v_i\,\gamma'(z_{ni})`, (…, N, M).
        outputs: (…, N).
    """

    x: Tensor
    features: Tensor
    slopes: Tensor
    outputs: Tensor

    def kernel(self) -> Tensor:
        r"""The tangent kernel :math:`A = JJ^\top`, (…, N, N), without J; symmetric to the last digit.

        .. math:: A = \frac1{M^2}\Bigl[\Phi\Phi^\top + (SS^\top) \circ (XX^\top + 1)\Bigr].
        """
        inputs = gram(self.x).add_(1)
        return gram(self.slopes).mul_(inputs).add_(gram(self.features)).div_(self.features.shape[-1] ** 2)

    def pullback(self, z: Tensor) -> MeanField:
        r""":math:`J^\top z`, shaped like the parameters, for z of shape (…, N)."""
        width = self.features.shape[-1]
        return MeanField(
            (self.features.mT @ z[..., None]).squeeze(-1) / width,
            self.slopes.mT @ (z[..., None] * self.x) / width,
            (self.slopes.mT @ z[..., None]).squeeze(-1) / width,
        )


def linearise(net: MeanField, x: Tensor) -> Linearisation:
    """The linearisation of ``net`` on the inputs ``x``, (…, N, d)."""
    z = _preactivations(net, x)
    sigmoid = z.sigmoid()
    features = z.mul_(sigmoid)
    slopes = (1 - features).mul_(sigmoid).add_(features).mul_(net.v[..., None, :])  # γ' = σ(1 − γ) + γ
    return Linearisation(x, features, slopes, read_out(features, net.v))


def tangent_kernel(net: MeanField, x: Tensor) -> Tensor:
    """The tangent kernel of ``net`` on ``x``, (…, N, N); see :meth:`Linearisation.kernel`."""
    return linearise(net, x).kernel()


def symmetric(square: Tensor) -> Tensor:
    """The mean of matrices (…, n, n) and their transposes: symmetric to the last digit."""
    return square.add(square.mT).div_(2)


def gram(rows: Tensor) -> Tensor:
    """``rows @ rows.mT``, of a large one little more than half.

    It is symmetric to the last digit by construction: the product of a matrix with its transpose is so only
    where the linear algebra of the processor happens to round both halves alike.
    """
    n = rows.shape[-2]
    if n < STRIPS_FROM:
        return symmetric(rows @ rows.mT)
    product = rows.new_empty((*rows.shape[:-1], n))
    cuts = [n * k // 4 for k in range(5)]
    for first, last in pairwise(cuts):
        square, below = (rows[..., first:, :] @ rows[..., first:last, :].mT).tensor_split([last - first], -2)
        product[..., first:last, first:last] = symmetric(square)
        product[..., last:, first:last] = below
        product[..., first:last, last:] = below.mT
    return product
