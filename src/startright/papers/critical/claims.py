"""Claims C7 to C11 of the lecture, on critical periods, each beside the measurement that settles it.

They go on where those on the first weights, C1 to C6, end. All thresholds were laid down before the data, and
of a grid with several networks that nearest to the paper's is judged. The wrong methods that fail the checks
(``control``) are made up in the tests.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from startright.checks import Check, each_between, mean_between, ratio_between
from startright.claims import Change, Measurement
from startright.measured import DECIDES, Contrast
from startright.papers.critical import readings, studies
from startright.statements import Claims, in_order
from startright.studies import Record

Records = Mapping[str, list[Record]]
EXCHANGED = "deficit and control exchanged"
REVERSED = "time reversed"
UNTRAINED = "networks that do not learn"
ALIKE = "the blur in the place of all deficits"
IGNORED = "weight decay without effect"
SMALL = 1.0  # points: "almost no gap"
VANISHED = 0.5  # points: what a late window may cost
SAME = 0.25  # points: below this weight decay changes nothing
PARTIAL = ("paper",)

claim = Claims(
    "critical", page="starting/critical-periods", locator="lecture, part on critical periods; section unknown"
)


def _where(records: list[Record]) -> dict[str, object]:
    """Whether the network is one of the paper's, and what differs."""
    if records[0].config["network"] in studies.PUBLISHED:
        return {}
    return {"comparable": False, "note": f"{readings.network(records)}, not All-CNN on CIFAR-10"}


@claim(
    "C7",
    "A blur early in training leaves a permanent gap, which later clean data do not close.",
    "error up to about 3 times that of the control, from a removal at epoch 40 to 60 on (approximate)",
    studies.REMOVAL,
    anchor="fig-critical-removal",
    partial=PARTIAL,
)
def measure_gap(records: Records) -> Measurement | None:
    """C7: accuracy after equally long clean training, without a deficit and after the longest blur."""
    found = readings.chief(records[studies.REMOVAL.name])
    gaps, again = readings.gaps(found), readings.gaps(found, restart=True)
    if not gaps:
        return None
    first, last = min(gaps), max(gaps)
    growth = (gaps[last] - gaps[first]).dropna()
    checks = (
        mean_between(f"blur until epoch {last}: points lost above 0", gaps[last], above=0, control=EXCHANGED),
        mean_between(
            f"more is lost than by a blur until epoch {first}: difference above 0",
            growth,
            above=0,
            control=REVERSED,
        ),
        mean_between(
            f"also with the learning rate restarted at epoch {last}: points lost above 0",
            again.get(last, []),
            above=0,
            control=EXCHANGED,
        ),
    )
    quantity = f"points of accuracy lost to a blur until epoch {last}"
    return Measurement.of(quantity, gaps[last], checks, **_where(found))


@claim(
    "C8",
    "Images upside down or permuted labels leave almost no gap; noise leaves a smaller one than the blur.",
    "an order: upside down and labels about 0, noise below blur",
    studies.REMOVAL,
    anchor="fig-critical-removal",
    partial=PARTIAL,
)
def measure_order(records: Records) -> Measurement | None:
    """C8: the gaps of the other deficits after the longest of them."""
    found = readings.chief(records[studies.REMOVAL.name])
    others = {name: readings.gaps(found, name) for name in ("flip", "labels", "noise")}
    if not all(others.values()):
        return None
    last = readings.longest(found)
    small = {readings.WORDS[name]: others[name][last] for name in ("flip", "labels")}
    less = (readings.gaps(found)[last] - others["noise"][last]).dropna()
    checks = (
        each_between(
            f"upside down, labels: points lost within {SMALL:g} of 0",
            small,
            above=-SMALL,
            below=SMALL,
            control=ALIKE,
        ),
        mean_between("noise loses less than the blur: difference above 0", less, above=0, control=ALIKE),
    )
    quantity = f"points that the blur loses more than noise, until epoch {last}"
    return Measurement.of(quantity, less, checks, **_where(found))


@claim(
    "C9",
    "A deficit in a window costs most early in training, and nothing once the test error has settled.",
    "a shape; its numbers are not known to us",
    studies.WINDOW,
    anchor="fig-critical-window",
    partial=PARTIAL,
    changes=(
        Change(
            "judged",
            "all windows of the grid",
            "those that clean epochs follow",
            "on CIFAR-10 the last window ended with the training, and tested the deficit itself",
            "2026-11-27",
        ),
    ),
)
def measure_sensitivity(records: Records) -> Measurement | None:
    """C9: the first window against the last."""
    found = readings.chief(records[studies.WINDOW.name])
    costs = readings.sensitivities(found)
    if not costs:
        return None
    first, last = min(costs), max(costs)
    fall = (costs[first] - costs[last]).dropna()
    checks = (
        mean_between(
            f"a window from epoch {first} costs more than one from epoch {last}: difference above 0",
            fall,
            above=0,
            control=REVERSED,
        ),
        mean_between(
            f"a window from epoch {last} costs within {VANISHED:g} points of 0",
            costs[last],
            above=-VANISHED,
            below=VANISHED,
            control=REVERSED,
        ),
    )
    quantity = f"points that a window from epoch {first} costs more than one from epoch {last}"
    return Measurement.of(quantity, fall, checks, **_where(found))


@claim(
    "C10",
    "The trace of the Fisher information rises sharply, then falls while accuracy still improves a little;"
    " after a deficit more of it is left.",
    "a shape; its numbers are not known to us",
    studies.FISHER,
    anchor="fig-critical-fisher",
    partial=PARTIAL,
)
def measure_fisher(records: Records) -> Measurement | None:
    """C10: first value, peak and end of the exact trace over clean training, and the end after a blur."""
    found = readings.chief(records[studies.FISHER.name])
    if not found:
        return None
    kinds = readings.courses(found)
    clean, blurred = (kinds[kind].set_index("seed") for kind in ("clean", "blur"))
    rise, fall = _log(clean, "fisher_peak", "fisher_first"), _log(clean, "fisher_peak", "fisher_last")
    gain = clean["accuracy"] - clean["accuracy_at_peak"]
    left, least = np.log10(blurred["fisher_last"] / clean["fisher_last"]).dropna(), readings.FALLEN
    checks = (
        ratio_between("it rises: peak over first value above 10", rise, above=10, control=UNTRAINED),
        ratio_between(f"it falls: peak over last value above {least}", fall, above=least, control=UNTRAINED),
        mean_between("accuracy rises after the peak: points above 0", gain, above=0, control=UNTRAINED),
        ratio_between(
            "after a blur, and as many clean epochs, more is left: ratio above 1",
            left,
            above=1,
            control=EXCHANGED,
        ),
    )
    quantity = "peak over last value of the trace, clean training"
    return Measurement.of(quantity, 10**fall, checks, **_where(found))


def _log(table: pd.DataFrame, above: str, below: str) -> pd.Series:
    return np.log10(table[above] / table[below])


@claim(
    "C11",
    "Weight decay changes what an early blur leaves.",
    "a shape; the sign is to be reported",
    studies.DECAY,
    studies.REMOVAL,
    anchor="fig-critical-decay",
    partial=PARTIAL,
)
def measure_decay(records: Records) -> Measurement | None:
    """C11: the gap without weight decay less that with the usual one; either sign is a change."""
    decays = readings.chief(records[studies.DECAY.name])
    found = readings.by_decay(decays, readings.alike(records[studies.REMOVAL.name], decays))
    if len(found) < 2:
        return None
    least, most = min(found), max(found)
    change = (found[least] - found[most]).dropna()
    quantity = f"points lost to the longest blur at weight decay {least:g}, less those at {most:g}"
    checks = (changes("the gap depends on weight decay", change, SAME, control=IGNORED),)
    return Measurement.of(quantity, change, checks, **_where(decays))


def changes(text: str, differences: pd.Series, margin: float, control: str) -> Check:
    """Whether a difference is not 0, of either sign: no where it is within the margin, by its interval.

    >>> changes("moves", pd.Series([1.0, 1.1, 0.9]), 0.5, "none").answer
    'yes'
    >>> changes("moves", pd.Series([0.0, 0.1, -0.1]), 0.5, "none").answer
    'no'
    """
    seen = Contrast.of(differences)
    told = f"{text}: {seen.text(2, ' points')}"
    if seen.n < DECIDES:
        return Check(told, None, control=control, more=DECIDES - seen.n)
    interval = (seen.mean - seen.half, seen.mean + seen.half)
    holds = True if seen.sign() else False if abs(seen.mean) + seen.half <= margin else None
    return Check(told, holds, control=control, interval=interval)


CLAIMS = in_order(claim)
