"""Figures of the paper: cases or records in, a matplotlib ``Figure`` out."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from startright.figures import COLOURS, band, pairs, panels, source_label
from startright.papers.priors import divergences, gallery, published, readings, verdicts
from startright.papers.priors.factors import KINDS
from startright.papers.priors.families import uniform
from startright.papers.priors.gallery import CASES
from startright.papers.priors.grids import Grid
from startright.papers.priors.recover import RecoveredPrior
from startright.studies import Record, frame, origin_label

COLOUR = {
    "l2": COLOURS["blue"],
    "l1": COLOURS["orange"],
    "rows": COLOURS["green"],
    "columns": COLOURS["purple"],
}
SIGMA = {0.4: COLOURS["blue"], 0.8: COLOURS["red"], 0.5: COLOURS["blue"]}
NAMED = {"usual": "usual", "bayesian": "Bayesian"}
REACH = 4.0
CUTS = (1e-1, 1e-2, 1e-3)
MARKERS = ("D", "^")  # of our networks


def accepted(names: Sequence[str] = ("gaussian", "laplace", "cosine", "dirac-l1", "dirac-cauchy")) -> Figure:
    """Left the penalty, by σ; right the prior that it stands for, over the one that the theorem gives."""
    figure, axes = panels(len(names), 2, height=1.5, sharex=True, sharey="col")
    for (left, right), name in zip(axes, names, strict=True):
        case = CASES[name]
        found = case.recover()
        w = np.linspace(-REACH, REACH, 401)
        for nu in (0.8,) if case.family.is_dirac else found.curves:
            r = case.penalty(w, nu)
            label = None if case.family.is_dirac else f"σ = {nu:g}"
            left.plot(w, r - r.min(), color=COLOURS["grey"] if label is None else SIGMA[nu], label=label)
        right.plot(found.grid.w, np.exp(found.values), color=COLOURS["green"], label="recovered")
        right.plot(w, _normalised(case, found.grid, w), "--", color=COLOURS["grey"], lw=1, label="exact")
        left.set(xlim=(-REACH, REACH), ylim=(0, 6), ylabel="penalty", title=f"${case.formula}$")
        right.set(ylabel="density")
    axes[-1, 0].set_xlabel("mean μ")
    axes[-1, 1].set_xlabel("weight w")
    axes[0, 0].legend()
    axes[0, 1].legend()
    return figure


def _normalised(case: gallery.Case, grid: Grid, w: np.ndarray) -> np.ndarray:
    values = case.prior(grid.w)
    mass = np.exp(values - values.max()).sum() * grid.step
    return np.exp(case.prior(w) - values.max()) / mass


def rejected(
    names: Sequence[str] = ("tempered", "no-logarithm", "undamped", "l1-mean", "pure-cosine", "dirac-log"),
) -> Figure:
    """The reason why a penalty has no prior: A by σ, A by the cut, or the mass by the window."""
    figure, axes = pairs(len(names), height=2.3)
    draw = {
        verdicts.DEPENDS: _by_sigma,
        verdicts.BLOWS_UP: _by_cut,
        verdicts.NOT_INTEGRABLE: _by_window,
    }
    for ax, name in zip(axes, names, strict=True):
        case = CASES[name]
        found = case.recover()
        draw[case.expected](ax, case, found)
        ax.set_title(f"${case.formula}$\n{found.verdict.reasons[0]}")
    return figure


def _by_sigma(ax: Axes, case: gallery.Case, found: RecoveredPrior) -> None:
    for nu, curve in found.curves.items():
        ax.plot(found.grid.w, curve, color=SIGMA[nu], label=f"σ = {nu:g}")
    ax.set(xlim=(-REACH, REACH), ylim=(-8, 5.5), xlabel="weight w", ylabel="A")
    ax.legend(loc="upper center", ncols=2)


def _by_cut(ax: Axes, case: gallery.Case, found: RecoveredPrior) -> None:
    for cut, style in zip(CUTS, ("-", "--", ":"), strict=True):
        curve = case.recover(cut=cut).values
        ax.plot(found.grid.w, curve, style, color=COLOURS["red"], label=f"τ = {cut:g}")
    ax.set(xlim=(-REACH, REACH), ylim=(-15, 24), xlabel="weight w", ylabel="A")
    ax.legend(loc="upper center", ncols=2, columnspacing=1, fontsize=8)


def _by_window(ax: Axes, case: gallery.Case, found: RecoveredPrior) -> None:
    widths = [f"{times * found.grid.half_width:g}" for times in (1, 2, 4)]
    ax.bar(widths, found.verdict.masses, color=COLOURS["purple"], width=0.6)
    ax.set(xlabel="half width of the window L", ylabel="mass of exp(A)")


def recovery(records: Sequence[Record]) -> Figure:
    """Left: Laplace's prior recovered by three cuts. Right: the distance from it by cut and noise."""
    figure, (left, right) = panels(1, 2)
    w = np.linspace(-1.5, 1.5, 301)
    left.plot(w, np.exp(divergences.laplace_log_density(w)), color=COLOURS["grey"], label="exact")
    for cut, style in ((1e-1, ":"), (1e-3, "--"), (1e-8, "-")):
        found = CASES["laplace"].recover(cut=cut, nus=(0.5,), tolerance=1.0)
        density = np.interp(w, found.grid.w, np.exp(found.values))
        left.plot(w, density, style, color=COLOURS["green"], label=f"τ = $10^{{{np.log10(cut):.0f}}}$")
    left.set(xlabel="weight w", ylabel="density of the prior", ylim=(0, 1))  # room for the legend
    left.legend(fontsize="small")
    table = frame(records)
    levels = sorted(table["noise"].unique())
    colours = [COLOURS[name] for name in ("green", "sky", "orange", "red")]
    for level, colour in zip(levels, colours, strict=False):
        runs = table[table["noise"] == level].pivot(index="seed", columns="cut", values="tv")
        band(right, runs.columns.to_numpy(), runs, log=True, color=colour, label=f"noise {level:g}")
    right.set(xscale="log", yscale="log", xlabel="cut τ", ylabel="total variation", ylim=(2e-3, 1.5))
    right.legend(fontsize="small")
    source_label(figure, origin_label(records))
    return figure


def two_priors(half: float = 0.7, amplitude: float = 1.0) -> Figure:
    """Two priors whose divergences from uniform posteriors of one width differ by a constant.

    Args:
        half: a, half the width of the posteriors.
        amplitude: c of the factor exp(c cos(πw/a)).
    """
    figure, (left, right) = panels(1, 2, height=2.8)
    grid, family, mu = Grid(), uniform(), np.linspace(-3, 3, 121)
    plain = divergences.gaussian_log_density(grid.w)
    waved = plain + amplitude * np.cos(np.pi * grid.w / half)
    waved = waved - np.log(np.exp(waved).sum() * grid.step)
    for name, values, colour in (("α", plain, "blue"), ("α exp(c cos(πw/a))/Z", waved, "red")):
        left.plot(grid.w, np.exp(values), color=COLOURS[colour], label=name)
        divergence = -family.entropy(half) - verdicts.expected(values, mu, family, half, grid)
        right.plot(mu, divergence, color=COLOURS[colour], label=name)
    left.set(xlim=(-3, 3), xlabel="weight w", ylabel="density of the prior")
    right.set(xlabel="mean of the posterior μ", ylabel="KL (nats)")
    right.legend(fontsize="small")
    return figure


def temperatures(curvature: float = 10.0) -> Figure:
    """Left: the variance of the posterior by temperature. Right: A_σ(0) of T·KL against σ."""
    figure, (left, right) = panels(1, 2, height=2.8)
    hot = np.logspace(-3, 1, 81)
    left.plot(hot, [divergences.tempered_variance(t, curvature) for t in hot], color=COLOURS["blue"])
    left.axvline(1, color=COLOURS["grey"], lw=0.8)
    left.set(xscale="log", yscale="log", xlabel="temperature T", ylabel="variance σ² of the posterior")
    sigma = np.linspace(0.1, 1.5, 57)
    for t, colour in ((0.1, "purple"), (0.5, "red"), (1.0, "green"), (2.0, "orange")):
        at_zero = [-divergences.gaussian_entropy(s) - t * _constant_part(s) for s in sigma]
        right.plot(sigma, at_zero, color=COLOURS[colour], label=f"T = {t:g}")
    right.set(xlabel="standard deviation σ of the posterior", ylabel="A(0)")
    right.legend(fontsize="small")
    return figure


def _constant_part(sigma: float) -> float:
    """What deconvolution makes of the KL to N(0, 1) at w = 0: μ² becomes −σ²."""
    return float(divergences.from_gaussian(np.array(0.0), sigma)) - sigma**2 / 2


def sweep(records: Sequence[Record], network: str | None = None) -> Figure:
    """Test accuracy against λ/λ_Th, a panel per penalty, by set-up; of the first network by default."""
    runs = readings.trainings(records, network)
    kinds = [kind for kind in KINDS if (runs["kind"] == kind).any()]
    figure, axes = pairs(len(kinds), height=2.5, sharey=True)
    for ax, kind in zip(axes, kinds, strict=True):
        for setup, style in (("usual", "--"), ("bayesian", "-")):
            group = runs[(runs["kind"] == kind) & (runs["setup"] == setup)]
            table = group.pivot(index="seed", columns="exponent", values="test")
            factor = 10.0 ** table.columns.to_numpy()
            colour = COLOURS["grey"] if setup == "usual" else COLOUR[kind]
            band(ax, factor, table, color=colour, ls=style, marker="o", ms=3)
        ax.axvline(1, color=COLOURS["grey"], lw=0.8)
        ax.set(xscale="log", xlabel=r"$\lambda / \lambda_{\mathrm{Th}}$", title=readings.NAMES[kind])
    for ax in axes[::2]:
        ax.set_ylabel("test accuracy (%)")
    looks = ({"ls": "--", "color": COLOURS["grey"]}, {"ls": "-", "color": "black"})  # colours are the panels'
    named = zip(NAMED.values(), looks, strict=True)
    lines = [Line2D([], [], label=f"{name} factors", **look) for name, look in named]
    figure.legend(handles=lines, loc="outside upper center", ncols=2)
    source_label(figure, origin_label(records))
    return figure


def ratios(records: Sequence[Record]) -> Figure:
    """λ_Th/λ* of the paper's two networks, and the strengths that our validation images leave open."""
    figure, ax = panels(height=2.8)
    for k, kind in enumerate(KINDS):
        for network, marker in (("cvnn", "o"), ("vgg19", "s")):
            exponent = published.ACCURACY[kind, network].exponent
            label = f"paper, {network.upper()}" if k == 0 else None
            ax.plot(k - 0.15, exponent, marker, color=COLOURS["grey"], ms=6, label=label, fillstyle="none")
    for place, (network, name) in enumerate(readings.networks(records).items()):
        _open(
            ax, readings.best(readings.trainings(records, network)), MARKERS[place], 0.15 * (place + 1), name
        )
    ax.axhline(0, color=COLOURS["grey"], lw=0.8)
    ax.set(xticks=range(len(KINDS)), xlim=(-0.5, 3.5), ylim=(-0.8, 3.4), xlabel="penalty")
    ax.set_ylabel(r"$\log_{10}\,\lambda_{\mathrm{Th}}/\lambda^*$")
    ax.set_xticklabels([readings.NAMES[kind] for kind in KINDS])
    ax.legend(fontsize="small", loc="upper left", ncols=2)
    if records:
        source_label(figure, origin_label(records))
    return figure


def _open(
    ax: Axes, found: dict[tuple[str, str], readings.Best], marker: str, right: float, name: str
) -> None:
    """The best strength of each penalty, and all that the validation images cannot tell from it."""
    for (kind, setup), best in found.items():
        if setup == "bayesian":
            k = KINDS.index(kind) + right
            ax.plot(
                [k] * len(best.level),
                [-exponent for exponent in best.level],
                color=COLOUR[kind],
                lw=4,
                alpha=0.4,
            )
            ax.plot(k, -best.exponent, marker, color=COLOUR[kind], ms=6)
    ax.plot([], [], marker, color="black", ms=5, label=f"ours: {name}")
