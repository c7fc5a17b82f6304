r"""Whether a penalty has a prior: the condition (⋆) of the theorem, tested from four sides.

Condition (⋆): :math:`A_\nu` is the same for all ν, it is a function, and :math:`\kappa = \int e^A` is finite
and positive. On a grid it fails in three ways that can be seen; what passes is checked by the way back:

1. :math:`\sup_w |A_\nu - A_{\nu'}|`, constants kept, over one common band of frequencies;
2. the change of A as the cut falls: it dies away where A is a function, and blows up where it is none;
3. the mass on windows of half width L, 2L and 4L: it converges, or grows;
4. :math:`r - \mathrm{KL}(\beta_{\mu,\nu}\|\alpha)`, by quadrature, is the constant :math:`-\ln\kappa`.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from startright.papers.priors.families import Family
from startright.papers.priors.grids import Grid

DEPENDS, BLOWS_UP, NOT_INTEGRABLE, NO_WAY_BACK = (
    "A depends on ν",
    "A is no function",
    "exp(A) has no finite mass",
    "no way back",
)
GROWS = 4.0  # the change of A at the last cut over that at the first, from which on it blows up
SETTLED = 1e-4  # of the mass: a smaller increment is rounding, blown up by the deconvolution
HALVES = 0.97  # of the increments of the mass: above, doubling the window brings as much for ever
NODES = 100  # of Gauss and Legendre's rule, for each part of a posterior
PARTS = (-40.0, -8.0, 0.0, 8.0, 40.0)  # their ends in standard deviations; the density's jumps are more


@dataclass(frozen=True)
class Verdict:
    """What the four tests say.

    Args:
        reasons: why there is no prior; empty where there is one.
        depends: the largest difference of A_ν and A_ν' in the middle half of the window; NaN of one ν.
        changes: the largest difference of A_τ and A_τ' from each cut to the next.
        masses: of exp(A) on [−L, L), twice and four times that.
        lost: the share of the mass beyond the window.
        way_back: the largest size of r − KL − K over μ and ν; NaN where it was not tried.
    """

    reasons: tuple[str, ...]
    depends: float
    changes: tuple[float, ...]
    masses: tuple[float, float, float]
    lost: float
    way_back: float

    @property
    def accepted(self) -> bool:
        """Whether the penalty is the divergence from a prior."""
        return not self.reasons


def range_over(curves: Sequence[np.ndarray], grid: Grid) -> float:
    """The largest difference between curves, (points,) each, in the middle half of the window."""
    if len(curves) < 2:
        return math.nan
    inner = np.stack(curves)[:, grid.inner]
    return float((inner.max(0) - inner.min(0)).max())


def changes_of(curves: Sequence[np.ndarray], grid: Grid) -> tuple[float, ...]:
    """How far each curve lies from the one before, at most, in the middle half of the window."""
    inner = np.stack(curves)[:, grid.inner]
    return tuple(float(x) for x in np.abs(np.diff(inner, axis=0)).max(1))


def blows_up(changes: Sequence[float], tolerance: float) -> bool:
    """Whether the changes grow from cut to cut, beyond the tolerance."""
    first, last = changes[0], changes[-1]
    return not last <= max(GROWS * first, tolerance)


def tail(masses: Sequence[float]) -> tuple[float, float]:
    """The mass on the whole line and its share beyond the first window, by the increments' ratio.

    Args:
        masses: on windows of half width L, 2L and 4L.

    Returns:
        Infinity and 1 where it does not converge.

    >>> tail((1.0, 1.0, 1.0)), tail((1.0, 2.0, 3.0))
    ((1.0, 0.0), (inf, 1.0))
    """
    one, two, four = masses
    if not math.isfinite(four):
        return math.inf, 1.0
    first, second = two - one, four - two
    if max(abs(first), abs(second)) <= SETTLED * one:
        return one, 0.0
    ratio = second / first if first > 0 else math.inf
    if ratio >= HALVES:
        return math.inf, 1.0
    total = one + first / (1 - max(ratio, 0.0))
    return total, 1 - one / total


def expected(log_density: np.ndarray, mu: np.ndarray, family: Family, nu: float, grid: Grid) -> np.ndarray:
    """E ln α(μ + X), (k,), by quadrature over the posterior; its own values for point masses."""
    if family.is_dirac:
        return np.interp(mu, grid.w, log_density)
    x, weights = nodes(family, nu)
    return np.interp(mu[:, None] + x, grid.w, log_density) @ weights


def nodes(family: Family, nu: float) -> tuple[np.ndarray, np.ndarray]:
    """Points of X and their probabilities: Gauss and Legendre's rule between the density's jumps."""
    mean, deviation = family.mean(nu), math.sqrt(family.variance(nu))
    ends = sorted({*(mean + part * deviation for part in PARTS), *family.breaks(nu)})
    rule, weight = np.polynomial.legendre.leggauss(NODES)
    points, weights = [], []
    for low, high in pairwise(ends):
        x = (low + high) / 2 + (high - low) / 2 * rule
        points.append(x)
        weights.append((high - low) / 2 * weight * family.density(x, nu))
    return np.concatenate(points), np.concatenate(weights)


def reasons(
    depends: float, changes: Sequence[float], lost: float, way_back: float, tolerance: float
) -> tuple[str, ...]:
    """Why there is no prior. Where A is no function the rest follows from that, and is not named."""
    if blows_up(changes, tolerance):
        return (BLOWS_UP,)
    found = [DEPENDS] if depends > tolerance else []
    found += [NOT_INTEGRABLE] if lost >= 1 else []
    if not found and way_back > tolerance:
        found = [NO_WAY_BACK]
    return tuple(found)
