"""Tables of the paper: records in, a small table out, with what was measured and its uncertainty."""

from collections.abc import Sequence

import pandas as pd

from startright.measured import Measured, Table, table
from startright.papers.scalp import readings
from startright.papers.scalp.scalings import NAMED, sigma
from startright.studies import Record


def sums(widths: Sequence[int] = (300, 1000, 10_000, 100_000)) -> pd.DataFrame:
    """Σσ² and Σσ⁴ of every scaling over the first N neurons (exact)."""
    rows = {}
    for kind in NAMED:
        squares = {n: sigma(kind, n) ** 2 for n in widths}
        rows[kind] = {
            f"Σσ², N = {n:_}".replace("_", " "): f"{float(s.sum()):.4f}" for n, s in squares.items()
        }
        rows[kind]["Σσ⁴, largest N"] = f"{float((squares[widths[-1]] ** 2).sum()):.4f}"
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("scaling")


def left(records: Sequence[Record]) -> Table:
    """Neurons left, by method and width at the start."""
    rows = {}
    for method in readings.settings(records, "method"):
        found = readings.by_width(records, "left", method=method)
        rows[readings.name(method)] = {f"N = {n}": Measured.of(found[n], 1) for n in found}
    return table(rows, records, index="neurons left")


def accuracies(records: Sequence[Record]) -> Table:
    """Best accuracy of what is left (%), over all λ and with half and a fifth of the parameters at most.

    A row a method; of several networks a row a network and method.
    """
    budgets = {"any": 1.0, "half at most": 0.5, "a fifth at most": 0.2}
    networks = readings.networks(records)
    rows = {
        (network, readings.name(method)): {
            name: Measured.of(readings.best(group, method, budget), 1) for name, budget in budgets.items()
        }
        for network, group in networks.items()
        for method in readings.settings(group, "method")
    }
    made = pd.DataFrame.from_dict(rows, orient="index")
    made.index = pd.MultiIndex.from_tuples(made.index, names=["network", "accuracy (%) with parameters"])
    return table(made if len(networks) > 1 else made.droplevel(0), records)
