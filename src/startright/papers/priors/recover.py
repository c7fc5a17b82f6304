r"""From a penalty to the prior it stands for, or to the reason why it stands for none.

A penalty :math:`r_\nu(\mu)` is the divergence :math:`\mathrm{KL}(\beta_{\mu,\nu}\|\alpha)`, up to a constant
K, of every posterior of a translation family if and only if condition (⋆) holds; then
:math:`\alpha = e^A/\kappa` and :math:`K = -\ln\kappa`. For point masses A = −r: the prior is
:math:`\alpha \propto e^{-r}`.

Source: P. Wolinski, G. Charpiat and Y. Ollivier, arXiv 2002.00178, the theorem on the equivalence.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from startright.errors import number
from startright.papers.priors import verdicts
from startright.papers.priors.backgrounds import WIDTH, Background, fitted
from startright.papers.priors.deconvolution import Penalty, log_prior, mass, passed
from startright.papers.priors.families import Family
from startright.papers.priors.grids import Grid
from startright.papers.priors.verdicts import Verdict

DEVIATIONS = 11.0  # of the widest posterior: the least half width of a window
COARSEST = 0.5  # of the narrowest: the largest step; from about twice that Gaussian priors are refused


@dataclass(frozen=True, eq=False)
class RecoveredPrior:
    """What a penalty stands for.

    Args:
        grid: where it was computed.
        values: ln α at the points, (points,); normalised where there is a prior.
        constant: K = −ln κ.
        mass: κ, of the whole line.
        verdict: whether there is a prior, and why not.
        curves: ν → A_ν, all over the same frequencies, (points,).
    """

    grid: Grid
    values: np.ndarray
    constant: float
    mass: float
    verdict: Verdict
    curves: Mapping[float, np.ndarray]

    def log_density(self, w: torch.Tensor) -> torch.Tensor:
        """The logarithm of α, one each: linear between the points, and beyond the window as at its ends.

        Raises:
            ValueError: there is no prior, the reasons are in the message; or weights of low precision.
        """
        if not self.verdict.accepted:
            raise ValueError(f"this penalty has no prior: {'; '.join(self.verdict.reasons)}")
        if w.dtype not in (torch.float32, torch.float64):
            raise ValueError(f"weights must be in float32 or float64, got {w.dtype}: a table is read by them")
        table = torch.as_tensor(self.values, dtype=w.dtype, device=w.device)
        place = (w + self.grid.half_width) / self.grid.step
        index = place.detach().nan_to_num().floor().clamp(0, self.grid.points - 2).long()  # NaN stays NaN
        left, right = table[index], table[index + 1]
        return left + (place - index) * (right - left)


@dataclass(frozen=True)
class _Task:
    """One penalty to be looked at from all sides."""

    penalty: Penalty
    family: Family
    nus: tuple[float, ...]
    cut: float
    kind: str
    background: Callable[[float], Background] | None
    waves: tuple[float, ...]

    def curve(self, nu: float, grid: Grid, cut: float, band: np.ndarray | None = None) -> np.ndarray:
        """A_ν at the points of a grid, by one cut, perhaps of some frequencies alone."""
        width = WIDTH * math.sqrt(max(map(self.family.variance, self.nus)))
        known = self.background(nu) if self.background else partial(fitted, width=width, waves=self.waves)
        settings = {"cut": cut, "kind": self.kind, "background": known, "band": band}
        return log_prior(self.penalty, self.family, nu, grid, **settings)

    def band(self, grid: Grid) -> np.ndarray:
        """The frequencies that the posteriors of every ν let through."""
        kept = [np.abs(self.family.characteristic(grid.xi, nu)) >= self.cut for nu in self.nus]
        return np.logical_and.reduce(kept)


def prior_from_penalty(
    penalty: Penalty,
    family: Family,
    grid: Grid | Sequence[float] | None = None,
    *,
    nus: Sequence[float] = (0.4, 0.8),
    cut: float = 1e-8,
    kind: str = "cut",
    background: Background | Callable[[float], Background] | None = None,
    waves: Sequence[float] = (),
    tolerance: float = 0.02,
    lost: float = 0.01,
) -> RecoveredPrior:
    """The prior of which a penalty is the divergence, or why there is none.

    Args:
        penalty: means μ, (k,), float64, and ν → r_ν(μ), (k,), with all that depends on ν in it.
        family: of the posteriors, such as :func:`~startright.papers.priors.families.gaussian`.
        grid: the window, by default [−12, 12) with 4096 points.
        nus: the posteriors that are tried, such as standard deviations: two or more, unless they are fixed.
        cut: τ, where the division by the posterior's transform ends: smaller is sharper, and noisier.
        kind: of the filter, ``"cut"`` or ``"tikhonov"``.
        background: what grows, on the side of the weights, if it is known; None: fitted.
        waves: frequencies of oscillations that go on to the ends of the window, to be fitted as well.
        tolerance: of the tests, in units of A.
        lost: the share of the prior's mass that may lie beyond the window.

    Returns:
        The prior with its verdict; of a penalty without one, the curves that show it.

    Raises:
        ValueError: a penalty that is complex, not finite or of low precision, a ν that is not positive, an
            uneven grid, or one too small for the posteriors or for the prior; the message says how much of
            its mass is lost.
    """
    grid = Grid() if grid is None else Grid.of(grid)
    task = _task(penalty, family, nus, cut, kind, background, waves)
    _check_window(task, grid)
    if not 0 < number(tolerance) < math.inf or not 0 <= number(lost) <= 1:
        raise ValueError(
            f"tolerance must be positive and finite and lost a share, got {tolerance!r} and {lost!r}"
        )
    narrow = min(task.nus, key=family.variance)
    curve = task.curve(narrow, grid, cut)
    cuts = [cut ** (k / 4) for k in range(1, 5)]
    changes = [verdicts.changes_of([task.curve(nu, grid, each) for each in cuts], grid) for nu in task.nus]
    worst = max(changes, key=lambda each: each[-1])
    band = None if family.is_dirac else task.band(grid)
    curves = {nu: task.curve(nu, grid, cut, band) for nu in task.nus}
    masses = tuple(mass(task.curve(narrow, grid.wider(times), cut), grid.wider(times)) for times in (1, 2, 4))
    total, beyond = verdicts.tail(masses)
    constant = -math.log(total) if 0 < total < math.inf else math.nan
    values = curve + (constant if math.isfinite(constant) else 0.0)
    way_back = _way_back(task, values, constant, grid)
    depends = verdicts.range_over(list(curves.values()), grid)
    reasons = verdicts.reasons(depends, worst, beyond, way_back, tolerance)
    if not reasons and beyond > lost:
        raise ValueError(
            f"the window [−{grid.half_width:g}, {grid.half_width:g}) misses {beyond:.3g} of the prior's mass,"
            f" more than lost = {lost:g}: use a wider grid, or raise lost"
        )
    verdict = Verdict(reasons, depends, worst, masses, beyond, way_back)
    return RecoveredPrior(grid, values, constant, total, verdict, curves)


def _task(  # noqa: PLR0917 - the settings of prior_from_penalty
    penalty: Penalty,
    family: Family,
    nus: Sequence[float],
    cut: float,
    kind: str,
    background: Background | Callable[[float], Background] | None,
    waves: Sequence[float],
) -> _Task:
    if not isinstance(family, Family):
        raise ValueError(f"the family must be a Family, such as gaussian(), got {family!r}")
    if not callable(penalty):
        raise ValueError(f"the penalty must be a function of means, (k,), and ν, got {penalty!r}")
    if not (background is None or callable(background) or isinstance(background, Background)):
        raise ValueError(f"the background must be a Background, or a function of ν, got {background!r}")
    nus = tuple(dict.fromkeys(map(number, _several("nus", nus))))
    if not nus or not all(0 < nu < math.inf for nu in nus):
        raise ValueError(f"every ν must be positive and finite, and there must be one, got {nus}")
    waves = _several("waves", waves)
    if not all(0 < number(omega) < math.inf for omega in waves):
        raise ValueError(f"frequencies of waves must be positive and finite, got {waves}")
    known = (lambda nu: background) if isinstance(background, Background) else background
    passed(family, nus[0], Grid(), cut, kind)  # refuses an unknown filter, and a cut out of its range
    return _Task(penalty, family, nus, cut, kind, known, tuple(waves))


def _several(name: str, values: Sequence[float]) -> tuple:
    """The values of a setting.

    Raises:
        ValueError: one number, or text.
    """
    if isinstance(values, str) or not hasattr(values, "__iter__"):
        raise ValueError(f"{name} must be several numbers, such as (0.4, 0.8), got {values!r}")
    return tuple(values)


def _check_window(task: _Task, grid: Grid) -> None:
    narrowest, widest = (math.sqrt(f(map(task.family.variance, task.nus))) for f in (min, max))
    if grid.step > COARSEST * narrowest > 0:
        raise ValueError(
            f"the step {grid.step:.3g} of the grid is too coarse for posteriors of standard deviation"
            f" {narrowest:.3g}: use {math.ceil(2 * grid.half_width / (COARSEST * narrowest))} points or more"
        )
    if grid.half_width < DEVIATIONS * widest:
        raise ValueError(
            f"the window of half width {grid.half_width:g} is too small for posteriors of standard deviation"
            f" {widest:g}: use one of at least {DEVIATIONS * widest:.3g}, and some more for the prior itself"
        )


def _way_back(task: _Task, values: np.ndarray, constant: float, grid: Grid) -> float:
    """The largest |r − KL(β_{μ,ν}‖α) − K|, over the middle of the window and all ν."""
    family = task.family
    if not math.isfinite(constant) or (family.density is None and not family.is_dirac):
        return math.nan
    mu = np.linspace(-grid.half_width / 3, grid.half_width / 3, 61)
    worst = 0.0
    for nu in task.nus:
        divergence = -family.entropy(nu) - verdicts.expected(values, mu, family, nu, grid)
        r = np.asarray(task.penalty(mu, nu), dtype=float)
        worst = max(worst, float(np.abs(r - divergence - constant).max()))
    return worst
