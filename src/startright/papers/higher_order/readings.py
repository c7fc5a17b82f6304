"""What the records of the paper say, in small frames: claims, tables, figures and findings read these."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import torch

from startright.papers.higher_order.networks import network
from startright.papers.higher_order.published import passes
from startright.studies import Record, frame

PAPER_NETS = ("mlp", "lenet", "vgg11", "big-mlp")
STEPS = ("cubic", "order2", "one_group", "diagonal", "diagonal_cubic")

Records = Mapping[str, list[Record]]


def by_seed(runs: pd.DataFrame, column: str) -> pd.Series:
    """A column with the seed as its index."""
    return runs.set_index("seed")[column]


def beside_count(records: Sequence[Record]) -> Iterator[tuple[str, int, int, list[float]]]:
    """Network, number of groups, gradients that the paper counts, and those measured, by backward passes."""
    table = frame(records)
    runs = table[(table["backend"] == "double_backward") & ~table["third"]]
    for (net, groups), part in runs.groupby(["net", "groups"], sort=False):
        yield net, groups, passes(groups), list(part["gradients"])


# --- the set-up -----------------------------------------------------------------------------


def on_paper_data(table: pd.DataFrame) -> bool:
    """Whether the runs are on the paper's data."""
    return bool(table["dataset"].isin(["mnist", "cifar10"]).all())


def as_published(table: pd.DataFrame) -> bool:
    """Whether the trainings are those of the paper: its networks, all images, and 50 epochs at least."""
    same = table["net"].isin(PAPER_NETS) & table["n_train"].isna() & table["epochs"].ge(50)
    return bool(same.all())


def note(table: pd.DataFrame) -> str:
    """What differs from the paper's set-up, in a few words."""
    return "" if on_paper_data(table) else "digits, a small network"


def judged_on_data(table: pd.DataFrame) -> dict[str, Any]:
    """Of single steps: whether they are judged, and what differs; two arguments of a measurement."""
    return {"comparable": on_paper_data(table), "note": note(table)}


# --- derivatives and single steps -----------------------------------------------------------


def slope(table: pd.DataFrame) -> float:
    """Gradients a group: the slope of a line through costs against S."""
    return float(np.polyfit(table["groups"], table["gradients"], 1)[0])


@cache
def _layers(net: str) -> tuple[int, ...]:
    """The number of the layer of each tensor of a network."""
    with torch.device("meta"):  # names alone, no numbers
        layers = [name.rpartition(".")[0] for name, _ in network(net).make().named_parameters()]
    order = list(dict.fromkeys(layers))
    return tuple(order.index(layer) for layer in layers)


def between_layers(record: Record, apart: int = 1) -> float:
    """The largest entry of C in absolute value between tensors of two layers.

    Args:
        record: of a single step.
        apart: how many layers lie between the two at least, plus one: a weight and its bias are of one.
    """
    layer = np.array(_layers(record.config["net"]))
    C = np.array([record.curves[f"interaction_{s}"] for s in range(len(layer))])
    return float(np.abs(C[np.abs(layer[:, None] - layer) >= apart]).max())


def state_frame(records: Sequence[Record]) -> pd.DataFrame:
    """The states along the trainings of the study of indefinite H̄, one row each."""
    rows = [pd.DataFrame(r.curves).assign(**{**r.config, "seed": r.seed}) for r in records]
    return pd.concat(rows, ignore_index=True)


def by_net(values: pd.Series, states: pd.DataFrame, how: str) -> dict[str, Sequence[float]]:
    """Network → one value a training, the mean or median over its states."""
    of_training = values.groupby([states["net"], states["seed"]]).agg(how)
    return {net: list(part) for net, part in of_training.groupby(level="net", sort=False)}


# --- trainings ------------------------------------------------------------------------------


def best(table: pd.DataFrame, method: str, net: str, column: str = "train_loss") -> pd.DataFrame:
    """The runs of a method at its best rate, the least mean of a column; rates that diverged are out."""
    runs = table[(table["method"] == method) & (table["net"] == net)]
    good = runs[runs["status"] == "ok"].groupby("lr")[column].agg(["mean", "size"])
    good = good[good["size"] == runs["seed"].nunique()]
    return runs[runs["lr"] == good["mean"].idxmin()] if len(good) else runs.head(0)


def at_best(table: pd.DataFrame, net: str, rival: str, column: str, lost: float) -> list[pd.Series]:
    """A column by seed, of grouped Newton and of a rival, both at their best rate; ``lost`` without any."""
    seeds = sorted(table[(table["method"] == "grouped") & (table["net"] == net)]["seed"].unique())
    runs = (by_seed(best(table, method, net), column) for method in ("grouped", rival))
    return [values.reindex(seeds).fillna(lost) for values in runs]


def log_ratios(table: pd.DataFrame, net: str, rival: str) -> pd.Series:
    """log₁₀ of the training loss over the rival's, by seed."""
    ours, theirs = at_best(table, net, rival, "train_loss", math.inf)
    return np.log10(ours) - np.log10(theirs)


def log_losses(table: pd.DataFrame) -> pd.Series:
    """log₁₀ of the training loss by seed, infinite where the training diverged."""
    losses = by_seed(table, "train_loss").where((table["status"] == "ok").to_numpy(), math.inf)
    return np.log10(losses)


def tensors(record: Record) -> int:
    """How many tensors have recorded rates."""
    return sum(name.startswith("eta_") for name in record.curves)


def rates(record: Record, names: Sequence[str]) -> pd.DataFrame:
    """Rates before negative ones are set to 0, one row an update, one column a tensor."""
    return pd.DataFrame({name: record.curves[f"eta_{s}"] for s, name in enumerate(names)})


def of_rates(record: Record) -> dict[str, float]:
    """What the rates of a run say: log₁₀ of bias over weights and of largest over least, share below 0."""
    etas = np.array([record.curves[f"eta_{s}"] for s in range(tensors(record))])
    with np.errstate(divide="ignore", invalid="ignore"):  # rates of 0
        size = np.log10(np.median(np.abs(etas), axis=1))
        ratio = (size[1::2] - size[::2]).mean()  # weight and bias by turns
        spread, negative = size.max() - size.min(), (etas < 0).mean()
    return {"seed": record.seed, "ratio": ratio, "spread": spread, "negative": negative}
