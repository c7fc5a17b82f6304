"""Figures of the chapter: records in, a figure out. One colour a method throughout."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation, LogLocator

from startright.figures import COLOURS, band, key, pairs, panels, source_label
from startright.papers.scalp import readings
from startright.papers.scalp.hidden import BN_LASSO, STANDARD
from startright.papers.scalp.studies.variance import DIVERGENT
from startright.studies import Record, origin_label

METHOD_COLOURS = {
    "uniform": COLOURS["blue"],
    "1/k": COLOURS["green"],
    "1/(√k ln k)": COLOURS["orange"],
    BN_LASSO: COLOURS["red"],
    STANDARD: COLOURS["grey"],
    DIVERGENT: COLOURS["purple"],
}
STYLES = ("-", "--", "-.", ":", (0, (1, 3)))  # of the learning rates of the standard parametrisation

Records = Sequence[Record]


def variances(records: Records) -> Figure:
    """Var y and Var(y' − y)/η² against N: sampled as points, closed forms as lines."""
    figure, axes = pairs(2, height=3.0)
    labels = {"start": "Var y", "step": "Var(y′ − y) / η²"}
    for ax, (column, label) in zip(axes, labels.items(), strict=True):
        for kind in readings.settings(records, "kind"):
            exact, sampled = (readings.by_width(records, c, kind=kind) for c in (f"{column}_exact", column))
            look = {"color": METHOD_COLOURS[kind]}
            ax.plot(exact.columns, exact.mean(), **look, label=kind)
            ax.plot(sampled.columns, sampled.mean(), "o", ms=4, **look)
        ax.set(xlabel="inputs N", ylabel=label, xscale="log", yscale="log")
    key(figure, axes[0], columns=5)
    source_label(figure, origin_label(records))
    return figure


def _cells(records: Records) -> list[tuple[str, float]]:
    """Methods and learning rates in the order of the records."""
    return list(dict.fromkeys((r.config["method"], r.config["lr"]) for r in records))


def _look(records: Records, method: str, lr: float) -> dict[str, object]:
    rates = sorted({rate for other, rate in _cells(records) if other == STANDARD}, reverse=True)
    style = STYLES[rates.index(lr)] if method == STANDARD else "-"
    label = f"{readings.name(method, pruned=False)}, η = {lr:g}"
    return {"color": METHOD_COLOURS[method], "ls": style, "label": label}


def _over_width(records: Records, column: str, label: str) -> Figure:
    activations = readings.settings(records, "activation")
    figure, axes = pairs(len(activations), height=3.2, sharey=True)
    for ax, activation in zip(axes, activations, strict=True):
        for method, lr in _cells(records):
            found = readings.by_width(records, column, method=method, lr=lr, activation=activation)
            band(
                ax, found.columns, found, log=True, alpha=0.12, marker="o", ms=3, **_look(records, method, lr)
            )
        ax.set(yscale="log", title=readings.ACTIVATIONS[activation])
        _widths(ax, records, "hidden neurons N")
    axes[0].set_ylabel(label)
    key(figure, axes[0], columns=2)
    source_label(figure, origin_label(records))
    return figure


def _widths(ax: Axes, records: Records, label: str) -> None:
    """The widths of the study, at which the runs are, in place of the decades between them."""
    widths = sorted(readings.settings(records, "width"))
    ax.set(xscale="log", xlabel=label)
    ax.set_xticks(widths, [f"{width}" for width in widths])
    ax.set_xticks([], minor=True)


def first_step(records: Records) -> Figure:
    """By how much one step moves the outputs, against the width."""
    return _over_width(records, "first_change", "change of the outputs (r.m.s.)")


def widths(records: Records) -> Figure:
    """Training loss of the last epoch against the width, a line a method and learning rate."""
    return _over_width(records, "train_loss", "training loss (nats)")


def final_width(records: Records) -> Figure:
    """Neurons left, and the accuracy of what is left, against the width at the start."""
    figure, axes = pairs(2, height=3.0)
    for method in readings.settings(records, "method"):
        look = {"color": METHOD_COLOURS[method], "marker": "o", "ms": 3, "label": readings.name(method)}
        left = readings.by_width(records, "left", method=method)
        band(axes[0], left.columns, left, **look)
        accuracy = 100 * readings.by_width(records, "pruned_accuracy", method=method)
        band(axes[1], accuracy.columns, accuracy, **look)
    starts = sorted(readings.settings(records, "width"))
    axes[0].plot(starts, starts, color=COLOURS["grey"], lw=0.8, ls=":", label="all left")
    axes[0].set(ylabel="neurons left", yscale="log")
    axes[1].set(ylabel="test accuracy, pruned (%)")
    for ax in axes:
        _widths(ax, records, "neurons at the start N")
    key(figure, axes[0])
    source_label(figure, origin_label(records))
    return figure


def dying(records: Records, width: int) -> Figure:
    """Which neurons are alive, by index, after how many epochs: the share of runs, a panel per method."""
    methods = readings.settings(records, "method")
    figure, axes = pairs(len(methods), height=2.2, sharey=True)
    for ax, method in zip(axes, methods, strict=True):
        image = _alive(
            ax, [r for r in records if r.config["method"] == method and r.config["width"] == width]
        )
        ax.set(title=readings.name(method).replace("ScaLP, ", ""), xlabel="index k")
        ax.grid(False)
    for ax in axes[::2]:
        ax.set_ylabel("epochs")
    figure.colorbar(image, ax=axes, label="share of runs where k is alive")
    source_label(figure, origin_label(records))
    return figure


def _alive(ax: Axes, runs: Records):
    last = np.array(
        [run.curves["last_alive"] for run in runs if "last_alive" in run.curves]
    )  # (runs, neurons)
    epochs = np.arange(runs[0].config["epochs"] + 1)
    alive = (last[None] >= epochs[:, None, None]).mean(1)
    edges = np.arange(alive.shape[1] + 1) + 0.5
    return ax.pcolormesh(edges, np.append(epochs, epochs[-1] + 1) - 0.5, alive, cmap="Greys", vmin=0, vmax=1)


def pareto(records: Records) -> Figure:
    """Accuracy of what is left against its parameters, per run, method and network."""
    networks = readings.networks(records)
    figure, axes = panels(1, len(networks), height=3.6, squeeze=False)
    for ax, (network, group) in zip(axes[0], networks.items(), strict=True):
        _front(ax, group)
        if len(networks) > 1:
            ax.set_title(network)
    axes[0, 0].set_ylabel("test accuracy of what is left (%)")
    key(figure, axes[0, 0], columns=2)
    source_label(figure, origin_label(records))
    return figure


def _front(ax: Axes, records: Records) -> None:
    for method in readings.settings(records, "method"):
        runs = [r for r in records if r.config["method"] == method]
        look = {"color": METHOD_COLOURS[method]}
        points = [
            (
                readings.metric(runs, "parameters", strength=s),
                100 * readings.metric(runs, "pruned_accuracy", strength=s),
            )
            for s in sorted(readings.settings(runs, "strength"))
        ]
        for counts, accuracies in points:
            ax.plot(counts, accuracies, "o", ms=3, alpha=0.5, **look)
        means = [(counts.mean(), accuracies.mean()) for counts, accuracies in points]
        ax.plot(*zip(*means, strict=True), **look, label=readings.name(method))
    ax.set(xlabel="parameters left", xscale="log")
    ax.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))  # few, so that their labels have room
    ax.xaxis.set_minor_formatter(LogFormatterSciNotation(labelOnlyBase=False, minor_thresholds=(2, 2)))
