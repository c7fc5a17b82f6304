"""What the records of the paper say, in small frames: claims, tables, figures and findings read these."""

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from startright.papers.preact import ks, studies
from startright.papers.preact.published import AUTHORS_DEPENDENCE
from startright.studies import Record, frame
from startright.summary import mean_std

Records = Mapping[str, list[Record]]


def name(scheme: str, theta: float | None) -> str:
    """The scheme as legends write it, e.g. ``φ° θ=4``.

    >>> name("odd", 4.0), name("relu", float("nan"))
    ('φ° θ=4', 'ReLU')
    """
    words = {"relu": "ReLU", "tanh": "tanh", "odd": "φ°", "positive": "φᵖ"}
    return f"{words[scheme]} θ={theta:g}" if scheme in ("odd", "positive") else words[scheme]


def with_names(runs: pd.DataFrame) -> pd.DataFrame:
    """The frame with a column ``function``: scheme and θ as legends write them."""
    names = [name(scheme, theta) for scheme, theta in zip(runs["scheme"], runs["theta"], strict=True)]
    return runs.assign(function=names)


def named(records: Sequence[Record]) -> pd.DataFrame:
    """One row a record, as :func:`startright.studies.frame`, with the column ``function``."""
    return with_names(frame(records))


def rows(table: pd.DataFrame, **where: object) -> pd.DataFrame:
    """The rows where every named column has its value."""
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def by_seed(table: pd.DataFrame, column: str, **where: object) -> pd.Series:
    """A column of the runs where others have these values, with the seeds as index."""
    return rows(table, **where).set_index("seed")[column]


def within(values: Sequence[float], exact: float, errors: float = 4.0) -> bool:
    """Whether the mean is that many standard errors from ``exact`` at most; one value decides nothing.

    >>> within([0.9, 1.0, 1.1], 1.2), within([0.9, 1.0, 1.1], 1.3), within([1.0], 1.0)
    (True, False, False)
    """
    mean, spread, n = mean_std(values)
    return spread is not None and abs(mean - exact) <= errors * spread / math.sqrt(n)


# --- through depth --------------------------------------------------------------------------


def depth_table(records: Records, *wanted: tuple[str, int, int]) -> pd.DataFrame:
    """One row a run; of each (curve, first layer, last layer) the mean over these layers.

    A run that diverged has no curves, and is NaN. ``rejected`` is as :func:`rejected_layers` says.
    """
    runs = records[studies.DEPTH.name]
    table = frame(runs).assign(rejected=[rejected_layers(run) for run in runs])
    for curve, first, last in wanted:
        points = (record.curves.get(curve, [])[first - 1 : last] for record in runs)
        table[f"{curve}_{first}_{last}"] = [np.mean(layers) if layers else np.nan for layers in points]
    return table


def rejected_layers(record: Record, first: int = 3) -> float:
    """The share of the layers from ``first`` at which Lilliefors' test rejects a Gaussian law at 5 %."""
    layers = np.array(record.curves.get("ks_standardised", [])[first - 1 :])
    return (layers > ks.lilliefors_threshold(record.config["draws"])).mean() if len(layers) else np.nan


def moment_ratios(records: Sequence[Record]) -> Iterator[tuple[str, int, int, list[float]]]:
    """Moment, width, layer, and the sampled moment over the exact one of each seed.

    Kurtosis in the second and third layer alone: deeper it hangs on networks too rare for any sample.
    """
    for moment, layers in (("second moment", (2, 3, 10)), ("kurtosis", (2, 3))):
        for width in dict.fromkeys(r.config["width"] for r in records):
            runs = [r.curves for r in records if r.config["width"] == width]
            for layer in layers:
                if moment == "kurtosis":
                    yield (
                        moment,
                        width,
                        layer,
                        [c["kurtosis"][layer - 1] / c["kurtosis_exact"][layer - 1] for c in runs],
                    )
                else:
                    yield moment, width, layer, [c["second"][layer - 1] for c in runs]


# --- dependence -----------------------------------------------------------------------------


def off(
    table: pd.DataFrame, expected: Mapping[tuple, Mapping[int, float]], least: int
) -> dict[str, pd.Series]:
    """Measured less expected KS distances from width ``least``, a group a cell that was run."""
    cells = dict(list(table.fillna({"theta": 0}).groupby(["layout", "scheme", "theta", "width"])["ks"]))
    return {
        f"{layout}, {scheme}{f', θ = {theta:g}' if theta else ''}, n = {width}": cells[cell] - value
        for (layout, scheme, theta), row in expected.items()
        for width, value in row.items()
        if width >= least and (cell := (layout, scheme, theta or 0, width)) in cells
    }


def beside_authors(
    records: Sequence[Record], width: int = 10
) -> Iterator[tuple[str, str, float, list[float]]]:
    """Layout, function, the KS distance that the authors stored, and ours of each seed, at one width."""
    table = frame(records)
    table = table[(table["width"] == width) & ~table["independent"]]
    for (layout, scheme, theta), stored in sorted(AUTHORS_DEPENDENCE.items(), key=lambda cell: cell[0][0]):
        runs = rows(table, layout=layout, scheme=scheme)
        runs = runs[runs["theta"].isna() if theta is None else runs["theta"].eq(theta)]
        yield layout, name(scheme, theta), stored[width], list(runs["ks"])


# --- training -------------------------------------------------------------------------------


def best_by_validation(records: Sequence[Record]) -> pd.DataFrame:
    """For each scheme and shape, the runs at the learning rate of best mean validation accuracy."""
    table = frame(records)
    table["test_accuracy"] = table["test_accuracy"].fillna(0.0)
    shape = ["scheme", "theta", "width", "depth"]
    mean = table.groupby([*shape, "lr"], dropna=False)["validation_accuracy"].mean().fillna(0.0)
    mean = mean.reset_index().sort_values("validation_accuracy", kind="stable")  # ties alike everywhere
    best = mean.groupby(shape, dropna=False).tail(1)
    keys = best[[*shape, "lr"]]
    return table.merge(keys, on=[*shape, "lr"])
