"""Figures of the paper: records or arrays in, a matplotlib ``Figure`` out; nothing is computed or read here.

Each function that takes records works on the quick records of a live page and on the recorded full ones.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from startright.figures import (
    COLOURS,
    Beside,
    band,
    beside,
    colour,
    key,
    name_curves,
    pairs,
    panels,
    source_label,
)
from startright.papers.preact import ks
from startright.papers.preact.law import QuotientLaw, phi
from startright.papers.preact.readings import beside_authors, moment_ratios, name
from startright.studies import Record, curve_frame, frame, origin_label

INFINITY = float("inf")
LINE = {
    "relu": colour("relu"),
    "tanh": colour("tanh"),
    "odd": colour("phi-odd"),
    "positive": colour("phi-positive"),
}
LAYOUTS = {
    "A": "layout A: 1, n, 1 neurons",
    "B": "layout B: n, 2, 1 neurons",
    "C": "layout C: n, n, 1 neurons",
}
STYLE = {2.05: "-", 4.0: "--", 10.0: ":"}
_band = partial(band, alpha=0.18)  # up to six lie over one another


def _look(scheme: str, theta: float | None) -> dict:
    return {"color": LINE[scheme], "ls": STYLE.get(theta, "-"), "label": name(scheme, theta)}


def activations(
    thetas: Sequence[float] = (2.0, 2.05, 3.0, 5.0, 10.0, INFINITY), reach: float = 4.0
) -> Figure:
    """φ_θ, odd and positive, over θ, with the two limits θ = 2 and θ = ∞ in grey."""
    figure, axes = pairs(2, height=3.4)
    z = np.linspace(-reach, reach, 401)
    shades = dict(zip(thetas, np.linspace(0, 1, len(thetas)), strict=True))
    for ax, kind, title in zip(axes, ("odd", "positive"), ("odd  φ°", "positive  φᵖ"), strict=True):
        for theta in thetas:
            limit = theta in (2.0, INFINITY)
            shade = COLOURS["grey"] if limit else _shade(shades[theta])
            label = "θ = ∞" if theta == INFINITY else f"θ = {theta:g}"
            ax.plot(z, phi(z, theta, kind), color=shade, ls="--" if limit else "-", label=label)
        ax.set(title=title, xlabel="z (standard deviations)", ylabel="φ(z)")
    key(figure, axes[0])
    return figure


def _shade(t: float) -> tuple:
    return colormaps["viridis"](0.85 * t)


def densities(thetas: Sequence[float] = (2.05, 3.0, 5.0, 10.0)) -> Figure:
    """The density of A, the law behind φ_θ, and its survival function on a log scale."""
    figure, (left, right) = pairs(2, height=3.4)
    x = np.linspace(1e-3, 4, 500)
    for theta, t in zip(thetas, np.linspace(0, 1, len(thetas)), strict=True):
        law = QuotientLaw(theta)
        left.plot(x, law.pdf(x), color=_shade(t), label=f"θ = {theta:g}")
        right.plot(x, law.logsf(x) / np.log(10), color=_shade(t))
    left.plot(
        x, np.sqrt(2 / np.pi) * np.exp(-(x**2) / 2), "--", color=COLOURS["grey"], label="θ = ∞ (half-normal)"
    )
    left.set(xlabel="x", ylabel="density of A", ylim=(0, 1.6))
    right.set(xlabel="x", ylabel="log₁₀ P(A > x)", ylim=(-40, 1))
    key(figure, left)
    return figure


def _groups(records: Sequence[Record], curves: Sequence[str], by: Sequence[str]):
    """(values of ``by``, {curve: array (runs, points)}) for every group, in the order of the records."""
    table = curve_frame(records, *curves)
    for values, group in table.groupby(list(by), dropna=False, sort=False):
        yield values, {c: group.pivot(index="seed", columns="step", values=c).to_numpy() for c in curves}


def against_paper(records: Sequence[Record], width: int = 10) -> Figure:
    """KS distance of two-step networks: what the authors' code stores beside ours, at one width."""
    found = beside_authors(records, width)
    rows = [Beside.of(label, ours, stored, group=LAYOUTS[layout]) for layout, label, stored, ours in found]
    figure = beside(rows, f"KS distance to N(0, 1) at n = {width}", log=True)
    source_label(figure, origin_label(records, "mean"))
    return figure


def against_exact(records: Sequence[Record]) -> Figure:
    """Moments of sampled ReLU networks over the exact ones: the paper's statement is a formula."""
    rows = [
        Beside.of(f"width {width}, layer {layer}", ratios, 1.0, group=moment)
        for moment, width, layer, ratios in moment_ratios(records)
    ]
    figure = beside(rows, "sampled moment / exact moment", theirs="exact")
    source_label(figure, origin_label(records, "mean"))
    return figure


def dependence(records: Sequence[Record]) -> Figure:
    """KS distance of a two-step network's output against width, in the three layouts."""
    figure, axes = pairs(3, height=2.8, sharey=True)
    table = frame(records)
    table = table[~table["independent"] & ~table["theta"].isin([4.0])]
    for ax, (layout, title) in zip(axes, LAYOUTS.items(), strict=True):
        part = table[table["layout"] == layout]
        for (scheme, theta), group in part.groupby(["scheme", "theta"], dropna=False, sort=False):
            runs = group.pivot(index="seed", columns="width", values="ks")
            _band(ax, runs.columns.to_numpy(), runs.to_numpy(), **_look(scheme, theta), marker="o", ms=3)
        _floor(ax, int(table["draws"].iloc[0]))
        ax.set(title=title, xlabel="width n (neurons)", xticks=[1, 2, 5, 10])
    for ax in axes[::2]:
        ax.set_ylabel("KS distance to N(0, 1)")
    key(figure, axes[0])
    source_label(figure, origin_label(records))
    return figure


def _floor(ax: Axes, draws: int, standardised: bool = False) -> None:
    """Grey: the KS distance that ``draws`` exactly Gaussian draws stay below 19 times in 20."""
    threshold = ks.lilliefors_threshold(draws) if standardised else ks.threshold(draws)
    ax.set(yscale="log", ylim=(threshold / 6, 0.7))
    ax.axhspan(threshold / 6, threshold, color=COLOURS["grey"], alpha=0.18, lw=0, label="noise (95 %)")


def depth(records: Sequence[Record], schemes: Sequence[tuple[str, float | None]], width: int) -> Figure:
    """Raw KS, standardised KS and variance against depth at one width, with the noise floor."""
    figure, axes = pairs(3, height=2.8)
    chosen = [r for r in records if r.config["width"] == width and r.config["inputs"] == "unit"]
    curves = ("ks", "ks_standardised", "variance")
    for (scheme, theta), runs in _groups(chosen, curves, ("scheme", "theta")):
        if (scheme, None if np.isnan(theta or np.nan) else theta) not in schemes:
            continue
        for ax, curve in zip(axes, curves, strict=True):
            _band(ax, np.arange(1, runs[curve].shape[1] + 1), runs[curve], **_look(scheme, theta))
    draws = chosen[0].config["draws"]
    _floor(axes[0], draws)
    _floor(axes[1], draws, standardised=True)
    labels = ("KS distance to N(0, 1)", "KS distance, standardised", "variance of a pre-activation")
    for ax, label in zip(axes, labels, strict=True):
        ax.set(xlabel="layer", ylabel=label)
    axes[2].set_ylim(0, 2.5)
    axes[2].axhline(1, color=COLOURS["grey"], lw=0.8)
    key(figure, axes[0])
    source_label(figure, origin_label(chosen))
    return figure


def correlation(records: Sequence[Record], width: int) -> Figure:
    """Mean correlation within and between classes against depth, measured and by the infinite-width map."""
    schemes = list(dict.fromkeys((r.config["scheme"], r.config["theta"]) for r in records))
    figure, axes = pairs(len(schemes), height=2.3, sharex=True, sharey=True)
    chosen = [r for r in records if r.config["width"] == width]
    curves = ("within", "within_theory", "between", "between_theory")
    groups = _groups(chosen, curves, ("scheme", "theta"))
    for ax, ((scheme, theta), runs), _ in zip(axes, groups, schemes, strict=False):
        layers = np.arange(1, runs["within"].shape[1] + 1)
        for kind, shade in (("within", COLOURS["blue"]), ("between", COLOURS["orange"])):
            _band(ax, layers, runs[kind], color=shade, label=f"{kind} classes")
            theory = f"{kind} classes, infinite width"
            ax.plot(layers, runs[f"{kind}_theory"].mean(0), "--", color=shade, lw=1, label=theory)
        ax.set(title=name(scheme, theta), ylim=(-0.05, 1.05))
    for ax in axes[-2:]:
        ax.set_xlabel("layer")
    for ax in axes[::2]:
        ax.set_ylabel("correlation")
    key(figure, axes[0], columns=2)
    source_label(figure, origin_label(chosen))
    return figure


def maps(points: dict[str, tuple[np.ndarray, np.ndarray]], xlabel: str, ylabel: str) -> Axes:
    """Iterates of one-dimensional maps above the diagonal: {label: (x, map(x))}."""
    figure, ax = panels(height=3.4)
    words = {"ReLU": "relu", "tanh": "tanh", "φ°": "phi-odd", "φᵖ": "phi-positive"}
    styles = {"φ°": iter(("-", "--", ":")), "φᵖ": iter(("-", "--", ":"))}
    for label, (x, y) in points.items():
        kind = label.partition(" ")[0]
        look = {"color": colour(words[kind])} if kind in words else {}
        ax.plot(x, y, label=label, ls=next(styles[kind]) if kind in styles else "-", **look)
    ends = min(min(x) for x, _ in points.values()), max(max(x) for x, _ in points.values())
    ax.plot(ends, ends, color=COLOURS["grey"], lw=0.8, ls=":", label="fixed points", zorder=3)
    ax.set(xlabel=xlabel, ylabel=ylabel, xlim=ends)
    name_curves(ax)
    return figure


def phase_diagrams(
    diagrams: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]], marks: dict[str, tuple[float, float]]
) -> Figure:
    """χ₁ at the variance fixed point over (σ_w, σ_b), and the line χ₁ = 1.

    Args:
        diagrams: title → (σ_w, shape (k,); σ_b, shape (m,); χ₁, shape (m, k), NaN without a fixed point).
        marks: title → a point (σ_w, σ_b) to mark.
    """
    figure, axes = pairs(len(diagrams), height=3.3, sharey=True)
    for ax, (title, (sigma_w, sigma_b, chi)) in zip(axes, diagrams.items(), strict=True):
        image = ax.pcolormesh(sigma_w, sigma_b, chi, cmap="RdBu_r", vmin=0, vmax=2, shading="nearest")
        if np.nanmax(chi) > 1 > np.nanmin(chi):
            ax.contour(sigma_w, sigma_b, chi, levels=[1.0], colors="black", linewidths=1.2)
        if title in marks:
            ax.plot(*marks[title], "o", color="black", clip_on=False, zorder=5)
        ax.set(title=title, xlabel=r"$\sigma_w$")
        ax.grid(visible=False)
    axes[0].set_ylabel(r"$\sigma_b$")
    figure.colorbar(image, ax=axes, label="χ₁ (below 1 ordered, above 1 chaotic)")
    return figure


def fixed_points(curves: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]) -> Figure:
    """V(v)/v against ln v with the fixed points: filled are stable, open are not.

    Args:
        curves: title → (ln v, V(v)/v, ln v of the fixed points, slopes V' there).
    """
    figure, axes = pairs(len(curves), height=2.5)
    for ax, (title, (log_v, ratio, points, slopes)) in zip(axes, curves.items(), strict=True):
        ax.plot(log_v, ratio, color=COLOURS["blue"])
        stable = np.abs(slopes) < 1
        ax.plot(points[stable], np.ones(stable.sum()), "o", color=COLOURS["blue"], label="stable")
        ax.plot(
            points[~stable],
            np.ones((~stable).sum()),
            "o",
            color=COLOURS["blue"],
            mfc="white",
            label="unstable",
        )
        ax.axhline(1, color=COLOURS["grey"], lw=0.8)
        ax.set(title=title, xlabel="ln v")
    for ax in axes[::2]:
        ax.set_ylabel("V(v) / v")
    key(figure, axes[0])
    return figure


def moments(records: Sequence[Record]) -> Figure:
    """Second moment and kurtosis of a ReLU network's pre-activations, sampled against exact."""
    figure, (left, right) = pairs(2, height=3.2)
    curves = ("second", "kurtosis", "kurtosis_exact")
    for ((width,), runs), shade in zip(_groups(records, curves, ("width",)), COLOURS.values(), strict=False):
        layers, label = np.arange(1, runs["second"].shape[1] + 1), f"n = {width}"
        _band(left, layers, runs["second"], color=shade, label=label, marker="o", ms=3)
        _band(right, layers, runs["kurtosis"], color=shade, ls="", marker="o", ms=3, label=label)
        right.plot(layers, runs["kurtosis_exact"][0], color=shade, lw=1)
    left.axhline(1, color=COLOURS["grey"], lw=0.8)
    left.set(xlabel="layer", ylabel="E[Z²] / 2", ylim=(0, 2))
    right.set(xlabel="layer", ylabel="kurtosis of Z", yscale="log")
    key(figure, left)
    source_label(figure, origin_label(records))
    return figure


def training(records: Sequence[Record]) -> Figure:
    """Test accuracy against learning rate, one panel a (width, depth), one line a scheme.

    Means are those of the runs that ended well; a cross at the foot says that some, or all, diverged.
    """
    table = frame(records)
    widths, depths, rates = (sorted(table[key].unique()) for key in ("width", "depth", "lr"))
    shapes = [(width, depth) for depth in depths for width in widths]
    figure, axes = pairs(len(shapes), height=2.6, sharex=True, sharey=True)
    for ax, (width, depth) in zip(axes, shapes, strict=True):
        part = table[(table["width"] == width) & (table["depth"] == depth)]
        for (scheme, theta), group in part.groupby(["scheme", "theta"], dropna=False, sort=False):
            runs = 100 * group.pivot(index="seed", columns="lr", values="test_accuracy")
            look = _look(scheme, theta)
            _band(ax, runs.columns.to_numpy(), runs.to_numpy(), limits=(0, 100), marker="o", ms=3, **look)
            if len(lost := runs.columns[runs.isna().any()]):
                mark = {"marker": "x", "ls": "", "ms": 7, "mew": 1.6, "color": look["color"]}
                ax.plot(lost, [0] * len(lost), clip_on=False, gid="diverged", **mark)
        ax.set(title=f"width {width}, depth {depth}", xscale="log", ylim=(0, 100))
        ax.set_xticks(rates, [f"{rate:g}" for rate in rates], rotation=45, minor=False)
        ax.minorticks_off()
    for ax in axes[-2:]:
        ax.set_xlabel("learning rate")
    for ax in axes[::2]:
        ax.set_ylabel("test accuracy (%)")
    mark = Line2D([], [], color=COLOURS["grey"], marker="x", ls="", ms=7, mew=1.6, label="a run diverged")
    key(figure, axes[0], columns=4, more=[mark])
    source_label(figure, origin_label(records) + ", of those that ended well")
    return figure
