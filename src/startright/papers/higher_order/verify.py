"""Derivatives of a loss held against differences: no operation of torch is taken at its word.

Torch's derivatives above the first order are exact for most operations, and wrong for some without a sign of
it. This is the check.
"""

import math

import torch

from startright.papers.higher_order.differences import Look, Verdict, judge
from startright.papers.higher_order.double import widened
from startright.papers.higher_order.partition import Groups, Partition
from startright.papers.higher_order.reduced import (
    BACKENDS,
    Derivatives,
    Loss,
    Params,
    checked,
    grouped_derivatives,
    moved,
)
from startright.papers.higher_order.steady import plain_torch, steady

ORDERS = ("the gradient", "the Hessian", "the third derivative")


class WrongDerivatives(ArithmeticError):
    """A derivative that differs from the differences of the loss."""


def verify_derivatives(
    loss_fn: Loss,
    params: Params,
    groups: Groups,
    direction: Params,
    *,
    third: bool = True,
    backend: str = "tangents",
    claimed: Derivatives | None = None,
) -> Derivatives:
    r"""Compare the derivatives of a back-end with central differences, group by group.

    All is computed in float64, that of float32 parameters on a copy; see
    :mod:`startright.higher_order.differences` for what is compared and how closely. The cost is that of four
    gradients a group, and more where the loss has kinks. Differences that cannot decide, at a point where the
    loss is not smooth, say nothing.

    Args:
        loss_fn: as for :func:`~startright.higher_order.reduced.grouped_derivatives`, and the others likewise.
        params: likewise.
        groups: likewise.
        direction: likewise.
        third: whether to compare :math:`D^{(3)}` as well.
        backend: whose derivatives are tried.
        claimed: derivatives in float64 to be compared in place of those of the back-end.

    Returns:
        The derivatives that were compared.

    Raises:
        WrongDerivatives: one is wrong; the message names its group, its order and what to do.
        ValueError: what :func:`~startright.higher_order.reduced.grouped_derivatives` refuses, or a loss that
            is no function of the parameters.

    Source: W. H. Press et al., *Numerical Recipes*, 3rd edition, 2007, 5.7, for the steps and their errors.

    >>> at = {"a": torch.tensor([1.0, 2.0])}
    >>> g, H, d3 = verify_derivatives(lambda p: p["a"].prod() ** 2, at, "canonical", at)
    >>> g.tolist(), H.tolist(), d3.tolist()
    ([16.0], [[48.0]], [96.0])
    """
    partition, params, direction = checked(params, groups, direction)
    loss_fn = steady(widened(loss_fn))
    params, direction = ({name: v.double() for name, v in side.items()} for side in (params, direction))
    if claimed is None:
        claimed = grouped_derivatives(loss_fn, params, partition, direction, third=third, backend=backend)
    with plain_torch(params):
        _compare(_Elsewhere(loss_fn, params, partition, direction, backend), claimed)
    return claimed


def _compare(elsewhere: "_Elsewhere", claimed: Derivatives) -> None:
    """Group by group; the first that is wrong raises."""
    elsewhere.refuse_another_loss()
    partition = elsewhere.partition
    for s in range(len(partition)):
        values = claimed.g[s], claimed.H[s], None if claimed.d3 is None else claimed.d3[s]
        verdicts = judge(
            lambda t, s=s: elsewhere.look(s, t),
            lambda t, s=s: elsewhere.curvature(s, t),
            s,
            values,
            elsewhere.scales(s),
        )
        for order, (verdict, value) in enumerate(zip(verdicts, values, strict=True)):
            if verdict is not None and verdict.refuted.any():
                raise WrongDerivatives(
                    _what(partition, s, order, verdict, value) + _remedy(elsewhere.backend)
                )


def right_backend(
    loss_fn: Loss,
    params: Params,
    groups: Groups,
    direction: Params,
    *,
    third: bool = True,
    backend: str = "tangents",
) -> str:
    r"""The first back-end, from ``backend`` on, whose derivatives along one mixed direction are right.

    The direction is :math:`v = \sum_s c_s u_s` with random :math:`c_s` that give each group its weight: what
    is wrong anywhere shows in :math:`\langle\nabla L, v\rangle`, :math:`v^\top\nabla^2L\,v` and
    :math:`\nabla^3L[v, v, v]` unless it is lost in the sum, for some gradients only, however many groups.

    Args:
        loss_fn: as for :func:`verify_derivatives`, and the others likewise.
        params: likewise.
        groups: likewise.
        direction: likewise.
        third: likewise.
        backend: the one that is tried first.

    Raises:
        WrongDerivatives: all are wrong; the message names the group in which the first is.
        ValueError: what :func:`verify_derivatives` refuses, or a loss that cannot be computed in float64.
    """
    partition, params, direction = checked(params, groups, direction)
    mixed = _mixed(params, partition, direction)
    wrong = None
    for name in dict.fromkeys((backend, "double_backward", "func")):
        try:
            verify_derivatives(loss_fn, params, _as_one(partition), mixed, third=third, backend=name)
            return name
        except WrongDerivatives as error:
            wrong = wrong or error
        except (RuntimeError, NotImplementedError) as error:
            if wrong is None:
                _say_what_failed(loss_fn, params, error)
    verify_derivatives(loss_fn, params, partition, direction, third=third, backend=backend)
    raise wrong


def _as_one(partition: Partition) -> Partition:
    return Partition((tuple(name for group in partition.groups for name in group),), ("all",))


def _mixed(params: Params, partition: Partition, direction: Params) -> Params:
    """Each group's direction by a factor of its own, as long as its values times 1/2 to 3/2, either way."""
    rng, mixed = torch.Generator().manual_seed(0), {}
    for names in partition.groups:
        u = math.sqrt(sum(float(direction[name].double().square().sum()) for name in names))
        size = math.sqrt(sum(float(params[name].double().square().sum()) for name in names))
        c, sign = (0.5 + torch.rand((), generator=rng)).item(), torch.rand((), generator=rng).item() - 0.5
        factor = math.copysign(c * (size or 1.0) / u if u else 0.0, sign)
        mixed |= {name: factor * direction[name] for name in names}
    return mixed


def _say_what_failed(loss_fn: Loss, params: Params, error: Exception) -> None:
    """The error itself if the loss has it in its own precision too, else that it cannot be checked.

    Raises:
        ValueError: the loss works, but not in float64.
    """
    with torch.no_grad():
        loss_fn(params)
    if all(p.dtype == torch.float64 for p in params.values()):
        raise error
    raise ValueError(
        f"the derivatives cannot be checked in float64 ({str(error).splitlines()[0]}): call"
        " model.double(), or do without by check=False"
    ) from error


class _Elsewhere:
    """The loss and its derivatives beside the point."""

    def __init__(self, loss_fn, params, partition: Partition, direction, backend: str):
        self.loss_fn, self.params, self.partition = loss_fn, params, partition
        self.direction, self.backend = direction, backend
        lengths = [self.scales(s)[0] for s in range(len(partition))]
        self.lengths = torch.tensor(lengths, dtype=torch.float64)

    def at(self, s: int, t: float) -> dict[str, torch.Tensor]:
        eta = [t if k == s else 0.0 for k in range(len(self.partition))]
        there = moved(self.params, self.partition, self.direction, eta)
        return {name: p.detach() for name, p in there.items()}

    def look(self, s: int, t: float) -> Look:
        leaves = {name: p.requires_grad_(name in self.direction) for name, p in self.at(s, t).items()}
        with torch.enable_grad():
            loss = self.loss_fn(leaves)
        names = list(self.direction)
        grads = torch.autograd.grad(loss, [leaves[name] for name in names], allow_unused=True)
        g, size = loss.new_zeros(2, len(self.partition), dtype=torch.float64)
        for name, grad in zip(names, grads, strict=True):
            if grad is not None:
                parts, group = grad * self.direction[name], self.partition.index(name)
                g[group] += parts.sum()
                size[group] += parts.abs().sum()
        size = size.cpu() * self.lengths  # in units of the loss, in which groups compare
        value = float(loss.detach())
        return Look(value, g.cpu(), max(float(size.max()), abs(value)) / self.lengths)

    def curvature(self, s: int, t: float) -> float:
        values, names = self.at(s, t), self.partition.groups[s]
        own = {name: values[name] for name in names}
        found = grouped_derivatives(
            lambda p: self.loss_fn({**values, **p}),
            own,
            "trivial",
            {name: self.direction[name] for name in names},
            third=False,
            backend=self.backend,
        )
        return found.H.item()

    def scales(self, s: int) -> tuple[float, ...]:
        """Lengths in units of the direction: that of the group's values, and one unit."""
        names = self.partition.groups[s]
        u = math.sqrt(sum(float(self.direction[name].square().sum()) for name in names))
        size = math.sqrt(sum(float(self.params[name].square().sum()) for name in names))
        if not u:
            return (1.0,)
        if not size or 0.1 < size < 10:
            return (1 / u if not size else size / u,)
        return size / u, 1 / u

    def refuse_another_loss(self) -> None:
        """Two looks at one point must see the same."""
        with torch.no_grad():
            one, two = (float(self.loss_fn(self.params)) for _ in range(2))
        if abs(one - two) > 1e-9 * max(abs(one), abs(two)):
            raise ValueError(
                f"the loss is random, or changes with each call: {one:.6g}, then {two:.6g}; call model.eval()"
            )


def _what(partition: Partition, s: int, order: int, verdict: Verdict, value) -> str:
    """Which derivative is wrong, and by how much."""
    k = int(verdict.refuted.flatten().nonzero()[0, 0])
    is_row = order == 1 and k != s
    where = f"{partition.names[s]!r}" + (f" and {partition.names[k]!r}" if is_row else "")
    return (
        f"{ORDERS[order]} (order {order + 1}) of the group {where} is wrong: {value.flatten()[k]:.6g}, but"
        f" {verdict.nearest.flatten()[k]:.6g} by differences of the loss"
    )


def _remedy(backend: str) -> str:
    others = " or ".join(repr(name) for name in BACKENDS if name != backend)
    return (
        f"; torch has a derivative of a layer wrong, with backend={backend!r}: try backend={others},"
        " or write the layer out in smaller operations"
    )
