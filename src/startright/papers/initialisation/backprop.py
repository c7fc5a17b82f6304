r"""Back-propagation by hand: a network of plain tensors, and the gradients of its cost without autograd.

.. math::

    z^l = W^l a^{l-1} + b^l, \qquad a^l = f(z^l), \qquad \delta^l = \partial C / \partial z^l

Source: T. Lopès-Quintas, *Recent advances in machine learning* (lecture, 2025), exercise 1.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from startright.meanfield import slope

Activation = Callable[[Tensor], Tensor]


class Pass(NamedTuple):
    """What a forward pass leaves: ``z`` and ``a`` of every layer, (batch, units); ``a[0]`` is the input."""

    z: list[Tensor]
    a: list[Tensor]


class Gradients(NamedTuple):
    """What a backward pass gives, layer by layer.

    ``delta``: ∂C/∂z of every example, (batch, units). ``weights``: summed over examples, (units, inputs).
    ``biases``: likewise, (units,).
    """

    delta: list[Tensor]
    weights: list[Tensor]
    biases: list[Tensor]


def forward(x: Tensor, weights: Sequence[Tensor], biases: Sequence[Tensor], activation: Activation) -> Pass:
    """The forward pass, every layer with the activation, the last one too.

    Args:
        x: inputs, (batch, n0).
        weights: of layer l, (units, inputs).
        biases: of layer l, (units,).
        activation: f, elementwise.

    Raises:
        ValueError: not as many biases as weights, no layer, or a layer that does not fit the one below it.
    """
    if not weights or len(weights) != len(biases):
        raise ValueError(f"one bias per weight matrix is needed, got {len(weights)} and {len(biases)}")
    zs, activations = [], [x]
    for number, (weight, bias) in enumerate(zip(weights, biases, strict=True), 1):
        if weight.shape[1] != activations[-1].shape[1]:
            raise ValueError(
                f"layer {number} takes {weight.shape[1]} inputs, and gets {activations[-1].shape[1]}"
            )
        zs.append(activations[-1] @ weight.T + bias)
        activations.append(activation(zs[-1]))
    return Pass(zs, activations)


def backward(
    done: Pass, cost_gradient: Tensor, weights: Sequence[Tensor], activation: Activation
) -> Gradients:
    r"""The backward pass.

    .. math::

        \delta^L = f'(z^L) \odot \partial C/\partial a^L, \qquad
        \delta^l = f'(z^l) \odot (W^{l+1})^\top \delta^{l+1}, \qquad
        \partial C/\partial W^l = \delta^l (a^{l-1})^\top, \qquad \partial C/\partial b^l = \delta^l

    Args:
        done: the forward pass.
        cost_gradient: :math:`\partial C/\partial a^L`, (batch, outputs).
        weights: of the layers.
        activation: f; its slope is taken by :func:`startright.meanfield.slope`.

    Raises:
        ValueError: a gradient that has not the shape of the outputs.

    Source: lecture, exercise 1, where the sum of the third part runs over :math:`w^{l+1}_{kj}`, k up to
    :math:`N_{l+1}`: the sheet prints other indices.
    """
    if cost_gradient.shape != done.a[-1].shape:
        raise ValueError(
            f"the gradient of the cost must have the shape of the outputs, {tuple(done.a[-1].shape)},"
            f" got {tuple(cost_gradient.shape)}"
        )
    delta = slope(activation, done.z[-1]) * cost_gradient
    deltas = [delta]
    for z, weight in zip(done.z[-2::-1], weights[:0:-1], strict=True):
        delta = slope(activation, z) * (delta @ weight)
        deltas.insert(0, delta)
    gradients = [delta.T @ below for delta, below in zip(deltas, done.a, strict=False)]
    return Gradients(deltas, gradients, [delta.sum(0) for delta in deltas])


def bound(weights: Sequence[Tensor], delta: Tensor, steepest: float) -> list[Tensor]:
    r"""An upper bound of :math:`|\delta^l|` for every layer, from that of the last.

    .. math:: |\delta^l| \le \gamma^{L-l}\, |W^{l+1}|^\top \cdots |W^L|^\top\, |\delta^L|, \qquad
        \gamma = \max |f'|

    The absolute values stand inside the sums, and the exponent is :math:`L - l`, since :math:`\delta^L`
    already holds :math:`f'(z^L)`; the lecture prints :math:`L - l + 1`.

    Args:
        weights: of the layers, 1 to L.
        delta: of the last layer, (batch, outputs).
        steepest: γ: ¼ for the sigmoid, 1 for tanh and ReLU.

    Returns:
        The bounds, each of the shape of :math:`\delta^l`.

    Source: lecture, on the vanishing gradient, as corrected in the brief.
    """
    bounds = [delta.abs()]
    for weight in list(weights)[:0:-1]:
        bounds.insert(0, steepest * (bounds[0] @ weight.abs()))
    return bounds


def random_layers(
    widths: Sequence[int], *, generator: torch.Generator, dtype: torch.dtype = torch.float64
) -> tuple[list[Tensor], list[Tensor]]:
    """Weights N(0, 1/inputs) and biases N(0, 1/10), to try the passes on.

    Args:
        widths: from the inputs to the outputs, two or more.
        generator: its device is where they are made.
        dtype: of the tensors.
    """
    make = {"generator": generator, "device": generator.device, "dtype": dtype}
    weights = [torch.randn(m, n, **make) / n**0.5 for n, m in pairwise(widths)]
    return weights, [torch.randn(m, **make) / 10**0.5 for m in widths[1:]]
