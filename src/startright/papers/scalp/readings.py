"""What the records of the paper say, in small frames: claims, tables, figures and findings read these."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from startright.papers.scalp.hidden import BN_LASSO, STANDARD
from startright.studies import Record

Records = Mapping[str, Sequence[Record]]
FIXED = 1e-2  # the rate of standard SGD that is followed over widths: one of the paper's grid
HALF = 0.5  # of the parameters
NAMES = {
    "uniform": "ScaLP, uniform",
    "1/k": "ScaLP, 1/k",
    "1/(√k ln k)": "ScaLP, 1/(√k ln k)",
    BN_LASSO: "BN-Lasso",
    STANDARD: "standard",
}

ACTIVATIONS = {"relu": "ReLU", "identity": "the identity"}
IMAGES = {"digits": "digits", "mnist": "MNIST", "cifar10": "CIFAR-10"}


def name(method: str, *, pruned: bool = True) -> str:
    """A method as legends write it; without pruning a scaling is ScaLa.

    >>> name("1/k"), name("1/k", pruned=False), name("bn-lasso")
    ('ScaLP, 1/k', 'ScaLa, 1/k', 'BN-Lasso')
    """
    written = NAMES[method]
    return written if pruned else written.replace("ScaLP", "ScaLa")


def settings(records: Sequence[Record], key: str) -> list:
    """The values of a setting, in the order in which the records have them."""
    return list(dict.fromkeys(record.config[key] for record in records))


def networks(records: Sequence[Record]) -> dict[str, list[Record]]:
    """Records of accuracy against parameters by network, the names with images and, if not 1, the width."""
    found: dict[str, list[Record]] = {}
    for record in records:
        found.setdefault(_network(record.config), []).append(record)
    return found


def _network(config: Mapping[str, Any]) -> str:
    images, size = IMAGES[config["dataset"]], config["size"]
    if config["network"] == "hidden":
        return f"one hidden layer, {images}"
    return f"VGG19, {images}" if size == 1 else f"VGG19 of width {size:g}, {images}"


def metric(records: Sequence[Record], column: str, **config: object) -> pd.Series:
    """A metric of one setting by seed; not a number where the run diverged."""
    chosen = [r for r in records if all(r.config[key] == value for key, value in config.items())]
    values = {r.seed: r.metrics.get(column, np.nan) if r.status == "ok" else np.nan for r in chosen}
    return pd.Series(values, dtype=float)


def by_width(records: Sequence[Record], column: str, **config: object) -> pd.DataFrame:
    """A metric of one setting, a row a seed, a column a width, narrow first."""
    widths = sorted(settings(records, "width"))
    found = {width: metric(records, column, width=width, **config) for width in widths}
    return pd.DataFrame({width: values for width, values in found.items() if len(values)})


def exponent(records: Sequence[Record], column: str, **config: object) -> pd.Series:
    r"""The slope of log(metric) over log(width) by seed: α of a metric that goes as :math:`N^\alpha`."""
    table = np.log(by_width(records, column, **config))
    x = np.log(np.array(table.columns, dtype=float))
    x = x - x.mean()
    return table.apply(lambda row: float((row * x).sum(skipna=False) / (x**2).sum()), axis=1)


def spread(records: Sequence[Record], column: str, **config: object) -> pd.Series:
    """log₁₀ of the largest over the smallest value over widths, by seed; infinite where a run diverged."""
    table = np.log10(by_width(records, column, **config))
    return (table.max(axis=1, skipna=False) - table.min(axis=1, skipna=False)).fillna(np.inf)


def widening(records: Sequence[Record], column: str, **config: object) -> pd.Series:
    """log₁₀ of a metric at the largest width over that at the smallest, by seed."""
    table = np.log10(by_width(records, column, **config).clip(lower=0.5))  # none left counts as half a neuron
    return table.iloc[:, -1] - table.iloc[:, 0]


def variation(records: Sequence[Record], column: str, **config: object) -> pd.Series:
    """The standard deviation over seeds relative to the mean, by width."""
    table = by_width(records, column, **config)
    return table.std() / table.mean()


def best(records: Sequence[Record], method: str, budget: float = 1.0) -> pd.Series:
    """The largest accuracy of what is left, in percent, by seed, among the λ that leave no more than a share.

    One λ for all seeds: that of the best mean, among those whose mean share is within the budget.

    Args:
        records: of accuracy against parameters.
        method: the method.
        budget: the largest share of the parameters.

    Returns:
        Empty where no λ leaves so little.
    """
    found = {}
    for strength in settings([r for r in records if r.config["method"] == method], "strength"):
        where = {"method": method, "strength": strength}
        if metric(records, "share", **where).mean() <= budget:
            found[strength] = 100 * metric(records, "pruned_accuracy", **where)
    if not found:
        return pd.Series(dtype=float)
    return found[max(found, key=lambda strength: np.nan_to_num(found[strength].mean(), nan=-1))]
