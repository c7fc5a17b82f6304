r"""Exact derivatives of the loss along a direction, group by group.

A direction u, split over the groups of a partition, spans S directions :math:`u_1, \dots, u_S`; along them
the loss is a function of S variables,

.. math:: \psi(\eta) = L\Bigl(\theta + \sum_s \eta_s u_s\Bigr),

and its derivatives at 0 are the reduced tensors: :math:`\bar g_s = \langle\nabla L, u_s\rangle`,
:math:`\bar H_{st} = u_s^\top \nabla^2 L\, u_t` and :math:`D^{(3)}_{sss} = \nabla^3 L[u_s, u_s, u_s]`. They
are exact: nothing is sampled or approximated.

Source: P. Wolinski, *Gathering and exploiting higher-order information when training large structured
models*, 2025.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.func import grad, jacfwd, jacrev, jvp, vmap

from startright.errors import unknown
from startright.papers.higher_order.composite import composed
from startright.papers.higher_order.partition import Groups, Partition, as_partition
from startright.papers.higher_order.steady import bare, outputs_of, plain_torch, steady
from startright.papers.higher_order.tangents import taped_derivatives

Params = Mapping[str, torch.Tensor]
Loss = Callable[[dict[str, torch.Tensor]], torch.Tensor]


class Derivatives(NamedTuple):
    r"""The reduced tensors, in float64 on the CPU.

    Args:
        g: :math:`\bar g`, (S,).
        H: :math:`\bar H`, (S, S), symmetric.
        d3: :math:`D^{(3)}_{sss}`, (S,), or None if they were not asked for.
    """

    g: torch.Tensor
    H: torch.Tensor
    d3: torch.Tensor | None


def loss_function(model: nn.Module, loss: Callable[[Any, Any], torch.Tensor], x: Any, y: Any) -> Loss:
    """The loss of a mini-batch as a function of the trainable parameters by name.

    Looking at it leaves the model as it was: buffers, attributes, mode.

    Args:
        model: in the mode it is in; with dropout or batch normalisation, call ``eval()``. One inside of
            ``DistributedDataParallel`` or ``torch.compile`` is taken out: names have no prefix.
        loss: of outputs and targets, a mean over examples.
        x: inputs: a tensor, a tuple of arguments, or a dictionary of arguments by name.
        y: targets.
    """
    model = bare(model)
    return lambda params: loss(outputs_of(model, params, x), y)


def grouped_derivatives(
    loss_fn: Loss,
    params: Params,
    groups: Groups,
    direction: Params,
    *,
    third: bool = True,
    backend: str = "tangents",
    chunk_size: int | None = None,
) -> Derivatives:
    r"""The gradient and the Hessian of ψ, and the diagonal of its third derivative.

    Args:
        loss_fn: a scalar from parameters by name; twice differentiable, and thrice for ``third``.
        params: θ by name, in float32 or float64.
        groups: a partition, its name, or lists of names. Groups in the order in which the network uses them
            are the fastest.
        direction: u by name, of the shapes of the parameters.
        third: whether to compute :math:`D^{(3)}`, for about half as much again.
        backend: ``"tangents"`` (see :mod:`startright.higher_order.tangents`), the fastest, which falls back
            on ``"double_backward"`` where it meets operations in place or with several outputs;
            ``"double_backward"``, gradients of gradients; ``"func"``, derivatives of ψ as ``torch.func``
            has them, the slowest and the shortest. They give the same numbers.
        chunk_size: groups that are treated at once, for ``"func"``: more memory for fewer calls.

    Returns:
        The tensors, computed in the type of the parameters. A group that the loss ignores has zeros.

    Raises:
        ValueError: names, shapes or types that do not fit, a loss that is no scalar, does not depend on the
            parameters, is random, or changes the model.
        FloatingPointError: derivatives that are not finite.
        NotImplementedError: an operation whose higher derivatives torch does not have.

    >>> loss = lambda p: p["a"].prod() * p["b"] ** 3
    >>> at = {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor(1.0)}
    >>> one = {"a": torch.tensor([1.0, 0.0]), "b": torch.tensor(1.0)}
    >>> g, H, d3 = grouped_derivatives(loss, at, "canonical", one)
    >>> g.tolist(), H.tolist(), d3.tolist()
    ([2.0, 6.0], [[0.0, 6.0], [6.0, 12.0]], [0.0, 12.0])
    """
    if backend not in BACKENDS:
        raise unknown("backend", backend, BACKENDS)
    partition, params, direction = checked(params, groups, direction)
    if chunk_size is not None and chunk_size < 1:
        raise ValueError(f"chunk_size must be positive, got {chunk_size}")
    how = {"third": third, "chunk_size": chunk_size}
    with plain_torch(params), torch.enable_grad():
        try:
            g, H, d3 = BACKENDS[backend](composed(steady(loss_fn)), params, partition, direction, **how)
        except RuntimeError as error:
            if "implement" not in str(error):
                raise
            raise NotImplementedError(
                f"an operation of the loss has no derivative of a higher order in torch"
                f" ({str(error).splitlines()[0]}): write it out in smaller ones"
            ) from error
    g, H, d3 = (None if v is None else v.detach().double().cpu() for v in (g, H, d3))
    _refuse_not_finite(partition, g, H, d3)
    return Derivatives(g, (H + H.T) / 2, d3)


def third_order_tensor(loss_fn: Loss, params: Params, groups: Groups, direction: Params) -> torch.Tensor:
    r"""The whole :math:`D^{(3)}_{rst} = \nabla^3 L[u_r, u_s, u_t]`, (S, S, S), for a few groups.

    Args:
        loss_fn: as for :func:`grouped_derivatives`, and the others likewise.
        params: likewise.
        groups: likewise.
        direction: likewise.

    Raises:
        ValueError: likewise.
        FloatingPointError: likewise.
    """
    partition, params, direction = checked(params, groups, direction)
    psi, origin = _along(composed(steady(loss_fn)), params, partition, direction)
    with plain_torch(params):
        grad(lambda eta: scalar(psi(eta)))(origin)
        tensor = jacrev(jacfwd(jacfwd(psi)))(origin).detach().double().cpu()
    _refuse_not_finite(partition, tensor.flatten(1))
    return tensor


def add_derivatives(weighted: Iterable[tuple[float, Derivatives]]) -> Derivatives:
    r"""The sum :math:`\sum_k w_k\,(\bar g_k, \bar H_k, D^{(3)}_k)`, in new tensors.

    Derivatives are linear in the loss: with the sizes of mini-batches over their sum as weights, these are
    the derivatives of the loss of all examples. The cube root comes afterwards.

    Raises:
        ValueError: nothing to add, groups that differ in number, or only some with third derivatives.
    """
    weighted = list(weighted)
    if not weighted:
        raise ValueError("there are no derivatives to add")
    shapes = {(d.g.shape, d.H.shape, d.d3 is None) for _, d in weighted}
    if len(shapes) > 1:
        raise ValueError(f"derivatives of different groups or orders cannot be added: {sorted(shapes)}")

    def total(parts: Iterable[torch.Tensor]) -> torch.Tensor:
        return torch.stack([w * part for (w, _), part in zip(weighted, parts, strict=True)]).sum(0)

    parts = [d for _, d in weighted]
    d3 = None if parts[0].d3 is None else total(d.d3 for d in parts)
    return Derivatives(total(d.g for d in parts), total(d.H for d in parts), d3)


def refuse_complex(params: Params) -> None:
    """Say that parameters must be real.

    Raises:
        ValueError: one is complex.
    """
    if found := [name for name, p in params.items() if p.is_complex()]:
        raise ValueError(
            f"{found[0]} is complex: keep its real and imaginary part as real parameters, and"
            " join them by torch.view_as_complex in the forward pass"
        )


def checked(params: Params, groups: Groups, direction: Params) -> tuple[Partition, Params, Params]:
    """The groups, and parameters and direction without a graph.

    Raises:
        ValueError: names, shapes or types that do not fit.
    """
    partition = as_partition(groups, params)
    names = {name for group in partition.groups for name in group}
    if odd := sorted(names ^ set(direction)):
        raise ValueError(
            f"the direction must have the names of the parameters; not in both: {', '.join(odd)}"
        )
    refuse_complex(params)
    for name, p in params.items():
        if p.dtype not in (torch.float32, torch.float64):
            raise ValueError(
                f"{name} is {p.dtype}: higher derivatives need float32 or float64, so call model.float()"
            )
        if name in names and direction[name].shape != p.shape:
            raise ValueError(
                f"the direction of {name} must have its shape {tuple(p.shape)},"
                f" got {tuple(direction[name].shape)}"
            )
    direction = {name: direction[name].detach().to(p) for name, p in params.items() if name in names}
    return partition, {name: p.detach() for name, p in params.items()}, direction


def moved(params: Params, partition: Partition, direction: Params, eta) -> dict[str, torch.Tensor]:
    """θ + Σ η_s u_s; what is frozen stays."""
    return {
        name: p + eta[partition.index(name)] * direction[name] if name in direction else p
        for name, p in params.items()
    }


def _refuse_not_finite(partition: Partition, *tensors: torch.Tensor | None) -> None:
    for tensor in tensors:
        if tensor is not None and not tensor.isfinite().all():
            rows = tensor.isfinite().reshape(len(partition), -1).all(1)
            names = [name for name, good in zip(partition.names, rows, strict=True) if not good]
            raise FloatingPointError(f"derivatives that are not finite, for the groups {', '.join(names)}")


def scalar(value: torch.Tensor) -> torch.Tensor:
    """The loss, if it is a scalar that depends on the parameters.

    Raises:
        ValueError: it is not; the message says what it is.
    """
    if not isinstance(value, torch.Tensor) or value.dim() or not value.dtype.is_floating_point:
        what = (
            f"a tensor of {tuple(value.shape)}" if isinstance(value, torch.Tensor) else type(value).__name__
        )
        raise ValueError(f"the loss must be a scalar tensor, got {what}: take its mean")
    if not value.requires_grad:
        raise ValueError(
            "the loss does not depend on the parameters: is there a detach() or no_grad() in it?"
        )
    return value


def _double_backward(loss_fn, params, partition, direction, *, third, chunk_size):
    """Rows of the Hessian as gradients of the entries of the gradient: the upper triangle only."""
    like = next(iter(params.values()))
    eta = [
        torch.zeros((), dtype=like.dtype, device=like.device, requires_grad=True) for _ in partition.groups
    ]
    loss = scalar(loss_fn(moved(params, partition, direction, eta)))
    zero = torch.zeros_like(eta[0])

    def derivatives(value: torch.Tensor, of: list[torch.Tensor], graph: bool) -> list[torch.Tensor]:
        if not value.requires_grad:
            return [zero] * len(of)
        found = torch.autograd.grad(value, of, create_graph=graph, retain_graph=True, allow_unused=True)
        return [zero if part is None else part for part in found]

    S = len(eta)
    g = derivatives(loss, eta, True)
    rows = [derivatives(g[s], eta[s:], third) for s in range(S)]
    H = torch.stack([torch.stack([zero] * s + row).detach() for s, row in enumerate(rows)])
    d3 = torch.stack([derivatives(rows[s][0], [eta[s]], False)[0] for s in range(S)]) if third else None
    return torch.stack(g), H.triu() + H.triu(1).T, d3


def _along(
    loss_fn, params, partition, direction
) -> tuple[Callable[[torch.Tensor], torch.Tensor], torch.Tensor]:
    """ψ and the origin of its S variables."""

    def psi(eta: torch.Tensor) -> torch.Tensor:
        return loss_fn(moved(params, partition, direction, eta))

    like = next(iter(params.values()))
    return psi, torch.zeros(len(partition), dtype=like.dtype, device=like.device)


def _func(loss_fn, params, partition, direction, *, third, chunk_size):
    """Derivatives of ψ by ``torch.func``: reverse over forward, vmapped over S tangents.

    Not forward over reverse, as torch 2.15 cannot push tangents through the gradient of ``mse_loss``.
    """
    psi, origin = _along(loss_fn, params, partition, direction)

    def along(f: Callable, tangent: torch.Tensor) -> Callable:
        return lambda eta: jvp(f, (eta,), (tangent,))[1]

    def row(tangent: torch.Tensor) -> tuple[torch.Tensor, ...]:
        slope = along(psi, tangent)
        if not third:
            return (grad(slope)(origin),)
        return grad(slope)(origin), along(along(slope, tangent), tangent)(origin)

    g = grad(lambda eta: scalar(psi(eta)))(origin)
    H, *d3 = vmap(row, chunk_size=chunk_size)(torch.eye(len(origin)).to(origin))
    return g, H, d3[0] if third else None


def _tangents(loss_fn, params, partition, direction, *, third, chunk_size):
    """Tangents and one backward pass; what cannot be followed is left to the double backward pass.

    Some operations of torch fail under forward mode or ``vmap``, each in its own way. A mistake in the loss
    itself shows again.
    """
    owners = {name: partition.index(name) for name in direction}
    try:
        return taped_derivatives(loss_fn, params, owners, direction, third=third)
    except Exception:
        return _double_backward(loss_fn, params, partition, direction, third=third, chunk_size=chunk_size)


BACKENDS = {"double_backward": _double_backward, "func": _func, "tangents": _tangents}
