"""The even grid on which functions of one weight are held."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from startright.errors import number

LEAST, MOST = 16, 2**20  # points


@dataclass(frozen=True)
class Grid:
    """``points`` points of [−L, L), evenly spaced, 0 in the middle.

    Args:
        half_width: L, positive.
        points: how many, even.

    Raises:
        ValueError: a half width that is not positive and finite, or an odd number of points.

    >>> Grid(2.0, 16).step
    0.25
    """

    half_width: float = 12.0
    points: int = 4096

    def __post_init__(self):
        if not 0 < number(self.half_width) < math.inf:
            raise ValueError(f"the half width of a grid must be positive and finite, got {self.half_width!r}")
        if not isinstance(self.points, int) or self.points % 2 or not LEAST <= self.points <= MOST:
            raise ValueError(f"a grid has an even number of points, {LEAST} to {MOST}, got {self.points!r}")

    @property
    def step(self) -> float:
        """From one point to the next."""
        return 2 * self.half_width / self.points

    @cached_property
    def w(self) -> np.ndarray:
        """The points, (points,), float64."""
        return self.step * np.arange(-self.points // 2, self.points // 2)

    @cached_property
    def xi(self) -> np.ndarray:
        """The frequencies of :func:`numpy.fft.rfft`, (points / 2 + 1,), in radians a unit."""
        return 2 * np.pi * np.fft.rfftfreq(self.points, self.step)

    @cached_property
    def inner(self) -> np.ndarray:
        """Which points lie in the middle half, where the ends of the window are not felt, (points,)."""
        return np.abs(self.w) <= self.half_width / 2

    def wider(self, times: int) -> "Grid":
        """The grid of the same step on a window so many times as wide."""
        return Grid(times * self.half_width, times * self.points)

    @classmethod
    def of(cls, points: "Grid | Sequence[float]") -> "Grid":
        """A grid, or that of the points given.

        Raises:
            ValueError: points that are not even, not numbers, or not those of a grid around 0.
        """
        if isinstance(points, Grid):
            return points
        if np.asarray(points).dtype.kind not in "fiu":
            raise ValueError(f"a grid is a row of real numbers, got {np.asarray(points).dtype}")
        w = np.asarray(points, dtype=float)
        if w.ndim != 1 or len(w) < LEAST or not np.isfinite(w).all():
            raise ValueError(f"a grid is a row of at least {LEAST} finite points, got the shape {w.shape}")
        steps = np.diff(w)
        if not np.allclose(steps, steps.mean(), rtol=1e-6, atol=0) or steps.mean() <= 0:
            low, high = steps.min(), steps.max()
            raise ValueError(
                f"the points of a grid must be even, their steps are {low:g} to {high:g}: use Grid(L, points)"
            )
        found = cls(float(len(w) * steps.mean() / 2), len(w))
        if not np.allclose(w, found.w, rtol=0, atol=1e-6 * found.step):
            raise ValueError(
                f"the points run from {w[0]:g} to {w[-1]:g}: a grid is [−L, L) with 0 in its middle,"
                " use Grid(L, n)"
            )
        return found
