"""What the records say, in small frames: claims, tables, figures and findings read these."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from startright.studies import Record, frame

Records = Sequence[Record]

REGIMES = {"under": "under-fitting", "over": "over-fitting"}
METHODS = {"none": "no noise", "dropout": "dropout", "depth": "stochastic depth"}


def name(method: str, schedule: str) -> str:
    """A kind of noise as figures and tables write it.

    >>> name("none", "none"), name("depth", "late")
    ('no noise', 'late stochastic depth')
    """
    return METHODS[method] if method == "none" else f"{schedule} {METHODS[method]}"


def early(records: Records, column: str) -> dict[str, pd.Series]:
    """Rate → an early metric with dropout less that without, seed by seed.

    Args:
        records: of the metrics.
        column: ``norm`` or ``distance``, in powers of ten, ``gdv`` or ``gde``.
    """
    table = frame(records)
    cells = {rate: group.set_index("seed")[f"early_{column}"] for rate, group in table.groupby("rate")}
    return {
        f"rate {rate:g}": (values - cells[0.0]).dropna()
        for rate, values in cells.items()
        if rate and 0.0 in cells
    }


def accuracies(records: Records, column: str = "test_accuracy") -> dict[tuple[str, str, str], pd.Series]:
    """(regime, method, schedule) → an accuracy in percent, by seed, in the order of the records."""
    groups = frame(records).groupby(["regime", "method", "schedule"], sort=False)
    return {key: 100 * group.set_index("seed")[column] for key, group in groups}


def gains(records: Records) -> dict[tuple[str, str, str], pd.Series]:
    """(regime, method, schedule) → points of accuracy over no noise, seed by seed."""
    found = accuracies(records)
    return {
        key: (values - found[key[0], "none", "none"]).dropna()
        for key, values in found.items()
        if key[1] != "none" and (key[0], "none", "none") in found
    }


def gap(records: Records) -> dict[str, pd.Series]:
    """Regime → points of accuracy on the training images over the test images, without noise."""
    trained, tested = accuracies(records, "train_accuracy"), accuracies(records)
    return {key[0]: trained[key] - tested[key] for key in tested if key[1] == "none"}


def depths(records: Records) -> pd.DataFrame:
    """One row per case: closed forms, the mean of the draws, and errors in standard errors of all draws."""
    rows = []
    for (depth, last, rule), runs in frame(records).groupby(["depth", "last", "rule"], sort=False):
        scale = np.sqrt(len(runs))
        rows.append(
            {
                "depth": depth,
                "last": last,
                "rule": rule,
                "expected": runs["expected"].iloc[0],
                "variance": runs["variance"].iloc[0],
                "sampled": runs["sampled"].mean(),
                "mean_errors": scale * runs["errors_of_mean"].mean(),
                "variance_errors": scale * runs["errors_of_variance"].mean(),
                "exact": max(runs["sum_error"].max(), runs["evaluated_error"].max()),
                "n": len(runs),
            }
        )
    return pd.DataFrame(rows)
