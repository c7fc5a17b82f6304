"""Tables of the chapter: records in, a small table out."""

from collections.abc import Sequence

import pandas as pd

from startright.measured import Contrast, Measured, Table, table
from startright.papers.dropout import readings
from startright.papers.dropout.published import EARLY
from startright.papers.dropout.readings import REGIMES, name
from startright.studies import Record

Records = Sequence[Record]
#: A row of the paper's table → method and schedule.
ROWS = {
    "none": ("none", "none"),
    "standard dropout": ("dropout", "standard"),
    "standard s.d.": ("depth", "standard"),
    "early dropout": ("dropout", "early"),
    "early s.d.": ("depth", "early"),
}


def accuracies(records: Records) -> Table:
    """Test accuracy and its gain over no noise, by network and kind of noise."""
    found, gained, rows = readings.accuracies(records), readings.gains(records), {}
    for (regime, method, schedule), values in found.items():
        gain = gained.get((regime, method, schedule))
        rows[REGIMES[regime], name(method, schedule)] = {
            "test accuracy (%)": Measured.of(values, 1),
            "points over no noise": "–" if gain is None else Measured.of(gain, 2),
            "95 % interval": "–" if gain is None else _interval(Contrast.of(gain)),
        }
    made = pd.DataFrame.from_dict(rows, orient="index")
    made.index = pd.MultiIndex.from_tuples(made.index, names=["network", "noise"])
    return table(made.sort_index(level=0, sort_remaining=False, ascending=False), records)


def _interval(gain: Contrast) -> str:
    low, high = (f"{gain.mean + sign * gain.half:+.2f}".replace("-", "−") for sign in (-1, 1))
    return f"{low} to {high}"


def beside_paper(records: Records) -> Table:
    """The paper's accuracies on ImageNet beside those of our under-fitting network, in percent."""
    found, rows = readings.accuracies(records), {}
    for row, kind in ROWS.items():
        theirs = {
            network: "–" if cells[row] is None else f"{cells[row]:.1f}" for network, cells in EARLY.items()
        }
        rows[name(*kind)] = theirs | {"ours": Measured.of(found.get(("under", *kind), ()), 2)}
    return table(rows, records, index="noise")


def depth(records: Records) -> Table:
    """Expected depth by case: the closed form, its spread, and the mean of the draws."""
    rows = {}
    for case in readings.depths(records).to_dict("records"):
        rows[f"{case['depth']}", f"{case['last']:g}", case["rule"]] = {
            "expected depth": f"{case['expected']:.2f}",
            "its standard deviation": f"{case['variance'] ** 0.5:.2f}",
            "part of the blocks computed": f"{case['expected'] / case['depth']:.3f}",
        }
    made = pd.DataFrame.from_dict(rows, orient="index")
    made.index = pd.MultiIndex.from_tuples(made.index, names=["blocks", "survival of the last", "rule"])
    return table(made, "full")
