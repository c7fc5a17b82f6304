"""Figures of the chapter: records in, a matplotlib ``Figure`` out; nothing is trained or read here."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from startright.figures import (
    COLOURS,
    Beside,
    band,
    beside,
    key,
    pairs,
    panels,
    register,
    source_label,
)
from startright.papers.residual import readings
from startright.papers.residual.published import ACCURACY, AUTOCORRELATION
from startright.papers.residual.readings import STARTS, described
from startright.papers.residual.studies.shattering import LAGS
from startright.studies import Record, origin_label

Records = Sequence[Record]
NETS = {
    ("plain", True, 1.0): register("no-skips", "orange"),
    ("plain", False, 1.0): COLOURS["grey"],
    ("residual", True, 1.0): register("skips", "blue"),
    ("residual", True, 0.1): COLOURS["sky"],
}
START = {
    "looks-linear": register("looks-linear", "red"),
    "residual": COLOURS["blue"],
    "tailored": register("tailored", "green"),
    "crelu": register("crelu-he", "purple"),
    "relu": COLOURS["orange"],
    "delta-orthogonal": COLOURS["wine"],
    "gaussian": COLOURS["grey"],
}
SKIP = {True: (COLOURS["blue"], "with skips"), False: (COLOURS["orange"], "without")}


def slopes(x: Tensor, found: Mapping[str, Tensor]) -> Figure:
    """df/dx of one network a panel, each over its largest size.

    Args:
        x: the grid, (points,).
        found: title → slopes, (points,).
    """
    figure, axes = pairs(len(found), height=1.9, sharex=True, sharey=True)
    for ax, (title, slope) in zip(axes, found.items(), strict=True):
        ax.plot(x, slope / slope.abs().max(), color=COLOURS["blue"], lw=0.9)
        ax.set(title=title, xlabel="x", ylim=(-1.05, 1.05))
        ax.label_outer()
    for ax in axes[::2]:
        ax.set_ylabel("df/dx, scaled")
    return figure


def autocorrelation(records: Records) -> Figure:
    """Autocorrelation of df/dx by lag, by kind of network and depth; crosses: reference."""
    figure, axes = pairs(len(NETS), height=2.5, sharex=True, sharey=True)
    shades = dict(zip((4, 10, 24, 50), ("grey", "sky", "blue", "wine"), strict=True))
    for ax, net in zip(axes, NETS, strict=True):
        runs = [r for r in records if _net(r) == net]
        for depth, shade in shades.items():
            curves = [r.curves[f"at_{depth}"] for r in runs if f"at_{depth}" in r.curves]
            if curves:
                look = {"color": COLOURS[shade], "label": f"{depth} layers"}
                band(ax, range(len(curves[0])), np.array(curves), **look)
            if (*net, depth) in AUTOCORRELATION:
                ax.plot(LAGS, AUTOCORRELATION[*net, depth], "x", color="black", ms=7, mew=1.6, gid="theirs")
        ax.set(title=described(*net), xlabel="lag (points of the grid)", ylim=(-0.3, 1.05))
        ax.label_outer()
    for ax in axes[::2]:
        ax.set_ylabel("autocorrelation")
    key(figure, axes[-1], columns=4)
    source_label(figure, origin_label(records))
    return figure


def by_depth(records: Records) -> Figure:
    """Autocorrelation of df/dx at lag 1 after every layer."""
    figure, ax = panels(height=3.1)
    for net, colour in NETS.items():
        curves = [r.curves["by_depth"] for r in records if _net(r) == net]
        if curves:
            look = {"color": colour, "label": described(*net)}
            band(ax, range(1, 1 + len(curves[0])), np.array(curves), **look)
    ax.set(xlabel="layers", ylabel="autocorrelation at lag 1", ylim=(-0.15, 1.05))
    ax.legend(loc="center right", fontsize=9)
    source_label(figure, origin_label(records))
    return figure


def _net(record: Record) -> tuple[str, bool, float]:
    return record.config["kind"], record.config["norm"], record.config["beta"]


def alignment(records: Records) -> Figure:
    """Correlation of the gradients of two inputs by depth: sampled, exact (dashes), assumed (dots)."""
    figure, axes = panels(1, 2, height=2.8, sharey=True)
    colours = {90.0: COLOURS["red"], 10.0: COLOURS["blue"]}
    words = {"plain": "no skips", "residual": "skips, β = 1"}
    for ax, (kind, title) in zip(axes, words.items(), strict=True):
        for angle, colour in colours.items():
            runs = [r for r in records if (r.config["kind"], r.config["angle"]) == (kind, angle)]
            if not runs:
                continue
            exact, assumed = readings.correlations(runs[0])
            layers = np.arange(1, len(exact) + 1)
            curves = np.array([r.curves["correlation"] for r in runs])
            band(ax, layers, curves, color=colour, label=f"{angle:g}°, sampled")
            ax.plot(layers, exact, "--", color=colour, lw=1, label=f"{angle:g}°, exact")
            if angle == 90.0:
                ax.plot(layers, assumed, ":", color="black", label="assumed")
        ax.set(title=title, xlabel="layers", ylim=(-0.1, 1.05))
    axes[0].set_ylabel("correlation of two gradients")
    key(figure, axes[0], columns=5)
    source_label(figure, origin_label(records))
    return figure


def training(records: Records, lr: float = readings.RATE) -> Figure:
    """Mean test accuracy by step, with the deviation at the end; convolutional networks beside the dense."""
    dense = {k: v for k, v in readings.courses(records, lr).items() if k in STARTS}
    other = readings.courses(
        [r for r in records if r.config["network"] in ("delta-orthogonal", "gaussian")], 1e-3
    )
    groups = [group for group in (dense, other) if group]
    figure, axes = pairs(len(groups), height=3.6, sharey=True)
    for ax, group, title in zip(axes, groups, ("dense", "convolutional, tanh"), strict=False):
        for name, runs in group.items():
            mean, spread = runs.mean(), runs.std()
            ax.plot(mean, color=START[name], label=STARTS[name])
            ax.errorbar(mean.index[-1:], mean[-1:], spread[-1:], color=START[name], capsize=3)
        ax.set(xlabel="steps", title=title if len(groups) > 1 else "", ylim=(0, 101))
        ax.legend(loc="lower right", fontsize=8, handlelength=1, labelspacing=0.2)
    axes[0].set_ylabel("test accuracy (%)")
    source_label(figure, origin_label(records))
    return figure


def surfaces(records: Records) -> Figure:
    """The loss on a plane around the weights of the first seed, with skips and without, a row a depth."""
    first = min(r.seed for r in records)
    depths = readings.depths(records)
    figure, axes = panels(len(depths), 2, height=2.5, sharex=True, sharey=True, squeeze=False)
    levels = np.linspace(-2.5, 1.5, 17)
    for row, depth in zip(axes, depths, strict=True):
        for ax, skip in zip(row, (True, False), strict=True):
            chosen = [
                r for r in records if (r.config["depth"], r.config["skip"], r.seed) == (depth, skip, first)
            ]
            if chosen and chosen[0].curves:
                drawn = _contours(ax, *readings.plane(chosen[0]), levels)
            ax.set(title=f"{depth} layers, {SKIP[skip][1]}", aspect="equal", xlabel="second direction")
            ax.label_outer()
        row[0].set_ylabel("first direction")
    figure.colorbar(drawn, ax=axes, label="log₁₀ of the loss (nats)", shrink=0.8)
    source_label(figure, origin_label([r for r in records if r.seed == first]))
    return figure


def _contours(ax: Axes, steps: np.ndarray, losses: np.ndarray, levels: np.ndarray) -> object:
    logs = np.log10(np.maximum(losses, 1e-12))
    ax.contour(steps, steps, logs, levels=levels, colors="black", linewidths=0.3)
    ax.plot(0, 0, "+", color="black", ms=7)
    return ax.contourf(steps, steps, logs, levels=levels, cmap="viridis", extend="both")


def rise(records: Records) -> Figure:
    """Mean loss on circles around the weights, with skips and without, a panel a depth."""
    depths = readings.depths(records)
    figure, axes = pairs(len(depths), height=2.6, sharex=True, sharey=True)
    radii = (0.0, 0.25, 0.5, 1.0)
    for ax, depth in zip(axes, depths, strict=True):
        for skip, (colour, label) in SKIP.items():
            names = ("middle", *(f"ring_{radius:g}" for radius in radii[1:]))
            runs = [
                [r.metrics[name] for name in names]
                for r in records
                if (r.config["depth"], r.config["skip"]) == (depth, skip) and "middle" in r.metrics
            ]
            if runs:
                band(ax, radii, np.array(runs), log=True, color=colour, label=label, marker="o", ms=4)
        ax.set(yscale="log", title=f"{depth} layers")
    for ax in axes[-2:]:  # the lowest of either column
        ax.set_xlabel("radius, in lengths of a filter")
    for ax in axes[::2]:
        ax.set_ylabel("loss (nats)")
    key(figure, axes[0])
    source_label(figure, origin_label(records))
    return figure


def against(shattered: Records, trained: Records) -> Figure:
    """Autocorrelations and accuracies, reference beside ours, both as shares of 1."""
    rows = []
    for (*net, depth), values in AUTOCORRELATION.items():
        runs = readings.likeness(shattered, *net)
        for lag, value in zip(LAGS[:2], values, strict=False):
            label = f"{described(*net)}, {depth} layers, lag {lag}"
            rows.append(
                Beside.of(label, runs[f"lag_{lag}_at_{depth}"], value, group="autocorrelation of df/dx")
            )
    found = readings.accuracies(trained)
    for name, (value, _) in ACCURACY.items():
        group = "test accuracy, digits, 50 layers"
        rows.append(Beside.of(STARTS[name], found.get(name, []) / np.float64(100), value / 100, group=group))
    return beside(rows, "autocorrelation; accuracy as a share of 1", theirs="reference")


__all__ = [
    "against",
    "alignment",
    "autocorrelation",
    "by_depth",
    "rise",
    "slopes",
    "surfaces",
    "training",
]
