r"""Derivatives along directions held against central differences.

The gradient is compared with differences of the loss, the Hessian and the third derivative with differences
of the gradient: first ones and second ones. With two steps h and h/2 and Richardson's extrapolation the
truncation is of the order :math:`h^4`, and the spread of the two bounds it; rounding adds a multiple of
:math:`\epsilon / h` or :math:`\epsilon / h^2`. A value is right if it agrees at one of the steps, wrong if it
is clearly farther from the best of them than that difference can err, and undecided otherwise.

A loss with kinks, such as that of ReLU, has differences that see them at large steps and not at small ones;
where second differences would drown in rounding, those of the Hessian take their place, once the Hessian has
been held against the gradient beside the point, too.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

EPS = torch.finfo(torch.float64).eps
STEPS = (2e-3, 2e-4, 2e-5, 2e-6, 2e-7, 2e-8)  # relative to the size of the group
LEAST_OF_SECOND = 1e-4  # the least relative step of second differences
TOLERANCE = 1e-5
ROUNDING = 1e3  # ε times this, times the size of what is summed


class Look(NamedTuple):
    """What is seen at one point.

    Args:
        loss: of it.
        g: the gradient along each direction, (S,).
        size: what the rounding of g is relative to: the sum of the absolute values that an entry sums, or
            the largest such sum in its units, (S,).
    """

    loss: float
    g: torch.Tensor
    size: torch.Tensor


class Difference(NamedTuple):
    """An estimate, and how far off it may be: by rounding, and by truncation."""

    value: torch.Tensor
    rounding: torch.Tensor
    truncation: torch.Tensor

    def agrees(self, with_: torch.Tensor) -> torch.Tensor:
        """Whether each entry is within what the difference can tell."""
        size = torch.maximum(with_.abs(), self.value.abs())
        spread = torch.where(self.truncation <= 100 * TOLERANCE * size, self.truncation, 0.0)
        return (with_ - self.value).abs() <= TOLERANCE * size + self.rounding + spread

    def refutes(self, other: torch.Tensor) -> torch.Tensor:
        """Whether each entry is clearly out of reach."""
        size = torch.maximum(other.abs(), self.value.abs())
        doubt = 10 * (TOLERANCE * size + self.truncation) + 1e3 * self.rounding  # sums may cancel inside
        return (other - self.value).abs() > doubt


class Verdict(NamedTuple):
    """Of one derivative along one direction, each of its entries: (…).

    Args:
        agrees: whether it was confirmed.
        refuted: whether it is wrong.
        nearest: the difference nearest to it.
    """

    agrees: torch.Tensor
    refuted: torch.Tensor
    nearest: torch.Tensor


class Judge:
    """Collects differences until a value has been confirmed."""

    def __init__(self, claimed: torch.Tensor):
        self.claimed = claimed
        self.agrees = torch.zeros_like(claimed, dtype=torch.bool)
        self.refuted = self.agrees.clone()
        self.nearest = torch.full_like(claimed, torch.inf)

    def hear(self, found: Difference) -> None:
        """One more estimate."""
        nearer = (found.value - self.claimed).abs() < (self.nearest - self.claimed).abs()
        self.nearest = torch.where(nearer, found.value, self.nearest)
        self.agrees |= found.agrees(self.claimed)
        self.refuted |= found.refutes(self.claimed)

    @property
    def verdict(self) -> Verdict:
        """What has been found; one agreement outweighs what larger steps say across a kink."""
        return Verdict(self.agrees, self.refuted & ~self.agrees, self.nearest)


def _richardson(fine: torch.Tensor, coarse: torch.Tensor, rounding: torch.Tensor) -> Difference:
    value = (4 * fine - coarse) / 3
    return Difference(value, rounding, (value - fine).abs())


def judge(
    look: Callable[[float], Look],
    curvature: Callable[[float], float],
    s: int,
    claimed: tuple[torch.Tensor, torch.Tensor, torch.Tensor | None],
    scales: tuple[float, ...],
) -> tuple[Verdict, Verdict, Verdict | None]:
    r"""The verdicts on :math:`\bar g_s`, on the row :math:`\bar H_{s\cdot}` and on :math:`D^{(3)}_{sss}`.

    Args:
        look: at the point moved by t along the direction.
        curvature: :math:`\bar H_{ss}` there, as the back-end has it.
        s: the number of the direction.
        claimed: the values to be judged, (), (S,) and (), or None for the last.
        scales: lengths t over which the loss may be expected to bend; steps are taken relative to each.

    Returns:
        A verdict an order.
    """
    g, row, d3 = (None if value is None else Judge(value) for value in claimed)
    here = look(0.0)
    for relative in STEPS:
        for scale in scales:
            h = relative * scale
            four = [look(t) for t in (h, -h, h / 2, -h / 2)]
            g.hear(_of_losses(four, h))
            row.hear(_first(four, h))
            if d3 is not None and relative >= LEAST_OF_SECOND:
                d3.hear(_second(four, here, s, h))
            settled = g.agrees.all() and row.agrees.all()
            if settled and (d3 is None or d3.agrees.all() or relative < LEAST_OF_SECOND):
                break
        else:
            continue
        break
    if d3 is not None and not d3.agrees.all():
        for scale in scales:
            _by_curvature(d3, look, curvature, s, scale)
    return g.verdict, row.verdict, None if d3 is None else d3.verdict


def _of_losses(four: list[Look], h: float) -> Difference:
    ahead, behind, near, back = (torch.tensor(point.loss, dtype=torch.float64) for point in four)
    size = max(ahead.abs(), behind.abs()) + h * four[0].size.max()
    return _richardson((near - back) / h, (ahead - behind) / (2 * h), ROUNDING * EPS * size / h)


def _first(four: list[Look], h: float) -> Difference:
    ahead, behind, near, back = (point.g for point in four)
    return _richardson((near - back) / h, (ahead - behind) / (2 * h), ROUNDING * EPS * four[0].size / h)


def _second(four: list[Look], here: Look, s: int, h: float) -> Difference:
    ahead, behind, near, back = (point.g[s] for point in four)
    fine, coarse = 4 * (near - 2 * here.g[s] + back) / h**2, (ahead - 2 * here.g[s] + behind) / h**2
    return _richardson(fine, coarse, ROUNDING * EPS * here.size[s] / h**2)


def _by_curvature(d3: Judge, look, curvature, s: int, scale: float) -> None:
    """Differences of the Hessian, if it is that of the gradient beside the point as well."""
    beside = Judge(torch.tensor(curvature(STEPS[0] * scale), dtype=torch.float64))
    for relative in STEPS[2:]:
        h, at = relative * scale, STEPS[0] * scale
        found = _first([look(at + t) for t in (h, -h, h / 2, -h / 2)], h)
        beside.hear(Difference(*(part[s] for part in found)))
        if beside.agrees:
            break
    if not beside.agrees:
        return
    for relative in STEPS[2:]:
        h = relative * scale
        ahead, behind, near, back = (
            torch.tensor(curvature(t), dtype=torch.float64) for t in (h, -h, h / 2, -h / 2)
        )
        size = max(ahead.abs(), behind.abs())
        d3.hear(_richardson((near - back) / h, (ahead - behind) / (2 * h), ROUNDING * EPS * size / h))
        if d3.agrees:
            return
