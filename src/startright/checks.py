"""Checks: the testable parts of a claim, each with a kind, a confidence bound and a control.

A check on something that varies is answered by an interval, not by a mean: where the threshold lies inside
it the check is *undecided*, and says how many more repetitions would settle it. A check counts towards a
verdict only if there is a wrong method that fails it, its **control**; the tests run that method. Anything
else that records show is a description.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy.special import stdtrit

from startright.errors import unknown
from startright.measured import DECIDES, LEVEL, Contrast
from startright.summary import mean_std, number, times

KINDS = ("number", "trend", "theorem")
MOST = 10_000  # repetitions: more than these settle nothing in practice


@dataclass(frozen=True)
class Check:
    """One thing a claim says that the records show, do not show, or leave open.

    Args:
        text: what is checked, with the threshold and what was measured, in words.
        holds: whether the records show it; None if they do not decide it.
        kind: ``"number"`` (the paper's value in the paper's set-up, within a tolerance), ``"trend"`` (an
            order, a sign, a size) or ``"theorem"`` (exact).
        control: the wrong method that fails this check; without one it describes and does not count.
        interval: the bounds of the confidence interval that was held against the threshold.
        more: how many further repetitions would settle an undecided check; None where no number is known,
            such as where a run is missing.

    Raises:
        ValueError: an unknown kind.
    """

    text: str
    holds: bool | None
    kind: str = "trend"
    control: str = ""
    interval: tuple[float, float] | None = None
    more: int | None = None

    def __post_init__(self):
        if self.kind not in KINDS:
            raise unknown("kind of check", self.kind, KINDS)
        if self.holds is not None:
            object.__setattr__(self, "holds", bool(self.holds))  # from the booleans of NumPy and torch

    @property
    def counts(self) -> bool:
        """Whether it enters the verdict: some wrong method fails it."""
        return bool(self.control)

    @property
    def answer(self) -> str:
        """``yes``, ``no`` or ``undecided``, with what would settle it.

        >>> Check("above 0", None, more=3).answer
        'undecided: 3 more repetitions would settle it'
        """
        if self.holds is not None:
            return "yes" if self.holds else "no"
        if self.more is None:
            return "undecided"
        return f"undecided: {self.more} more repetition{'s' * (self.more != 1)} would settle it"


def half_width(spread: float, n: int) -> float:
    """Half the 95 % interval of a mean of ``n`` values by Student's law; infinite for a single one."""
    return Contrast(0.0, spread if n > 1 else None, n).half


@cache
def _students() -> tuple[np.ndarray, np.ndarray]:
    """Numbers of repetitions, and Student's quantile for each."""
    counts = np.arange(DECIDES, MOST)
    return counts, stdtrit(counts - 1, (1 + LEVEL) / 2)


def repetitions(spread: float, distance: float) -> int | None:
    """The fewest repetitions whose interval is narrower than a distance; None if no number is enough.

    Args:
        spread: standard deviation of one repetition.
        distance: of the mean from the threshold, positive.

    >>> repetitions(1.0, 2.0), repetitions(1.0, 0.1), repetitions(1.0, 0.0)
    (4, 387, None)
    """
    if not 0 < distance < math.inf or not math.isfinite(spread):
        return None
    counts, quantiles = _students()
    halves = quantiles * spread / np.sqrt(counts)
    enough = np.flatnonzero(halves < distance)
    return int(counts[enough[0]]) if len(enough) else None


def _judge(
    data: np.ndarray, above: float, below: float
) -> tuple[bool | None, int | None, tuple[float, float] | None]:
    """Whether the mean lies between two bounds, how many more values would tell, and its interval."""
    mean, spread, n = mean_std(data)
    if spread is None:
        return None, DECIDES - 1, None
    half = half_width(spread, n)
    interval = low, high = mean - half, mean + half
    if n < DECIDES:
        return None, DECIDES - n, interval
    if above < low and high < below:
        return True, None, interval
    if high <= above or low >= below:
        return False, None, interval
    needed = repetitions(spread, min(abs(mean - bound) for bound in (above, below)))
    return None, None if needed is None else max(needed - n, 1), interval


def mean_between(
    text: str,
    values: Iterable[float],
    *,
    above: float = -math.inf,
    below: float = math.inf,
    kind: str = "trend",
    control: str = "",
    show: Callable[[float], str] = number,
) -> Check:
    """Whether a mean over repetitions lies above, below or between thresholds, by its 95 % interval.

    It holds where the whole interval does, fails where none of it does, and is undecided between; fewer
    than three values decide nothing. Values that are not finite, of runs that diverged or never arrived, are
    results too: one on the wrong side fails the check, one on the right side cannot lower its mean.

    Args:
        text: what is checked, with the threshold.
        values: one a repetition.
        above: the mean must lie above it.
        below: and below it.
        kind: as in :class:`Check`.
        control: likewise.
        show: how a number is printed; on a logarithmic scale ``lambda x: f"{10**x:.1f}"``.

    Raises:
        ValueError: no threshold.

    >>> mean_between("above 1", [2.0, 2.1, 2.2], above=1).text
    'above 1: 2.1 (1.85 to 2.35; n = 3)'
    >>> mean_between("above 2", [2.0, 2.1, 2.2], above=2).answer
    'undecided: 4 more repetitions would settle it'
    """
    if above == -math.inf and below == math.inf:
        raise ValueError(f"{text!r}: give a threshold, above= or below=")
    data = np.asarray(list(values), dtype=float)
    wild, finite = data[~np.isfinite(data)], data[np.isfinite(data)]
    wrong = np.isnan(wild) | ((wild > 0) & (below < math.inf)) | ((wild < 0) & (above > -math.inf))
    if not len(data):
        return Check(f"{text}: not yet run", None, kind, control)
    if wrong.any():
        return Check(f"{text}: {int(wrong.sum())} of {len(data)} runs did not arrive", False, kind, control)
    if not len(finite):
        holds = True if len(data) >= DECIDES else None
        return Check(f"{text}: beyond any number in all {len(data)} runs", holds, kind, control)
    holds, more, interval = _judge(finite, above, below)
    mean = show(float(finite.mean()))
    counts = f"n = {len(finite)}" + (f", {len(wild)} runs beyond" if len(wild) else "")
    if interval is None:
        shown = f"{mean} ({counts})"
    else:
        shown = f"{mean} ({show(interval[0])} to {show(interval[1])}; {counts})"
    return Check(f"{text}: {shown}", holds, kind, control, interval, more)


def each_between(
    text: str,
    groups: Mapping[str, Sequence[float]],
    *,
    above: float = -math.inf,
    below: float = math.inf,
    kind: str = "trend",
    control: str = "",
    show: Callable[[float], str] = number,
) -> Check:
    """Whether the mean of **every** group lies between thresholds: holds if all do, fails if one fails.

    The text names the group that is nearest to failing. Arguments as in :func:`mean_between`.

    Args:
        text: what is checked.
        groups: name → one value a repetition.
        above: every mean must lie above it.
        below: and below it.
        kind: as in :class:`Check`.
        control: likewise.
        show: how a number is printed.
    """
    if not groups:
        return Check(f"{text}: not yet run", None, kind, control)
    bounds = {"above": above, "below": below, "kind": kind, "control": control, "show": show}
    checks = {name: mean_between(name, values, **bounds) for name, values in groups.items()}
    rank = {False: 0, None: 1, True: 2}

    def margin(name: str) -> tuple[int, float]:
        low, high = checks[name].interval or 2 * (
            float(np.mean(groups[name] if len(groups[name]) else math.nan)),
        )
        return rank[checks[name].holds], np.nan_to_num(min(low - above, below - high), nan=-math.inf)

    worst = min(checks, key=margin)
    found = checks[worst]
    return Check(f"{text}; {found.text}", found.holds, kind, control, found.interval, found.more)


def ratio_between(
    text: str,
    logs: Iterable[float] | Mapping[str, Sequence[float]],
    *,
    above: float = 0.0,
    below: float = math.inf,
    control: str = "",
) -> Check:
    """Whether a ratio lies between thresholds, by the interval of its geometric mean.

    Args:
        text: what is checked, with the threshold.
        logs: logarithms of the ratio to base 10, one a repetition; or those of each group, as for
            :func:`each_between`.
        above: the ratio must lie above it.
        below: and below it.
        control: as in :class:`Check`.

    >>> ratio_between("over 5", [1.0, 1.1, 0.9], above=5).text
    'over 5: 10 (5.64 to 17.7; n = 3)'
    """
    judge = each_between if isinstance(logs, Mapping) else mean_between
    low, high = (float(np.log10(bound)) if bound > 0 else -math.inf for bound in (above, below))
    return judge(text, logs, above=low, below=high, control=control, show=times)


def every(
    text: str, flags: Iterable[bool], *, control: str = "", kind: str = "trend", n: int | None = None
) -> Check:
    """Whether something is true of every run: one exception fails it, fewer than three runs do not prove it.

    Args:
        text: what is checked.
        flags: one a run, or one a comparison.
        control: as in :class:`Check`.
        kind: likewise.
        n: independent repetitions, if not as many as flags.

    >>> every("finite", [True, True]).answer, every("finite", [True, False]).answer
    ('undecided: 1 more repetition would settle it', 'no')
    """
    data = [bool(flag) for flag in flags]
    runs = len(data) if n is None else n
    shown = f"{text}: {sum(data)} of {len(data)}"
    if not all(data):
        return Check(shown, False, kind, control)
    if not data:
        return Check(f"{text}: not yet run", None, kind, control)
    return Check(
        shown, True if runs >= DECIDES else None, kind, control, None, max(DECIDES - runs, 0) or None
    )


def some(text: str, flags: Iterable[bool], *, control: str = "", kind: str = "trend") -> Check:
    """Whether something is true of a run at least: one shows it, three runs without one do not show it.

    Arguments as in :func:`every`.

    Args:
        text: what is checked.
        flags: one a run.
        control: as in :class:`Check`.
        kind: likewise.

    >>> some("fails", [False, False]).answer, some("fails", [False] * 3).answer, some("fails", [True]).answer
    ('undecided: 1 more repetition would settle it', 'no', 'yes')
    """
    data = [bool(flag) for flag in flags]
    if not data:
        return Check(f"{text}: not yet run", None, kind, control)
    more = max(DECIDES - len(data), 0) or None
    holds = True if any(data) else None if more else False
    return Check(f"{text}: {sum(data)} of {len(data)}", holds, kind, control, None, None if holds else more)


def outcome(checks: Iterable[Check]) -> str:
    """``reproduced``, ``partly``, ``not reproduced`` or ``undecided``, from the checks that count.

    All hold: reproduced. Some hold and some fail: partly. All fail: not reproduced. Otherwise those that are
    undecided decide, and they do not.

    >>> outcome([Check("a", True, control="x"), Check("b", None, control="x")])
    'undecided'
    """
    found = {check.holds for check in checks if check.counts}
    if {True, False} <= found:
        return "partly"
    return {frozenset({True}): "reproduced", frozenset({False}): "not reproduced"}.get(
        frozenset(found), "undecided"
    )


def kind_of(checks: Iterable[Check]) -> str:
    """The kind of agreement that checks give together: a number if one of them is, a theorem if all are.

    >>> kind_of([Check("a", True, "theorem", "x"), Check("b", True, "trend", "x")])
    'trend'
    """
    kinds = {check.kind for check in checks if check.counts}
    return "number" if "number" in kinds else "theorem" if kinds == {"theorem"} else "trend"
