r"""The method as its equations say it, without speed and without questions: to read, and to test against.

What runs is :mod:`startright.gauss_newton.dual` for the network of the paper, whose kernel is known in closed
form, and :class:`~startright.gauss_newton.optim.GaussNewton` for any module. The tests hold them equal.

Source: M. Arbel, R. Menegaux and P. Wolinski, *Rethinking Gauss-Newton for learning over-parameterized
models*, NeurIPS 2023.
"""

import torch
from torch import Tensor


def outputs(v: Tensor, u: Tensor, b: Tensor, x: Tensor) -> Tensor:
    r"""The network, :math:`f_w(x) = \frac1M\sum_i v_i\,\gamma(u_i\cdot x + b_i)`, :math:`\gamma(z) =
    z/(1+e^{-z})`: :eq:`gauss-newton-network`.

    Args:
        v: output weights, (M,).
        u: hidden weights, (M, d).
        b: hidden biases, (M,).
        x: inputs, (N, d).

    Returns:
        F, (N,).
    """
    z = x @ u.T + b
    return z / (1 + torch.exp(-z)) @ v / len(v)


def jacobian(v: Tensor, u: Tensor, b: Tensor, x: Tensor) -> Tensor:
    r"""The Jacobian of the network, :math:`J = \partial F/\partial w`, (N, P), by automatic differentiation.

    Arguments as for :func:`outputs`; the columns stand in the order v, u, b.
    """
    parts = torch.func.jacrev(outputs, argnums=(0, 1, 2))(v, u, b, x)
    return torch.cat([part.flatten(1) for part in parts], 1)


def tangent_kernel(v: Tensor, u: Tensor, b: Tensor, x: Tensor) -> Tensor:
    r"""The tangent kernel of the network, :math:`A = JJ^\top`, (N, N), without J, :eq:`gauss-newton-kernel`:

    .. math:: A = \frac1{M^2}\Bigl[\Gamma\Gamma^\top + (SS^\top)\circ(XX^\top + 1)\Bigr].

    Args:
        v: output weights, (M,).
        u: hidden weights, (M, d).
        b: hidden biases, (M,).
        x: inputs, (N, d).
    """
    Z = x @ u.T + b
    sigmoid = 1 / (1 + torch.exp(-Z))
    Gamma = Z * sigmoid  # γ(Z)
    S = v * (sigmoid + Gamma * (1 - sigmoid))  # v γ'(Z)
    return (Gamma @ Gamma.T + (S @ S.T) * (x @ x.T + 1)) / len(v) ** 2


def primal_direction(J: Tensor, gradient: Tensor, epsilon: float | Tensor, H: Tensor | None = None) -> Tensor:
    r"""The step as it is defined, :math:`\Phi = (J^\top H J + \varepsilon I)^{-1} J^\top\nabla L`, (P,):
    :eq:`gauss-newton-step`.

    Args:
        J: the Jacobian of all outputs, (N, P).
        gradient: :math:`\nabla L`, in the outputs, (N,).
        epsilon: the damping.
        H: of the loss in the outputs, (N, N); None for the identity, as in the paper's experiments.
    """
    H = torch.eye(len(J), dtype=J.dtype) if H is None else H
    matrix = J.T @ H @ J + epsilon * torch.eye(J.shape[1], dtype=J.dtype)
    return torch.linalg.solve(matrix, J.T @ gradient)


def dual_direction(J: Tensor, gradient: Tensor, alpha: float = 1.0, floor: float = 1e-7) -> Tensor:
    r"""The same for H = I, :math:`\Phi = J^\top z` with :math:`(A + \varepsilon I)\,z = \nabla L`, (P,):
    :eq:`gauss-newton-dual`.

    Args:
        J: the Jacobian of all outputs, (N, P).
        gradient: :math:`\nabla L`, in the outputs, (N,).
        alpha: the damping in units of the smallest eigenvalue, :math:`\varepsilon = \alpha\,a_{\min}`,
        floor: but at least this.
    """
    A = J @ J.T  # the tangent kernel
    epsilon = max(alpha * torch.linalg.eigvalsh(A)[0], floor)
    # (A + εI) z = ∇L
    z = torch.linalg.solve(A + epsilon * torch.eye(len(A), dtype=A.dtype), gradient)
    return J.T @ z  # Φ
