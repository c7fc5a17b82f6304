"""Figures of the chapter: records in, a matplotlib ``Figure`` out; nothing is trained or read here."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from startright.checks import half_width
from startright.figures import COLOURS, Beside, band, beside, key, pairs, panels, register, source_label
from startright.papers.dropout import readings
from startright.papers.dropout.depth import depth_variance, expected_depth
from startright.papers.dropout.published import EARLY, LATE
from startright.papers.dropout.readings import METHODS, REGIMES, name
from startright.papers.dropout.studies.metrics import EARLY as WINDOW
from startright.studies import Record, curve_frame, origin_label

Records = Sequence[Record]

LOOK = {
    "none": register("no-noise", "grey"),
    "dropout": register("dropout", "blue"),
    "depth": register("stochastic-depth", "orange"),
}
METRICS = {
    "norm": "gradient norm",
    "distance": "distance from the start",
    "gdv": "variance of directions",
    "gde": "error of directions",
}
SHOWN = {"standard": "s", "early": "o", "late": "^"}


def metrics(records: Records) -> Figure:
    """Four metrics of gradients over a training, with and without dropout; the early part is shaded."""
    figure, axes = pairs(4, height=2.4, sharex=True)
    rates = sorted({record.config["rate"] for record in records})
    styles = dict(zip(rates, ("-", "-", "--"), strict=False))
    for ax, (column, label) in zip(axes, METRICS.items(), strict=True):
        table = curve_frame(records, "step", column)
        for rate in rates:
            runs = table[table["rate"] == rate].pivot(index="seed", columns="step", values=column)
            colour = LOOK["dropout" if rate else "none"]
            text = f"dropout, rate {rate:g}" if rate else METHODS["none"]
            band(ax, runs.columns, runs.to_numpy(), color=colour, ls=styles[rate], label=text)
        ax.axvspan(0, WINDOW * table["step"].max(), color=COLOURS["grey"], alpha=0.2, lw=0)
        ax.set(ylabel=label)
    for ax in axes[-2:]:
        ax.set_xlabel("step")
    key(figure, axes[0])
    source_label(figure, origin_label(records))
    return figure


def schedules(records: Records) -> Figure:
    """Points of accuracy over no noise, with 95 % intervals, for both networks."""
    found = readings.gains(records)
    figure, axes = pairs(2, height=3.2, sharey=True)
    kinds = list(dict.fromkeys(place[1:] for place in found))
    for ax, (regime, words) in zip(axes, REGIMES.items(), strict=True):
        for y, (method, schedule) in enumerate(kinds):
            if (regime, method, schedule) in found:
                _interval(ax, found[regime, method, schedule], y, LOOK[method], SHOWN[schedule])
        ax.axvline(0, color=COLOURS["grey"], lw=0.8)
        ax.set(title=f"{words} network", xlabel="points over no noise")
    axes[0].set_yticks(range(len(kinds)), [name(*kind) for kind in kinds])
    axes[0].set_ylabel("noise")
    axes[0].invert_yaxis()
    source_label(figure, origin_label(records))
    return figure


def _interval(ax: Axes, values: Sequence[float], y: float, colour: str, marker: str) -> None:
    """The mean with its interval, and every seed as a small dot."""
    data = np.asarray(values, dtype=float)
    half = half_width(float(data.std(ddof=1)), len(data)) if len(data) > 1 else 0.0
    ax.errorbar(data.mean(), y, xerr=half, fmt=marker, color=colour, capsize=3, ms=6)
    ax.plot(data, np.full(len(data), y + 0.25), ".", color=colour, alpha=0.5, ms=4)


def depth(records: Records, size: int = 54) -> Figure:
    """Expected depth against the survival of the last block: exact with its spread, and sampled."""
    figure, ax = panels(height=3.2)
    lasts = np.linspace(0.05, 1, 96)
    table = readings.depths(records).query(f"depth == {size}")
    for rule, colour in (("linear", COLOURS["green"]), ("uniform", COLOURS["purple"])):
        means = np.array([expected_depth(size, p, rule) for p in lasts])
        spread = np.sqrt([max(depth_variance(size, p, rule), 0) for p in lasts])
        ax.plot(lasts, means, color=colour, label=f"{rule} rule, exact")
        ax.fill_between(lasts, means - spread, means + spread, color=colour, alpha=0.15, lw=0)
        rows = table[table["rule"] == rule]
        ax.plot(rows["last"], rows["sampled"], "o", mfc="none", color=colour, label=f"{rule} rule, sampled")
    ax.set(xlabel="survival of the last block $p_L$", ylabel=f"blocks left, of {size}", ylim=(0, size))
    ax.legend(loc="lower right")
    source_label(figure, origin_label(records))
    return figure


def against(records: Records) -> Figure:
    """Gains of the paper's smallest and of its over-fitting vision transformer beside ours."""
    found, theirs = readings.gains(records), EARLY["ViT-T"]
    rows = []
    for method, word in (("dropout", "dropout"), ("depth", "s.d.")):
        for schedule in ("standard", "early"):
            gain = theirs[f"{schedule} {word}"] - theirs["none"]
            values = found.get(("under", method, schedule), ())
            rows.append(Beside.of(name(method, schedule), values, gain, group="under-fitting, over no noise"))
    before, after = LATE["ViT-B"]
    values = found.get(("over", "depth", "late"), ())
    group = "over-fitting, over no noise (the paper's baseline is not known to us)"
    rows.append(Beside.of(name("depth", "late"), values, after - before, group=group))
    return beside(rows, "points of test accuracy gained")
