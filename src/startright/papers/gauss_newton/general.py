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

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.func import functional_call, jacrev, vjp, vmap

from startright.papers.gauss_newton.dual import Damping
from startright.papers.gauss_newton.losses import ExampleLoss, LocalLoss, local_loss
from startright.papers.gauss_newton.network import symmetric

Parameters = dict[str, Tensor]
CHUNK_NUMBERS = 2**24  # of a chunk's Jacobian when no chunk size is given: 128 MB in float64


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


def direction(
    model: nn.Module,
    x: Tensor,
    targets: Tensor,
    loss: str | ExampleLoss = "squared",
    *,
    hessian: str = "identity",
    damping: Damping | None = None,
    chunk_size: int | None = None,
) -> Direction:
    r"""The direction Φ of a network at its present parameters; nothing is moved.

    Args:
        model: gives each example its outputs, whatever the others are; its parameters that require no
            gradient are left out.
        x: inputs, (N, …), in float32 or float64. The kernel is formed in the network's precision, its algebra
            is done in float64.
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
    check(model, x)
    with torch.no_grad():
        outputs = model(x)
    check_outputs(outputs, x)
    local = local_loss(loss, outputs, targets, hessian)
    if not bool(local.value.isfinite()):
        raise FloatingPointError(
            f"the loss is {local.value.item()}: the step before was too large, or the data is bad"
        )
    kernel = tangent_kernel(model, x, chunk_size)
    z, epsilon, extremes = solve(kernel, local, damping)
    return Direction(pullback(model, x, z, chunk_size), local.value, epsilon, *extremes)


def tangent_kernel(model: nn.Module, x: Tensor, chunk_size: int | None = None) -> Tensor:
    r"""The tangent kernel :math:`A = JJ^\top`, (N·K, N·K), outputs of one example next to each other.

    It is symmetric to the last digit. The Jacobians of two chunks of examples give a block of A; those of the
    second are computed anew for every block. For m chunks this costs (m + 1)/2 times the Jacobian and 2/m
    times its memory.

    Args:
        model: gives each example its outputs.
        x: inputs, (N, …).
        chunk_size: examples in a chunk; by default as many as keep a chunk's Jacobian below 2²⁴ numbers.

    Raises:
        ValueError: a chunk size that is not a positive integer.
    """
    params, f = as_function(model)
    if chunk_size is None:
        with torch.no_grad():
            outputs = model(x[:1]).numel()
        chunk_size = max(1, CHUNK_NUMBERS // (outputs * sum(p.numel() for p in params.values())))
    if isinstance(chunk_size, bool) or not isinstance(chunk_size, int) or chunk_size < 1:
        raise ValueError(f"chunk_size must be a positive integer or None, got {chunk_size!r}")
    chunks = x.split(chunk_size)
    rows: list[list[Tensor]] = [[] for _ in chunks]
    for a, chunk in enumerate(chunks):
        left = jacobian(f, params, chunk)
        for b in range(a):
            rows[a].append(_product(left, jacobian(f, params, chunks[b])))
        rows[a].append(symmetric(_product(left, left)))
    return _mirrored(rows)


def _product(left: list[Tensor], right: list[Tensor]) -> Tensor:
    """A block of the kernel, parameter by parameter: the Jacobians are never put together."""
    block = left[0] @ right[0].mT
    for j, k in zip(left[1:], right[1:], strict=True):
        block.addmm_(j, k.mT)
    return block


def _mirrored(rows: list[list[Tensor]]) -> Tensor:
    """The whole kernel from the blocks on and below its diagonal."""
    sizes = [len(row[0]) for row in rows]
    kernel = rows[0][0].new_empty(sum(sizes), sum(sizes))
    starts = [sum(sizes[:k]) for k in range(len(sizes))]
    for a, row in enumerate(rows):
        for b, block in enumerate(row):
            here, there = (slice(starts[k], starts[k] + sizes[k]) for k in (a, b))
            kernel[here, there] = block
            kernel[there, here] = block.mT
    return kernel


def as_function(model: nn.Module) -> tuple[Parameters, Callable[[Parameters, Tensor], Tensor]]:
    """The trainable parameters, detached, and (parameters, one example) → its K outputs."""
    params = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}

    def f(params: Parameters, x: Tensor) -> Tensor:
        return functional_call(model, params, (x[None],)).flatten()

    return params, f


def jacobian(f: Callable[[Parameters, Tensor], Tensor], params: Parameters, x: Tensor) -> list[Tensor]:
    """The Jacobian of some examples' outputs, a block (n·K, P_l) for each parameter."""
    blocks = vmap(jacrev(f), (None, 0))(params, x)
    return [blocks[name].flatten(0, 1).flatten(1) for name in params]


def pullback(model: nn.Module, x: Tensor, z: Tensor, chunk_size: int | None = None) -> Parameters:
    r""":math:`J^\top z` by the parameter's name, for z of shape (N·K,): a backward pass for each chunk."""
    params, _ = as_function(model)
    total: Parameters = {}
    parts = z.view(len(x), -1).split(chunk_size or len(x))
    for chunk, part in zip(x.split(chunk_size or len(x)), parts, strict=True):
        outputs, pull = vjp(lambda params, chunk=chunk: functional_call(model, params, (chunk,)), params)
        pulled = pull(part.to(outputs.dtype).reshape(outputs.shape))[0]
        total = {name: total[name].add_(p) for name, p in pulled.items()} if total else pulled
    return total


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


def check(model: nn.Module, x: Tensor) -> None:
    """Say what is wrong with a network or its inputs.

    Raises:
        ValueError: no trainable parameter, half precision, no examples, or a layer whose outputs are drawn,
            or depend on the other examples.
    """
    trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if not trainable:
        raise ValueError(f"{type(model).__name__} has no parameter that requires a gradient")
    coarse = {p.dtype for p in trainable.values()} - {torch.float32, torch.float64}
    if coarse:
        raise ValueError(f"parameters are {_names(coarse)}: Gauss-Newton needs float32, or better float64")
    if not isinstance(x, Tensor) or not x.dim() or not len(x):
        raise ValueError("inputs must be a tensor, (N, …), of at least one example")
    if x.dtype in (torch.float16, torch.bfloat16):
        raise ValueError(f"inputs are {_names({x.dtype})}: Gauss-Newton needs float32, or better float64")
    for name, part in model.named_modules():
        if why := _mixes(part):
            raise ValueError(f"the layer {name!r}, {type(part).__name__}, {why}")


def _names(dtypes: set[torch.dtype]) -> str:
    return ", ".join(sorted(str(dtype).removeprefix("torch.") for dtype in dtypes))


def _mixes(part: nn.Module) -> str | None:
    """Why a layer's outputs are no function of one example, if they are not."""
    random = getattr(part, "p", 0) if isinstance(part, nn.modules.dropout._DropoutNd) else 0
    random = getattr(part, "dropout", 0) if isinstance(part, nn.RNNBase) else random
    if part.training and random > 0:
        return "is random in training: call model.eval() before the step"
    if isinstance(part, nn.modules.batchnorm._BatchNorm) and (part.training or part.running_mean is None):
        return "mixes the examples of a batch: call model.eval() before the step, and keep running statistics"
    return None


def check_outputs(outputs: Tensor, x: Tensor) -> None:
    """Say what is wrong with a network's outputs.

    Raises:
        ValueError: they are not one tensor with the examples first.
    """
    if not isinstance(outputs, Tensor) or outputs.shape[:1] != x.shape[:1]:
        found = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        raise ValueError(f"for {len(x)} examples the network must give a tensor ({len(x)}, …), got {found}")
