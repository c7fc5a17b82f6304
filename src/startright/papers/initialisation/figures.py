"""Figures of the lecture: records in, a matplotlib ``Figure`` out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from startright.figures import COLOURS, Beside, band, beside, name_curves, panels, register, source_label
from startright.papers.initialisation.published import FACTORS
from startright.papers.initialisation.readings import LAWS, WORDS, exact, name, networks, of
from startright.studies import Record, curve_frame, frame, origin_label

LAW = {"naive": register("naive", "grey"), "glorot": register("glorot", "blue"), "he": register("he", "red")}
FUNCTION = {"sigmoid": COLOURS["purple"], "tanh": COLOURS["orange"], "relu": COLOURS["red"]}
GROUPS = {"signal": "of the signal's variance, Var z", "gradient": "of the gradient's, Var δ"}
SHOWN = (("tanh", 0.0), ("sigmoid", 0.0), ("relu", 0.0), ("leaky", 0.1))


def signal(records: Sequence[Record]) -> Figure:
    """Var z by layer, a panel per activation, a colour per law; dashes are infinite width."""
    return _depth(records, "signal", "Var z")


def gradient(records: Sequence[Record]) -> Figure:
    """Var δ by layer over that of the last layer, likewise."""
    return _depth(records, "gradient", "Var δ over that of the last layer")


def _depth(records: Sequence[Record], curve: str, label: str) -> Figure:
    figure, axes = panels(2, 2, height=2.7, sharex=True, sharey=True)
    table = curve_frame(records, curve)
    table = table[table["shape"] == "normal"]
    for ax, (function, slope) in zip(axes.flat, SHOWN, strict=True):
        rows = table[(table["activation"] == function) & (table["slope"] == slope)]
        for law, runs in rows.groupby("law", sort=False):
            _curve(ax, runs, curve, LAW[law], LAWS[law])
        ax.set(yscale="log", title=WORDS[function] + (f", α = {slope:g}" if slope else ""))
    for ax in axes.flat:  # when the limits that all share are known
        name_curves(ax)
    for ax in axes[-1]:
        ax.set_xlabel("layer")
    for ax in axes[:, 0]:
        ax.set_ylabel(label)
    source_label(figure, origin_label(records))
    return figure


def _curve(ax: Axes, runs: pd.DataFrame, curve: str, colour: str, label: str) -> None:
    """The networks of one pair, and infinite width in dashes."""
    _runs(ax, runs, curve, color=colour, label=label)
    signal, gradient = exact(runs.iloc[0])
    layers = np.arange(1, len(signal) + 1)
    ax.plot(layers, {"signal": signal, "gradient": gradient}[curve], "--", color=COLOURS["grey"], lw=1)


def _runs(ax: Axes, runs: pd.DataFrame, curve: str, **look: str) -> None:
    """Mean and spread by layer; gradients from the last layer to the first, as they go."""
    sampled = runs.pivot(index="seed", columns="step", values=curve)
    if curve != "signal":
        sampled = sampled.loc[:, ::-1]
        ax.set_xlim(sampled.columns.max() + 2, 0)
    band(ax, sampled.columns + 1, sampled.to_numpy(), log=True, **look)


def vanishing(records: Sequence[Record]) -> Figure:
    """Var δ by layer under Glorot's law, for three activations, and the bound (γ σ_w)² per layer in dots."""
    figure, ax = panels(height=3.2)
    table = curve_frame(records, "gradient").query("law == 'glorot' and shape == 'normal'")
    for function, runs in table.groupby("activation", sort=False):
        _curve(ax, runs, "gradient", FUNCTION[function], WORDS[function])
    layers = np.arange(int(table["step"].max()) + 1, 0, -1)
    ax.plot(layers, 16.0 ** (layers - layers[0]), ":", color=COLOURS["purple"], label="1/16 per layer")
    ax.set(yscale="log", xlabel="layer", ylabel="Var δ over that of the last layer")
    name_curves(ax)
    source_label(figure, origin_label(records))
    return figure


def weight_gradient(records: Sequence[Record]) -> Figure:
    """The norm of ∂C/∂W by layer over that of the last layer, for pairs whose signals differ most."""
    figure, ax = panels(height=3.2)
    table = curve_frame(records, "weight_gradient").query("shape == 'normal' and slope == 0")
    pairs = (("tanh", "naive"), ("relu", "naive"), ("relu", "he"), ("sigmoid", "glorot"))
    looks = zip(pairs, ("orange", "red", "green", "purple"), strict=True)
    for (function, law), colour in looks:
        runs = table[(table["activation"] == function) & (table["law"] == law)]
        if runs.empty:  # half a grid
            continue
        _runs(ax, runs, "weight_gradient", color=COLOURS[colour], label=name(function, law))
    ax.set(yscale="log", xlabel="layer", ylabel="‖∂C/∂W‖ over that of the last layer")
    name_curves(ax)
    source_label(figure, origin_label(records))
    return figure


def leaky(records: Sequence[Record]) -> Figure:
    """The part of the second moment that passes Leaky ReLU, against its slope α: sampled, and (1 + α²)/2."""
    figure, ax = panels(height=2.8)
    slopes = np.linspace(0, 1, 101)
    ax.plot(slopes, (1 + slopes**2) / 2, color=COLOURS["grey"], label="(1 + α²)/2")
    sampled = frame(records).groupby("slope")["sampled"].agg(["mean", "std"])
    part = (1 + sampled.index**2) / 2
    look = {"fmt": "o", "color": COLOURS["blue"], "mfc": "none", "label": "sampled"}
    ax.errorbar(sampled.index, sampled["mean"] * part, sampled["std"] * part, **look)
    ax.set(xlabel="slope α below 0", ylabel="E f(Z)²", ylim=(0, 1.05))
    ax.legend(fontsize=9)
    source_label(figure, origin_label(records))
    return figure


def against(records: Sequence[Record]) -> Figure:
    """What the lecture says a layer does to the variance, beside what it did."""
    table = networks(records)
    rows = []
    for what, factors in FACTORS.items():
        for pair, value in factors.items():
            rows.append(Beside.of(name(*pair), of(table, *pair)[f"{what}_factor"], value, group=GROUPS[what]))
    return beside(rows, "factor per layer", theirs="the lecture")
