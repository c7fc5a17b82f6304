r"""Orthogonal weights: of linear layers, and, as the centre of their kernels, of convolutions.

Source: A. M. Saxe et al. (2014) for the matrices; L. Xiao et al., *Dynamical isometry and a mean field theory
of CNNs* (2018), for convolutions.
"""

import math

import torch
from torch import Tensor, nn

from startright.models.layers import WEIGHTED, why_not_plain


@torch.no_grad()
def orthogonal(rows: int, columns: int, *, generator: torch.Generator | None = None, **make) -> Tensor:
    r"""A random matrix with orthonormal rows or columns, whichever are fewer, uniform among these (Haar).

    .. math:: A = QR, \quad A_{ij} \sim N(0, 1), \qquad V = Q\,\mathrm{sign}(\mathrm{diag}\,R)

    Args:
        rows: number of rows.
        columns: number of columns.
        generator: of A; torch's default stream if absent.
        **make: ``dtype`` and ``device`` of A.

    Raises:
        ValueError: no row or no column.

    Source: Mezzadri (2007), for the signs: without them the law is not uniform. As
    :func:`torch.nn.init.orthogonal_`.

    >>> v = orthogonal(3, 2, dtype=torch.float64)
    >>> bool(torch.allclose(v.T @ v, torch.eye(2, dtype=torch.float64)))
    True
    """
    if min(rows, columns) < 1:
        raise ValueError(f"a matrix has one row and one column at least, got {rows} and {columns}")
    a = torch.randn(rows, columns, generator=generator, **make)
    q, r = torch.linalg.qr(a if rows >= columns else a.T)
    q = q * r.diagonal().sign()
    return q if rows >= columns else q.T.contiguous()


@torch.no_grad()
def orthogonal_(layer: nn.Module, gain: float = 1.0, *, generator: torch.Generator | None = None) -> Tensor:
    r"""Fill a layer's weight with ``gain`` times an orthogonal matrix, in place, and its bias with 0.

    A convolution gets it as the middle of its kernels, all else 0 (delta-orthogonal, whatever the numbers of
    channels: :func:`delta_orthogonal_` asks for more).

    Args:
        layer: linear or convolutional, of one group; kernels with a middle.
        gain: factor.
        generator: on the device of the weight.

    Returns:
        The weight.

    Raises:
        ValueError: another layer, a weight that is not a plain parameter, or a kernel without a middle.
    """
    middle = _middle(layer)
    like = {"dtype": layer.weight.dtype, "device": layer.weight.device}
    drawn = gain * orthogonal(*layer.weight.shape[:2], generator=generator, **like)
    layer.weight.zero_()
    layer.weight[middle] = drawn
    if layer.bias is not None:
        layer.bias.zero_()
    return layer.weight


def delta_orthogonal_(
    layer: nn.Module, gain: float = 1.0, *, generator: torch.Generator | None = None
) -> Tensor:
    r"""Make a convolution keep the norm of every image: ``gain`` times an isometry, in place.

    .. math:: W_{\text{centre}} = g\,V, \quad V^\top V = I, \qquad W_{\text{elsewhere}} = 0

    Args:
        layer: a convolution that keeps the size of its maps (stride 1, padding of half the kernel).
        gain: g.
        generator: on the device of the weight.

    Returns:
        The weight.

    Raises:
        ValueError: no convolution; fewer outputs than inputs, for which no isometry exists; kernels of even
            size, which have no centre; a stride, a padding or groups that lose or mix pixels; or a weight
            that is not a plain parameter.

    Source: Xiao et al. (2018).
    """
    if not isinstance(layer, WEIGHTED[1:]):
        raise ValueError(f"delta-orthogonal weights are those of a convolution, got {type(layer).__name__}")
    outputs, inputs = layer.weight.shape[:2]
    if outputs < inputs:
        raise ValueError(
            f"a convolution of {inputs} channels to {outputs} cannot keep every norm: delta-orthogonal needs"
            " as many outputs as inputs, or more; use orthogonal_, which keeps what it can"
        )
    half = tuple(size // 2 for size in layer.kernel_size)
    same = layer.padding in ("same", half)
    if any(step != 1 for step in layer.stride) or not (same and layer.dilation == (1,) * len(half)):
        raise ValueError(
            f"{layer} does not keep the size of its maps: delta-orthogonal needs stride 1, dilation 1 and a"
            f" padding of {half}"
        )
    return orthogonal_(layer, gain, generator=generator)


def _middle(layer: nn.Module) -> tuple:
    """Where the matrix stands in the weight of a layer that can have one."""
    if not isinstance(layer, WEIGHTED):
        raise ValueError(f"orthogonal weights are of linear and convolutional layers, got {layer}")
    if why := why_not_plain(layer):
        raise ValueError(f"{layer} cannot be initialised: {why}")
    if getattr(layer, "groups", 1) != 1:
        raise ValueError(f"{layer} has {layer.groups} groups: its channels are not one matrix")
    sizes = layer.weight.shape[2:]
    if any(size % 2 == 0 for size in sizes):
        raise ValueError(f"a kernel of {tuple(sizes)} has no centre: use odd sizes")
    return (slice(None), slice(None), *(size // 2 for size in sizes))


def gain(slope: float) -> float:
    r"""The gain of orthogonal weights below Leaky ReLU, :math:`\sqrt{2/(1 + \alpha^2)}`.

    Args:
        slope: α.

    Raises:
        ValueError: it is not finite.

    >>> round(gain(0.0) ** 2, 12), gain(1.0)
    (2.0, 1.0)
    """
    if not math.isfinite(slope):
        raise ValueError(f"the slope of Leaky ReLU must be finite, got {slope}")
    return math.sqrt(2 / (1 + slope**2))
