"""Numbers as the findings of this paper write them."""

from collections.abc import Iterable

from scipy import stats

from startright.measured import LEVEL, Count, Measured


def seeds(n: int) -> str:
    """``"n = 5"``, or ``"one seed"``."""
    return f"n = {n}" if n > 1 else "one seed"


def said_of(values: Iterable[float], digits: int = 3, unit: str = "") -> str:
    """Mean ± spread (n)."""
    value = Measured.of(values, digits)
    return f"{value}{unit} ({seeds(value.n)})"


def against_chance(count: Count, share: float = 0.05) -> str:
    """How a count of rejections compares with what exactly Gaussian samples would give."""
    mean, tail = f"{share * count.n:.0f}", (1 - LEVEL) / 2
    if stats.binom.sf(count.k - 1, count.n, share) < tail:
        return f"more than chance allows (about {mean} on average)"
    if stats.binom.cdf(count.k, count.n, share) < tail:
        return f"fewer than chance makes (about {mean} on average)"
    return f"no more than chance allows (about {mean} on average)"


def in_words(scheme: str, theta: float) -> str:
    """An activation function in words.

    >>> in_words("odd", 4.0), in_words("relu", 0.0)
    ('the odd function with θ = 4', 'ReLU')
    """
    if scheme in ("odd", "positive"):
        return f"the {scheme} function with θ = {theta:g}"
    return {"relu": "ReLU"}.get(scheme, scheme)
