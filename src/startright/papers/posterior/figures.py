"""Figures of the chapter: records in, a matplotlib ``Figure`` out; nothing is trained or read here."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from startright.checks import half_width
from startright.figures import COLOURS, band, key, pairs, panels, source_label
from startright.papers.posterior import readings
from startright.papers.posterior.readings import WORDS
from startright.papers.posterior.studies.conjugate import FINE
from startright.studies import Record, frame, origin_label

LOOK = {
    "none": {"color": COLOURS["blue"], "marker": "o"},
    "shift": {"color": COLOURS["orange"], "marker": "s"},
    "twice": {"color": COLOURS["grey"], "marker": "x"},
}
#: Whether the weights are independent, colour, label.
KINDS = ((False, COLOURS["green"], "exact"), (True, COLOURS["purple"], "independent weights"))
SHADES = (COLOURS["blue"], COLOURS["green"], COLOURS["orange"], COLOURS["red"])


def conjugate(records: Sequence[Record]) -> Figure:
    """Expected loss against temperature, curated labels and copies; dots where theory has the best."""
    figure, axes = panels(1, 2, height=3.0, sharey=True)
    full = [r for r in records if not r.config["mean_field"] and r.config["correlation"] == 0]
    for ax, column, letter in zip(axes, ("curation", "copies"), "SK", strict=True):
        values = sorted({r.config[column] for r in full})
        for value, colour in zip(values, SHADES, strict=True):
            others = "copies" if column == "curation" else "curation"
            chosen = [r for r in full if r.config[column] == value and r.config[others] == 1]
            curves = np.array([r.curves["nll"] for r in chosen])
            band(ax, FINE, curves, color=colour, label=f"{letter} = {value:g}")
            known = chosen[0].metrics["known"]
            ax.plot(known, np.interp(np.log(known), np.log(FINE), curves.mean(0)), "o", color=colour, ms=6)
        ax.set(xscale="log", xlabel="temperature τ")
        ax.legend(fontsize="small")
    axes[0].set(ylabel="expected NLL (nats)", title="labels less noisy than the model says")
    axes[1].set_title("points counted K times")
    source_label(figure, origin_label(full))
    return figure


def mean_field(records: Sequence[Record]) -> Figure:
    """Expected loss against temperature, exact posterior and independent weights, by correlation."""
    whole = {r.config["correlation"] for r in records if r.config["mean_field"]}
    right = [r for r in records if r.config["curation"] == r.config["copies"] == 1]
    shared = sorted(whole & {r.config["correlation"] for r in right if not r.config["mean_field"]})
    figure, axes = pairs(len(shared), height=2.4)
    for ax, correlation in zip(axes, shared, strict=True):
        for independent, colour, label in KINDS:
            chosen = [
                r
                for r in right
                if r.config["correlation"] == correlation and r.config["mean_field"] is independent
            ]
            curves = np.array([r.curves["nll"] for r in chosen])
            band(ax, FINE, curves, color=colour, label=label)
            lowest = int(curves.mean(0).argmin())
            ax.plot(FINE[lowest], curves.mean(0)[lowest], "o", color=colour, ms=6)
        ax.axvline(1, color=COLOURS["grey"], lw=0.8)
        ax.set(xscale="log", xlabel="temperature τ", title=f"correlation {correlation:g}")
    for ax in axes[::2]:
        ax.set_ylabel("expected NLL (nats)")
    key(figure, axes[0])
    source_label(figure, origin_label(right))
    return figure


def sweep(records: Sequence[Record]) -> Figure:
    """Test loss of the sampled predictions against temperature, a panel per number of data."""
    table = readings.temperatures(records)
    sizes = readings.counts(records)
    figure, axes = pairs(len(sizes), height=2.7)
    for ax, count in zip(axes, sizes, strict=True):
        for augment, look in LOOK.items():
            losses = readings.cells(readings.rows(table, count=count)).get((count, augment))
            if losses is not None:
                band(ax, losses.columns.to_numpy(), losses.to_numpy(), **look, ms=4, label=WORDS[augment])
        ax.axvline(1, color=COLOURS["grey"], lw=0.8)
        ax.set(xscale="log", yscale="log", xlabel="temperature τ", title=f"N = {count}")
    for ax in axes[::2]:
        ax.set_ylabel("test NLL (nats)")
    key(figure, max(axes, key=lambda ax: len(ax.get_legend_handles_labels()[0])))
    source_label(figure, origin_label(records))
    return figure


def best(records: Sequence[Record]) -> Figure:
    """The best temperature of every seed against N, with the 95 % interval of their mean."""
    cells = readings.cells(readings.temperatures(records))
    figure, ax = panels(height=3.2)
    for place, (augment, look) in enumerate(LOOK.items()):
        for (count, own), losses in cells.items():
            if own != augment:
                continue
            logs = readings.best(losses)
            x = count * 10 ** (0.06 * (place - 1))
            half = half_width(float(logs.std()), len(logs)) if len(logs) > 1 else 0.0
            middle = 10 ** logs.mean()
            error = [[middle - 10 ** (logs.mean() - half)], [10 ** (logs.mean() + half) - middle]]
            label = WORDS[augment] if count == min(n for n, own in cells if own == augment) else None
            face = "white" if readings.at_an_end(losses).any() else look["color"]
            ax.errorbar(x, middle, yerr=error, **look, mfc=face, capsize=3, ls="", label=label)
            ax.plot(np.full(len(logs), x * 1.05), 10**logs, ".", color=look["color"], alpha=0.5, ms=4)
    ax.axhline(1, color=COLOURS["grey"], lw=0.8)
    sizes = readings.counts(records)
    ax.set(xscale="log", yscale="log", xlabel="number of training images N", ylabel="best temperature τ*")
    ax.set_xticks(sizes, [str(n) for n in sizes])
    ax.minorticks_off()
    ax.legend(fontsize="small", title="images")
    source_label(figure, origin_label(records))
    return figure


def against(records: Sequence[Record], theirs: dict[str, tuple[float, float]]) -> Figure:
    """Accuracy at T = 1 and cold: the paper's range for ResNet-20, and ours by number of data.

    Args:
        records: of the temperatures.
        theirs: "T = 1" and "cold" → least and largest accuracy.
    """
    table = frame(records).query("augment == 'shift'")
    figure, ax = panels(height=2.8)
    places = {"T = 1": 1.0, "cold": readings.COLD}
    for x, (name, tau) in enumerate(places.items()):
        low, high = theirs[name]
        label = "" if x else "ResNet-20, CIFAR-10 (paper, approximate)"
        look = {"color": COLOURS["grey"], "lw": 5, "solid_capstyle": "butt"}
        ax.plot([x - 0.2, x - 0.2], [100 * low, 100 * high], label=label, **look)
        for k, (count, group) in enumerate(readings.rows(table, temperature=tau).groupby("count")):
            spot = x + 0.12 * k
            label = "" if x else f"ours, N = {count}"
            ax.plot(np.full(len(group), spot), 100 * group["accuracy"], "s", color=SHADES[k], label=label)
    ax.set(ylabel="test accuracy (%)", ylim=(None, 100), xlim=(-0.5, 1.6))
    ax.set_xticks([0, 1], ["τ = 1", f"cold (ours: τ = {readings.COLD:g})"])
    ax.legend(fontsize="small", loc="lower right")
    source_label(figure, origin_label(records))
    return figure
