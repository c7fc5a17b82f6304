"""Numbers as the findings of this paper write them."""

from collections.abc import Iterable

from startright.measured import Measured


def seeds(n: int) -> str:
    """``"n = 5"``, or ``"one seed"``."""
    return f"n = {n}" if n > 1 else "one seed"


def said_of(values: Iterable[float], digits: int = 3, unit: str = "") -> str:
    """Mean ± spread (n)."""
    value = Measured.of(values, digits)
    return f"{value}{unit} ({seeds(value.n)})"
