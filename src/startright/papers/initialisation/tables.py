"""Tables of the lecture: records in, a small table out."""

from collections.abc import Sequence

import pandas as pd

from startright.measured import Measured, Table, table
from startright.papers.initialisation.readings import WORDS, networks
from startright.studies import Record, frame
from startright.summary import power_above


def gradients(records: Sequence[Record]) -> pd.DataFrame:
    """By activation: the power of ten above all differences to autograd, the largest share of a bound."""
    rows = {}
    for activation, runs in frame(records).groupby("activation", sort=False):
        rows[WORDS[activation]] = {
            "difference to autograd below": f"1e{power_above(runs['difference'].max(), -14)}",
            "|δ| over its bound, at most": f"{runs['of_bound'].max():.2f}",
            "networks": len(runs),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("activation")


def factors(records: Sequence[Record]) -> Table:
    """Factors per layer of signal and gradient by activation and law, geometric means over the depth."""
    rows = {}
    for pair, runs in networks(records).groupby("pair", sort=False):
        rows[pair] = {
            "factor of Var z per layer": Measured.of(runs["signal_factor"], 3),
            "factor of Var δ per layer": Measured.of(runs["gradient_factor"], 3),
        }
    return table(rows, records, index="activation, law")


def laws() -> pd.DataFrame:
    """What each law asks of a weight (exact)."""
    rows = {
        "naive": ("1/(3 n_in)", "±1/√n_in", "torch's default for nn.Linear"),
        "Glorot": ("2/(n_in + n_out)", "±√(6/(n_in + n_out))", "tanh, while z is small"),
        "He": ("2/n_in, or 2/n_out", "±√(6/n_in), or ±√(6/n_out)", "ReLU"),
        "He, with α": ("2/((1 + α²) n_in)", "±√(6/((1 + α²) n_in))", "Leaky ReLU"),
    }
    columns = ["variance", "range of the uniform law", "made for"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("law")
