"""What was trained or sampled: means with spread and n, in tables and sentences that know their uncertainty.

A printed result is of one of two kinds. An **exact** one (a closed form, float64, a count) is the same on
every machine and is compared to its digits. A **measured** one is a draw: the same seeds on another
processor give other numbers, because rounding differs and training amplifies it. So what is measured carries
its numbers with it, as :class:`Measured` cells of a :class:`Table` or as facts of a :class:`Finding`: beside
the text that a reader sees, an output holds them for :mod:`startright.book.compare`, under the type
:data:`startright.bundle.MIME`.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from startright.bundle import MIME
from startright.summary import digits_that_show, mean_std, number, short

if TYPE_CHECKING:  # the pages' checks read what is written here, and must not wait for torch
    from startright.studies import Record

LEVEL = 0.95  # of the intervals behind the words
DECIDES = 3  # differences, at least, for a word


@dataclass(frozen=True)
class Measured:
    """A mean over repetitions.

    Args:
        mean: of the values; on a logarithmic scale of their logarithms to base 10.
        spread: their standard deviation, on the same scale; None for a single value.
        n: how many values.
        text: how it is printed.
        step: the last digit asked for, as a number: smaller differences do not count.
        machine: a property of this machine, such as a time: shown, never compared with another's.
    """

    mean: float
    spread: float | None
    n: int
    text: str
    step: float = 0.0
    machine: bool = False

    def __str__(self) -> str:
        return self.text

    @classmethod
    def of(cls, values: Iterable[float], digits: int = 2, *, machine: bool = False) -> "Measured":
        """Mean ± standard deviation, with a digit or two more where the deviation would be printed as zero.

        >>> str(Measured.of([1.0, 2.0])), str(Measured.of([1.0])), str(Measured.of([]))
        ('1.50 ± 0.71', '1.00', '–')
        >>> str(Measured.of([1.0, 1.002]))
        '1.001 ± 0.001'
        """
        data = np.asarray(list(values), dtype=float)
        if not len(data):
            return cls(math.nan, None, 0, "–")
        mean, spread, n = mean_std(data)
        shown = digits_that_show(spread or 0.0, digits)
        style = f".{shown}f" if not np.abs(data).max() >= 1e4 else ".1e"
        text = number(mean, style) + ("" if spread is None else f" ± {spread:{style}}")
        return cls(mean, spread, n, text, 10.0**-digits, machine)

    @classmethod
    def wild(cls, values: Iterable[float], digits: int = 2) -> "Measured":
        """Median and range of positive values of any order of magnitude, where one run would make the mean.

        >>> str(Measured.wild([0.1, 0.2, 30.0]))
        '0.20 (0.10 to 30.00)'
        """
        data = np.asarray(list(values), dtype=float)
        if not len(data):
            return cls(math.nan, None, 0, "–")
        least, middle, most = (short(x, digits) for x in (data.min(), np.median(data), data.max()))
        mean, spread, n = mean_std(np.log10(np.maximum(data, 1e-300)))
        return cls(mean, spread, n, f"{middle} ({least} to {most})" if spread else middle)

    def entry(self) -> dict[str, Any]:
        """The numbers, for a machine."""
        return {
            "kind": "mean",
            "mean": _six(self.mean),
            "spread": _six(self.spread),
            "n": self.n,
            "step": self.step,
        }


@dataclass(frozen=True)
class Count:
    """How many of n repetitions did something.

    >>> str(Count(3, 10))
    '3 of 10'
    """

    k: int
    n: int
    machine = False

    @classmethod
    def of(cls, flags: Iterable[bool]) -> "Count":
        """Counts what is true.

        >>> Count.of([True, False])
        Count(k=1, n=2)
        """
        data = [bool(flag) for flag in flags]
        return cls(sum(data), len(data))

    def __str__(self) -> str:
        return f"{self.k} of {self.n}"

    def entry(self) -> dict[str, Any]:
        """The numbers, for a machine."""
        return {"kind": "count", "k": self.k, "n": self.n}


@dataclass(frozen=True)
class Contrast:
    """A mean difference with its 95 % interval by Student's law, and the word that it allows.

    Args:
        mean: of the differences.
        spread: their standard deviation; None for a single one, which decides nothing.
        n: how many.
    """

    mean: float
    spread: float | None
    n: int
    machine = False

    @classmethod
    def of(cls, differences: Iterable[float]) -> "Contrast":
        """From one difference per seed; what is not finite is left out."""
        data = np.asarray(list(differences), dtype=float)
        return cls(*mean_std(data[np.isfinite(data)]))

    @classmethod
    def paired(cls, ours: pd.Series, theirs: pd.Series) -> "Contrast":
        """``ours - theirs`` seed by seed: both have the seed as their index; what one lacks is left out."""
        return cls.of((ours - theirs).dropna())

    @property
    def half(self) -> float:
        """Half the width of the interval; infinite for a single difference."""
        if self.spread is None:
            return math.inf
        return float(stdtrit(self.n - 1, (1 + LEVEL) / 2)) * self.spread / math.sqrt(self.n)

    def sign(self, margin: float = 0.0) -> int:
        """1 or -1 where the whole interval lies beyond ``margin`` on one side of 0, else 0."""
        return 1 if self.mean - self.half > margin else -1 if self.mean + self.half < -margin else 0

    def word(
        self,
        below: str,
        above: str,
        level: str = "level with",
        *,
        unknown: str = "not to be told from",
        margin: float = 0.0,
    ) -> str:
        """The word that the interval allows. Fewer than three differences hardly know their spread: none.

        Args:
            below: where it lies below 0: "behind" of an accuracy.
            above: where it lies above 0: "ahead of".
            level: where it lies within ``margin`` of 0.
            unknown: where it is none of the three.
            margin: below this a difference does not matter, in the unit of the values.

        >>> Contrast(2.0, 1.0, 9).word("behind", "ahead of"), Contrast(2.0, 1.0, 2).word("behind", "ahead of")
        ('ahead of', 'not to be told from')
        """
        if self.n < DECIDES:
            return unknown
        if abs(self.mean) + self.half <= margin:
            return level
        return {1: above, -1: below}.get(self.sign(), unknown)

    def text(self, digits: int = 1, unit: str = "", sign: bool = True) -> str:
        """``"+1.2 ± 0.8 points (n = 5)"``: mean, standard deviation and n; the mean alone of one value.

        A deviation that would be printed as zero gets a digit or two more, and the mean with it.

        >>> Contrast(-6.85, 0.3, 2).text(1, " points")
        '−6.8 ± 0.3 points (n = 2)'
        """
        shown = digits_that_show(self.spread or 0.0, digits)
        mean = number(self.mean, f"{'+' if sign else ''}.{shown}f")
        spread = "" if self.spread is None else f" ± {self.spread:.{shown}f}"
        return f"{mean}{spread}{unit} (n = {self.n})"

    def entry(self) -> dict[str, Any]:
        """The numbers, for a machine, with the side of 0 that they show."""
        numbers = {"mean": _six(self.mean), "spread": _six(self.spread), "n": self.n, "step": 0.0}
        return {"kind": "mean", **numbers, "sign": self.sign()}


@dataclass(frozen=True)
class Word:
    """A word that follows from measured numbers, such as a verdict: a change is shown and stops nothing."""

    text: str
    machine = False

    def __str__(self) -> str:
        return self.text

    def entry(self) -> dict[str, Any]:
        """The word, for a machine."""
        return {"kind": "word", "text": self.text}


Fact = Measured | Count | Contrast | Word


def _six(x: float | None) -> float | None:
    """Six digits, as in the curves of records; what is not finite has no place in strict JSON."""
    return None if x is None or not math.isfinite(x) else float(f"{x:.6g}")


def indistinguishable(groups: Mapping[Any, pd.Series], *, largest: bool = False) -> list[Any]:
    """The groups that cannot be told from the best by their means, the best first.

    A group is out if its paired difference from the best has a 95 % interval that excludes 0. With a single
    seed nobody is out: one run each decides nothing.

    Args:
        groups: values by seed, a series each.
        largest: whether the largest mean is the best.

    >>> seeds = [0, 1, 2]
    >>> groups = {"a": [1.0, 1.1, 0.9], "b": [1.0, 1.2, 0.9], "c": [3.0, 3.1, 2.9]}
    >>> indistinguishable({name: pd.Series(v, seeds) for name, v in groups.items()})
    ['a', 'b']
    """
    order = sorted(groups, key=lambda name: groups[name].mean() * (-1 if largest else 1))
    order = [name for name in order if np.isfinite(groups[name].mean())]
    if not order:
        return []
    best = groups[order[0]]
    return [name for name in order if name == order[0] or not Contrast.paired(groups[name], best).sign()]


def either(names: Sequence[Any]) -> str:
    """``"a, b or c"``.

    >>> either(["0.1"]), either(["0.1", "1"]), either(["a", "b", "c"])
    ('0.1', '0.1 or 1', 'a, b or c')
    """
    *first, last = map(str, names)
    return f"{', '.join(first)} or {last}" if first else last


def listed(names: Sequence[Any]) -> str:
    """``"a, b and c"``; nothing of nothing.

    >>> listed(["a"]), listed(["a", "b", "c"]), listed([])
    ('a', 'a, b and c', '')
    """
    *first, last = map(str, names or [""])
    return f"{', '.join(first)} and {last}" if first else last


def are_live(origin: "Iterable[Record] | str") -> bool:
    """Whether results are of the quick profile, which every machine computes for itself.

    Args:
        origin: the records they come from, or a profile where there are none.

    >>> are_live("quick"), are_live([])
    (True, False)
    """
    profiles = [origin] if isinstance(origin, str) else [record.profile for record in origin]
    return "quick" in profiles


def bundle(facts: Iterable[tuple[str, str, Fact]]) -> dict[str, Any]:
    """What an output carries beside its text: {MIME: entries}; nothing without facts.

    Args:
        facts: name of the thing, name of the quantity (the spreads of one quantity are of one kind),
            and the fact. Those of the machine alone are listed without numbers.
    """
    entries = [
        {"name": name, "quantity": quantity, **({"kind": "machine"} if fact.machine else fact.entry())}
        for name, quantity, fact in facts
    ]
    return {MIME: {"entries": entries}} if entries else {}


class Table(pd.DataFrame):
    """A table whose cells may be :class:`Measured` or :class:`Count`: shown as text, the numbers beside it.

    Make it with :func:`table`.
    """

    _metadata = ["live"]  # noqa: RUF012 (pandas reads this name from the class)

    @property
    def _constructor(self) -> type["Table"]:
        return Table

    def facts(self) -> list[tuple[str, str, Fact]]:
        """Row, column and fact of every cell that was measured."""
        return [
            (_label(row), _label(column), cell)
            for column, cells in self.items()
            for row, cell in cells.items()
            if isinstance(cell, Fact)
        ]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return bundle(self.facts()) if getattr(self, "live", False) else {}


def _label(name: object) -> str:
    return ", ".join(map(str, name)) if isinstance(name, tuple) else str(name)


def table(rows: Any, origin: "Iterable[Record] | str", *, index: str | Sequence[str] | None = None) -> Table:
    """A table of measured and other cells.

    Args:
        rows: {row: {column: cell}}, or a data frame.
        origin: the records it was made from, or the profile. What is quick was computed here and now: the
            table then carries its numbers with it. What is recorded is the same wherever it is read.
        index: name of the rows, or names of their levels.
    """
    made = Table(rows) if isinstance(rows, pd.DataFrame) else Table.from_dict(rows, orient="index")
    made = Table(made.rename_axis(index) if index is not None else made)
    made.live = are_live(origin)
    return made


@dataclass(frozen=True)
class Finding:
    """Sentences printed from records, as Markdown, with the facts they rest on.

    Args:
        text: one paragraph or several, in Markdown.
        facts: {what it is: the contrast, mean or count behind a word or number}.
        live: whether it was made from quick records, so that another machine says it from other numbers.
    """

    text: str
    facts: Mapping[str, Fact]
    live: bool

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__

    def __add__(self, other: "Finding") -> "Finding":
        """Both, one after the other in one paragraph."""
        merged = {**self.facts, **other.facts}
        return replace(self, text=f"{self.text} {other.text}", facts=merged, live=self.live or other.live)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        carried = bundle((name, name, fact) for name, fact in self.facts.items()) if self.live else {}
        return {"text/markdown": self.text, "text/plain": self.text, **carried}


def finding(text: str, origin: "Iterable[Record] | str", **facts: Fact) -> Finding:
    """Sentences that report a result; without records they say that it is not yet run.

    Args:
        text: the sentences, their words and numbers chosen from ``facts``.
        origin: the records they were made from, or the profile.
        facts: the contrasts, means and counts behind them, by a short name.
    """
    origin = origin if isinstance(origin, str) else list(origin)
    if not origin:
        return Finding("*Not yet run.*", {}, live=False)
    return Finding(" ".join(text.split()) if "\n\n" not in text else text, facts, are_live(origin))


def needs_records(tell: Callable[..., Finding]) -> Callable[..., Finding]:
    """A finding that says that it is not yet run where its first argument, the records, is empty."""

    @wraps(tell)
    def told(records: "Sequence[Record]", *args: object, **kwargs: object) -> Finding:
        return tell(records, *args, **kwargs) if records else finding("", [])

    return told
