"""Claims C1, C2 and C5: identities, and variances in closed form."""

import numpy as np
import pandas as pd

from startright.checks import Check, ratio_between
from startright.claims import Measurement
from startright.papers.scalp import readings
from startright.papers.scalp.readings import Records
from startright.papers.scalp.scalings import NAMED
from startright.papers.scalp.studies.exact import EXACT, PENALTIES
from startright.papers.scalp.studies.variance import DIVERGENT, KINDS, VARIANCE
from startright.statements import Claims
from startright.studies import frame

EQUAL = 1e-10
ROUNDING = 1e-14  # below it a relative distance is rounding, and differs from machine to machine
BOUNDED = 1.2  # from one width to ten times it

claim = Claims("scalp", page="structure/scalp", locator="a defence and an abstract; section not known to us")


def _equal(text: str, table: pd.DataFrame, control: str) -> Check:
    holds = len(table) > 0 and bool((table["distance"] < EQUAL).all())
    return Check(f"{text}: equal to 1e-10, every scaling", holds, "theorem", control)


def _largest(quantity: str, table: pd.DataFrame, checks: list[Check], note: str = "") -> Measurement:
    worst = max(float(table["distance"].max()), ROUNDING)
    return Measurement(f"{quantity} (floor 1e-14)", worst, None, len(table), tuple(checks), note=note)


@claim(
    "C1",
    "SGD on w̃ with w = Sw̃ is SGD on w with the learning rate ησ² of each coordinate.",
    "exact",
    EXACT,
    anchor="sec-scalp-step",
)
def measure_equivalence(records: Records) -> Measurement:
    """C1: two trainings of 200 steps from one start, on the same batches."""
    table = frame(records[EXACT.name])
    sgd = table[table["identity"].isin(("plain", "momentum", "glorot"))]
    adam = table.query("identity == 'adam'")["distance"]
    root = "a learning rate ησ"
    checks = [
        _equal("SGD, 200 steps", table.query("identity == 'plain'"), root),
        _equal("SGD with momentum", table.query("identity == 'momentum'"), root),
        _equal(
            "uniform scaling, and weights from N(0, 1/N) with η/N", sgd.query("identity == 'glorot'"), root
        ),
        Check("Adam: weights part by more than 1 %", (adam > 0.01).all(), "theorem", "SGD in place of Adam"),
    ]
    return _largest("largest relative difference of the weights after 200 steps of SGD", sgd, checks)


@claim(
    "C5",
    "The L2 penalty on w̃ is an asymmetric penalty on w, of a force that goes as 1/σ².",
    "exact",
    EXACT,
    anchor="sec-scalp-penalty",
)
def measure_penalty(records: Records) -> Measurement:
    """C5: the penalty regrouped by neurons, and its force."""
    table = frame(records[EXACT.name])
    plain = "no scaling"
    checks = [
        _equal("Σ w̃² and Σ m²/σ²", table.query("identity == 'l2'"), plain),
        _equal("Σ ‖w̃_k→‖ and Σ m/σ", table.query("identity == 'lasso'"), plain),
        _equal("the force on w, relative to w, and 2/σ²", table.query("identity == 'force'"), plain),
    ]
    ours = table[table["identity"].isin(PENALTIES)]
    return _largest("largest relative difference of the two sides", ours, checks)


@claim(
    "C2",
    "Var y and Var(y' − y) stay bounded as N → ∞ if and only if Σσ² is finite.",
    "1/k: 1.00 and 1.80 (closed form)",
    VARIANCE,
    anchor="fig-scalp-variance",
)
def measure_variances(records: Records) -> Measurement:
    """C2: sampled variances against closed forms, and how they grow."""
    runs = records[VARIANCE.name]
    off: dict[str, dict[str, pd.Series]] = {"start": {}, "step": {}}
    for kind in KINDS:
        for what, groups in off.items():
            sampled, exact = (
                readings.by_width(runs, column, kind=kind) for column in (what, f"{what}_exact")
            )
            groups |= {f"{kind}, N = {n}": np.log10(sampled[n] / exact[n]) for n in sampled}
    grows = {
        kind: {what: _last_decade(runs, what, kind) for what in ("start", "step")}
        for kind in (*NAMED, DIVERGENT)
    }
    finite = {f"{kind}, {what}": logs for kind in NAMED for what, logs in grows[kind].items()}
    infinite = {f"{DIVERGENT}, {what}": logs for what, logs in grows[DIVERGENT].items()}
    text, gain = "over its closed form within", "a gain of 1.2"
    checks = [
        ratio_between(f"Var y {text} 5 %", off["start"], above=0.95, below=1.05, control=gain),
        ratio_between(f"Var(y' − y) {text} 10 %", off["step"], above=0.9, below=1.1, control=gain),
        ratio_between("Σσ² finite: below ×1.2 a decade of N", finite, below=BOUNDED, control=DIVERGENT),
        ratio_between("Σσ² infinite: above ×1.2 a decade of N", infinite, above=BOUNDED, control="1/k"),
    ]
    widest = readings.by_width(runs, "step", kind="1/k").iloc[:, -1]
    return Measurement.of("Var(y' − y)/η², scaling 1/k, at the largest width", widest, checks)


def _last_decade(runs: list, column: str, kind: str) -> pd.Series:
    """log₁₀ of the growth over the last ten-fold widening, by seed."""
    table = readings.by_width(runs, column, kind=kind)
    wide = table.columns[-1]
    return np.log10(table[wide] / table[wide // 10])
