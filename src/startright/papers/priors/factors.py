r"""The factor of a layer's penalty: the one by which its prior fulfils Glorot's condition.

A layer has n neurons of P weights each. Of the prior :math:`\alpha_\lambda \propto e^{-\lambda\tilde r}` it
is asked that :math:`\mathbb E\,w = 0` and :math:`\mathbb E\,w^2 = 1/P`:

============  ==========================================  ======================  ===========
penalty       :math:`\tilde r`                            Bayesian factor         usual factor
============  ==========================================  ======================  ===========
``l2``        :math:`\lVert W\rVert_2^2`                  :math:`P/2`             1
``l1``        :math:`\lVert W\rVert_1`                    :math:`\sqrt{2P}`       1
``rows``      :math:`\sum_i \lVert w_{i\cdot}\rVert_2`    :math:`\sqrt{P(P+1)}`   :math:`\sqrt P`
``columns``   :math:`\sum_j \lVert w_{\cdot j}\rVert_2`   :math:`\sqrt{P(n+1)}`   :math:`\sqrt n`
============  ==========================================  ======================  ===========

Of a convolution P is the number of weights of one output channel, and a column is what is fed by one input
channel, n times the size of the kernel: for groups of d weights the factor is :math:`\sqrt{P(d+1)}`.

Source: P. Wolinski, G. Charpiat and Y. Ollivier, arXiv 2002.00178, the penalty strength heuristic; M. Yuan
and Y. Lin (2006) for the usual factors; the general formula for convolutions was worked out for this book.
"""

import math
from typing import NamedTuple

from torch import nn

from startright.errors import unknown

KINDS = ("l2", "l1", "rows", "columns")
DENSE = (nn.Linear,)
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
WEIGHTED = DENSE + CONVOLUTIONS + TRANSPOSED


class Sizes(NamedTuple):
    """Sizes of a layer: weights of a neuron, weights that an input feeds."""

    fan_in: int
    fan_out: int


def sizes(layer: nn.Module, bias: bool = False) -> Sizes:
    """P, and the number of weights that one input, or one input channel, feeds.

    Args:
        layer: linear, convolutional or a transposed convolution; grouped and depthwise ones are as well.
        bias: whether the bias counts among the weights of a neuron. The paper does not say; we leave it out.

    Raises:
        ValueError: another layer; its class is in the message.

    >>> sizes(nn.Linear(784, 300)), sizes(nn.Conv2d(8, 8, 3, groups=8))
    (Sizes(fan_in=784, fan_out=300), Sizes(fan_in=9, fan_out=9))
    """
    if not isinstance(layer, WEIGHTED):
        raise ValueError(
            f"no factor is known for {type(layer).__name__}: linear and convolutional layers have one"
        )
    if nn.parameter.is_lazy(layer.weight) or not layer.weight.numel():
        raise ValueError(f"{type(layer).__name__} has no weights (yet): pass a batch through it first")
    first, second = (layer.weight[0].numel(), layer.weight[:, 0].numel())
    blocks = getattr(layer, "groups", 1)
    if isinstance(layer, TRANSPOSED):  # inputs along the first axis
        inward, outward = second // blocks, first
    else:
        inward, outward = first, second // blocks
    return Sizes(inward + (bias and layer.bias is not None), outward)


def penalty_factor(kind: str, layer: nn.Module, *, bias: bool = False) -> float:
    r""":math:`\lambda_{\mathrm{Bayesian}}`, by which a layer's prior fulfils Glorot's condition.

    Args:
        kind: ``"l2"`` (of the whole square, without ½), ``"l1"``, ``"rows"`` or ``"columns"``.
        layer: as for :func:`sizes`.
        bias: likewise.

    Raises:
        ValueError: an unknown kind, or a layer without a factor.

    >>> [round(penalty_factor(kind, nn.Linear(784, 300)), 2) for kind in KINDS]
    [392.0, 39.6, 784.5, 485.78]
    """
    fan_in, fan_out = sizes(layer, bias)
    if kind == "l2":
        return fan_in / 2
    return math.sqrt(fan_in * (_group(kind, fan_in, fan_out) + 1))


def usual_factor(kind: str, layer: nn.Module, *, bias: bool = False) -> float:
    r""":math:`\lambda_{\mathrm{usual}}`: 1, or the root of the size of a group. Arguments as above.

    >>> [usual_factor(kind, nn.Linear(784, 400)) for kind in KINDS]
    [1.0, 1.0, 28.0, 20.0]
    """
    fan_in, fan_out = sizes(layer, bias)
    return 1.0 if kind == "l2" else math.sqrt(_group(kind, fan_in, fan_out))


def _group(kind: str, fan_in: int, fan_out: int) -> int:
    """How many weights a group has."""
    group = {"l1": 1, "rows": fan_in, "columns": fan_out}
    if kind not in group:
        raise unknown("penalty", kind, KINDS)
    return group[kind]


def lambda_th(n: int) -> float:
    r""":math:`\lambda_{\mathrm{Th}} = 1/n`, for n training examples and a loss that is their mean.

    Raises:
        ValueError: n is not a positive number of examples.

    >>> lambda_th(50_000)
    2e-05
    """
    if isinstance(n, bool) or not isinstance(n, int) or n < 1:
        raise ValueError(f"λ_Th = 1/n needs the number of examples trained on, an integer from 1, got {n!r}")
    return 1 / n
