"""Claims C1 to C8 of Arbel, Menegaux and Wolinski, each with the measurement that settles it.

Losses of different teachers differ by orders of magnitude, so nothing is averaged over teachers but ratios
of two runs on the same one. The paper prints no table of its curves: orders and factors are judged.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from startright.claims import Check, Claim, Measurement
from startright.gauss_newton.dual import predicted_steps
from startright.gauss_newton.mnist_study import MNIST, measure_mnist
from startright.gauss_newton.studies import GRID, SPEED
from startright.studies import Record, curve_frame, frame

PAPER = "gauss_newton"
PAGE = "curvature/gauss-newton"

SLOW = 0.02  # the paper's step: λ = 10 with N = 500
SMALL_SCALES = (0.01, 0.1)
KERNEL_SCALE = 10.0
RUN = ["scale", "rate", "seed"]

Records = Mapping[str, Sequence[Record]]


def _table(records: Records, name: str, method: str = "gauss-newton") -> pd.DataFrame:
    table = frame(records[name])
    return table[table["method"] == method]


def _pivot(table: pd.DataFrame, scale: float, column: str, fill: float = np.inf) -> pd.DataFrame:
    """One row a teacher, one column a rate; ``fill`` for runs that diverged or never came so far."""
    column_of = table[column].where(table["status"] == "ok") if column in table else np.nan
    part = table.assign(value=column_of)[table["scale"] == scale]
    return part.pivot(index="seed", columns="rate", values="value").fillna(fill)


def _note(table: pd.DataFrame) -> str:
    first = table.iloc[0]
    return f"M = {first['width']}, N = {first['points']}"


def _both_notes(records: Records) -> str:
    """The size of the grid's network, and that beside gradient descent where it is another."""
    grid, speed = (_note(_table(records, name)) for name in (GRID.name, SPEED.name))
    return grid if grid == speed else f"{grid}; gradient descent: {speed}"


def _std(values: pd.Series) -> float | None:
    return float(values.std()) if len(values) > 1 else None


def _measurement(quantity: str, values: pd.Series, checks: Sequence[Check], note: str) -> Measurement:
    return Measurement(quantity, float(values.mean()), _std(values), len(values), tuple(checks), note=note)


def geometric_mean(values: pd.Series) -> float:
    """The exponential of the mean of the logarithms.

    >>> geometric_mean(pd.Series([1.0, 100.0]))
    10.0
    """
    return float(10 ** np.log10(values).mean())


def decades(ratios: pd.Series) -> pd.Series:
    """Logarithms to base 10 of the ratios that are finite: a run that diverged has none.

    >>> list(decades(pd.Series([100.0, np.inf])))
    [2.0]
    """
    return np.log10(ratios[np.isfinite(ratios) & (ratios > 0)])


# --- C1, C2: speed --------------------------------------------------------------------------


def measure_rate(records: Records) -> Measurement:
    """C1: iterations, against a law that does not know the kernel."""
    table = _table(records, GRID.name)
    slow = table[table["rate"] == SLOW]
    law, bound = predicted_steps(SLOW), predicted_steps(SLOW / 2)
    steps = pd.Series(slow.get("steps_8", pd.Series(np.nan, slow.index)), slow.index).fillna(np.inf)
    usual = steps[slow["scale"] < KERNEL_SCALE]
    condition = slow["first_largest"] / slow["first_smallest"].abs()
    spread = np.log10(condition.groupby(slow["scale"]).median()).agg(np.ptp)
    speed = records[SPEED.name]
    newton, gradient = (slowing([r for r in speed if keep(r.config)]) for keep in (_is_slow, _is_gradient))
    checks = (
        Check(
            f"from τ₀ = 0.01 to 1 the mean is within 5 % of the law, {law:.0f}",
            abs(usual.mean() / law - 1) < 0.05,
        ),
        Check(f"no run at any scale takes more than the theorem's bound, {bound:.0f}", steps.max() <= bound),
        Check("the conditioning at the start differs by 2 decades between scales", spread > 2),
        Check(
            f"Gauss-Newton ends at half of its first rate or more, as the theorem says: {newton.min():.2f}",
            newton.min() >= 0.5,
        ),
        Check(
            f"gradient descent ends at a fifth of its first rate or less, in every run: {gradient.max():.2f}",
            gradient.max() < 0.2,
        ),
    )
    quantity = f"iterations to 10⁻⁸ of the loss at λ/N = {SLOW}, τ₀ ≤ 1 (law: {law:.0f})"
    return _measurement(quantity, usual, checks, _both_notes(records))


def _is_slow(config: Mapping[str, object]) -> bool:
    return config["method"] == "gauss-newton" and config["rate"] == SLOW


def _is_gradient(config: Mapping[str, object]) -> bool:
    return config["method"] == "gradient"


def slowing(records: Sequence[Record]) -> pd.Series:
    """The rate of the last stretch of each run over that of its first decade; 1 for a straight line.

    A rate is the fall of the logarithm of the training loss for each step.
    """
    ratios = []
    for record in (r for r in records if r.status == "ok"):
        steps, losses = (np.array(record.curves[name]) for name in ("step", "train_loss"))
        late = np.log(losses[-2] / losses[-1]) / (steps[-1] - steps[-2])
        ratios.append(late * record.metrics["steps_1"] / np.log(10))
    return pd.Series(ratios)


def measure_speed(records: Records) -> Measurement:
    """C2: iterations to 10⁻⁴ of the first loss."""
    newton, descent = _table(records, SPEED.name), _table(records, SPEED.name, "gradient")
    budget = float(descent["max_steps"].iloc[0])
    factors = {}
    for scale in newton["scale"].unique():
        ours, theirs = _pivot(newton, scale, "steps_4"), _pivot(descent, scale, "steps_4", budget).iloc[:, 0]
        factors[scale] = {rate: theirs / ours[rate] for rate in (0.1, SLOW)}
    fast = pd.concat([f[0.1] for f in factors.values()])
    slow = pd.concat([f[SLOW] for f in factors.values()])
    checks = (
        Check(
            "Gauss-Newton with λ/N = 0.1 and 0.02 reaches 10⁻⁸ in every run",
            newton.query("rate in (0.1, @SLOW)").get("steps_8", pd.Series([np.nan])).notna().all(),
        ),
        Check(
            f"with 0.02 it needs fewer iterations to 10⁻⁴ in every run: at least {slow.min():.1f} times",
            slow.min() > 1,
        ),
        Check(f"with 0.1 at least 5 times fewer: {fast.min():.0f} times", fast.min() > 5),
    )
    unfinished = int((_pivot(descent, min(factors), "steps_4", np.nan).isna()).sum().sum())
    note = (
        f"{_note(newton)}; iterations, not seconds; {unfinished} of its runs did not arrive in {budget:.0f}"
    )
    values = decades(factors[min(factors)][0.1])
    quantity = "iterations of gradient descent over those at λ/N = 0.1, to 10⁻⁴, τ₀ = 0.1, in decades"
    return _measurement(quantity, values, checks, note)


# --- C3, C4: scale and step -----------------------------------------------------------------


def measure_kernel_regime(records: Records) -> Measurement:
    """C3: at τ₀ = 10, Gauss-Newton at every step, gradient descent and random features."""
    table = _table(records, GRID.name)
    losses = _pivot(table, KERNEL_SCALE, "test_loss")
    random = _pivot(table, KERNEL_SCALE, "rf_test")[SLOW]
    descent = _table(records, SPEED.name, "gradient")
    gradient = _pivot(descent, KERNEL_SCALE, "test_loss").iloc[:, 0]
    theirs = gradient / _pivot(descent, KERNEL_SCALE, "rf_test").iloc[:, 0]
    ratio = losses[SLOW] / random
    checks = (
        Check(
            "the test losses of the three steps agree to 15 % in every run",
            (losses.max(axis=1) / losses.min(axis=1)).max() < 1.15,
        ),
        Check(
            f"they are those of random features, to 20 %: mean ratio {ratio.mean():.2f}",
            (ratio - 1).abs().max() < 0.2,
        ),
        Check(
            f"so is that of gradient descent, to 25 %: mean ratio {theirs.mean():.2f}",
            (theirs - 1).abs().max() < 0.25,
        ),
    )
    quantity = "test loss at τ₀ = 10, λ/N = 0.02, over that of random features"
    return _measurement(quantity, ratio, checks, _both_notes(records))


def measure_step(records: Records) -> Measurement:
    """C4: what a smaller step is worth, all runs stopped at the same relative training loss."""
    table = _table(records, GRID.name)
    checks = []
    for scale in SMALL_SCALES:
        losses = _pivot(table, scale, "test_loss")
        steps = sorted(losses, reverse=True)
        falls = all((losses[a] > losses[b]).all() for a, b in pairwise(steps))
        checks.append(
            Check(f"τ₀ = {scale:g}: the smaller the step, the lower the test loss, for every teacher", falls)
        )
    gains = _pivot(table, 0.1, "test_loss")
    one, two = geometric_mean(gains[1.0] / gains[0.1]), geometric_mean(gains[0.1] / gains[SLOW])
    checks.append(
        Check(
            f"τ₀ = 0.1: by a factor of 2 from 1 to 0.1 ({one:.1f}), of 1.5 from 0.1 to 0.02 ({two:.1f})",
            one > 2 and two > 1.5,
        )
    )
    slow = table[(table["rate"] == SLOW) & (table["scale"] < KERNEL_SCALE)]
    checks.append(
        Check(
            "with λ/N = 0.02 every run with τ₀ ≤ 1 is better than random features",
            (slow["test_loss"] < slow["rf_test"]).all(),
        )
    )
    wild = _pivot(table, 0.01, "test_loss")[1.0] / _pivot(table, 0.01, "zero_loss")[1.0]
    checks.append(
        Check("full steps from τ₀ = 0.01 end worse than predicting 0, for every teacher", wild.min() > 1)
    )
    quantity = "test loss at λ/N = 1 over that at 0.02, τ₀ = 0.1, in decades"
    return _measurement(quantity, decades(gains[1.0] / gains[SLOW]), checks, _note(table))


# --- C5, C6: features -----------------------------------------------------------------------


def at_fraction(curves: pd.DataFrame, fraction: float) -> pd.DataFrame:
    """The logged point of each run whose training loss is nearest to this part of its first, by ratio."""
    first = curves.groupby(RUN)["train_loss"].transform("first")
    distance = (np.log(curves["train_loss"]) - np.log(fraction * first)).abs()
    return curves.loc[distance.groupby([curves[name] for name in RUN]).idxmin()]


def _feature_curves(records: Records) -> pd.DataFrame:
    names = ("step", "train_loss", "test_loss", "refit_test", "weighted_cka", "unit_distance")
    return curve_frame(records[GRID.name], *names).dropna(subset="train_loss")


def measure_hidden_learning(records: Records) -> Measurement:
    """C5: the network, and its features refitted, on the way."""
    curves = _feature_curves(records).query("scale == 0.01 and rate == @SLOW")
    half, eighth = at_fraction(curves, 1 / 2), at_fraction(curves, 1 / 8).set_index("seed")
    start = curves.groupby("seed")["refit_test"].first()
    hidden = (half["test_loss"] / half["refit_test"]).reset_index(drop=True)
    better = start / eighth["refit_test"]
    checks = (
        Check(
            f"with half of the loss left, a refit lowers the test loss 2 times at least: {hidden.min():.1f}",
            hidden.min() > 2,
        ),
        Check(
            f"with an eighth left, it is twice better than a refit at the start: {better.min():.1f}",
            better.min() > 2,
        ),
    )
    quantity = (
        "test loss over that after a refit, half of the training loss left, τ₀ = 0.01, λ/N = 0.02, in decades"
    )
    return _measurement(quantity, decades(hidden), checks, _note(curves))


def measure_alignment(records: Records) -> Measurement:
    """C6: features of the student against those of the teacher."""
    curves = _feature_curves(records)
    curves = curves[curves["scale"].isin(SMALL_SCALES) & (curves["step"] > 0)]
    ends = curves.groupby(RUN)[["weighted_cka", "unit_distance"]]
    last, first = ends.last(), ends.first()
    slow, full = (last.xs(rate, level="rate") for rate in (SLOW, 1.0))
    began = first.xs(SLOW, level="rate")
    checks = (
        Check(
            "at λ/N = 0.02 the weighted CKA rises from the first step to the last, in every run",
            (slow > began)["weighted_cka"].all(),
        ),
        Check("and the units turn towards the teacher's", (slow < began)["unit_distance"].all()),
        Check(
            "it ends higher than at λ/N = 1, for every teacher and τ₀", (slow > full)["weighted_cka"].all()
        ),
    )
    values = slow.xs(0.01, level="scale")["weighted_cka"]
    quantity = "weighted CKA at the end, τ₀ = 0.01, λ/N = 0.02"
    reference = full.xs(0.01, level="scale")["weighted_cka"]
    note = f"{_note(curves)}; {reference.mean():.2f} at λ/N = 1"
    return _measurement(quantity, values, checks, note)


# --- C7: the trade-off ----------------------------------------------------------------------


def measure_trade_off(records: Records) -> Measurement:
    """C7: test loss of gradient descent against the best of Gauss-Newton, τ₀ = 0.1."""
    newton, descent = _table(records, SPEED.name), _table(records, SPEED.name, "gradient")
    losses = _pivot(newton, 0.1, "test_loss")
    gradient = _pivot(descent, 0.1, "test_loss").iloc[:, 0]
    slow, slowest = losses[SLOW] / gradient, losses.min(axis=1) / gradient
    features = _pivot(descent, 0.1, "weighted_cka").iloc[:, 0] - _pivot(newton, 0.1, "weighted_cka")[SLOW]
    checks = (
        Check(
            f"at λ/N = 0.02 the test loss is higher, for every teacher: {slow.min():.1f} times at least",
            slow.min() > 1,
        ),
        Check(f"over twice as high on average: {geometric_mean(slow):.1f} times", geometric_mean(slow) > 2),
        Check(f"so it has at the best of all steps: {slowest.min():.1f} times at least", slowest.min() > 1),
        Check(
            "the features of gradient descent are nearer to the teacher's (weighted CKA)", features.min() > 0
        ),
    )
    quantity = "test loss of Gauss-Newton (λ/N = 0.02) over that of gradient descent, τ₀ = 0.1, in decades"
    budget = int(descent["max_steps"].iloc[0])
    note = f"{_note(newton)}; gradient descent after {budget} iterations, at a higher training loss"
    return _measurement(quantity, decades(slow), checks, note)


def _claim(number: int, statement: str, **parts) -> Claim:
    published = "none available (a figure)"
    return Claim(PAPER, f"C{number}", statement, published, page=PAGE, **parts)


CLAIMS = (
    _claim(
        1,
        "Gauss-Newton converges linearly at a rate free of the conditioning of the tangent kernel.",
        studies=(GRID, SPEED),
        measure=measure_rate,
        anchor="fig-gauss-newton-rate",
    ),
    _claim(
        2,
        "Gauss-Newton is consistently faster than gradient descent.",
        studies=(SPEED,),
        measure=measure_speed,
        anchor="fig-gauss-newton-speed",
    ),
    _claim(
        3,
        "From a large initial scale Gauss-Newton, gradient descent and random features generalise alike.",
        studies=(GRID, SPEED),
        measure=measure_kernel_regime,
        anchor="fig-gauss-newton-map",
    ),
    _claim(
        4,
        "From a small initial scale Gauss-Newton generalises well with small steps only.",
        studies=(GRID,),
        measure=measure_step,
        anchor="fig-gauss-newton-map",
    ),
    _claim(
        5,
        "Hidden learning: features are good before the network fits; a refit of its output layer shows it.",
        studies=(GRID,),
        measure=measure_hidden_learning,
        anchor="fig-gauss-newton-hidden",
    ),
    _claim(
        6,
        "The features come nearer to the teacher's during training, and nearer with small steps.",
        studies=(GRID,),
        measure=measure_alignment,
        anchor="fig-gauss-newton-alignment",
    ),
    _claim(
        7,
        "Where features are learnt, gradient descent generalises best; it is only slow.",
        studies=(SPEED,),
        measure=measure_trade_off,
        anchor="fig-gauss-newton-trade-off",
    ),
    _claim(
        8,
        "The findings extend beyond the synthetic task, to MNIST.",
        studies=(MNIST,),
        measure=measure_mnist,
        anchor="sec-gauss-newton-mnist",
    ),
)
