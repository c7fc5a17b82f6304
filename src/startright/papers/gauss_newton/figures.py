"""Figures of the paper: records in, a matplotlib ``Figure`` out; nothing is trained or read here.

Losses of different teachers are drawn over that of predicting 0, and averaged as logarithms.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, to_hex, to_rgb
from matplotlib.figure import Figure

from startright.figures import COLOURS, Beside, beside, colour, heat, key, pairs, panels, source_label
from startright.papers.gauss_newton.dual import predicted_steps
from startright.papers.gauss_newton.readings import SLOW, geometric_mean, law_ratios, scales
from startright.papers.gauss_newton.studies.descent import FLOORS
from startright.studies import Record, curve_frame, frame, origin_label

LOSS = "loss / loss of predicting 0"
FLOOR_NAMES = ("ε₀ = 1e-7", "ρ = 1e-3", "ρ = 1e-6")


def scale_colour(scale: float) -> tuple:
    """A colour for an initial scale, dark for small and light for large."""
    return colormaps["viridis"](float(np.clip((np.log10(scale) + 3) / 4, 0, 1)) * 0.9)


def rate_look(method: str, rate: float) -> dict[str, object]:
    """Label and colour of a method at a step."""
    if method == "gradient":
        return {"label": "gradient descent", "color": colour("gradient")}
    return {"label": f"Gauss-Newton, λ/N = {rate:g}", "color": step_colour(rate)}


def step_colour(rate: float) -> str:
    """The colour of Gauss-Newton, darker for smaller steps and lighter for larger ones."""
    share = float(np.clip((np.log10(rate) + 2.5) / 2.5, 0, 1))  # 0.003 to 1
    dark, middle, light = (
        np.array(to_rgb(shade)) for shade in ("#002E22", colour("gauss-newton"), "#8FE3C8")
    )
    low, high, part = (dark, middle, 2 * share) if share < 0.5 else (middle, light, 2 * share - 1)
    return to_hex(low + part * (high - low))


def _origin(figure: Figure, records: Sequence[Record], repetitions: str = "teachers") -> None:
    """Where the numbers are from, and of how many repetitions; the captions say what is drawn of them."""
    where, _, _ = origin_label(records).partition("; ")
    source_label(figure, f"{where}; {len({r.seed for r in records})} {repetitions}")


def _select(records: Sequence[Record], **config: object) -> list[Record]:
    return [r for r in records if all(r.config[name] == value for name, value in config.items())]


def _relative(records: Sequence[Record], *names: str) -> pd.DataFrame:
    """Curves of the runs that went well, with losses over that of predicting 0."""
    good = [r for r in records if r.status == "ok"]
    curves = curve_frame(good, "step", *names).dropna(subset=names[0])
    zero = {(r.config["scale"], r.config["rate"], r.seed): r.metrics["zero_loss"] for r in good}
    each = [zero[key] for key in zip(curves["scale"], curves["rate"], curves["seed"], strict=True)]
    losses = [name for name in names if name.endswith("loss") or name.startswith("refit")]
    return curves.assign(**{name: curves[name] / each for name in losses})


def _mean_and_range(ax: Axes, curves: pd.DataFrame, name: str, *, log: bool = True, **look: object) -> None:
    """Mean over seeds (of logarithms, if ``log``) where all have a point, and the range as a band."""
    table = curves.pivot(index="step", columns="seed", values=name).dropna()
    mean = np.exp(np.log(table).mean(axis=1)) if log else table.mean(axis=1)
    ax.plot(table.index, mean, marker="o", ms=3, **look)
    ax.fill_between(table.index, table.min(axis=1), table.max(axis=1), color=look["color"], alpha=0.15, lw=0)


def rate(grid: Sequence[Record], speed: Sequence[Record]) -> Figure:
    """Relative training loss against the step: Gauss-Newton (left), gradient descent (right), by scale."""
    figure, (left, right) = pairs(2, height=3.8, sharey=True)
    slow = _select(grid, method="gauss-newton", rate=SLOW)
    for ax, records in ((left, slow), (right, _select(speed, method="gradient"))):
        for record in (r for r in records if r.status == "ok"):
            losses = np.array(record.curves["train_loss"])
            ax.plot(
                record.curves["step"], losses / losses[0], color=scale_colour(record.config["scale"]), lw=1
            )
    for part, style, label in ((1, "--", "the law"), (0.5, ":", "the bound for α = 1")):
        steps = np.array([0, predicted_steps(part * SLOW)])
        left.plot(steps, [1, 1e-8], style, color="black", lw=1.2, label=label)
    for scale in dict.fromkeys(r.config["scale"] for r in slow):
        left.plot([], [], color=scale_colour(scale), label=f"τ₀ = {scale:g}")
    left.set(
        title=f"Gauss-Newton, λ/N = {SLOW}", xlabel="iterations", ylabel="training loss / its first value"
    )
    left.set(yscale="log", xlim=(0, 950), ylim=(1e-9, 2))
    right.set(title="gradient descent", xlabel="iterations")
    key(figure, left)
    _origin(figure, grid)
    return figure


def against_law(grid: Sequence[Record], speed: Sequence[Record]) -> Figure:
    """Iterations to 10⁻⁸ of the loss over those of the paper's law, for each step and initial scale."""
    found = law_ratios(grid, speed)
    rows = [Beside.of(scale, ratios, 1.0, group=step) for step, scale, ratios in found]
    label = "iterations to 10⁻⁸ of the loss / those of the law"
    figure = beside(rows, label, theirs="the paper's law")
    _origin(figure, grid)
    return figure


def speed(records: Sequence[Record]) -> Figure:
    """Iterations against the relative training loss that is to be reached, τ₀ = 0.1."""
    figure, ax = panels(height=3.8)
    table = frame(_select(records, scale=0.1))
    for (method, step), runs in table.groupby(["method", "rate"], sort=False):
        counts = {
            k: runs[f"steps_{k}"]
            for k in range(1, 9)
            if f"steps_{k}" in runs and runs[f"steps_{k}"].notna().all()
        }
        means = [geometric_mean(c) for c in counts.values()]
        look = rate_look(method, step)
        ax.plot([10.0**-k for k in counts], means, marker="o", ms=4, **look)
        low, high = ([pick(c) for c in counts.values()] for pick in (min, max))
        ax.fill_between([10.0**-k for k in counts], low, high, color=look["color"], alpha=0.15, lw=0)
    ax.set(xscale="log", yscale="log", xlim=(2e-1, 5e-9), ylabel="iterations")
    ax.set_xlabel("relative training loss to be reached")
    key(figure, ax, columns=2)
    _origin(figure, records)
    return figure


def _short(value: float) -> str:
    return f"{value:.2g}" if value < 10 else f"{value:.0e}".replace("e+0", "e")


def generalisation_map(records: Sequence[Record]) -> Figure:
    """Test loss over that of predicting 0, by scale and step, with random features beside it."""
    table = frame(records)
    table = table.assign(
        relative=table["test_loss"] / table["zero_loss"], random=table["rf_test"] / table["zero_loss"]
    )
    cells = table.groupby(["scale", "rate"])["relative"].agg(geometric_mean).unstack()[::-1]
    cells = cells[sorted(cells, reverse=True)]
    cells["random features"] = table.groupby("scale")["random"].agg(geometric_mean)
    figure, ax = panels(height=3.4)
    values = cells.to_numpy()
    norm = LogNorm(np.nanmin(values), 1, clip=True)
    image = heat(ax, values, _short, diverged=~np.isfinite(values), cmap="viridis_r", norm=norm)
    ax.set(xlabel="Gauss-Newton step λ/N", ylabel="initial scale τ₀")
    ax.set(xticks=range(len(cells.columns)), yticks=range(len(cells)))
    ax.set_xticklabels([f"{c:g}" if isinstance(c, float) else c for c in cells])
    ax.set_yticklabels([f"{s:g}" for s in cells.index])
    ax.axvline(len(cells.columns) - 1.5, color="white", lw=4)
    figure.colorbar(image, ax=ax, label=f"test {LOSS}")
    _origin(figure, records)
    return figure


def hidden(records: Sequence[Record], scale: float = 0.01, rates: Sequence[float] = (SLOW, 1.0)) -> Figure:
    """Training loss, test loss and test loss after a refit along training, for a small and a full step."""
    figure, axes = pairs(len(rates), height=3.8, sharey=True)
    for ax, step in zip(axes, rates, strict=True):
        losses(ax, records, scale, step)
        ax.label_outer()
    key(figure, axes[0])
    _origin(figure, records)
    return figure


def losses(ax: Axes, records: Sequence[Record], scale: float, step: float) -> None:
    """Training loss, test loss and test loss after a refit along training, at one step."""
    curves = {
        "train_loss": ("training", COLOURS["grey"]),
        "test_loss": ("test", COLOURS["orange"]),
        "refit_test": ("test, output layer refitted", COLOURS["blue"]),
    }
    runs = _relative(_select(records, scale=scale, rate=step), *curves)
    for name, (label, shade) in curves.items():
        _mean_and_range(ax, runs, name, color=shade, label=label)
    ax.set(xscale="symlog", yscale="log", xlabel="iterations", title=f"λ/N = {step:g}", ylim=(1e-5, 1e8))
    ax.set(ylabel=LOSS)
    ax.set_xlim(left=0)


def alignment(records: Sequence[Record], scale: float = 0.01) -> Figure:
    """Two alignments of features and the distance of the units' directions along training, by step."""
    measures = {
        "weighted_cka": "weighted CKA",
        "cka": "linear CKA",
        "unit_distance": "distance to teacher",
    }
    figure, axes = pairs(3)
    for ax, (name, label) in zip(axes, measures.items(), strict=True):
        for step in sorted({r.config["rate"] for r in records}):
            runs = _relative(_select(records, scale=scale, rate=step), name)
            _mean_and_range(ax, runs[runs["step"] > 0], name, log=False, **rate_look("gauss-newton", step))
        ax.set(xscale="log", xlabel="iterations", ylabel=label)
    key(figure, axes[0])
    _origin(figure, records)
    return figure


def trade_off(records: Sequence[Record]) -> Figure:
    """Test loss at the end against the iterations to 10⁻⁴, a point a teacher; open: did not arrive."""
    found = scales(records)
    figure, axes = pairs(len(found), height=3.0, sharey=True)
    for ax, scale in zip(axes, found, strict=True):
        table = frame(_select(records, scale=scale))
        for (method, step), runs in table.groupby(["method", "rate"], sort=False):
            look = rate_look(method, step)
            arrived = runs["steps_4"].notna()
            steps, losses = runs["steps_4"].fillna(runs["max_steps"]), runs["test_loss"] / runs["zero_loss"]
            ax.scatter(steps[arrived], losses[arrived], s=22, **look)
            ax.scatter(steps[~arrived], losses[~arrived], s=22, facecolor="none", edgecolor=look["color"])
        ax.set(xscale="log", yscale="log", title=f"τ₀ = {scale:g}", xlabel="iterations to 10⁻⁴ of the loss")
    for ax in axes[::2]:
        ax.set_ylabel(f"test {LOSS}")
    key(figure, axes[0], columns=2)
    _origin(figure, records)
    return figure


def damping(records: Sequence[Record]) -> Figure:
    """ε along training (left), test loss by scale (right), for each floor; open: did not arrive."""
    figure, (left, right) = pairs(2, height=3.6)
    looks = zip(FLOORS, FLOOR_NAMES, ("blue", "orange", "green"), (0.85, 1, 1.18), strict=True)
    for (floor, relative), label, shade, shift in looks:
        runs = _select(records, floor=floor, relative_floor=relative)
        curves = curve_frame(_select(runs, scale=0.01), "step", "damping").dropna(subset="damping")
        _mean_and_range(left, curves, "damping", color=COLOURS[shade], label=label)
        table = frame(runs)
        relative_loss = table["test_loss"] / table["zero_loss"]
        for done, face in ((True, COLOURS[shade]), (False, "none")):
            rows = (table["steps"] < table["max_steps"]) == done
            x = shift * table["scale"][rows]  # side by side
            right.scatter(x, relative_loss[rows], s=22, facecolor=face, edgecolor=COLOURS[shade])
    left.set(xscale="symlog", yscale="log", xlabel="iterations", ylabel="damping ε", title="τ₀ = 0.01")
    key(figure, left)
    right.set(xscale="log", yscale="log", xlabel="initial scale τ₀", ylabel=f"test {LOSS}")
    _origin(figure, records)
    return figure


def mnist(records: Sequence[Record]) -> Figure:
    """Test loss on the parity of digits against the iterations to 1/100, a point a seed, by scale."""
    found = scales(records)
    figure, axes = pairs(len(found), height=2.8, sharey=True)
    for ax, scale in zip(axes, found, strict=True):
        for (method, step), runs in frame(_select(records, scale=scale)).groupby(
            ["method", "rate"], sort=False
        ):
            look = rate_look(method, step)
            steps = runs.get("hundredth_steps", pd.Series(np.nan, runs.index))
            here = runs["hundredth_test_loss"].where(steps.notna(), runs["test_loss"])
            face = np.where(steps.notna(), look["color"], "none")
            ax.scatter(
                steps.fillna(runs["max_steps"]),
                here,
                s=22,
                facecolor=face,
                edgecolor=look["color"],
                label=look["label"],
            )
        ax.axhline(frame(_select(records, scale=scale))["start_refit_loss"].mean(), color="0.5", ls=":", lw=1)
        ax.set(xscale="log", yscale="log", title=f"τ₀ = {scale:g}", xlabel="iterations to 1/100 of the loss")
    for ax in axes[::2]:
        ax.set_ylabel("test loss")
    key(figure, axes[0])
    _origin(figure, records, "seeds")
    return figure
