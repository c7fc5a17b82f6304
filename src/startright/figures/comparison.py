"""What the paper printed beside what we measured, as a picture: a row a quantity."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from startright.figures.colours import COLOURS, ink
from startright.figures.style import WIDTH
from startright.measured import Contrast
from startright.summary import mean_std

OURS, PAPER = COLOURS["blue"], "#222222"
ROW, REST = 0.34, 1.15  # inches of a row, and of what stands above and below the rows
ROOM = 0.5  # of the axis, for the words of what is missing


@dataclass(frozen=True)
class Beside:
    """One quantity, the paper's and ours.

    Args:
        label: what it is, in words.
        paper: the value the paper prints; None where it prints none.
        plus_minus: what it prints behind ±; None where it prints nothing.
        ours: the mean of our repetitions, NaN for one that diverged; None where there is no run.
        spread: their standard deviation; None of a single one.
        n: how many repetitions.
        group: rows of one group stand together under its name.
    """

    label: str
    paper: float | None = None
    plus_minus: float | None = None
    ours: float | None = None
    spread: float | None = None
    n: int = 0
    group: str = ""

    @classmethod
    def of(
        cls,
        label: str,
        values: Sequence[float],
        paper: float | None = None,
        plus_minus: float | None = None,
        *,
        group: str = "",
    ) -> "Beside":
        """From one value a repetition, none if there is no run.

        >>> Beside.of("loss", [1.0, 3.0], 2.5).ours
        2.0
        """
        mean, spread, n = mean_std(values)
        return cls(label, paper, plus_minus, mean if n else None, spread, n, group)

    @property
    def half(self) -> float | None:
        """Half the 95 % interval of our mean by Student's law; None of a single repetition."""
        return None if self.spread is None else Contrast(0.0, self.spread, self.n).half

    def missing(self, theirs: str = "the paper") -> str:
        """What the row lacks, in words; empty if nothing.

        Args:
            theirs: whose number stands beside ours.
        """
        if self.paper is None and self.ours is None:
            return f"{theirs} has no number, not yet run here"
        if self.paper is None:
            return f"{theirs} has no number"
        if self.ours is None:
            return "not yet run here"
        return "" if math.isfinite(self.ours) else "diverged here"


def printed(text: str) -> tuple[float, float | None]:
    """Value and ± of a number as tables print it.

    >>> printed("88.1 ± 0.6"), printed("−372 ± 24"), printed("53.2")
    ((88.1, 0.6), (-372.0, 24.0), (53.2, None))
    """
    value, _, plus_minus = text.replace("−", "-").partition("±")
    return float(value), float(plus_minus) if plus_minus else None


def beside(
    rows: Sequence[Beside],
    xlabel: str,
    *,
    log: bool = False,
    limits: tuple[float | None, float | None] = (None, None),
    theirs: str = "the paper",
) -> Figure:
    """The paper's value as a cross, ours as a dot with its 95 % interval, and a line over the gap between.

    Args:
        rows: from top to bottom.
        xlabel: the quantity and its unit.
        log: whether the axis is logarithmic.
        limits: of the axis; None: as the values ask for.
        theirs: whose number the cross is, such as "exact" where the paper has a formula.

    Raises:
        ValueError: no row.
    """
    if not rows:
        raise ValueError("a figure of the paper beside ours needs a row or more, got none")
    first = _first(rows)
    height = REST + ROW * (len(rows) + 0.8 * len(first))
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    ax = figure.subplots()
    if log:
        ax.set_xscale("log", nonpositive="clip")  # an interval may reach below 0
    heights = np.cumsum([1.8 if k in first and k else 1.0 for k in range(len(rows))])
    for row, y in zip(rows, heights, strict=True):
        _draw(ax, row, y)
    ax.set(xlabel=xlabel, xlim=limits, ylim=(heights[-1] + 0.7, 1 - (1.2 if first else 0.7)))
    for row, y in zip(rows, heights, strict=True):
        _say(ax, row, y, theirs)
    for k in first:
        _words(ax, 0, heights[k] - 0.75, rows[k].group, weight="bold")
    ax.set_yticks(heights, [row.label for row in rows])
    ax.tick_params(axis="y", length=0)
    ax.spines["left"].set_visible(False)
    ax.grid(visible=False, axis="y")
    figure.legend(handles=_marks(rows, theirs), loc="outside upper center", ncols=3)
    return figure


def _first(rows: Sequence[Beside]) -> list[int]:
    """The numbers of the rows that begin a group."""
    groups = ["", *(row.group for row in rows)]
    return [k for k, row in enumerate(rows) if row.group and row.group != groups[k]]


def _draw(ax: Axes, row: Beside, y: float) -> None:
    paper, ours = row.paper is not None, row.ours is not None and math.isfinite(row.ours)
    if paper and ours:
        ends = [row.paper, row.ours]
        ax.plot(ends, [y, y], color=COLOURS["grey"], lw=2.5, alpha=0.45, zorder=1, gid="gap")
    if paper:
        ax.errorbar(row.paper, y, xerr=row.plus_minus, fmt="none", ecolor=PAPER, elinewidth=1, zorder=2)
        ax.plot(row.paper, y, "x", color=PAPER, ms=8, mew=2, zorder=3, gid="paper")
    if ours:
        half = row.half
        if half is not None and math.isfinite(half):
            ends = [row.ours - half, row.ours + half]
            ax.plot(ends, [y, y], color=OURS, lw=2, zorder=2, gid="interval")
        face = "white" if half is None else OURS
        ax.plot(row.ours, y, "o", color=OURS, mfc=face, ms=7, mew=1.6, zorder=4, gid="ours")


def _say(ax: Axes, row: Beside, y: float, theirs: str) -> None:
    """What a row lacks, on that side of its mark where more room is; in the middle if it has no mark."""
    style = {"style": "italic", "color": ink(COLOURS["grey"])}
    text = row.missing(theirs)
    known = next((x for x in (row.paper, row.ours) if x is not None and math.isfinite(x)), None)
    if known is None:
        _words(ax, 0.5, y, text, ha="center", **style)
        return
    half = (row.plus_minus if row.paper is not None else row.half) or 0.0
    low, high = (
        _share(ax, x) if math.isfinite(x) else side for x, side in ((known - half, 0), (known + half, 1))
    )
    if max(low, 1 - high) < ROOM:
        _words(ax, 0.5, y + 0.4, text, ha="center", **style)
    elif low > 1 - high:
        _words(ax, low - 0.025, y, text, ha="right", **style)
    else:
        _words(ax, high + 0.025, y, text, ha="left", **style)


def _share(ax: Axes, x: float) -> float:
    """Where a value lies on the axis, from 0 to 1."""
    return float(ax.transAxes.inverted().transform(ax.transData.transform((x, 0)))[0])


def _words(ax: Axes, share: float, y: float, text: str, **style: object) -> None:
    ax.text(share, y, text, transform=ax.get_yaxis_transform(), va="center", fontsize=9, **style)


def _marks(rows: Sequence[Beside], theirs: str) -> list[Line2D]:
    """The legend, of the marks that are there."""
    found = []
    if any(row.paper is not None for row in rows):
        spread = ", ± as printed" if any(row.plus_minus is not None for row in rows) else ""
        found.append(_mark(theirs + spread, color=PAPER, marker="x", ls="", ms=8, mew=2))
    measured = [row for row in rows if row.ours is not None and math.isfinite(row.ours)]
    if any(row.half is not None for row in measured):
        found.append(_mark("ours, mean and 95 % interval", lw=2))
    if any(row.half is None for row in measured):
        found.append(_mark("ours, a single value", mfc="white", ls=""))
    return found


def _mark(label: str, **look: object) -> Line2D:
    return Line2D([], [], **({"color": OURS, "marker": "o", "ms": 7, "label": label} | look))
