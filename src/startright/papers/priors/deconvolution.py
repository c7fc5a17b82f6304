r"""The function A_ν of the theorem, on a grid.

.. math:: A_\nu = -\mathrm{Ent}(\beta_{0,\nu})\,1 - F^{-1}\bigl[F r_\nu / F\check\beta_{0,\nu}\bigr]

The division is done in float64 on what is left of the penalty without its background, and where the
transform of the posterior is not too small: the **cut** τ.

Source: P. Wolinski, G. Charpiat and Y. Ollivier, arXiv 2002.00178, the theorem on the equivalence.
"""

import math
from collections.abc import Callable

import numpy as np

from startright.errors import number, unknown
from startright.papers.priors.backgrounds import Background, back, fitted, forth
from startright.papers.priors.families import Family
from startright.papers.priors.grids import Grid

Penalty = Callable[[np.ndarray, float], np.ndarray]  # μ, (k,), and ν → r, (k,)
FILTERS = ("cut", "tikhonov")


def sampled(penalty: Penalty, nu: float, grid: Grid) -> np.ndarray:
    """The penalty at the points of the grid, checked, (points,).

    Raises:
        ValueError: values that are complex, of another shape, or not numbers; a penalty that takes no array.
    """
    try:
        values = np.asarray(penalty(grid.w, nu))
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"the penalty fails on an array of means and ν = {nu:g}: {error}. It must take means, (k,), of"
            " numpy, and give (k,)"
        ) from error
    if np.iscomplexobj(values) or values.dtype.kind not in "fiu":
        raise ValueError(f"a penalty is real, this one gives {values.dtype} at ν = {nu:g}")
    if values.dtype.kind == "f" and values.dtype.itemsize < 8:
        raise ValueError(
            f"a penalty in {values.dtype} has too few digits to be deconvolved: compute it in float64"
        )
    if values.shape != grid.w.shape:
        raise ValueError(
            f"a penalty of {grid.w.shape} means gave the shape {values.shape}: it must take arrays"
        )
    if not np.isfinite(values).all():
        where = grid.w[~np.isfinite(values)][0]
        raise ValueError(f"the penalty is not finite at μ = {where:g}, ν = {nu:g}: it must be on [−L, L)")
    return values.astype(float)


def passed(family: Family, nu: float, grid: Grid, cut: float, kind: str = "cut") -> np.ndarray:
    r"""What the transform of the remainder is multiplied by, :math:`1/H` filtered, (points / 2 + 1,).

    Args:
        family: of the posteriors, :math:`H = F\check\beta_{0,\nu}`.
        nu: the one posterior.
        grid: with its frequencies.
        cut: τ in (0, 1).
        kind: ``"cut"``, 0 where H is smaller than τ; or ``"tikhonov"``, :math:`\bar H / (|H|^2 + \tau^2)`.

    Raises:
        ValueError: an unknown filter, or a cut out of (0, 1).
    """
    if kind not in FILTERS:
        raise unknown("filter", kind, FILTERS)
    if not 0 < number(cut) < 1:
        raise ValueError(f"the cut must be between 0 and 1, got {cut!r}")
    h = np.asarray(family.characteristic(grid.xi, nu), dtype=complex)
    if kind == "tikhonov":
        return h.conj() / (np.abs(h) ** 2 + cut**2)
    kept = np.abs(h) >= cut
    return np.where(kept, 1 / np.where(kept, h, 1), 0)


def deconvolve(
    values: np.ndarray,
    family: Family,
    nu: float,
    grid: Grid,
    *,
    cut: float = 1e-8,
    kind: str = "cut",
    background: Background | Callable[..., Background] | None = None,
    band: np.ndarray | None = None,
) -> np.ndarray:
    r""":math:`F^{-1}[F r / F\check\beta]` at the points of a grid, (points,).

    Args:
        values: the penalty there, (points,), as :func:`sampled`.
        family: of the posteriors.
        nu: the one posterior.
        grid: the grid.
        cut: τ.
        kind: of the filter, see :func:`passed`.
        background: what grows, on the side of the weights, or how it is fitted to the values, with the
            arguments of :func:`~startright.papers.priors.backgrounds.fitted`, which is meant by None.
        band: the frequencies to keep, (points / 2 + 1,); None: those that the filter keeps.
    """
    if family.is_dirac:
        return values
    if not isinstance(background, Background):
        background = (background or fitted)(values, family, nu, grid)
    remainder = values - background.on_means(grid.w, family, nu, grid)
    factor = passed(family, nu, grid, cut, kind)
    transform = forth(remainder, grid) * (factor if band is None else np.where(band, factor, 0))
    return background.on_weights(grid.w) + back(transform, grid)


def log_prior(penalty: Penalty, family: Family, nu: float, grid: Grid, **settings: object) -> np.ndarray:
    """A_ν, the logarithm of the prior up to its constant, at the points of a grid, (points,).

    Args:
        penalty: r, of means and ν.
        family: of the posteriors.
        nu: the one posterior.
        grid: the grid.
        settings: as :func:`deconvolve` takes them.
    """
    return -family.entropy(nu) - deconvolve(sampled(penalty, nu, grid), family, nu, grid, **settings)


def mass(log_density: np.ndarray, grid: Grid) -> float:
    """The integral of exp(A) over the window; infinite where it overflows."""
    highest = float(log_density.max())
    if not math.isfinite(highest):
        return math.inf
    total = math.log(float(np.exp(log_density - highest).sum()) * grid.step) + highest
    return math.exp(total) if total < 700 else math.inf
