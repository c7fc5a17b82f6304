"""Claims C1 to C8 of Arbel, Menegaux and Wolinski, each with the measurement that settles it.

Losses of different teachers differ by orders of magnitude, so nothing is averaged over teachers but ratios
of two runs on the same one, as logarithms; teachers are the repetitions. The paper prints no table of its
curves: orders and factors are judged, and no check is held against a published number.

A run that diverged, or never came to the relative training loss at which runs are compared, fails the checks
that are about its end.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from startright.checks import Check, each_between, every, mean_between
from startright.claims import Change, Claim, Measurement
from startright.papers.gauss_newton.dual import predicted_steps
from startright.papers.gauss_newton.studies import GRID, SPEED
from startright.papers.gauss_newton.studies.mnist import (
    MNIST,
    by_seed,
    log_range,
    log_ratio,
    measure_mnist,
    measurement,
    times,
)
from startright.studies import Record, curve_frame

PAGE = "curvature/gauss-newton"

SLOW = 0.02  # the paper's step: λ = 10 with N = 500
FULL, MEDIUM = 1.0, 0.1
SMALL_SCALES = (0.01, 0.1)
KERNEL_SCALE = 10.0
RUN = ["scale", "rate", "seed"]
COMPARED = (("gauss-newton", SLOW), ("gradient", None))  # methods with their steps: descent has one
END = "steps_8"  # the metric of runs that came to 10⁻⁸ of their first training loss

Records = Mapping[str, Sequence[Record]]


def _scales(records: Sequence[Record]) -> list[float]:
    return sorted({r.config["scale"] for r in records})


def _rates(records: Sequence[Record]) -> list[float]:
    """Of Gauss-Newton, the largest first."""
    return sorted({r.config["rate"] for r in records if r.config["method"] == "gauss-newton"}, reverse=True)


def _at(scale: float) -> str:
    return f"τ₀ = {scale:g}"


def _size(records: Sequence[Record]) -> str:
    config = records[0].config
    return f"M = {config['width']}, N = {config['points']}"


def _both_sizes(records: Records) -> str:
    """The size of the grid's network, and that beside gradient descent where it is another."""
    grid, speed = (_size(records[name]) for name in (GRID.name, SPEED.name))
    return grid if grid == speed else f"{grid}; gradient descent: {speed}"


def _budget(speed: Sequence[Record]) -> int:
    return max(r.config["max_steps"] for r in speed if r.config["method"] == "gradient")


def geometric_mean(values: pd.Series) -> float:
    """The exponential of the mean of the logarithms.

    >>> geometric_mean(pd.Series([1.0, 100.0]))
    10.0
    """
    return float(10 ** np.log10(values).mean())


# --- C1, C2: speed --------------------------------------------------------------------------


def measure_rate(records: Records) -> Measurement:
    """C1: iterations, against a law that does not know the kernel."""
    grid, speed = records[GRID.name], records[SPEED.name]
    law, bound = predicted_steps(SLOW), predicted_steps(SLOW / 2)
    steps = {scale: by_seed(grid, "steps_8", scale=scale, rate=SLOW) for scale in _scales(grid)}
    usual = {_at(scale): count / law for scale, count in steps.items() if scale <= 1}
    everywhere = pd.DataFrame(steps)
    newton, descent = (_paces(speed, method, rate) for method, rate in COMPARED)
    checks = (
        each_between(
            f"from τ₀ ≤ 1, the iterations are within 3 % of the {law:.0f} of the law, as a ratio",
            usual,
            above=0.97,
            below=1.03,
            control="damping by the mean eigenvalue",
        ),
        mean_between(
            "from τ₀ = 10, they are within 10 % of it",
            steps[KERNEL_SCALE] / law,
            above=0.9,
            below=1.1,
            control="damping by the mean eigenvalue",
        ),
        every(
            f"no run at any scale takes more than the bound of the theorem, {bound:.0f}",
            (everywhere <= bound).to_numpy().ravel(),
            n=len(everywhere),
            control="gradient descent",
        ),
        each_between(
            "Gauss-Newton ends above half of its first rate, as the theorem says",
            newton,
            above=np.log10(0.5),
            control="gradient descent",
            show=times,
        ),
        each_between(
            "gradient descent ends below a fifth of its first rate",
            descent,
            below=np.log10(0.2),
            control="Gauss-Newton for gradient descent",
            show=times,
        ),
        _conditioning(grid),
    )
    quantity = f"iterations to 10⁻⁸ of the loss at λ/N = {SLOW}, τ₀ ≤ 1 (law: {law:.0f})"
    values = law * pd.DataFrame(usual).mean(axis=1, skipna=False)
    return measurement(quantity, values, checks, _both_sizes(records))


def _conditioning(grid: Sequence[Record]) -> Check:
    """How the kernels of the scales differ at the start: what makes the law worth a check."""
    groups = {}
    for scale in _scales(grid):
        ends = (by_seed(grid, f"first_{name}", scale=scale, rate=MEDIUM) for name in ("largest", "smallest"))
        groups[scale] = log_ratio(*(value.abs() for value in ends))
    span = pd.DataFrame(groups).median().agg(np.ptp)
    return Check(
        f"the conditioning at the start differs between scales by 2 decades or more: {span:.1f}", span >= 2
    )


def _paces(speed: Sequence[Record], method: str, rate: float | None) -> dict[str, pd.Series]:
    """By scale, and by seed: the logarithm of :func:`slowing`."""
    paces = {}
    for scale in _scales(speed):
        runs = [r for r in speed if r.config["method"] == method and r.config["scale"] == scale]
        runs = [r for r in runs if rate in (None, r.config["rate"])]
        paces[_at(scale)] = np.log10(slowing(runs).clip(lower=1e-6))
    return paces


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


def measure_speed(records: Records) -> Measurement:
    """C2: iterations to 10⁻⁴ of the first loss.

    A run of gradient descent that does not come so far counts with its budget, which is too few.
    """
    speed = records[SPEED.name]
    budget = _budget(speed)
    theirs = {s: by_seed(speed, "steps_4", method="gradient", scale=s) for s in _scales(speed)}
    ours = {
        rate: {s: by_seed(speed, "steps_4", scale=s, rate=rate) for s in theirs} for rate in (MEDIUM, SLOW)
    }
    factors = {
        rate: {_at(s): log_ratio(theirs[s].fillna(budget), steps) for s, steps in runs.items()}
        for rate, runs in ours.items()
    }
    newton = [r for r in speed if r.config["method"] == "gauss-newton" and r.config["rate"] in ours]
    checks = (
        every(
            "Gauss-Newton with λ/N = 0.1 and 0.02 reaches 10⁻⁸ in every run",
            (r.status == "ok" and END in r.metrics for r in newton),
            n=len({r.seed for r in newton}),
            control="gradient descent",
        ),
        each_between(
            "iterations of gradient descent to 10⁻⁴ over those at λ/N = 0.02, above 1",
            factors[SLOW],
            above=0,
            control="gradient descent",
            show=times,
        ),
        each_between(
            "iterations of gradient descent to 10⁻⁴ over those at λ/N = 0.1, above 5",
            factors[MEDIUM],
            above=np.log10(5),
            control="gradient descent",
            show=times,
        ),
    )
    first = min(theirs)
    missing = int(theirs[first].isna().sum())
    note = f"{_size(speed)}; iterations, not seconds; {missing} runs of gradient descent from {_at(first)}"
    note += f" did not arrive in {budget}"
    quantity = f"iterations of gradient descent over those at λ/N = 0.1, to 10⁻⁴, {_at(first)}, in decades"
    return measurement(quantity, factors[MEDIUM][_at(first)], checks, note)


# --- C3, C4: scale and step -----------------------------------------------------------------


def _loss(records: Sequence[Record], scale: float, rate: float) -> pd.Series:
    """Test losses of Gauss-Newton, by seed, all at the same relative training loss."""
    return by_seed(records, "test_loss", scale=scale, rate=rate, needs=END)


def measure_kernel_regime(records: Records) -> Measurement:
    """C3: at τ₀ = 10, Gauss-Newton at every step, gradient descent and random features."""
    grid, speed = records[GRID.name], records[SPEED.name]
    random = log_ratio(
        _loss(grid, KERNEL_SCALE, SLOW), by_seed(grid, "rf_test", scale=KERNEL_SCALE, rate=SLOW)
    )
    gradient, theirs, left, start = (
        by_seed(speed, name, method="gradient", scale=KERNEL_SCALE)
        for name in ("test_loss", "rf_test", "train_loss", "start_loss")
    )
    alike = {"above": np.log10(0.85), "below": np.log10(1.15), "show": times}
    checks = (
        mean_between(
            "the largest test loss of the three steps is below 1.1 times the smallest",
            log_range({rate: _loss(grid, KERNEL_SCALE, rate) for rate in _rates(grid)}),
            below=np.log10(1.1),
            control="a small initial scale",
            show=times,
        ),
        mean_between(
            "the test loss at λ/N = 0.02 is within 15 % of that of random features, as a ratio",
            random,
            control="a small initial scale",
            **alike,
        ),
        mean_between(
            "so is that of gradient descent",
            log_ratio(gradient, theirs),
            control="a small initial scale",
            **alike,
        ),
    )
    quantity = "test loss at τ₀ = 10, λ/N = 0.02, over that of random features"
    note = f"{_both_sizes(records)}; gradient descent after {_budget(speed)} iterations, at"
    note += f" {geometric_mean(left / start):.1g} of its first training loss"
    return measurement(quantity, 10**random, checks, note)


def measure_step(records: Records) -> Measurement:
    """C4: what a smaller step is worth, all runs stopped at the same relative training loss."""
    grid = records[GRID.name]
    rates = _rates(grid)
    gains = {
        scale: {
            f"{a:g} over {b:g}": log_ratio(_loss(grid, scale, a), _loss(grid, scale, b))
            for a, b in pairwise(rates)
        }
        for scale in SMALL_SCALES
    }
    same = {"control": "the same step for all", "show": times}
    usual = [scale for scale in _scales(grid) if scale <= 1]
    random = {
        _at(s): log_ratio(by_seed(grid, "rf_test", scale=s, rate=SLOW), _loss(grid, s, SLOW)) for s in usual
    }
    one, two = (gains[0.1][name] for name in ("1 over 0.1", "0.1 over 0.02"))
    checks = (
        *(
            each_between(
                f"{_at(s)}: the test loss of a step over that of the next smaller, above 1",
                groups,
                above=0,
                **same,
            )
            for s, groups in gains.items()
        ),
        mean_between(
            "τ₀ = 0.1: test loss at λ/N = 1 over that at 0.1, above 5", one, above=np.log10(5), **same
        ),
        mean_between(
            "τ₀ = 0.1: test loss at λ/N = 0.1 over that at 0.02, above 1.8", two, above=np.log10(1.8), **same
        ),
        each_between(
            "λ/N = 0.02, τ₀ ≤ 1: the test loss of random features over that of the network, above 1",
            random,
            above=0,
            control="frozen hidden layer",
            show=times,
        ),
        mean_between(
            "τ₀ = 0.01: the test loss of full steps over that of predicting 0, above 10",
            _explosion(grid),
            above=1,
            **same,
        ),
    )
    quantity = "test loss at λ/N = 1 over that at 0.02, τ₀ = 0.1, in decades"
    return measurement(quantity, one + two, checks, _size(grid))


def _explosion(grid: Sequence[Record]) -> pd.Series:
    """Full steps from τ₀ = 0.01 against predicting 0, in decades; infinite for a run that diverged."""
    loss, zero = (by_seed(grid, name, scale=0.01, rate=FULL) for name in ("test_loss", "zero_loss"))
    found = log_ratio(loss, zero)
    for record in grid:
        if record.status != "ok" and (record.config["scale"], record.config["rate"]) == (0.01, FULL):
            found[record.seed] = np.inf
    return found


# --- C5, C6: features -----------------------------------------------------------------------


def at_fraction(curves: pd.DataFrame, fraction: float) -> pd.DataFrame:
    """The logged point of each run whose training loss is nearest to this part of its first, by ratio."""
    first = curves.groupby(RUN)["train_loss"].transform("first")
    distance = (np.log(curves["train_loss"]) - np.log(fraction * first)).abs()
    return curves.loc[distance.groupby([curves[name] for name in RUN]).idxmin()]


def measure_hidden_learning(records: Records) -> Measurement:
    """C5: the network, and its features refitted, on the way."""
    grid = records[GRID.name]
    runs = [r for r in grid if (r.config["scale"], r.config["rate"]) == (0.01, SLOW)]
    points = pd.DataFrame([_eighth(record) for record in runs], [r.seed for r in runs])
    hidden = log_ratio(points["test_loss"], points["refit_test"])
    checks = (
        mean_between(
            "with an eighth of the training loss left, the test loss over that after a refit, above 8",
            hidden,
            above=np.log10(8),
            control="frozen hidden layer",
            show=times,
        ),
        mean_between(
            "the test loss of a refit at the start over that of one with an eighth left, above 2",
            log_ratio(points["start"], points["refit_test"]),
            above=np.log10(2),
            control="frozen hidden layer",
            show=times,
        ),
    )
    quantity = (
        "test loss over that after a refit, an eighth of the training loss left, τ₀ = 0.01, λ/N = 0.02,"
        " in decades"
    )
    return measurement(quantity, hidden, checks, _size(grid))


def _eighth(record: Record) -> dict[str, float]:
    """The losses where an eighth of the training loss is left, and the refitted one at the start."""
    names = ("train_loss", "test_loss", "refit_test")
    missing = dict.fromkeys((*names, "start"), np.nan)
    if record.status != "ok" or min(record.curves["train_loss"]) > record.curves["train_loss"][0] / 8:
        return missing
    point = at_fraction(curve_frame([record], "step", *names), 1 / 8).iloc[0]
    return {name: point[name] for name in names} | {"start": record.curves["refit_test"][0]}


def _rise(records: Sequence[Record], name: str, scale: float, rate: float) -> pd.Series:
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


def measure_alignment(records: Records) -> Measurement:
    """C6: features of the student against those of the teacher.

    The weights of the weighted alignment move while the features stand still, so that it can rise without
    them: what shows that features move is the alignment without weights, and the directions of the units.
    """
    grid = records[GRID.name]

    def rises(name: str) -> dict[str, pd.Series]:
        return {_at(scale): _rise(grid, name, scale, SLOW) for scale in SMALL_SCALES}

    def ends(rate: float) -> dict[str, pd.Series]:
        return {_at(s): by_seed(grid, "weighted_cka", scale=s, rate=rate, needs=END) for s in SMALL_SCALES}

    slow, full = ends(SLOW), ends(FULL)
    checks = (
        each_between(
            "λ/N = 0.02: the linear CKA at the end less that after the first step, above 0",
            rises("cka"),
            above=0,
            control="frozen hidden layer",
        ),
        each_between(
            "the distance of the units to the teacher's at the end less that after the first step, below 0",
            rises("unit_distance"),
            below=0,
            control="frozen hidden layer",
        ),
        each_between(
            "the weighted CKA at the end at λ/N = 0.02 less that at 1, above 0",
            {name: slow[name] - full[name] for name in slow},
            above=0,
            control="the same step for all",
        ),
        each_between(
            "λ/N = 0.02: the weighted CKA at the end less that after the first step, above 0",
            rises("weighted_cka"),
            above=0,
        ),
    )
    least = _at(SMALL_SCALES[0])
    note = f"{_size(grid)}; {full[least].mean():.2f} at λ/N = 1"
    return measurement(f"weighted CKA at the end, {least}, λ/N = 0.02", slow[least], checks, note)


# --- C7: the trade-off ----------------------------------------------------------------------


def measure_trade_off(records: Records) -> Measurement:
    """C7: test loss of gradient descent against the best of Gauss-Newton, τ₀ = 0.1."""
    speed = records[SPEED.name]
    losses = {rate: _loss(speed, 0.1, rate) for rate in _rates(speed)}
    gradient, theirs = (
        by_seed(speed, name, method="gradient", scale=0.1) for name in ("test_loss", "weighted_cka")
    )
    slow, best = (log_ratio(ours, gradient) for ours in (losses[SLOW], pd.DataFrame(losses).min(axis=1)))
    ours = by_seed(speed, "weighted_cka", scale=0.1, rate=SLOW)
    frozen = "gradient descent with a frozen hidden layer"
    checks = (
        mean_between(
            "test loss of Gauss-Newton at λ/N = 0.02 over that of gradient descent, above 2",
            slow,
            above=np.log10(2),
            control=frozen,
            show=times,
        ),
        mean_between(
            "test loss at the best of all steps over that of gradient descent, above 1",
            best,
            above=0,
            control=frozen,
            show=times,
        ),
        mean_between(
            "weighted CKA of gradient descent less that of Gauss-Newton at λ/N = 0.02, above 0",
            theirs - ours,
            above=0,
            control=frozen,
        ),
        mean_between(
            "Gauss-Newton at λ/N = 0.02 learns features as well: the distance of its units to the teacher's,"
            " at the end less that after the first step, below 0",
            _rise(speed, "unit_distance", 0.1, SLOW),
            below=0,
            control="frozen hidden layer",
        ),
    )
    quantity = "test loss of Gauss-Newton (λ/N = 0.02) over that of gradient descent, τ₀ = 0.1, in decades"
    note = f"{_size(speed)}; gradient descent after {_budget(speed)} iterations, at a higher training loss"
    return measurement(quantity, slow, checks, note)


# --- The claims -----------------------------------------------------------------------------

FIRST, NOW = "2026-11-25", "2026-11-26"
RESTORED = "the tolerance laid down before the data is restored"
BY_INTERVAL = "a few teachers in agreement prove little: the interval of their mean is judged"


def _changed(check: str, before: str, after: str, why: str = RESTORED, date: str = NOW) -> Change:
    return Change(check, before, after, why, date)


def _claim(number: int, statement: str, **parts) -> Claim:
    published = "none available (a figure)"
    return Claim("gauss_newton", f"C{number}", statement, published, page=PAGE, **parts)


CLAIMS = (
    _claim(
        1,
        "Gauss-Newton converges linearly at a rate free of the conditioning of the tangent kernel.",
        studies=(GRID, SPEED),
        measure=measure_rate,
        anchor="fig-gauss-newton-rate",
        locator="the theorem on convergence and a figure, numbers not known to us",
        changes=(
            _changed("law, τ₀ ≤ 1", "within 3 %", "the mean of all within 5 %", "no reason was given", FIRST),
            _changed("law, τ₀ ≤ 1", "the mean of all within 5 %", "from each scale within 3 %"),
            _changed("law, τ₀ = 10", "within 10 %", "not checked", "no reason was given", FIRST),
            _changed("law, τ₀ = 10", "not checked", "within 10 %"),
            _changed(
                "rates at the end over the first",
                "in every run",
                "the mean of teachers, from each scale",
                BY_INTERVAL,
            ),
            _changed(
                "conditioning at the start",
                "2 decades between scales, a check",
                "a description",
                "it is a property of the start: no method can fail it",
            ),
        ),
    ),
    _claim(
        2,
        "Gauss-Newton is consistently faster than gradient descent.",
        studies=(SPEED,),
        measure=measure_speed,
        anchor="fig-gauss-newton-speed",
        locator="a figure, number not known to us",
        changes=(
            _changed(
                "iterations of gradient descent over those of Gauss-Newton",
                "above 1 and 5 in every run",
                "the mean of teachers, from each scale",
                BY_INTERVAL,
            ),
        ),
    ),
    _claim(
        3,
        "From a large initial scale Gauss-Newton, gradient descent and random features generalise alike.",
        studies=(GRID, SPEED),
        measure=measure_kernel_regime,
        anchor="fig-gauss-newton-map",
        locator="version 1, the kernel regime; place not known to us",
        changes=(
            _changed(
                "the three steps", "within 10 %", "within 15 % in every run", "no reason was given", FIRST
            ),
            _changed("the three steps", "within 15 % in every run", "the mean within 10 %"),
            _changed(
                "random features", "within 15 %", "within 20 % in every run", "no reason was given", FIRST
            ),
            _changed("random features", "within 20 % in every run", "the mean within 15 %"),
            _changed(
                "gradient descent",
                "within 25 % in every run",
                "the mean within 15 %",
                "held to the tolerance of random features",
            ),
        ),
    ),
    _claim(
        4,
        "From a small initial scale Gauss-Newton generalises well with small steps only.",
        studies=(GRID,),
        measure=measure_step,
        anchor="fig-gauss-newton-map",
        locator="a figure, number not known to us",
        changes=(
            _changed("steps 1 over 0.1, τ₀ = 0.1", "above 5", "above 2", "no reason was given", FIRST),
            _changed("steps 1 over 0.1, τ₀ = 0.1", "above 2", "above 5"),
            _changed("steps 0.1 over 0.02, τ₀ = 0.1", "above 1.8", "above 1.5", "no reason was given", FIRST),
            _changed("steps 0.1 over 0.02, τ₀ = 0.1", "above 1.5", "above 1.8"),
            _changed(
                "explosion of full steps, τ₀ = 0.01",
                "above 10 times the zero predictor",
                "above 1",
                "no reason was given; in the full records one teacher explodes by a factor of 2 only",
                FIRST,
            ),
            _changed("explosion of full steps, τ₀ = 0.01", "above 1", "above 10"),
            _changed(
                "the smaller the step; random features",
                "for every teacher",
                "the mean of teachers",
                BY_INTERVAL,
            ),
        ),
    ),
    _claim(
        5,
        "Hidden learning: features are good before the network fits; a refit of its output layer shows it.",
        studies=(GRID,),
        measure=measure_hidden_learning,
        anchor="fig-gauss-newton-hidden",
        locator="abstract or text, place not known to us",
        changes=(
            _changed(
                "test loss over that after a refit",
                "above 8, an eighth of the training loss left",
                "above 2 in every run, half of it left",
                "no reason was given",
                FIRST,
            ),
            _changed(
                "test loss over that after a refit",
                "above 2 in every run, half of the training loss left",
                "the mean above 8, an eighth left",
            ),
            _changed(
                "refit against one at the start", "above 2 in every run", "the mean above 2", BY_INTERVAL
            ),
        ),
    ),
    _claim(
        6,
        "The features come nearer to the teacher's during training, and nearer with small steps.",
        studies=(GRID,),
        measure=measure_alignment,
        anchor="fig-gauss-newton-alignment",
        locator="a figure, number not known to us",
        changes=(
            _changed(
                "rise during training",
                "of the weighted CKA",
                "of the linear CKA; the weighted one is a description",
                "its weights move under a frozen hidden layer: it need not fail there",
            ),
            _changed("all", "in every run", "the mean of teachers, from each scale", BY_INTERVAL),
        ),
    ),
    _claim(
        7,
        "Where features are learnt, gradient descent generalises best; it is only slow.",
        studies=(SPEED,),
        measure=measure_trade_off,
        anchor="fig-gauss-newton-trade-off",
        locator="version 1, text; place not known to us",
        changes=(
            _changed(
                "test losses at λ/N = 0.02",
                "above 1 for every teacher, and above 2 on average",
                "the mean above 2, by its interval",
                BY_INTERVAL,
            ),
            _changed(
                "features of Gauss-Newton",
                "not checked",
                "its units turn towards the teacher's",
                "all other checks could hold with a frozen hidden layer",
            ),
        ),
    ),
    _claim(
        8,
        "The findings extend beyond the synthetic task, to MNIST.",
        studies=(MNIST,),
        measure=measure_mnist,
        anchor="sec-gauss-newton-mnist",
        locator="Appendix C.4",
        changes=(_changed("all", "ratios of means", "means of ratios within a seed", BY_INTERVAL),),
    ),
)
