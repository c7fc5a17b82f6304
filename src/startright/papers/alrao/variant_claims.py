"""C9, C10, C13 and C14: on Adam, three times as wide, with few units learning, with units reset."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from startright.checks import Check, each_between, mean_between, some
from startright.claims import Measurement
from startright.papers.alrao.readings import Records, as_published, by_method, by_seed, note
from startright.papers.alrao.studies.images import VARIANTS
from startright.papers.alrao.studies.units import EDGES, UNITS
from startright.studies import Record, frame

IDLE, PLAIN = "no step at all", "Adam in its place"
SWAPPED, SPREAD_OUT, HARMFUL, HARMLESS = (
    "rates swapped",
    "resets that know no layer",
    "resets that cost 50 points",
    "resets without effect",
)
SLOW = 3  # bins of rates, one a decade, below 1e-2


def _variants(records: Records) -> pd.DataFrame:
    table = frame(records[VARIANTS.name])
    return table.assign(accuracy=100 * table["test_accuracy"])


def measure_on_adam(records: Records) -> Measurement:
    """C9: Alrao's rates on Adam."""
    table = _variants(records)
    runs = by_method(table[table["width"] == 1])
    ours, adam = runs["alrao-adam"], runs["adam"]
    losses = by_seed(ours, "test_loss").fillna(np.inf)
    checks = (
        mean_between(
            "the training loss falls below 0.5 nat",
            by_seed(ours, "train_loss").fillna(np.inf),
            below=0.5,
            control=IDLE,
        ),
        some(
            "a run's test loss ends 0.5 nat above the worst of Adam's",
            losses > adam["test_loss"].max() + 0.5,
            control=PLAIN,
        ),
    )
    return Measurement.of(
        "test loss of Alrao on Adam, nats",
        losses,
        checks,
        comparable=as_published(table),
        note=note(table),
    )


def measure_width(records: Records) -> Measurement:
    """C10: three times as wide."""
    table = _variants(records)
    table = table[(table["per"] == "unit") & table["fraction"].isna() & (table["hi"] <= 10)]
    gains = {}
    for method in ("alrao", "sgd"):
        runs = by_method(table)[method].pivot(index="seed", columns="width", values="test_loss")
        gains[method] = runs[3.0] - runs[1.0]
    text = "three times the width changes the test loss as it does SGD's, to 0.05 nat: difference"
    differ = gains["alrao"] - gains["sgd"]
    checks = (mean_between(text, differ, above=-0.05, below=0.05, control=IDLE),)
    return Measurement.of(
        "test loss of Alrao at width × 3 minus at width × 1, nats",
        gains["alrao"],
        checks,
        comparable=as_published(table),
        note=note(table),
    )


def measure_fraction(records: Records) -> Measurement:
    """C13: few units learn."""
    table = _variants(records)
    runs = table[table["fraction"].notna()].pivot(index="seed", columns="fraction", values="accuracy")
    drop = runs[1.0] - runs[0.2]
    checks = (
        mean_between(
            "half of the units learning costs less than 1 point", runs[1.0] - runs[0.5], below=1, control=IDLE
        ),
        mean_between("a fifth of them learning costs less than 3 points", drop, below=3, control=IDLE),
    )
    return Measurement.of(
        "accuracy lost when a fifth of the units learns, points",
        drop,
        checks,
        comparable=as_published(table),
        note=note(table) or "the paper's values are in a figure that is not available",
    )


# --- C14: which units -----------------------------------------------------------------------


def drops_of(runs: list[Record]) -> np.ndarray:
    """Points of accuracy that a reset costs, (seed, bin of rates, layer), of the runs that ended well."""
    bins = range(len(EDGES) - 1)
    return np.array([[run.curves[f"drop_{k}"] for k in bins] for run in runs if run.status == "ok"])


def _unit_checks(drops: np.ndarray) -> Iterator[Check]:
    slow, fast = drops[:, :SLOW].mean((1, 2)), drops[:, SLOW:].mean((1, 2))
    yield mean_between(
        "units above 1e-2 cost more to reset than those below, points", fast - slow, above=0, control=SWAPPED
    )
    layers = drops.mean(1)
    worst = layers.max(1)
    others = np.maximum((layers.sum(1) - worst) / (layers.shape[1] - 1), 0.1)
    yield mean_between(
        "the worst layer loses 3 times what the others lose, in decades",
        np.log10(np.maximum(worst / others, 1e-3)),
        above=float(np.log10(3)),
        control=SPREAD_OUT,
    )
    mean = drops.mean(0)
    safest = {f"decade {k + 1}": drops[:, k, mean[k].argmin()] for k in range(mean.shape[0])}
    yield each_between(
        "units of each decade can be reset in some layer for less than 1 point",
        safest,
        below=1,
        control=HARMFUL,
    )
    costly = {f"decade {k + 1}": drops[:, k, mean[k].argmax()] for k in range(SLOW, mean.shape[0])}
    yield each_between(
        "those of no decade above 1e-2 can be in every layer", costly, above=1, control=HARMLESS
    )


def measure_units(records: Records) -> Measurement:
    """C14: units reset to their initial weights, by layer and rate."""
    runs = records[UNITS.name]
    drops, table = drops_of(runs), frame(runs)
    slow = pd.Series(drops[:, :SLOW].mean((1, 2)))
    return Measurement.of(
        "accuracy lost by resetting slow units (η < 1e-2), points, mean over layers and bins",
        slow,
        tuple(_unit_checks(drops)),
        comparable=as_published(table),
        note=note(table),
    )
