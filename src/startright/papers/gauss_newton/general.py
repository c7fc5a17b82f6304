r"""Gauss-Newton for any network, through its dual problem, which is as large as the outputs of the batch.

A network with parameters w gives N examples K outputs each; F are all of them, and their Jacobian,
:math:`J = \partial F/\partial w`, is (N·K) × P. With the gradient g and the Hessian h of the examples'
losses in the outputs (:mod:`startright.gauss_newton.losses`), the direction is

.. math::
    \Phi = (J^\top h J + \varepsilon I)^{-1} J^\top g = J^\top z, \qquad
    (hA + \varepsilon I)\,z = g, \qquad A = JJ^\top,

and the step :math:`w \leftarrow w - \lambda_\mathrm{eff}\,\Phi`. With a root of the Hessian,
:math:`h = CC^\top`, and :math:`g = Cq + r`, the system becomes symmetric and may have a singular h:

.. math::
    (C^\top A C + \varepsilon I)\,\omega = q - C^\top A r/\varepsilon, \qquad z = C\omega + r/\varepsilon.

The paper writes the mean loss, whose gradient is g/N, and a step λ. With its H = I, this Φ is N times the
paper's at the same ε, and :math:`\lambda_\mathrm{eff} = \lambda/N`; with its H the Hessian of the mean
loss, h/N, this Φ is the paper's at ε/N, and :math:`\lambda_\mathrm{eff} = \lambda`. Either way
:math:`\lambda_\mathrm{eff} = 1` is a full step.

The Jacobian never exists as a whole: A is made block by block, from the Jacobians of two chunks of examples.

Source:
    M. Arbel, R. Menegaux and P. Wolinski, NeurIPS 2023.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from startright.models.untouched import untouched
from startright.papers.gauss_newton.admission import check
from startright.papers.gauss_newton.batches import Batch, size
from startright.papers.gauss_newton.dual import Damping
from startright.papers.gauss_newton.linearised import Linearised, Parameters
from startright.papers.gauss_newton.losses import ExampleLoss, LocalLoss, local_loss


@dataclass(frozen=True)
class Direction:
    r"""A Gauss-Newton direction, and how it came about.

    Args:
        parameters: Φ, by the parameter's name.
        loss: of the batch, before any step, ().
        damping: the ε that was used, ().
        smallest: the smallest eigenvalue of the tangent kernel, (): at the level of rounding, or below 0, if
            the kernel is singular, as it is for an example that comes twice.
        largest: the largest, ().
    """

    parameters: Parameters
    loss: Tensor
    damping: Tensor
    smallest: Tensor
    largest: Tensor


@dataclass(frozen=True)
class SecondOrder:
    r"""All that directions are computed from, however damped.

    Args:
        local: the loss to second order in the outputs.
        kernel: the tangent kernel, (N·K, N·K).
        pullback: :math:`J^\top z` by the parameter's name, for z of shape (N·K,).
    """

    local: LocalLoss
    kernel: Tensor
    pullback: Callable[[Tensor], Parameters]


def direction(
    model: nn.Module,
    x: Batch,
    targets: Batch,
    loss: str | ExampleLoss = "squared",
    *,
    hessian: str = "identity",
    damping: Damping | None = None,
    chunk_size: int | None = None,
) -> Direction:
    r"""The direction Φ of a network at its present parameters; nothing is moved, the network stays as it is.

    Args:
        model: gives each example its outputs, whatever the others are; its parameters that require no
            gradient are left out.
        x: inputs, (N, …), in float32 or float64, a tuple of the network's arguments or a dict of them by
            name. The kernel is formed in the network's precision, whatever autocast says, its algebra is
            done in float64.
        targets: see :func:`~startright.gauss_newton.losses.local_loss`.
        loss: likewise.
        hessian: likewise.
        damping: the rule for ε, by default that of the authors' program. However small, ε is at least ten
            units of rounding of the network's precision, times the largest eigenvalue.
        chunk_size: see :func:`tangent_kernel`.

    Raises:
        ValueError: a network, inputs, targets or a loss that do not fit; a damping too small to factorise.
        FloatingPointError: a loss or a kernel that is not finite.
    """
    with in_full_precision(model):
        found = second_order(model, x, targets, loss, hessian=hessian, chunk_size=chunk_size)
        z, epsilon, extremes = solve(found.kernel, found.local, damping)
        return Direction(found.pullback(z), found.local.value, epsilon, *extremes)


@contextmanager
def in_full_precision(model: nn.Module) -> Iterator[None]:
    """Without autocast and without gradients, and the network is left as it was."""
    device = next(model.parameters()).device.type
    with untouched(model), torch.no_grad(), torch.autocast(device, enabled=False):
        yield


def second_order(
    model: nn.Module,
    x: Batch,
    targets: Batch,
    loss: str | ExampleLoss = "squared",
    *,
    hessian: str = "identity",
    chunk_size: int | None = None,
) -> SecondOrder:
    """The loss to second order and the kernel; the arguments are those of :func:`direction`.

    Raises:
        ValueError: a network, inputs, targets or a loss that do not fit.
        FloatingPointError: a loss that is not finite.
    """
    check(model, x)
    linearised = Linearised(model, x, chunk_size)
    local = local_loss(loss, linearised.outputs, targets, hessian)
    if not bool(local.value.isfinite()):
        raise FloatingPointError(
            f"the loss is {local.value.item()}: the step before was too large, or the data is bad"
        )
    return SecondOrder(local, linearised.kernel(), linearised.pullback)


def tangent_kernel(model: nn.Module, x: Batch, chunk_size: int | None = None) -> Tensor:
    r"""The tangent kernel :math:`A = JJ^\top`, (N·K, N·K), outputs of one example next to each other.

    It is symmetric to the last digit. The Jacobians of two chunks of examples give a block of A; those of the
    second are computed anew for every block. For m chunks this costs (m + 1)/2 times the Jacobian and 2/m
    times its memory.

    Args:
        model: gives each example its outputs.
        x: inputs, see :func:`direction`.
        chunk_size: examples in a chunk; by default as many as keep a chunk's Jacobian below 2²⁴ numbers.

    Raises:
        ValueError: a chunk size that is not a positive integer.
    """
    return Linearised(model, x, chunk_size).kernel()


def pullback(model: nn.Module, x: Batch, z: Tensor, chunk_size: int | None = None) -> Parameters:
    r""":math:`J^\top z` by the parameter's name, for z of shape (N·K,): a backward pass for each chunk."""
    return Linearised(model, x, chunk_size or size(x), by_layers=False).pullback(z)


def solve(
    kernel: Tensor, local: LocalLoss, damping: Damping | None = None
) -> tuple[Tensor, Tensor, tuple[Tensor, Tensor]]:
    """The dual problem, in float64.

    Args:
        kernel: A, (N·K, N·K).
        local: the loss to second order.
        damping: the rule for ε.

    Returns:
        z, (N·K,), in float64; ε; the smallest and the largest eigenvalue of A.

    Raises:
        ValueError: the damping is too small to factorise.
        FloatingPointError: a kernel that is not finite.
    """
    rounding = 10 * torch.finfo(kernel.dtype).eps
    kernel = kernel.double()
    if not bool(kernel.isfinite().all()):
        raise FloatingPointError("the tangent kernel is not finite: the step before was too large")
    eigenvalues = torch.linalg.eigvalsh(kernel)
    epsilon = torch.maximum((damping or Damping())(eigenvalues), rounding * eigenvalues[-1])
    root = None if local.root is None else local.root.double()
    q = local.coordinates.double()
    outside = torch.zeros_like(q) if local.rest is None else local.rest.double() / epsilon
    if local.rest is not None:
        q = q - _times(root.mT, (kernel @ outside.flatten()).view_as(q))
    omega = _cholesky(_sandwich(kernel, root), q.flatten(), epsilon).view_as(q)
    z = omega if root is None else _times(root, omega)
    return (z + outside).flatten(), epsilon, (eigenvalues[0], eigenvalues[-1])


def _times(root: Tensor, q: Tensor) -> Tensor:
    return (root @ q[:, :, None]).squeeze(-1)


def _sandwich(kernel: Tensor, root: Tensor | None) -> Tensor:
    """CᵀAC for a block-diagonal C, (N, K, K)."""
    if root is None:
        return kernel
    n, k, _ = root.shape
    right = torch.einsum("anb,nbc->anc", kernel.view(n * k, n, k), root).reshape(n * k, n * k)
    return torch.einsum("nab,nac->nbc", root, right.view(n, k, n * k)).reshape(n * k, n * k)


def _cholesky(matrix: Tensor, right: Tensor, epsilon: Tensor) -> Tensor:
    damped = matrix.clone()
    damped.diagonal().add_(epsilon)
    factor, info = torch.linalg.cholesky_ex(damped)
    if bool(info):
        raise ValueError(
            f"the kernel with a damping of {epsilon.item():g} is not positive definite: give a larger floor"
        )
    return torch.cholesky_solve(right[:, None], factor).squeeze(-1)
