"""Claims C11 to C13: where the best temperature is known, every number a closed form."""

from collections.abc import Callable

import pandas as pd

from startright.checks import Check, every
from startright.claims import Measurement
from startright.papers.posterior import studies
from startright.papers.posterior.readings import Records, rows
from startright.statements import Claims
from startright.studies import frame

FLAT = 1e-10  # nats per unit of ln τ: rounding in float64
WELL = {"curation": 1.0, "copies": 1.0, "mean_field": False}
MEAN_FIELD = "a posterior of independent weights"

claim = Claims(
    "posterior",
    page="depth/cold-posterior",
    anchor="fig-posterior-conjugate",
    locator="linear regression, worked out for this book",
)


def _exact(name: str, runs: pd.DataFrame, control: str) -> list[Check]:
    """The best of the grid is the known one, on average and in every problem; the curve is flat there."""
    kind = {"control": control, "kind": "theorem"}
    hits = runs["best"] == runs["known"]
    return [
        every(f"{name}: the best τ of the grid, every seed", hits, **kind),
        every(f"{name}: the best τ of the grid in every single problem", runs["agree"] == 1, **kind),
        every(
            f"{name}: slope there below {FLAT:g} nats per unit of ln τ", runs["slope"].abs() < FLAT, **kind
        ),
    ]


def _value(quantity: str, best: pd.Series, checks: list[Check]) -> Measurement:
    """The temperature that the grid gives; it is exact, and has no spread."""
    return Measurement(quantity, float(best.median()), None, len(best), tuple(checks))


def _of(records: Records) -> pd.DataFrame:
    return frame(records[studies.CONJUGATE.name])


@claim(
    "C11",
    "Where the model is right, τ = λN = 1 predicts best.",
    "τ = 1",
    studies.CONJUGATE,
)
def measure_right(records: Records) -> Measurement:
    """C11: the model is right."""
    runs = rows(_of(records), **WELL)
    checks = [*_exact("τ = 1", rows(runs, correlation=0.0), "labels curated"), _no_mean_field(runs)]
    return _value("best τ, N = 20, d = 10", rows(runs, correlation=0.0)["best"], checks)


def _no_mean_field(runs: pd.DataFrame) -> Check:
    text = f"τ = 1: slope there below {FLAT:g}, whatever the correlation of two features"
    return every(text, runs["slope"].abs() < FLAT, control=MEAN_FIELD, kind="theorem")


def _swept(name: Callable[[float], str], column: str, runs: pd.DataFrame, control: str) -> list[Check]:
    groups = runs.groupby(column)
    return [check for value, group in groups for check in _exact(name(value), group, control)]


@claim(
    "C12",
    "Labels that are S times less noisy than the model says: the best temperature is 1/S, cold.",
    "S = 5: τ = 0.2",
    studies.CONJUGATE,
)
def measure_curated(records: Records) -> Measurement:
    """C12: curated labels."""
    runs = _of(records)
    runs = runs[runs["curation"] > 1]
    checks = _swept(lambda s: f"S = {s:g}: τ = {1 / s:g}", "curation", runs, "labels not curated")
    return _value("best τ, S = 5", rows(runs, curation=5.0)["best"], checks)


@claim(
    "C13",
    "Points counted K times as if independent: the best temperature is K, warm.",
    "K = 5: τ = 5",
    studies.CONJUGATE,
)
def measure_copies(records: Records) -> Measurement:
    """C13: copies."""
    runs = _of(records)
    runs = runs[runs["copies"] > 1]
    checks = _swept(lambda k: f"K = {k:g}: τ = {k:g}", "copies", runs, "copies counted once")
    return _value("best τ, K = 5", rows(runs, copies=5.0)["best"], checks)
