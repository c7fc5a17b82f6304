"""C4 and C11: which interval, and which head.

The best rate of SGD comes from the same data and network, never from the paper.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from startright.checks import Check, each_between, every, mean_between
from startright.claims import Measurement
from startright.papers.alrao.published import FIRST_EPOCH_MAP
from startright.papers.alrao.readings import (
    NAMES,
    Records,
    as_published,
    by_method,
    good_rates,
    head_rates,
    note,
    trace,
    whole_grid,
)
from startright.papers.alrao.studies.images import INTERVALS, LEARNING
from startright.papers.alrao.studies.selection import SELECTION
from startright.studies import Record, frame

LARGEST, BLIND, WILD = "the largest rate for all", "an interval without effect", "all rates 1e30"
UNIFORM = "equal weights for all heads"

# --- C4: the interval -----------------------------------------------------------------------


def _good(learning: pd.DataFrame, net: str) -> list[float]:
    """The rates of SGD that may be its best on this network; none while its grid is not run."""
    sgd = by_method(learning[learning["net"] == net])["sgd"] if len(learning) else learning
    return good_rates(sgd) if len(sgd) and whole_grid(sgd) else []


def _interval_checks(cells: pd.DataFrame, good: Sequence[float]) -> Iterator[Check]:
    """Whether intervals that hold a good rate are alike, and better than the others."""
    alike = "intervals that hold a best rate of SGD are within 0.3 nat of one another"
    worse = "intervals that hold none are at least 0.3 nat worse than all of these"
    wide = cells[cells["lo"] < cells["hi"]]
    holds = [any(lo <= rate <= hi for rate in good) for lo, hi in zip(wide["lo"], wide["hi"], strict=True)]
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
    checks = [*_interval_checks(cells, good)]
    seeds = int(alrao["seed"].nunique())
    text = "every run of Alrao ends with finite losses"
    checks.append(every(text, np.isfinite(alrao["value"]), control=WILD, n=seeds))
    published = as_published(table)
    checks += _map_checks(cells) if published else ()
    held = [any(lo <= rate <= hi for rate in good) for lo, hi in zip(alrao["lo"], alrao["hi"], strict=True)]
    spans = alrao[held].groupby("seed")["value"].agg(np.ptp) if any(held) else pd.Series([np.nan])
    return Measurement.of(
        "range of the training loss over the intervals that hold a best rate of SGD, nats",
        spans,
        checks,
        comparable=published,
        note=note(table) and f"{note(table)}; the paper's map is GoogLeNet's",
    )


# --- C11: the heads -------------------------------------------------------------------------

SOON, LATE = 30, 125  # steps: the paper's fast heads are gone, its winner holds 0.95


def _at(steps: np.ndarray, weights: np.ndarray, step: int) -> np.ndarray:
    """The weights at the first recorded step from this one on."""
    return weights[steps >= step][0]


def _selection_checks(net: str, runs: Sequence[Record], good: Sequence[float]) -> Iterator[Check]:
    paths = [(head_rates(run), *trace(run)) for run in runs if run.status == "ok"]
    winners = [float(rates[_at(steps, weights, LATE).argmax()]) for rates, steps, weights in paths]
    fast = [_at(steps, weights, SOON)[rates > 1].sum() for rates, steps, weights in paths]
    yield mean_between(
        f"{net}: after {SOON} steps the heads with η > 1 hold less than 0.05",
        fast,
        below=0.05,
        control=UNIFORM,
    )
    held = [_at(steps, weights, LATE).max() for _, steps, weights in paths]
    least = 0.5 if net == "MLP" else 0.95
    yield mean_between(
        f"{net}: by step {LATE} one head holds more than {least:g}", held, above=least, control=UNIFORM
    )
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


def _traced(records: Records) -> list[Record]:
    """The runs of the first steps; networks that have none are seen in the paper's longer trainings."""
    runs = list(records[SELECTION.name])
    nets = {run.config["net"] for run in runs}
    longer = [
        run for run in records[LEARNING.name] if run.config["heads"] > 1 and run.config["net"] not in nets
    ]
    return runs + [run for run in longer if as_published(frame([run]))]


def measure_switch(records: Records) -> Measurement:
    """C11: the weights of the heads, step by step."""
    runs, learning = _traced(records), frame(records[LEARNING.name])
    checks: list[Check] = []
    for net in dict.fromkeys(run.config["net"] for run in runs):
        own = [run for run in runs if run.config["net"] == net]
        published = as_published(frame(own))
        grid = learning[[as_published(learning.loc[[row]]) == published for row in learning.index]]
        checks += _selection_checks(NAMES[net], own, _good(grid, net))
    held = pd.Series([_at(*trace(run), LATE).max() for run in runs if run.status == "ok"], dtype=float)
    table = frame(runs).assign(width=1.0)
    return Measurement.of(
        f"weight of the leading head after {LATE} steps",
        held,
        checks,
        comparable=as_published(table),
        note=note(table),
    )
