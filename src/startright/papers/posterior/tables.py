"""Tables of the chapter: records in, a small table out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from startright.checks import half_width
from startright.measured import Measured, Table, table
from startright.papers.posterior import readings
from startright.papers.posterior.conjugate import DOUBLE
from startright.papers.posterior.published import CONJUGATE, TEMPERATURES
from startright.papers.posterior.readings import WORDS
from startright.papers.posterior.studies.conjugate import ConjugateConfig, curve
from startright.studies import Record, frame


def conjugate(records: Sequence[Record]) -> pd.DataFrame:
    """The best temperature where it is known, and what is lost at τ = 1."""
    runs = frame(records).query("not mean_field and correlation == 0")
    rows = {}
    for (curation, copies), group in runs.groupby(["curation", "copies"]):
        case = {"S": f"{curation:g}", "K": f"{copies:g}"}
        best = ", ".join(f"{tau:g}" for tau in sorted(group["best"].unique()))
        lost = (group["nll_bayes"] - group["nll_best"]).mean()
        rows[len(rows)] = case | {
            "known best τ": f"{group['known'].iloc[0]:g}",
            "best τ of the grid": best,
            "expected NLL there (nats)": round(group["nll_best"].mean(), 2),
            "lost at τ = 1 (nats)": round(lost, 2),
        }
    return pd.DataFrame.from_dict(rows, orient="index").set_index(["S", "K"])


def beside_reference(seed: int = 0, problems: int = 100) -> pd.DataFrame:
    """Expected loss in nats by temperature: the table computed once, and the closed form now."""
    taus, rows = torch.tensor(TEMPERATURES, dtype=DOUBLE), {}
    for curation, reference in CONJUGATE.items():
        ours = curve(ConjugateConfig(curation=curation, problems=problems), seed, taus).mean(0)
        rows[f"S = {curation:g}", "reference"] = [f"{value:.2f}" for value in reference]
        rows[f"S = {curation:g}", "here"] = [f"{value:.2f}" for value in ours.tolist()]
    return pd.DataFrame.from_dict(
        {f"{case}, {which}": row for (case, which), row in rows.items()}, orient="index", columns=TEMPERATURES
    ).rename_axis(columns="τ")


def best(records: Sequence[Record]) -> Table:
    """By N and images: the best temperature, as a set and by its interval; the losses there and at 1."""
    runs, rows = readings.temperatures(records), {}
    for (count, augment), losses in readings.cells(runs).items():
        logs, ends = readings.best(losses), readings.at_an_end(losses)
        half = half_width(float(logs.std()), len(logs)) if len(logs) > 1 else np.inf
        low, high = (10 ** (logs.mean() + sign * half) for sign in (-1, 1))
        rows[count, WORDS[augment]] = {
            "not to be told from the best τ": ", ".join(f"{tau:g}" for tau in readings.best_set(losses)),
            "log₁₀ τ*": Measured.of(logs, 2),
            "95 % interval of τ*": "a bound" if ends.any() else f"{low:.2g} to {high:.2g}",
            "best at an end": f"{ends.sum()} of {len(losses)}",
            "NLL there": Measured.of(losses[losses.mean().idxmin()], 3),
            "NLL at τ = 1": Measured.of(losses[1.0], 3),
        }
    made = pd.DataFrame.from_dict(rows, orient="index")
    made.index = pd.MultiIndex.from_tuples(made.index, names=["N", "images"])
    return table(made, records)
