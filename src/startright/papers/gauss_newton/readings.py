"""What the records of the paper say, in small frames: claims, tables, figures and findings read these.

Losses of different teachers differ by orders of magnitude, so ratios of two runs on the same one are what is
averaged, as logarithms; teachers are the repetitions.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from startright.papers.gauss_newton.dual import predicted_steps
from startright.studies import Record, curve_frame

SLOW = 0.02  # the paper's step: λ = 10 with N = 500
FULL, MEDIUM = 1.0, 0.1
SMALL_SCALES = (0.01, 0.1)  # initial scales from which features are learnt
KERNEL_SCALE = 10.0
RUN = ["scale", "rate", "seed"]
END = "steps_8"  # the metric of runs that came to 10⁻⁸ of their first training loss

Records = Mapping[str, Sequence[Record]]


def scales(records: Sequence[Record]) -> list[float]:
    """The initial scales, the smallest first."""
    return sorted({record.config["scale"] for record in records})


def rates(records: Sequence[Record]) -> list[float]:
    """The steps of Gauss-Newton, the largest first."""
    return sorted({r.config["rate"] for r in records if r.config["method"] == "gauss-newton"}, reverse=True)


def at(scale: float) -> str:
    """The name of an initial scale."""
    return f"τ₀ = {scale:g}"


def size(records: Sequence[Record]) -> str:
    """The size of the task: ``"M = 500, N = 200"``."""
    config = records[0].config
    return f"M = {config['width']}, N = {config['points']}"


def both_sizes(grid: Sequence[Record], speed: Sequence[Record]) -> str:
    """The size of the grid's network, and that beside gradient descent where it is another."""
    return size(grid) if size(grid) == size(speed) else f"{size(grid)}; gradient descent: {size(speed)}"


def budget(records: Sequence[Record]) -> int:
    """The most iterations that gradient descent is given."""
    return max(r.config["max_steps"] for r in records if r.config["method"] == "gradient")


# --- metrics by seed ------------------------------------------------------------------------


def metric(records: Sequence[Record], column: str, **config: object) -> pd.Series:
    """A metric by seed, of the runs that went well.

    Args:
        records: the records.
        column: name of the metric; a run that lacks it is left out.
        config: settings that the runs have.
    """
    values = {
        r.seed: r.metrics[column]
        for r in records
        if r.status == "ok" and column in r.metrics and all(r.config[k] == v for k, v in config.items())
    }
    return pd.Series(values, dtype=float)


def by_seed(
    records: Sequence[Record],
    name: str,
    *,
    method: str = "gauss-newton",
    scale: float,
    rate: float | None = None,
    needs: str | None = None,
) -> pd.Series:
    """A metric of one setting by seed; NaN where the run diverged or never came so far.

    Args:
        records: of a study of this paper.
        name: the metric.
        method: ``"gauss-newton"`` or ``"gradient"``.
        scale: τ₀.
        rate: of the step; None where a method has only one.
        needs: a metric that only runs have that arrived where the comparison is made.
    """

    def value(record: Record) -> float:
        there = record.status == "ok" and (needs is None or needs in record.metrics)
        return record.metrics.get(name, np.nan) if there else np.nan

    def chosen(config: Mapping[str, object]) -> bool:
        alike = config["method"] == method and config["scale"] == scale
        return alike and rate in (None, config["rate"])

    return pd.Series({r.seed: value(r) for r in records if chosen(r.config)}, dtype=float).sort_index()


def loss(records: Sequence[Record], scale: float, rate: float) -> pd.Series:
    """Test losses of Gauss-Newton, by seed, all at the same relative training loss."""
    return by_seed(records, "test_loss", scale=scale, rate=rate, needs=END)


def below_kernel(grid: Sequence[Record], column: str) -> pd.Series:
    """A metric of small steps by seed: its geometric mean over the scales from which features are learnt."""
    slow = [r for r in grid if r.config["rate"] == SLOW and r.config["scale"] < KERNEL_SCALE]
    found = dict.fromkeys(r.config["scale"] for r in slow)
    logs = pd.DataFrame({scale: np.log10(metric(slow, column, scale=scale)) for scale in found})
    return 10 ** logs.mean(axis=1, skipna=False)


# --- logarithms -----------------------------------------------------------------------------


def geometric_mean(values: pd.Series) -> float:
    """The exponential of the mean of the logarithms.

    >>> geometric_mean(pd.Series([1.0, 100.0]))
    10.0
    """
    return float(10 ** np.log10(values).mean())


def log_ratio(ours: pd.Series, theirs: pd.Series) -> pd.Series:
    """Logarithms to base 10 of the ratios of two runs of the same seed; NaN where one lacks its partner."""
    return np.log10(ours / theirs)


def log_range(runs: Mapping[float, pd.Series]) -> pd.Series:
    """Logarithm to base 10 of the largest over the smallest by seed; NaN where one of them is missing."""
    table = pd.DataFrame(runs)
    return log_ratio(table.max(axis=1, skipna=False), table.min(axis=1, skipna=False))


def gains(grid: Sequence[Record], scale: float) -> dict[str, pd.Series]:
    """By step and the next smaller one: the logarithm of the ratio of their test losses."""
    return {
        f"{a:g} over {b:g}": log_ratio(loss(grid, scale, a), loss(grid, scale, b))
        for a, b in pairwise(rates(grid))
    }


def explosion(grid: Sequence[Record]) -> pd.Series:
    """Full steps from τ₀ = 0.01 against predicting 0, in decades; infinite for a run that diverged."""
    wild, zero = (by_seed(grid, name, scale=0.01, rate=FULL) for name in ("test_loss", "zero_loss"))
    found = log_ratio(wild, zero)
    for record in grid:
        if record.status != "ok" and (record.config["scale"], record.config["rate"]) == (0.01, FULL):
            found[record.seed] = np.inf
    return found


def conditioning_decades(grid: Sequence[Record]) -> float:
    """How many decades the conditionings of the kernels at the start differ by, between scales."""
    groups = {}
    for scale in scales(grid):
        ends = (by_seed(grid, f"first_{name}", scale=scale, rate=MEDIUM) for name in ("largest", "smallest"))
        groups[scale] = log_ratio(*(value.abs() for value in ends))
    return float(pd.DataFrame(groups).median().agg(np.ptp))


def law_ratios(grid: Sequence[Record], speed: Sequence[Record]) -> Iterator[tuple[str, str, list[float]]]:
    """Step, initial scale, and the iterations to 10⁻⁸ over those of the exact law, by teacher.

    A full step, which the law lets arrive at once, is left out; of a setting that both studies have, the grid
    counts.
    """
    for rate in sorted({*rates(grid), *rates(speed)} - {FULL}, reverse=True):
        for scale in scales(grid):
            found = metric(grid, END, method="gauss-newton", scale=scale, rate=rate)
            found = found if len(found) else metric(speed, END, method="gauss-newton", scale=scale, rate=rate)
            if len(found):
                yield f"λ/N = {rate:g}", f"τ₀ = {scale:g}", list(found / predicted_steps(rate))


# --- along the runs -------------------------------------------------------------------------


def slowing(records: Sequence[Record]) -> pd.Series:
    """The rate of the last stretch of each run over that of its first decade; 1 for a straight line.

    A rate is the fall of the logarithm of the training loss for each step. It is NaN for a run that diverged
    or never came to a tenth of its first loss.
    """
    return pd.Series([_slowing(record) for record in records], dtype=float)


def _slowing(record: Record) -> float:
    if record.status != "ok" or "steps_1" not in record.metrics:
        return np.nan
    steps, losses = (np.array(record.curves[name]) for name in ("step", "train_loss"))
    late = np.log(losses[-2] / losses[-1]) / (steps[-1] - steps[-2])
    return late * record.metrics["steps_1"] / np.log(10)


def paces(speed: Sequence[Record], method: str, rate: float | None) -> dict[str, pd.Series]:
    """By scale, and by seed: the logarithm of :func:`slowing`."""
    found = {}
    for scale in scales(speed):
        runs = [r for r in speed if r.config["method"] == method and r.config["scale"] == scale]
        runs = [r for r in runs if rate in (None, r.config["rate"])]
        found[at(scale)] = np.log10(slowing(runs).clip(lower=1e-6))
    return found


def refit_curves(grid: Sequence[Record]) -> pd.DataFrame | None:
    """The losses of students from τ₀ = 0.01 with small steps, as they are and refitted; None without any."""
    chosen = (SMALL_SCALES[0], SLOW, "ok")
    good = [r for r in grid if (r.config["scale"], r.config["rate"], r.status) == chosen]
    columns = ("step", "train_loss", "test_loss", "refit_test")
    return curve_frame(good, *columns).dropna(subset="train_loss") if good else None


def at_fraction(curves: pd.DataFrame, fraction: float) -> pd.DataFrame:
    """The logged point of each run whose training loss is nearest to this part of its first, by ratio."""
    first = curves.groupby(RUN)["train_loss"].transform("first")
    distance = (np.log(curves["train_loss"]) - np.log(fraction * first)).abs()
    return curves.loc[distance.groupby([curves[name] for name in RUN]).idxmin()]


def eighth(runs: Sequence[Record]) -> pd.DataFrame:
    """By seed: the losses where an eighth of the training loss is left, and the refitted one at the start."""
    return pd.DataFrame([_eighth(run) for run in runs], [run.seed for run in runs])


def _eighth(record: Record) -> dict[str, float]:
    names = ("train_loss", "test_loss", "refit_test")
    missing = dict.fromkeys((*names, "start"), np.nan)
    if record.status != "ok" or min(record.curves["train_loss"]) > record.curves["train_loss"][0] / 8:
        return missing
    point = at_fraction(curve_frame([record], "step", *names), 1 / 8).iloc[0]
    return {name: point[name] for name in names} | {"start": record.curves["refit_test"][0]}


def rise(records: Sequence[Record], name: str, scale: float, rate: float) -> pd.Series:
    """The last value of a curve less that after the first step, by seed; NaN for runs that diverged."""
    setting = ("gauss-newton", scale, rate)
    return pd.Series(
        {
            r.seed: r.curves[name][-1] - r.curves[name][1] if r.status == "ok" else np.nan
            for r in records
            if (r.config["method"], r.config["scale"], r.config["rate"]) == setting
        },
        dtype=float,
    )
