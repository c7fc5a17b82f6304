"""C1, C2 and C3: Alrao against the grid of SGD, network by network.

Three set-ups answer: the digits (quick), VGG19 at a quarter of its width (full), and the paper's networks
(paper), judged as far as they are recorded. Tolerances are the brief's for each; on the paper's networks the
first epochs are held against its curves as well.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from startright.checks import Check, each_between, every, mean_between, some
from startright.claims import Measurement
from startright.measured import either
from startright.papers.alrao.published import CURVES
from startright.papers.alrao.readings import (
    GUESSING,
    Records,
    as_published,
    by_method,
    by_seed,
    good_rates,
    networks,
    note,
    whole_grid,
)
from startright.papers.alrao.studies.images import DECADES, EARLY_EPOCHS, LEARNING
from startright.studies import curve_frame, frame

FROZEN, BLIND, WILD = "all rates 0", "a rate without effect", "all rates 1e30"
NO_FAILURE = "SGD in the place of Adam"

READ = (0.10, 0.08)  # nats: tolerance of the first epoch, of later ones
NEAR, FAR = 0.25, 0.5  # nats above the least loss: a rate so near is good, one so far has not learnt
USELESS = 0.3  # nats above Alrao's loss: a rate so much worse is useless alone


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    """Points of accuracy and nats that Alrao may lose: less on digits, where random features do well."""
    return (1.5, 0.05) if table["dataset"].iloc[0] == "digits" else (3.0, 0.1)


def _early(records: Records) -> list:
    """The runs of the first epochs, where there are longer ones too."""
    runs = records[LEARNING.name]
    lengths = {run.config["epochs"] for run in runs}
    return [run for run in runs if run.config["epochs"] == min(lengths)]


def _best(runs: dict[str, pd.DataFrame]) -> tuple[str, pd.DataFrame]:
    """The rates of SGD that may be its best, in words, and the runs at the first; none without its grid."""
    if not whole_grid(runs["sgd"]):
        return "", runs["sgd"].iloc[:0]
    good = good_rates(runs["sgd"])
    return ", " + either([f"{rate:g}" for rate in sorted(good)]), runs["sgd"][runs["sgd"]["lo"] == good[0]]


# --- C1: the accuracy -----------------------------------------------------------------------


def _gap(runs: dict[str, pd.DataFrame], best: pd.DataFrame, column: str) -> pd.Series:
    """Alrao minus SGD at the seeds that both have; a run of Alrao that diverged is infinitely worse."""
    ours, theirs = by_seed(runs["alrao"], column), by_seed(best, column)
    both = ours.index.intersection(theirs.index)
    worse = -np.inf if column.endswith("accuracy") else np.inf
    return (ours[both] - theirs[both]).fillna(worse)


def _accuracy_checks(net: str, table: pd.DataFrame) -> Iterator[Check]:
    runs, (limit, loss_limit) = by_method(table), _limits(table)
    rates, best = _best(runs)
    points = f"{net}: accuracy at most {limit:g} points below SGD at its best rate{rates}"
    nats = f"{net}: test loss at most {loss_limit:g} nat above"
    accuracy, loss = (_gap(runs, best, f"best_test_{what}") for what in ("accuracy", "loss"))
    yield mean_between(points, 100 * accuracy, above=-limit, control=FROZEN)
    yield mean_between(nats, loss, below=loss_limit, control=FROZEN)


def measure_accuracy(records: Records) -> Measurement:
    """C1: Alrao against the best rate, at the epoch that validation chooses."""
    table = frame(records[LEARNING.name])
    table = table[table["epochs"] == table["epochs"].max()]
    checks = [check for net, runs in networks(table) for check in _accuracy_checks(net, runs)]
    first = next(runs for _, runs in networks(table))
    runs = by_method(first)
    gap = 100 * _gap(runs, _best(runs)[1], "best_test_accuracy")
    return Measurement.of(
        "accuracy of Alrao minus that of SGD at its best rate, points",
        gap,
        checks,
        comparable=bool(table["epochs"].iloc[0] >= 50) and as_published(table),
        note=note(table),
    )


# --- C2: who fails --------------------------------------------------------------------------


def _above_best(sgd: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """How far the losses of every rate lie above those of the best, seed by rate, in nats."""
    if best.empty:
        return pd.DataFrame()
    known = sgd["validation_loss"].where(sgd["status"] == "ok", np.inf)
    losses = sgd.assign(value=known.clip(upper=GUESSING)).pivot(index="seed", columns="lo", values="value")
    return losses.sub(losses[best["lo"].iloc[0]], axis=0)


def _reliability_checks(net: str, table: pd.DataFrame) -> Iterator[Check]:
    runs, far = by_method(table), 2 * _limits(table)[0]
    yield every(f"{net}: no run of Alrao fails", runs["alrao"]["status"] == "ok", control=WILD)
    _, best = _best(runs)
    least = best["best_test_accuracy"].mean() - far / 100
    low = {name: by_seed(runs[name], "best_test_accuracy").fillna(0) <= least for name in ("alrao", "adam")}
    if best.empty:
        low = {name: flags[:0] for name, flags in low.items()}
    text = f"{net}: no run of Alrao ends {far:g} points below the best rate of SGD"
    yield every(text, ~low["alrao"], control=FROZEN)
    yield some(f"{net}: a run of Adam ends {far:g} points below it", low["adam"], control=NO_FAILURE)
    above = _above_best(runs["sgd"], best)
    near = f"{net}: SGD within {NEAR:g} nat of its best at 3 rates of 7 at most"
    yield mean_between(near, (above < NEAR).sum(axis=1), below=3.5, control=BLIND)
    ends = {f"{rate:g}": above[rate] for rate in (DECADES[0], DECADES[-1]) if rate in above}
    text = f"{net}: SGD at 1e-5 and at 10 at least {FAR:g} nat from it"
    yield each_between(text, ends, above=FAR, control=BLIND)


def measure_reliability(records: Records) -> Measurement:
    """C2: who fails: Alrao, SGD at the wrong rate, Adam."""
    table = frame(_early(records))
    accuracy = 100 * by_method(table)["alrao"]["best_test_accuracy"]
    return Measurement.of(
        "test accuracy of Alrao, %",
        accuracy,
        tuple(check for net, runs in networks(table) for check in _reliability_checks(net, runs)),
        comparable=as_published(table),
        note=note(table),
    )


# --- C3: the first epochs -------------------------------------------------------------------


def _early_gaps(curves: dict[str, pd.DataFrame]) -> tuple[dict[str, pd.Series], pd.Series]:
    """Epoch → loss of Alrao minus that of the best rate, by seed; and how many rates are useless, by seed."""
    if not whole_grid(curves["sgd"]) or curves["alrao"].empty:
        return {}, pd.Series(dtype=float)
    grid = curves["sgd"].pivot(index=["seed", "step"], columns="lo", values="train_loss")
    ours = curves["alrao"].set_index(["seed", "step"])["train_loss"]
    best = grid.groupby("step").mean().idxmin(axis=1)
    gaps = {
        f"epoch {step + 1}": (ours.xs(step, level="step") - grid.xs(step, level="step")[rate]).dropna()
        for step, rate in best.items()
        if step < EARLY_EPOCHS
    }
    first = grid.xs(0, level="step").sub(ours.xs(0, level="step"), axis=0).fillna(np.inf)
    return gaps, (first > USELESS).sum(axis=1)


def _early_checks(net: str, table: pd.DataFrame) -> Iterator[Check]:
    curves, limit = by_method(table), _limits(table)[1]
    gaps, useless = _early_gaps(curves)
    text = f"{net}: training loss at most {limit:g} nat above the best rate's, in each of the first epochs"
    yield each_between(text, gaps, below=limit, control=FROZEN)
    text = f"{net}: in the first epoch 3 rates of SGD at least are {USELESS:g} nat worse than Alrao"
    yield mean_between(text, useless, above=2.5, control=BLIND)
    if net in CURVES and as_published(table):
        yield from _published_checks(net, curves)


def _published_checks(net: str, curves: dict[str, pd.DataFrame]) -> Iterator[Check]:
    """The paper's curves of training losses: Alrao's, and those of the others as far as they were run."""
    epochs, published = CURVES[net]
    groups: dict[bool, dict[str, pd.Series]] = {True: {}, False: {}}
    for method, values in published.items():
        runs = curves["alrao"] if method == "Alrao" else curves["adam"]
        name = method
        if not isinstance(method, str):
            runs, name = curves["sgd"][curves["sgd"]["lo"] == method], f"SGD {method:g}"
        for epoch, value in zip(epochs, values, strict=True):
            found = runs.loc[runs["step"] == epoch, "train_loss"]
            if len(found):
                off = (found - value) / READ[epoch > 0]
                groups[method == "Alrao"][f"{name}, epoch {epoch + 1}, off by tolerances"] = off
    text = f"{net}: training losses are the paper's, to {READ[0]:g} nat in the first epoch, {READ[1]:g} later"
    for alrao, who in ((True, "Alrao"), (False, "SGD and Adam")):
        yield each_between(
            f"{text}, {who}", groups[alrao], above=-1.0, below=1.0, kind="number", control=FROZEN
        )


def measure_early(records: Records) -> Measurement:
    """C3: the first epochs."""
    curves = curve_frame(_early(records), "train_loss")
    first = by_method(curves)["alrao"].query("step == 0")["train_loss"]
    return Measurement.of(
        "training loss of Alrao in the first epoch, nats",
        first,
        tuple(check for net, runs in networks(curves) for check in _early_checks(net, runs)),
        comparable=as_published(curves),
        note=note(curves),
    )
