"""The mean of repetitions, their spread, and how a number is printed: one rule each for the whole package."""

import math
import re
from collections.abc import Iterable

import numpy as np


def mean_std(values: Iterable[float]) -> tuple[float, float | None, int]:
    r"""Mean, standard deviation and number of values, :math:`s^2 = \sum_i (x_i - \bar x)^2 / (n - 1)`.

    Args:
        values: one a repetition.

    Returns:
        The mean, not a number of no values; the deviation, None of one value and of what is not finite; n.

    >>> mean_std([1.0, 3.0]), mean_std([1.0])
    ((2.0, 1.4142135623730951, 2), (1.0, None, 1))
    """
    data = np.asarray(list(values), dtype=float)
    if not len(data):
        return math.nan, None, 0
    spread = float(data.std(ddof=1)) if len(data) > 1 and np.isfinite(data).all() else None
    return float(data.mean()), spread, len(data)


def number(value: float, style: str = ".3g") -> str:
    """A number in a style of Python's formatting, with the sign of minus that print has.

    >>> number(-6.85), number(-6.85, "+.1f"), number(2.0, "+.1f")
    ('−6.85', '−6.8', '+2.0')
    >>> number(-0.004, ".2f")
    '0.00'
    """
    return _unsigned(f"{value:{style}}").replace("-", "−")


def _unsigned(text: str) -> str:
    """A number that is printed as zero has no sign."""
    return text.removeprefix("-") if re.fullmatch(r"-[0.]+", text) else text


def digits_that_show(spread: float, digits: int, more: int = 2) -> int:
    """The digits after the point at which a spread is not printed as zero: those asked for, or a few more.

    Args:
        spread: at least 0; one that is 0, or is printed as 0 even so, leaves the digits as they are.
        digits: asked for.
        more: at most so many more.

    >>> [digits_that_show(spread, 2) for spread in (0.7, 0.004, 0.0, 1e-9)]
    [2, 3, 2, 2]
    """
    tried = range(digits, digits + more + 1)
    return next((k for k in tried if float(f"{spread:.{k}f}")), digits)


def short(value: float, digits: int) -> str:
    """So many digits after the point; from ten thousand on the power of ten.

    >>> short(12.345, 1), short(123456.0, 1)
    ('12.3', '1e+05')
    """
    return f"{value:.{digits}f}" if abs(value) < 1e4 else f"{value:.0e}"


def times(log: float) -> str:
    """A ratio from its logarithm to base 10.

    >>> times(1.0), times(-0.301)
    ('10', '0.5')
    """
    return f"{10.0 ** min(log, 300):.3g}"


def power_above(error: float, least: int = -12) -> int:
    """The power of ten above an error: rounding differs from machine to machine, its size hardly.

    Args:
        error: an absolute or relative one, at least 0.
        least: the power that all smaller errors count as.

    >>> power_above(3e-16), power_above(2e-7)
    (-12, -6)
    """
    return max(least, math.ceil(math.log10(max(error, 1e-300))))


def rounded(value: float, spread: float | None) -> str:
    """The value to the digits that its spread leaves, two of the spread; four without one.

    >>> rounded(0.123456, 0.00789), rounded(1234.5, 56.7), rounded(0.123456, None)
    ('0.1235 ± 0.0079', '1234 ± 57', '0.1235')
    """
    if spread is None or not (math.isfinite(value) and math.isfinite(spread)) or spread == 0:
        return f"{value:.4g}" + ("" if spread is None else f" ± {spread:.2g}")
    digits = 1 - math.floor(math.log10(abs(spread)))
    if not 0 <= digits <= 6:  # far from 1: powers of ten read better
        return f"{value:.4g} ± {spread:.2g}" if digits > 6 else f"{value:.0f} ± {spread:.0f}"
    return _unsigned(f"{value:.{digits}f}") + f" ± {spread:.{digits}f}"
