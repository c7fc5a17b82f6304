"""C9, C10, C13 and C14: on Adam, three times as wide, with few units learning, with units reset."""

from collections.abc import Iterator

import numpy as np

from startright.checks import Check, each_between, mean_between, some
from startright.claims import Change, Measurement
from startright.papers.alrao import readings
from startright.papers.alrao.readings import Records
from startright.papers.alrao.studies.images import VARIANTS
from startright.papers.alrao.studies.units import UNITS
from startright.statements import Claims
from startright.studies import frame

IDLE, PLAIN = "no step at all", "Adam in its place"
SWAPPED, SPREAD_OUT = "rates swapped", "resets that know no layer"
HARMFUL, HARMLESS = "resets that cost 50 points", "resets without effect"
SLOW = 3  # bins of rates, one a decade, below 1e-2

claim = Claims("alrao", page="structure/alrao")
NOW = "2026-11-26"


@claim(
    "C9",
    "On top of Adam, Alrao lowers the training loss but is unreliable on the test loss.",
    "GoogLeNet: test loss leaves the plot after 5 epochs; VGG19: 1 run of 10 oscillates",
    VARIANTS,
    anchor="tab-alrao-variants",
    locator="appendix on Alrao-Adam, figures",
)
def measure_on_adam(records: Records) -> Measurement:
    """C9: Alrao's rates on Adam."""
    table = readings.variants(records)
    runs = readings.by_method(table[table["width"] == 1])
    ours, adam = runs["alrao-adam"], runs["adam"]
    training, losses = (readings.by_seed(ours, name).fillna(np.inf) for name in ("train_loss", "test_loss"))
    bad = losses > adam["test_loss"].max() + 0.5
    checks = (
        mean_between("the training loss falls below 0.5 nat", training, below=0.5, control=IDLE),
        some("a run's test loss ends 0.5 nat above the worst of Adam's", bad, control=PLAIN),
    )
    return Measurement.of("test loss of Alrao on Adam, nats", losses, checks, **readings.judged(table))


@claim(
    "C10",
    "Alrao needs no wider network: three times the width helps it about as much as it helps SGD.",
    "GoogLeNet 0.47 → 0.37, MobileNetV2 0.42 → 0.35 nats",
    VARIANTS,
    anchor="tab-alrao-variants",
    locator="main table, rows × 3; figure of the wide networks",
    changes=(
        Change(
            "same change as SGD",
            "within twice the spread",
            "within 0.05 nat",
            "noise made the old one pass",
            NOW,
        ),
    ),
)
def measure_width(records: Records) -> Measurement:
    """C10: three times as wide."""
    table = readings.variants(records)
    table = table[(table["per"] == "unit") & table["fraction"].isna() & (table["hi"] <= 10)]
    gains = {}
    for method in ("alrao", "sgd"):
        runs = readings.by_method(table)[method].pivot(index="seed", columns="width", values="test_loss")
        gains[method] = runs[3.0] - runs[1.0]
    text = "three times the width changes the test loss as it does SGD's, to 0.05 nat: difference"
    check = mean_between(text, gains["alrao"] - gains["sgd"], above=-0.05, below=0.05, control=IDLE)
    quantity = "test loss of Alrao at width × 3 minus at width × 1, nats"
    return Measurement.of(quantity, gains["alrao"], [check], **readings.judged(table))


@claim(
    "C13",
    "Networks bear that many units do not learn.",
    "none available (a figure)",
    VARIANTS,
    anchor="fig-alrao-fraction",
    locator="figure of the fraction of trained units",
    changes=(
        Change(
            "shape",
            "falls, if slowly, with the fraction",
            "half of the units cost less than a point",
            "no wrong method failed the first",
            NOW,
        ),
    ),
)
def measure_fraction(records: Records) -> Measurement:
    """C13: few units learn."""
    table = readings.variants(records)
    runs = table[table["fraction"].notna()].pivot(index="seed", columns="fraction", values="accuracy")
    half, fifth = (runs[1.0] - runs[share] for share in (0.5, 0.2))
    checks = (
        mean_between("half of the units learning costs less than 1 point", half, below=1, control=IDLE),
        mean_between("a fifth of them learning costs less than 3 points", fifth, below=3, control=IDLE),
    )
    quantity = "accuracy lost when a fifth of the units learns, points"
    differs = readings.note(table) or "the paper's values are in a figure that is not available"
    return Measurement.of(quantity, fifth, checks, comparable=readings.as_published(table), note=differs)


# --- C14: which units -----------------------------------------------------------------------


def _unit_checks(drops: np.ndarray) -> Iterator[Check]:
    slow, fast = drops[:, :SLOW].mean((1, 2)), drops[:, SLOW:].mean((1, 2))
    text = "units above 1e-2 cost more to reset than those below, points"
    yield mean_between(text, fast - slow, above=0, control=SWAPPED)
    layers = drops.mean(1)
    worst = layers.max(1)
    others = np.maximum((layers.sum(1) - worst) / (layers.shape[1] - 1), 0.1)
    ratio = np.log10(np.maximum(worst / others, 1e-3))
    text = "the worst layer loses 3 times what the others lose, in decades"
    yield mean_between(text, ratio, above=float(np.log10(3)), control=SPREAD_OUT)
    mean = drops.mean(0)
    safest = {f"decade {k + 1}": drops[:, k, mean[k].argmin()] for k in range(mean.shape[0])}
    text = "units of each decade can be reset in some layer for less than 1 point"
    yield each_between(text, safest, below=1, control=HARMFUL)
    costly = {f"decade {k + 1}": drops[:, k, mean[k].argmax()] for k in range(SLOW, mean.shape[0])}
    text = "those of no decade above 1e-2 can be in every layer"
    yield each_between(text, costly, above=1, control=HARMLESS)


@claim(
    "C14",
    "No rate is wrong everywhere: which units are dispensable depends on the layer; mostly slow ones.",
    "none available (a figure)",
    UNITS,
    anchor="fig-alrao-units",
    locator="thesis of P. Wolinski, figure of the least useful units",
    changes=(
        Change(
            "the worst layer",
            "3 times the median",
            "3 times the mean of the others",
            "of two layers, as on digits, none has 3 times the median",
            NOW,
        ),
    ),
)
def measure_units(records: Records) -> Measurement:
    """C14: units reset to their initial weights, by layer and rate."""
    runs = records[UNITS.name]
    drops = readings.drops_of(runs)
    slow = drops[:, :SLOW].mean((1, 2))
    quantity = "accuracy lost by resetting slow units (η < 1e-2), points, mean over layers and bins"
    return Measurement.of(quantity, slow, _unit_checks(drops), **readings.judged(frame(runs)))
