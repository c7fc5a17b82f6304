"""What the records of the lecture say, in small frames: claims, tables, figures and findings read these."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from startright.papers.initialisation.activations import activation
from startright.papers.initialisation.laws import weight_variance
from startright.papers.initialisation.propagation import mean_field
from startright.studies import Record, frame

WORDS = {"sigmoid": "sigmoid", "tanh": "tanh", "relu": "ReLU", "leaky": "Leaky ReLU"}
LAWS = {"naive": "naive", "glorot": "Glorot", "he": "He"}


def name(activation_name: str, law: str, slope: float = 0.0, shape: str = "normal") -> str:
    """A pair as figures and tables write it.

    >>> name("relu", "he"), name("leaky", "he", 0.1, "uniform")
    ('ReLU, He', 'Leaky ReLU α = 0.1, He, uniform')
    """
    function = WORDS[activation_name] + (f" α = {slope:g}" if slope else "")
    return f"{function}, {LAWS[law]}" + (", uniform" if shape == "uniform" else "")


def networks(records: Sequence[Record]) -> pd.DataFrame:
    """One row per network, with the column ``pair``, its name."""
    table = frame(records)
    for column, value in (("slope", 0.0), ("shape", "normal")):  # a study that has but one leaves it out
        table[column] = table.get(column, value)
    keys = table[["activation", "law", "slope", "shape"]].itertuples(index=False)
    return table.assign(pair=[name(*key) for key in keys])


def of(table: pd.DataFrame, activation_name: str, law: str, slope: float = 0.0, shape: str = "normal"):
    """The rows of one pair."""
    return table[table["pair"] == name(activation_name, law, slope, shape)]


def exact(config: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """Signal and gradient of a configuration, or a network's row, at infinite width, each (depth,)."""
    width = int(config["width"])
    variance = weight_variance(config["law"], width, width, slope=config["slope"])
    f = activation(config["activation"], config["slope"])
    return mean_field(f, variance * width, depth=int(config["depth"]))
