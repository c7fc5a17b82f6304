"""Figures of the paper: records or arrays in, a matplotlib ``Figure`` out; nothing is computed or read here.

Each function that takes records works on the quick records of a live page and on the recorded full ones.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from startright.figures import (
    COLOURS,
    Beside,
    band,
    beside,
    colour,
    heat,
    ink,
    key,
    name_curves,
    pairs,
    panels,
    printed,
    source_label,
)
from startright.papers.alrao.published import CURVES, FIRST_EPOCH_MAP, GRANULARITY_BITS
from startright.papers.alrao.readings import (
    NAMES,
    beside_table,
    by_method,
    decade,
    drops_of,
    head_rates,
    trace,
)
from startright.papers.alrao.studies.images import FRACTIONS
from startright.papers.alrao.studies.units import EDGES
from startright.studies import Record, curve_frame, frame, origin_label, stamp
from startright.summary import mean_std

DECADES = np.arange(-7, 6)
METHODS = {"alrao": ("Alrao", colour("alrao")), "adam": ("Adam", colour("adam"))}
WORST = 3.0  # nats: a loss above it, far worse than guessing, is marked at the edge of its panel
TASKS = {"pendulum": "Pendulum", "lunar-lander": "Lunar lander"}


def rate_colour(rate: float, lo: float = 1e-5, hi: float = 10.0) -> tuple:
    """A colour for a learning rate, dark for slow and light for fast, on the interval's log scale."""
    return colormaps["viridis"](float(np.clip(np.log(rate / lo) / np.log(hi / lo), 0, 1)) * 0.9)


def plain(rate: float) -> str:
    """A rate to two digits, as a legend shows it.

    >>> plain(2.15e-4), plain(0.0215), plain(10.0)
    ('0.00021', '0.021', '10')
    """
    return f"{rate:.2g}".replace("e-0", "e-")


def rates(rates: Mapping[str, torch.Tensor], draws: torch.Tensor, interval: tuple[float, float]) -> Figure:
    """The law of the rates (left), and every unit's rate in a network, layer by layer (right)."""
    figure, (left, right) = panels(1, 2, height=3.2, gridspec_kw={"width_ratios": (2, 3)})
    lo, hi = np.log10(interval)
    left.hist(draws.log10().numpy(), bins=np.linspace(lo, hi, 25), density=True, color=COLOURS["sky"])
    left.axhline(1 / (hi - lo), color=COLOURS["red"], ls="--", label="log-uniform")
    left.set(xlabel="log₁₀ η", ylabel="density per decade", ylim=(0, 1.35 / (hi - lo)))  # room for the legend
    left.legend(loc="upper center")
    layers = _layers(rates)
    for row, values in enumerate(r.flatten().log10() for r in layers.values()):
        units = np.linspace(0, 1, len(values))
        right.scatter(
            units, [row] * len(values), c=values, cmap="viridis", vmin=lo, vmax=hi, marker="|", s=400
        )
    dots = right.scatter([], [], c=[], cmap="viridis", vmin=lo, vmax=hi)
    figure.colorbar(dots, ax=right, label="log₁₀ η of the unit")
    right.set(
        xlabel="unit, over the width of its layer", yticks=range(len(layers)), ylim=(len(layers) - 0.5, -0.5)
    )
    right.set_yticklabels(layers)
    right.grid(visible=False)
    return figure


def _layers(rates: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Words → rates of the weights: layers have numbers, a normalisation that of the layer before it."""
    found: dict[str, torch.Tensor] = {}
    count = 0
    for rate in (rate for name, rate in rates.items() if "weight" in name):
        count += rate.ndim > 1
        found[f"layer {count}" if rate.ndim > 1 else f"layer {count}, scales"] = rate
    return found


def catch_up(weights: Mapping[str, np.ndarray], change: int) -> Figure:
    """Weight of the second model after it has become the better one, for several rules.

    Args:
        weights: rule → weight after every outcome, (T,).
        change: number of the outcome at which the second model becomes better.
    """
    figure, ax = panels(height=3.0)
    for (label, values), shade in zip(weights.items(), COLOURS.values(), strict=False):
        ax.plot(np.arange(1, len(values) + 1), values, color=shade, label=label)
    ax.axvline(change, color=COLOURS["grey"], ls=":", lw=1)
    ax.annotate(
        "model 2 becomes better", (change, 0.5), xytext=(-6, 0), textcoords="offset points", ha="right"
    )
    ax.set(xlabel="outcomes", ylabel="weight of model 2", xlim=(0, None), ylim=(-0.02, 1.02))
    name_curves(ax)
    return figure


def _by_epoch(ax: Axes, table: pd.DataFrame, column: str, *, log: bool = False, **look: object) -> None:
    """A column against the epoch: the mean over seeds and its band."""
    runs = table.pivot(index="seed", columns="step", values=column)
    band(ax, runs.columns.to_numpy() + 1, runs, log=log, marker="o", ms=3, **look)


def learning(records: Sequence[Record]) -> Figure:
    """Training and test loss by epoch: SGD at each rate, Adam, Alrao; bands for the latter two alone."""
    figure, axes = pairs(2, height=3.8, sharey=True)
    table = by_method(curve_frame(records, "train_loss", "test_loss"))
    top = np.log(10) + 0.5
    for ax, column, title in zip(axes, ("train_loss", "test_loss"), ("training", "test"), strict=True):
        for rate, runs in table["sgd"].groupby("lo"):
            look = {"color": rate_colour(rate), "label": f"SGD {decade(rate)}", "lw": 1, "alpha": 0}
            _by_epoch(ax, runs, column, **look)
        for method, (label, shade) in METHODS.items():
            _by_epoch(ax, table[method], column, color=shade, label=label, lw=2.4, limits=(0, top))
        ax.axhline(np.log(10), color=COLOURS["grey"], ls=":", lw=1)
        ax.set(title=title, xlabel="epoch", ylim=(0, top))
        ax.xaxis.get_major_locator().set_params(integer=True)
    axes[0].set_ylabel("loss (nats)")
    key(figure, axes[0])
    source_label(figure, origin_label(records, "mean") + ", bands ± one standard deviation")
    return figure


def first_epochs(records: Sequence[Record], net: str) -> Figure:
    """Training loss of a network of the paper by epoch: ours as lines, one a run, the paper's as crosses."""
    epochs, published = CURVES[net]
    table = curve_frame([r for r in records if NAMES[r.config["net"]] == net], "train_loss")
    figure, ax = panels(height=3.8)
    for method, values in published.items():
        runs = by_method(table)["alrao" if method == "Alrao" else "adam"]
        label, shade = METHODS["alrao" if method == "Alrao" else "adam"]
        if not isinstance(method, str):
            runs = by_method(table)["sgd"].query("lo == @method")
            label, shade = f"SGD {decade(method)}", rate_colour(method)
        for seed, (_, run) in enumerate(runs.groupby("seed")):
            ax.plot(run["step"] + 1, run["train_loss"], color=shade, label=None if seed else label)
        if len(runs):
            ax.plot(np.array(epochs) + 1, values, "x", color=shade, ms=8, mew=2)
    ax.plot([], [], "x", color=COLOURS["grey"], ms=8, mew=2, label="the paper's")
    ax.set(xlabel="epoch", ylabel="training loss (nats)")
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.legend()
    source_label(figure, f"recorded: {stamp(records)}; every line is one run")
    return figure


def by_rate(records: Sequence[Record]) -> Figure:
    """Test loss at the end against SGD's rate, with the levels of Alrao and Adam; crosses lie above."""
    figure, ax = panels(height=3.4)
    table = by_method(frame(records))
    sgd = table["sgd"].groupby("lo")["test_loss"].agg(["mean", "std"])
    wild = ~(sgd["mean"] < WORST)
    good, shade = sgd[~wild], colour("sgd")
    ax.errorbar(good.index, good["mean"], good["std"].fillna(0), marker="o", ms=4, color=shade, label="SGD")
    for method, (label, line) in METHODS.items():
        mean, std, _ = mean_std(table[method]["test_loss"].dropna())
        ax.axhline(mean, color=line, label=label)
        if std is not None:  # more than one seed
            ax.axhspan(max(mean - std, 0), mean + std, color=line, alpha=0.15, lw=0)
    ax.set(xscale="log", xlabel="learning rate η of SGD", ylabel="test loss (nats)", ylim=(0, WORST))
    for rate in sgd.index[wild]:
        ax.plot(rate, WORST, "x", color=shade, ms=8, mew=2, clip_on=False, gid="off the scale")
        ax.annotate(
            f"above {WORST:g}",
            (rate, WORST),
            (-7, -4),
            textcoords="offset points",
            color=ink(shade),
            ha="right",
        )
    key(figure, ax)
    source_label(figure, origin_label(records))
    return figure


def against_paper(records: Sequence[Record]) -> Figure:
    """Test accuracy of the paper's table on CIFAR-10 beside ours, network by network and method by method."""
    found = list(beside_table(records))
    rows = [Beside.of(label, ours, *printed(text), group=net) for net, label, text, ours in found]
    figure = beside(rows, "test accuracy on CIFAR-10 (%)", limits=(None, 100))
    epochs = " or ".join(f"{n}" for n in sorted({r.config["epochs"] for r in records}))
    source_label(
        figure, f"recorded: {stamp(records)}; ours after {epochs} epochs, the paper's trained to the end"
    )
    return figure


def switch(record: Record) -> Figure:
    """Weights of the heads over a training, on a logarithmic axis."""
    figure, ax = panels(height=3.2)
    steps, weights = trace(record)
    rates = head_rates(record)
    for rate, values in zip(rates, weights.T, strict=True):
        ax.plot(steps, values, color=rate_colour(rate, *rates[[0, -1]]), label=plain(rate))
    ax.set(xscale="log", xlabel="minibatches", ylabel="weight of the head", ylim=(-0.02, 1.02))
    figure.legend(title="η of the head", loc="outside right center")
    source_label(figure, origin_label([record]))
    return figure


def _triangle(ax: Axes, cells: Mapping[tuple[float, float], float], limits: tuple[float, float]):
    """A map of the intervals; what is not a number diverged."""
    lows, highs = (sorted({pair[k] for pair in cells}) for k in (0, 1))
    grid, lost = np.full((len(lows), len(highs)), np.nan), np.zeros((len(lows), len(highs)), dtype=bool)
    for (lo, hi), value in cells.items():
        grid[lows.index(lo), highs.index(hi)] = value
        lost[lows.index(lo), highs.index(hi)] = not np.isfinite(value)
    look = {"cmap": "viridis_r", "vmin": limits[0], "vmax": limits[1], "diverged": lost}
    image = heat(ax, grid, lambda value: f"{value:.2f}" if value < 100 else f"{value:.0e}", **look)
    ax.set(xlabel=r"upper bound $\eta_{\max}$", xticks=range(len(highs)), yticks=range(len(lows)))
    ax.set_xticklabels(map(decade, highs))
    ax.set_yticklabels(map(decade, lows))
    return image


def intervals(records: Sequence[Record], *, published: bool = False) -> Figure:
    """Training loss of the last epoch by interval; SGD where ηmin = ηmax.

    Args:
        records: of the study of intervals.
        published: show the paper's values of the same cells beside them.
    """
    table = frame(records)
    cells = table.groupby(["lo", "hi"])["train_loss"].mean().to_dict()
    theirs = {pair: FIRST_EPOCH_MAP[pair] for pair in cells if pair in FIRST_EPOCH_MAP} if published else {}
    finite = [v for v in [*cells.values(), *theirs.values()] if v < 3]
    limits = (min(finite), max(finite))
    figure, axes = panels(1, 2 if theirs else 1, height=3.2, squeeze=False)
    image = _triangle(axes[0, 0], cells, limits)
    axes[0, 0].set(title="ours", ylabel=r"lower bound $\eta_{\min}$")
    if theirs:
        _triangle(axes[0, 1], theirs, limits)
        axes[0, 1].set(title="the paper's GoogLeNet")
    figure.colorbar(image, ax=axes, label="training loss (nats)")
    source_label(figure, origin_label(records, "mean"))
    return figure


def granularity(records: Sequence[Record]) -> Figure:
    """Test bits of the four settings after one epoch, each seed a point, beside the paper's mean."""
    figure, ax = panels(height=3.0)
    table = frame(records)
    labels = []
    for row, ((lo, hi, per), published) in enumerate(GRANULARITY_BITS.items()):
        runs = table[(table["lo"] == lo) & (table["hi"] == hi) & (table["per"] == per)]
        shade = COLOURS["wine"] if per == "weight" else colour("alrao")
        label = (
            None
            if any(per == other for *_, other in list(GRANULARITY_BITS)[:row])
            else f"ours, a rate per {per}"
        )
        ax.plot(runs["test_bits"], [row] * len(runs), "o", color=shade, alpha=0.7, label=label)
        ax.plot(
            published[0], row, "x", color="#222222", ms=8, mew=2, label=None if row else "the paper's mean"
        )
        labels.append(f"per {per}, ({decade(lo)}, {decade(hi)})")
    ax.set(
        xlabel="test loss after one epoch (bits per character)", yticks=range(len(labels)), ylim=(3.5, -0.5)
    )
    ax.set_yticklabels(labels)
    key(figure, ax)
    source_label(figure, origin_label(records, "single runs"))
    return figure


def fraction(records: Sequence[Record]) -> Figure:
    """Test accuracy against the fraction of the units that learn."""
    figure, ax = panels(height=2.8)
    table = frame(records)
    runs = table[table["fraction"].notna()]
    groups = (100 * runs["test_accuracy"]).groupby(runs["fraction"])
    mean, std = groups.mean(), groups.std().fillna(0)
    ax.errorbar(mean.index, mean, std, marker="o", ms=4, color=colour("sgd"), capsize=2)
    ax.set(
        xscale="log", xlabel="fraction of the units that learn", ylabel="test accuracy (%)", xticks=FRACTIONS
    )
    ax.set_ylim(top=min(ax.get_ylim()[1], 100))
    ax.set_xticklabels([f"{p:g}" for p in FRACTIONS])
    ax.minorticks_off()
    source_label(figure, origin_label(records))
    return figure


def units(records: Sequence[Record]) -> Figure:
    """Accuracy lost when the units of one layer and one bin of rates start over."""
    drops = drops_of(records).mean(0)
    figure, ax = panels(height=3.2)
    image = ax.imshow(drops, cmap="magma_r", vmin=0, aspect="auto", origin="lower")
    edges = [f"{decade(a)} to {decade(b)}" for a, b in pairwise(EDGES)]
    ax.set(
        xlabel="layer",
        ylabel="learning rate η of the units",
        yticks=range(len(drops)),
        xticks=range(drops.shape[1]),
    )
    ax.set_yticklabels(edges)
    ax.set_xticklabels(range(1, drops.shape[1] + 1))
    ax.grid(visible=False)
    figure.colorbar(image, ax=ax, label="accuracy lost (points)")
    source_label(figure, origin_label(records))
    return figure


def regression(records: Sequence[Record]) -> Figure:
    """Squared error on fresh points by epoch, geometric means: Alrao on two intervals, SGD at each rate."""
    figure, ax = panels(height=3.8)
    table = by_method(curve_frame(records, "mse").assign(optimizer="sgd"))
    for rate, runs in table["sgd"].groupby("lo"):
        look = {"color": rate_colour(rate), "label": f"SGD {decade(rate)}", "lw": 1, "alpha": 0}
        _by_epoch(ax, runs, "mse", log=True, **look)
    for (hi, runs), shade in zip(table["alrao"].groupby("hi"), ("red", "wine"), strict=False):
        look = {"color": COLOURS[shade], "label": f"Alrao (1e-5, {decade(hi)})"}
        _by_epoch(ax, runs, "mse", log=True, lw=2.4, **look)
    ax.set(xlabel="epoch", ylabel="mean squared error on fresh points", yscale="log", ylim=(1e-5, 10))
    key(figure, ax, columns=4)
    shown = "geometric mean"
    source_label(figure, origin_label(records, shown) + ", bands ± one standard deviation of the logarithm")
    return figure


def returns(records: Sequence[Record]) -> Figure:
    """Return of the greedy policy at the end, by environment and method; each seed a point."""
    table = frame(records)
    tasks = list(dict.fromkeys(table["task"]))
    figure, axes = pairs(len(tasks), height=3.0)
    for ax, task in zip(axes, tasks, strict=True):
        runs = by_method(table[table["task"] == task])
        groups = [(f"SGD {decade(rate)}", part, "sgd") for rate, part in runs["sgd"].groupby("lo")]
        groups += [("Adam", runs["adam"], "adam"), ("Alrao", runs["alrao"], "alrao")]
        for row, (_, part, method) in enumerate(groups):
            ax.plot(part["return"], [row] * len(part), "o", color=colour(method), alpha=0.5)
            ax.plot(part["return"].mean(), row, "|", ms=16, mew=2, color=colour(method))
        ax.set(title=TASKS.get(task, task), xlabel="mean return of 20 episodes", yticks=range(len(groups)))
        ax.set_yticklabels([label for label, *_ in groups])
        ax.locator_params(axis="x", nbins=4)
        ax.invert_yaxis()
    source_label(figure, origin_label(records, "single runs and their mean"))
    return figure
