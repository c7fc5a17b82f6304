"""Figures of the paper: records in, a matplotlib ``Figure`` out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from startright import data
from startright.figures import COLOURS, Beside, band, beside, key, name_curves, panels, register, source_label
from startright.papers.critical.deficits import DEFICITS, apply
from startright.papers.critical.published import ERROR_RATIO
from startright.papers.critical.readings import (
    WORDS,
    by_decay,
    chief,
    control,
    course,
    gaps,
    layers,
    longest,
    runs,
    sensitivities,
)
from startright.seeds import generator
from startright.studies import Record, curve_frame, origin_label

Records = Sequence[Record]
COLOUR = {
    "none": register("no-deficit", "blue"),
    "blur": register("blur", "red"),
    "flip": register("flip", "green"),
    "labels": register("labels", "purple"),
    "noise": register("noise", "orange"),
}
RESTART = register("restart", "wine")
LAYERS = ("sky", "blue", "green", "orange", "red", "wine")


def examples(digits: Sequence[int] = (0, 1)) -> Figure:
    """Digits as a network gets them under each deficit, with the label that it is told."""
    loaded = data.load("digits")
    x, y = loaded.train.x[list(digits)], loaded.train.y[list(digits)]
    figure, axes = panels(len(digits), 1 + len(DEFICITS), height=1.5)
    for column, name in enumerate((None, *DEFICITS)):
        shown, labels = apply(name, x, y, classes=10, generator=generator(0, "examples"))
        for row, ax in enumerate(axes[:, column]):
            ax.imshow(shown[row, 0].numpy(), cmap="gray_r", vmin=-1.5, vmax=2)
            ax.set(xticks=[], yticks=[], xlabel=f"label {int(labels[row])}")
        axes[0, column].set_title(WORDS[name or "none"], fontsize=9)
    return figure


def fisher(records: Records) -> Figure:
    """The trace by epoch, and the accuracy; clean training, and with a blur at its beginning."""
    figure, (top, bottom) = panels(2, 1, height=2.5, sharex=True)
    for kind, deficit in (("clean", "none"), ("blur", "blur")):
        table = course(records, kind, "fisher")
        _by_epoch(top, table, "fisher", color=COLOUR[deficit], label=WORDS[deficit], log=True)
        accuracy = curve_frame(chief(records), "accuracy")
        accuracy = accuracy[accuracy["deficit"] == deficit]
        accuracy = accuracy[accuracy["epochs"] == accuracy["epochs"].min()]
        accuracy = accuracy.assign(epoch=accuracy["step"] + 1)
        _by_epoch(bottom, accuracy, "accuracy", color=COLOUR[deficit], label=WORDS[deficit])
    for ax in (top, bottom):
        _shade(ax, 0, longest(records))
    top.set(yscale="log", ylabel="Tr F")
    bottom.set(xlabel="epoch", ylabel="test accuracy (%)")
    key(figure, top)
    source_label(figure, origin_label(records))
    return figure


def _by_epoch(ax: Axes, table: pd.DataFrame, curve: str, *, log: bool = False, **look: object) -> None:
    """Mean and spread by epoch."""
    wide = table.pivot(index="seed", columns="epoch", values=curve)
    band(ax, wide.columns, wide.to_numpy(), log=log, **look)


def _shade(ax: Axes, start: float, stop: float) -> None:
    ax.axvspan(start, stop, color=COLOUR["blur"], alpha=0.08, lw=0)


def by_layer(records: Records) -> Figure:
    """The trace by layer, without normalisations: clean on the left, with a blur first on the right."""
    figure, axes = panels(1, 2, height=3.0, sharey=True)
    names = layers(records)
    for ax, kind in zip(axes, ("clean", "blur"), strict=True):
        for shade, (curve, label) in zip(LAYERS, names.items(), strict=False):
            table = course(records, kind, curve)
            _by_epoch(ax, table, curve, color=COLOURS[shade], label=label, log=True)
        ax.set(yscale="log", xlabel="epoch", title=WORDS["none" if kind == "clean" else "blur"])
    _shade(axes[1], 0, longest(records))
    axes[0].set_ylabel("Tr F of the layer's weights")
    key(figure, axes[0], columns=5)
    source_label(figure, origin_label(records))
    return figure


def removal(records: Records) -> Figure:
    """Accuracy at the end against the removal t₀, by deficit; the blur with a restart in dashes."""
    figure, ax = panels(height=3.4)
    base = control(records)
    for deficit in DEFICITS:
        _accuracies(ax, records, base, deficit, color=COLOUR[deficit], label=WORDS[deficit])
    label = "blur, learning rate restarted"
    _accuracies(ax, records, base, "blur", restart=True, color=RESTART, ls="--", label=label)
    ax.axhline(base.mean(), color=COLOUR["none"], lw=1, ls=":", label="control")
    ax.set(xlabel="removal t₀ (epochs)", ylabel="accuracy at the end (%)")
    ax.legend(ncols=2)
    source_label(figure, origin_label(records))
    return figure


def _accuracies(
    ax: Axes, records: Records, base: pd.Series, deficit: str, *, restart: bool = False, **look: object
) -> None:
    """Mean and spread of the accuracy by removal, from the control at 0 on."""
    table = runs(records, deficit, restart=restart)
    if table.empty:
        return
    values = {0: base} | {int(t): part.set_index("seed")["accuracy"] for t, part in table.groupby("stop")}
    wide = pd.DataFrame(values)
    band(ax, wide.columns, wide.to_numpy(), marker="o", ms=4, alpha=0.12, **look)


def window(records: Records) -> Figure:
    """Points of accuracy lost to a window of blur, against its onset."""
    figure, ax = panels(height=2.8)
    costs = pd.DataFrame(sensitivities(records))
    band(ax, costs.columns, costs.to_numpy(), marker="o", color=COLOUR["blur"], label="blur")
    ax.axhline(0, color=COLOURS["grey"], lw=1, ls=":")
    ax.set(xlabel="first epoch of the window", ylabel="points of accuracy lost")
    source_label(figure, origin_label(records))
    return figure


def decay(decays: Records, removals: Records) -> Figure:
    """Points lost to the longest blur, against weight decay: every seed, and the mean with its interval."""
    figure, ax = panels(height=2.8)
    found = by_decay(decays, removals)
    places = np.arange(len(found))
    for place, values in zip(places, found.values(), strict=True):
        ax.plot(np.full(len(values), place), values, "o", color=COLOUR["blur"], mfc="none", alpha=0.7)
    ax.plot(places, [values.mean() for values in found.values()], color=COLOUR["blur"], label="mean")
    ax.axhline(0, color=COLOURS["grey"], lw=1, ls=":")
    ax.set_xticks(places, [f"{value:g}" for value in found])
    ax.set(xlabel="weight decay", ylabel="points of accuracy lost")
    name_curves(ax)
    source_label(figure, origin_label(decays, "circles: single networks"))
    return figure


def against(records: Records) -> Figure:
    """Error after the longest of each deficit over the control's: the paper's, as far as known, and ours."""
    last, base, rows = longest(records), control(records), []
    for deficit, paper in ERROR_RATIO.items():
        lost = gaps(records, deficit).get(last, pd.Series(dtype=float))
        ratios = (1 + lost / (100 - base)).dropna()
        rows.append(Beside.of(WORDS[deficit], ratios, paper))
    return beside(rows, f"error over that without deficit (ours: until epoch {last})")


def sampled(exact: torch.Tensor, draws: dict[int, torch.Tensor]) -> Figure:
    """Traces with drawn labels over the exact one, against the number of draws."""
    figure, ax = panels(height=2.6)
    for count, values in draws.items():
        ratios = values / exact
        ax.plot(np.full(len(ratios), count), ratios, "o", color=COLOURS["blue"], mfc="none")
    ax.axhline(1, color=COLOURS["grey"], ls=":", lw=1)
    ax.set(xscale="log", xlabel="labels drawn for each input", ylabel="trace over the exact one")
    ax.set_xticks(list(draws), [str(count) for count in draws])
    ax.minorticks_off()
    return figure
