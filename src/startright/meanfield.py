r"""One layer of an infinitely wide random network: what it does to a second moment, and to a gradient.

With independent centred weights of variance :math:`\sigma_w^2/n` and biases of variance :math:`\sigma_b^2`,
pre-activations :math:`z` become Gaussian as the width n grows, and their variance q follows

.. math::

    q^{l+1} = \sigma_w^2\, E\bigl[f(\sqrt{q^l} Z)^2\bigr] + \sigma_b^2, \qquad
    \chi(q) = \sigma_w^2\, E\bigl[f'(\sqrt q Z)^2\bigr],

with :math:`\chi` the factor by which the variance of :math:`\partial C/\partial z` grows from a layer to the
one below it. Everything by quadrature in float64.

Source: Poole et al. (2016); Schoenholz et al. (2017).
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from startright.quadrature import expectation

Activation = Callable[[Tensor], Tensor]


def next_variance(
    activation: Activation, q: float | np.ndarray, sigma_w2: float, sigma_b2: float = 0.0
) -> np.ndarray:
    r"""The variance of the next layer, :math:`\sigma_w^2 E f(\sqrt q Z)^2 + \sigma_b^2`, elementwise in q.

    Args:
        activation: f, elementwise on tensors, smooth on either side of 0.
        q: variances of a layer, any shape.
        sigma_w2: variance of a weight times the number of inputs.
        sigma_b2: variance of a bias.

    Raises:
        ValueError: a negative variance.

    >>> float(next_variance(torch.relu, 1.0, 2.0).round(12))
    1.0
    """
    scale = _column(q).sqrt()
    second = expectation(lambda z: activation(scale * z) ** 2)
    return (sigma_w2 * second + sigma_b2).numpy()


def backward_factor(activation: Activation, q: float | np.ndarray, sigma_w2: float) -> np.ndarray:
    r"""The factor of the gradient's variance, :math:`\sigma_w^2 E f'(\sqrt q Z)^2`, elementwise in q.

    Args:
        activation: f, elementwise on tensors, differentiable on either side of 0.
        q: variances of a layer, any shape.
        sigma_w2: variance of a weight times the number of outputs; in square layers also of inputs.

    Raises:
        ValueError: a negative variance.

    >>> float(backward_factor(torch.relu, 1.0, 2.0).round(12))
    1.0
    """
    scale = _column(q).sqrt()
    return (sigma_w2 * expectation(lambda z: slope(activation, scale * z) ** 2)).numpy()


def slope(f: Activation, z: Tensor) -> Tensor:
    """f'(z), elementwise, by automatic differentiation."""
    z = z.detach().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(f(z).sum(), z)[0]


def _column(q: float | np.ndarray) -> Tensor:
    q = torch.as_tensor(np.asarray(q, dtype=np.float64))
    if not bool((q >= 0).all()):
        raise ValueError(f"variances must be at least 0, got {q.min().item()}")
    return q[..., None]
