"""What the slider of the page turns: the upper bound of the interval of rates."""

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from startright.figures import Sheet, colour, name_curves, sheet
from startright.papers.alrao.figures import rate_colour
from startright.papers.alrao.readings import by_method, decade
from startright.studies import Record, curve_frame


def interval(records: Sequence[Record], bounds: Sequence[float], lower: float = 1e-7) -> Sheet:
    """Training loss by epoch of Alrao on an interval, beside SGD at single rates; below, the interval.

    Args:
        records: of the study of intervals.
        bounds: ηmax, in the order of the slider.
        lower: ηmin of all panels.

    Raises:
        ValueError: no run has such an interval.
    """
    runs = by_method(curve_frame(records, "train_loss"))
    there = set(runs["alrao"].query("lo == @lower")["hi"])
    if missing := [bound for bound in bounds if bound not in there]:
        known = ", ".join(map(decade, sorted(there))) or "none"
        raise ValueError(f"no run has rates from {lower:g} to {missing[0]:g}; upper bounds there: {known}")

    def draw(figure: Figure, bound: float) -> None:
        top, strip = figure.subplots(2, 1, height_ratios=(7, 1))
        for rate, sgd in runs["sgd"].groupby("lo"):
            _mean(top, sgd, color=rate_colour(rate), label=f"SGD {decade(rate)}", lw=1)
        own = runs["alrao"].query("lo == @lower and hi == @bound")
        _mean(top, own, color=colour("alrao"), label="Alrao", lw=2.4)
        top.set(title=f"rates from {decade(lower)} to {decade(bound)}", ylim=(0, 2.5))
        top.set(xlabel="epoch", ylabel="training loss (nats)")
        _strip(strip, lower, bound, sorted(set(runs["sgd"]["lo"])))
        name_curves(top)

    return sheet(draw, bounds, height=3.6)


def _mean(ax: Axes, runs: pd.DataFrame, **look: object) -> None:
    mean = runs.groupby("step")["train_loss"].mean()
    ax.plot(mean.index + 1, mean, marker="o", ms=3, **look)


def _strip(ax: Axes, lower: float, bound: float, rates: Sequence[float]) -> None:
    """All rates on a line: those of the interval shaded, those of SGD as strokes."""
    ax.axvspan(lower, bound, color=colour("alrao"), alpha=0.3, lw=0)
    for rate in rates:
        ax.axvline(rate, color=rate_colour(rate), lw=2.5)
    ax.set(xscale="log", xlim=(5e-8, 20), yticks=[], xlabel="learning rate η")
    ax.set_xticks([1e-7, 1e-5, 1e-3, 1e-1, 10])
    ax.minorticks_off()
    ax.grid(visible=False)
    ax.spines["left"].set_visible(False)
