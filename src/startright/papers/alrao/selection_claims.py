"""C4 and C11: which interval, and which head.

The best rate of SGD comes from the same data and network, never from the paper.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from startright.checks import Check, each_between, every, mean_between
from startright.claims import Change, Measurement
from startright.papers.alrao import readings
from startright.papers.alrao.published import FIRST_EPOCH_MAP
from startright.papers.alrao.readings import Records
from startright.papers.alrao.studies.images import INTERVALS, LEARNING
from startright.papers.alrao.studies.selection import SELECTION
from startright.statements import Claims
from startright.studies import Record, frame

LARGEST, BLIND, WILD = "the largest rate for all", "an interval without effect", "all rates 1e30"
UNIFORM = "equal weights for all heads"

claim = Claims("alrao", page="structure/alrao")
NOW = "2026-11-26"

# --- C4: the interval -----------------------------------------------------------------------


def _good(learning: pd.DataFrame, net: str) -> list[float]:
    """The rates of SGD that may be its best on this network; none while its grid is not run."""
    sgd = readings.by_method(learning[learning["net"] == net])["sgd"] if len(learning) else learning
    return readings.good_rates(sgd) if len(sgd) and readings.whole_grid(sgd) else []


def _interval_checks(cells: pd.DataFrame, good: Sequence[float]) -> Iterator[Check]:
    """Whether intervals that hold a good rate are alike, and better than the others."""
    alike = "intervals that hold a best rate of SGD are within 0.3 nat of one another"
    worse = "intervals that hold none are at least 0.3 nat worse than all of these"
    wide = cells[cells["lo"] < cells["hi"]]
    holds = readings.holding(wide, good)
    table = wide.assign(holds=holds).groupby(["seed", "holds"])["value"].agg(["min", "max"]).unstack("holds")
    if not good or len(set(holds)) < 2 or table.isna().any(axis=None):  # nothing to compare, or not yet
        why = "not yet run" if not good else "no interval to compare"
        yield Check(f"{alike}: {why}", None, control=LARGEST)
        yield Check(f"{worse}: {why}", None, control=BLIND)
        return
    yield mean_between(alike, table["max", True] - table["min", True], below=0.3, control=LARGEST)
    yield mean_between(worse, table["min", False] - table["max", True], above=0.3, control=BLIND)


def _map_checks(cells: pd.DataFrame) -> Iterator[Check]:
    """The paper's map of the first epoch, cell by cell."""
    groups = {
        f"({lo:g}, {hi:g})": cells.query("lo == @lo and hi == @hi")["value"] - value
        for (lo, hi), value in FIRST_EPOCH_MAP.items()
        if value <= 1.6
    }
    known = {name: values for name, values in groups.items() if len(values)}
    text = "first epoch: cells of the paper's map up to 1.6 are met to 0.1 nat"
    yield each_between(text, known, above=-0.1, below=0.1, kind="number", control=LARGEST)


@claim(
    "C4",
    "The interval matters little as long as it contains a good rate.",
    "first epoch: 1.27 to 1.50 where ηmin ≤ 0.1 ≤ ηmax; ≥ 2.2 where ηmax ≤ 1e-3",
    INTERVALS,
    LEARNING,
    anchor="fig-alrao-intervals",
    locator="heat map of the intervals, GoogLeNet",
    changes=(
        Change(
            "which intervals are good",
            "those from 0.1 or less to 0.1 or more",
            "those that hold a best rate of SGD",
            "the best rate of the paper's network need not be that of another",
            NOW,
        ),
    ),
    partial=("paper",),
)
def measure_intervals(records: Records) -> Measurement:
    """C4: intervals that hold a good rate against those that do not."""
    table = frame(records[INTERVALS.name])
    table = table[table["epochs"] == table["epochs"].min()]
    cells = table.assign(value=table["train_loss"].where(table["status"] == "ok", np.inf))
    learning = frame(records[LEARNING.name])
    if len(learning):
        learning = learning[learning["epochs"] == learning["epochs"].min()]
    good = _good(learning, table["net"].iloc[0])
    alrao = cells[cells["lo"] < cells["hi"]]
    text, finite = "every run of Alrao ends with finite losses", np.isfinite(alrao["value"])
    checks = [
        *_interval_checks(cells, good),
        every(text, finite, control=WILD, n=int(alrao["seed"].nunique())),
        *(_map_checks(cells) if readings.as_published(table) else ()),
    ]
    held = readings.holding(alrao, good)
    spans = alrao[held].groupby("seed")["value"].agg(np.ptp) if any(held) else pd.Series([np.nan])
    quantity = "range of the training loss over the intervals that hold a best rate of SGD, nats"
    differs = readings.note(table) and f"{readings.note(table)}; the paper's map is GoogLeNet's"
    return Measurement.of(quantity, spans, checks, comparable=readings.as_published(table), note=differs)


# --- C11: the heads -------------------------------------------------------------------------

SOON, LATE = 30, 125  # steps: the paper's fast heads are gone, its winner holds 0.95


def _leading(runs: Sequence[Record]) -> list[float]:
    """The largest weight of a head by step 125, a run each."""
    return [readings.weights_at(*readings.trace(run), LATE).max() for run in runs if run.status == "ok"]


def _selection_checks(net: str, runs: Sequence[Record], good: Sequence[float]) -> Iterator[Check]:
    paths = [(readings.head_rates(run), *readings.trace(run)) for run in runs if run.status == "ok"]
    late = [readings.weights_at(steps, weights, LATE) for _, steps, weights in paths]
    winners = [float(rates[weights.argmax()]) for (rates, _, _), weights in zip(paths, late, strict=True)]
    fast = [readings.weights_at(steps, weights, SOON)[rates > 1].sum() for rates, steps, weights in paths]
    text = f"{net}: after {SOON} steps the heads with η > 1 hold less than 0.05"
    yield mean_between(text, fast, below=0.05, control=UNIFORM)
    least = 0.5 if net == "MLP" else 0.95
    text = f"{net}: by step {LATE} one head holds more than {least:g}"
    yield mean_between(text, _leading(runs), above=least, control=UNIFORM)
    led = [
        rates[weights[(steps >= 10) & (steps < LATE)].argmax(1)].max() > winner
        for (rates, steps, weights), winner in zip(paths, winners, strict=True)
    ]
    yield every(f"{net}: a head with a larger rate led before it", led, control=UNIFORM)
    text = f"{net}: its rate is within a decade of a best rate of SGD"
    if good:
        near = [min(abs(np.log10(winner / rate)) for rate in good) for winner in winners]
        yield every(text, np.array(near) <= 1, control=UNIFORM)
    if net == "GoogLeNet":
        text = f"{net}: by step {LATE} the head with the paper's rate, 0.0215, leads"
        yield every(text, np.isclose(winners, 10**-5 * 10 ** (6 * 5 / 9)), kind="number", control=UNIFORM)


@claim(
    "C11",
    "Switch selects: heads with the largest rates die at once, one head soon takes all the weight.",
    "GoogLeNet: η = 0.1 leads at step 30, η = 0.02 passes 0.95 by step 125",
    SELECTION,
    LEARNING,
    anchor="fig-alrao-switch",
    locator="figure of the heads' weights, GoogLeNet",
    changes=(
        Change(
            "where", "the end of a training", "step 125, on the first 200 steps", "the paper's moment", NOW
        ),
        Change("the winner's weight", "0.9", "0.95; 0.5 on digits", "the paper's and the brief's", NOW),
        Change("distance of its rate from SGD's best", "1.5 decades", "1 decade", "the brief's", NOW),
    ),
    partial=("paper",),
)
def measure_switch(records: Records) -> Measurement:
    """C11: the weights of the heads, step by step."""
    nets, learning = readings.traced(records), frame(records[LEARNING.name])
    checks: list[Check] = []
    held = {}
    for net, runs in nets.items():
        published = readings.as_published(frame(runs))
        grid = learning[[readings.as_published(learning.loc[[row]]) == published for row in learning.index]]
        checks += _selection_checks(readings.NAMES[net], runs, _good(grid, net))
        held[readings.NAMES[net]] = _leading(runs)
    shown = readings.per_network(f"weight of the leading head after {LATE} steps", held)
    table = frame([run for runs in nets.values() for run in runs]).assign(width=1.0)
    return Measurement.of(*shown, checks, **readings.judged(table))
