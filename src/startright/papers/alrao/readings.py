"""What the records of the paper say, in small frames: runs by method, good rates, the heads' weights."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from startright.measured import indistinguishable
from startright.papers.alrao.studies.images import DECADES, NETS
from startright.studies import Record

Records = Mapping[str, list[Record]]

# nats, of ten classes: a loss above it counts as no better, or one wild run would hide the others
GUESSING = float(np.log(10))
NAMES = {"vgg19": "VGG19", "googlenet": "GoogLeNet", "mobilenet": "MobileNetV2", "mlp": "MLP"}


def by_method(table: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Runs of SGD, Adam and Alrao on either, from a frame of image or text runs.

    >>> by_method(pd.DataFrame({"optimizer": ["sgd"], "lo": [0.1], "hi": [0.1]})).keys()
    dict_keys(['sgd', 'adam', 'alrao', 'alrao-adam'])
    """
    one, adam = table["lo"] == table["hi"], table["optimizer"] == "adam"
    return {
        "sgd": table[one & ~adam],
        "adam": table[one & adam],
        "alrao": table[~one & ~adam],
        "alrao-adam": table[~one & adam],
    }


def best_rate(sgd: pd.DataFrame, by: str = "validation_loss") -> float:
    """The rate of SGD with the least mean of a column over the seeds; runs that diverged are out.

    Raises:
        ValueError: every run diverged.
    """
    good = sgd[sgd["status"] == "ok"].groupby("lo")[by].agg(["mean", "size"])
    if good.empty:
        raise ValueError(f"no run of SGD ended with a finite {by}: there is no best rate")
    good = good[good["size"] == good["size"].max()]
    return float(good["mean"].idxmin())


def good_rates(sgd: pd.DataFrame, by: str = "validation_loss", *, largest: bool = False) -> list[float]:
    """The rates of SGD that the seeds cannot tell from the best, the best first; as in :func:`best_rate`.

    A validation loss above guessing counts as guessing: the mean of a rate with one wild run has no meaning,
    and its spread would make it equal to any other.
    """
    values = sgd.assign(**{by: sgd[by].clip(upper=GUESSING)}) if by == "validation_loss" else sgd
    good = {rate: runs.set_index("seed")[by] for rate, runs in values[sgd["status"] == "ok"].groupby("lo")}
    most = max((len(values) for values in good.values()), default=0)
    complete = {float(rate): values for rate, values in good.items() if len(values) == most}
    return indistinguishable(complete, largest=largest)


def whole_grid(sgd: pd.DataFrame) -> bool:
    """Whether SGD was run at every decade: a best rate among fewer may not be the best."""
    return set(DECADES) <= set(sgd["lo"])


def by_seed(runs: pd.DataFrame, column: str) -> pd.Series:
    """A column with the seed as index; what diverged has no value (NaN)."""
    return runs.set_index("seed")[column].where(runs.set_index("seed")["status"] == "ok")


def as_published(table: pd.DataFrame) -> bool:
    """Whether the runs are those of the paper's images and networks: a narrower network is another set-up."""
    same = table["dataset"].eq("cifar10") & table["net"].isin(NETS)
    width = table["width"] if "width" in table else pd.Series(1.0, table.index)
    return bool((same & (width.eq(1) | width.eq(3))).all())


def note(table: pd.DataFrame) -> str:
    """What differs from the paper's set-up, in a few words."""
    first = table.iloc[0]
    if first["dataset"] != "cifar10":
        return f"{first['dataset']}, a small network"
    if first.get("width", 1) < 1:
        return "VGG19 at a quarter of its width, one epoch, two cores"
    return ""


def networks(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The runs of each network by itself, under its name: pooled, what differs between them would hide."""
    for net, runs in table.groupby("net", sort=False):
        yield NAMES[net], runs


def head_rates(record: Record) -> np.ndarray:
    """Rates of the heads of a recorded run, (N,)."""
    return np.geomspace(record.config["lo"], record.config["hi"], record.config["heads"])


def trace(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """Steps, (T,), and weights of the heads after them, (T, N), of a recorded run."""
    weights = [record.curves[f"weight_{j}"] for j in range(record.config["heads"])]
    return np.array(record.curves["trace_step"]), np.array(weights).T
