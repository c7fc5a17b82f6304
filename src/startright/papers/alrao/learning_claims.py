"""C1, C2 and C3: Alrao against the grid of SGD, network by network.

Three set-ups answer: the digits (quick), VGG19 at a quarter of its width (full), and the paper's networks
(paper), judged as far as they are recorded. Tolerances are the brief's for each; on the paper's networks the
first epochs are held against its curves as well.
"""

from collections.abc import Callable, Iterable, Iterator

import pandas as pd

from startright.checks import Check, each_between, every, mean_between, some
from startright.claims import Change, Measurement
from startright.papers.alrao import readings
from startright.papers.alrao.published import CURVES
from startright.papers.alrao.readings import Records
from startright.papers.alrao.studies.images import DECADES, LEARNING
from startright.statements import Claims
from startright.studies import curve_frame, frame

FROZEN, BLIND, WILD = "all rates 0", "a rate without effect", "all rates 1e30"
NO_FAILURE = "SGD in the place of Adam"

READ = (0.10, 0.08)  # nats: tolerance of the first epoch, of later ones
NEAR, FAR = 0.25, 0.5  # nats above the least loss: a rate so near is good, one so far has not learnt
USELESS = 0.3  # nats above Alrao's loss: a rate so much worse is useless alone

claim = Claims("alrao", page="structure/alrao", anchor="fig-alrao-learning")
NOW = "2026-11-26"
ON_DIGITS = ("with all rates 0 the digits lose less than that: the check could not fail", NOW)


def _limits(table: pd.DataFrame) -> tuple[float, float]:
    """Points of accuracy and nats that Alrao may lose: less on digits, where random features do well."""
    return (1.5, 0.05) if table["dataset"].iloc[0] == "digits" else (3.0, 0.1)


def _each_network(checks: Callable[[str, pd.DataFrame], Iterable[Check]], table: pd.DataFrame) -> list[Check]:
    return [check for net, runs in readings.networks(table) for check in checks(net, runs)]


def _of_alrao(table: pd.DataFrame, column: str) -> dict[str, pd.Series]:
    return {net: readings.by_method(runs)["alrao"][column] for net, runs in readings.networks(table)}


# --- C1: the accuracy -----------------------------------------------------------------------


def _behind(table: pd.DataFrame, column: str) -> pd.Series:
    """Alrao minus SGD at its best rate."""
    runs = readings.by_method(table)
    return readings.gap(runs, readings.best_runs(runs)[1], column)


def _accuracy_checks(net: str, table: pd.DataFrame) -> Iterator[Check]:
    (limit, loss_limit), (rates, _) = _limits(table), readings.best_runs(readings.by_method(table))
    points = f"{net}: accuracy at most {limit:g} points below SGD at its best rate{rates}"
    nats = f"{net}: test loss at most {loss_limit:g} nat above"
    yield mean_between(points, 100 * _behind(table, "best_test_accuracy"), above=-limit, control=FROZEN)
    yield mean_between(nats, _behind(table, "best_test_loss"), below=loss_limit, control=FROZEN)


@claim(
    "C1",
    "On CIFAR-10, Alrao on [1e-5, 10] with 10 heads is within one or two points of SGD at its best rate.",
    "accuracy −2.1 (MobileNetV2), −0.7 (GoogLeNet), −2.0 (VGG19) points",
    LEARNING,
    locator="main table, rows of CIFAR-10",
    changes=(Change("accuracy on digits", "3 points", "1.5 points, by its interval", *ON_DIGITS),),
)
def measure_accuracy(records: Records) -> Measurement:
    """C1: Alrao against the best rate, at the epoch that validation chooses."""
    table = frame(records[LEARNING.name])
    table = table[table["epochs"] == table["epochs"].max()]
    gaps = {net: 100 * _behind(runs, "best_test_accuracy") for net, runs in readings.networks(table)}
    shown = readings.per_network("accuracy of Alrao minus that of SGD at its best rate, points", gaps)
    comparable = readings.as_published(table) and bool(table["epochs"].iloc[0] >= 50)
    checks = _each_network(_accuracy_checks, table)
    return Measurement.of(*shown, checks, comparable=comparable, note=readings.note(table))


# --- C2: who fails --------------------------------------------------------------------------


def _reliability_checks(net: str, table: pd.DataFrame) -> Iterator[Check]:
    runs, far = readings.by_method(table), 2 * _limits(table)[0]
    yield every(f"{net}: no run of Alrao fails", runs["alrao"]["status"] == "ok", control=WILD)
    _, best = readings.best_runs(runs)
    least = best["best_test_accuracy"].mean() - far / 100
    ends = (readings.by_seed(runs[name], "best_test_accuracy").fillna(0) for name in ("alrao", "adam"))
    ours, adam = (values[:0] <= least if best.empty else values <= least for values in ends)
    yield every(
        f"{net}: no run of Alrao ends {far:g} points below the best rate of SGD", ~ours, control=FROZEN
    )
    yield some(f"{net}: a run of Adam ends {far:g} points below it", adam, control=NO_FAILURE)
    above = readings.above_best(runs["sgd"], best)
    near = f"{net}: SGD within {NEAR:g} nat of its best at 3 rates of 7 at most"
    yield mean_between(near, (above < NEAR).sum(axis=1), below=3.5, control=BLIND)
    ends = {f"{rate:g}": above[rate] for rate in (DECADES[0], DECADES[-1]) if rate in above}
    text = f"{net}: SGD at 1e-5 and at 10 at least {FAR:g} nat from it"
    yield each_between(text, ends, above=FAR, control=BLIND)


@claim(
    "C2",
    "Alrao is reliable: no run fails, where SGD learns well in two or three decades of rates only.",
    "standard deviation of accuracy ≤ 0.8 points; SGD at 1e-5 and 10 stays at 1.6 to 2.3 nats",
    LEARNING,
    locator="main table, column of Adam; figure of the learning curves",
    changes=(
        Change(
            "how a run fails",
            "nearer to guessing than to the best rate",
            "twice C1's points below it",
            *ON_DIGITS,
        ),
        Change("rates within 0.25 nat", "4 of 7", "3 of 7", "the paper says two or three decades", NOW),
        Change(
            "loss of a rate that fails",
            "as it is",
            "that of guessing at most",
            "one run at 1e10 made its mean meaningless",
            NOW,
        ),
    ),
    partial=("paper",),
)
def measure_reliability(records: Records) -> Measurement:
    """C2: who fails: Alrao, SGD at the wrong rate, Adam."""
    table = frame(readings.first_epochs(records))
    accuracy = {net: 100 * values for net, values in _of_alrao(table, "best_test_accuracy").items()}
    shown = readings.per_network("test accuracy of Alrao, %", accuracy)
    return Measurement.of(*shown, _each_network(_reliability_checks, table), **readings.judged(table))


# --- C3: the first epochs -------------------------------------------------------------------


def _early_checks(net: str, table: pd.DataFrame) -> Iterator[Check]:
    curves, limit = readings.by_method(table), _limits(table)[1]
    gaps, behind = readings.early_gaps(curves)
    text = f"{net}: training loss at most {limit:g} nat above the best rate's, in each of the first epochs"
    yield each_between(text, gaps, below=limit, control=FROZEN)
    text = f"{net}: in the first epoch 3 rates of SGD at least are {USELESS:g} nat worse than Alrao"
    yield mean_between(text, (behind > USELESS).sum(axis=1), above=2.5, control=BLIND)
    if net in CURVES and readings.as_published(table):
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
    bounds = {"above": -1.0, "below": 1.0, "kind": "number", "control": FROZEN}
    for alrao, who in ((True, "Alrao"), (False, "SGD and Adam")):
        yield each_between(f"{text}, {who}", groups[alrao], **bounds)


@claim(
    "C3",
    "Early in training Alrao follows the best one or two rates, though most of its are useless alone.",
    "training loss of the first epoch: GoogLeNet 1.38 (best SGD 1.35), MobileNetV2 1.58 (1.63)",
    LEARNING,
    locator="figure of the learning curves on CIFAR-10",
    changes=(Change("training loss on digits", "0.1 nat", "0.05 nat", *ON_DIGITS),),
    partial=("paper",),
)
def measure_early(records: Records) -> Measurement:
    """C3: the first epochs."""
    curves = curve_frame(readings.first_epochs(records), "train_loss")
    losses = _of_alrao(curves.query("step == 0"), "train_loss")
    shown = readings.per_network("training loss of Alrao in the first epoch, nats", losses)
    return Measurement.of(*shown, _each_network(_early_checks, curves), **readings.judged(curves))
