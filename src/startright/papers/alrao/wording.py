"""Differences, counts and cautions as the findings of this paper write them."""

from collections.abc import Iterable

import pandas as pd

from startright.measured import Contrast, Count, either
from startright.papers.alrao.readings import decade
from startright.summary import number


def gap(ours: pd.DataFrame, theirs: pd.DataFrame, column: str, factor: float = 1.0) -> Contrast:
    """``ours - theirs`` seed by seed, of a column times ``factor``."""
    one, other = (factor * part.set_index("seed")[column] for part in (ours, theirs))
    return Contrast.paired(one, other)


def names(rates: Iterable[float]) -> str:
    """``"0.1 or 1"``, from the smallest."""
    return either([decade(rate) for rate in sorted(rates)])


def runs(count: Count) -> str:
    """``"none of 5 runs"``, ``"2 of 5 runs"``, ``"all 5 runs"``, ``"both runs"``, ``"the one run"``."""
    if count.k == count.n < 3:
        return {1: "the one run", 2: "both runs"}[count.n]
    many = f"none of {count.n}" if not count.k else f"all {count.n}" if count.k == count.n else str(count)
    return f"{many} runs"


def no_run(count: Count, of: str, verb: str) -> str:
    """``"No run of Alrao fails (n = 5)"``, ``"2 of 5 runs of Alrao fail"``."""
    return f"{count} runs {of} {verb}" if count.k else f"No run {of} {verb}s (n = {count.n})"


def caution(contrast: Contrast, digits: int, unit: str) -> str:
    """What one seed or two allow; nothing of more."""
    if contrast.n > 2:
        return ""
    if contrast.n < 2:
        return " One seed decides nothing."
    low, high = (number(contrast.mean + side * contrast.half, f"+.{digits}f") for side in (-1, 1))
    return f" Two seeds say little: the 95 % interval of the first difference is {low} to {high}{unit}."
