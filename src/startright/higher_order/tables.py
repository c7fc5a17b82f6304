"""Tables of the room: records in, a small DataFrame out, rounded to the digits that are stable."""

from collections.abc import Sequence

import pandas as pd

from startright.higher_order.claims import best
from startright.higher_order.figures import METHODS, PLAIN_NETS
from startright.higher_order.reference import NETWORKS
from startright.higher_order.training_study import CHOICE_FACTOR
from startright.studies import Record, frame

STEPS = {
    "cubic": "all of H̄, cubic",
    "order2": "all of H̄, order 2",
    "diagonal_cubic": "diagonal of H̄, cubic",
    "diagonal": "diagonal of H̄, order 2",
    "one_group": "one group",
}
CHOICES = {
    "canonical": "one group a tensor",
    "trivial": "one group",
    "weights_biases": "weights, biases",
    "blocks": "one group a layer",
    "alternate": "every other layer",
}


def mean_std(values: pd.Series, digits: int = 2) -> str:
    """``mean ± std`` as text; the mean alone of one value, the range where a value is huge.

    >>> mean_std(pd.Series([1.0, 2.0])), mean_std(pd.Series([1.0])), mean_std(pd.Series([1.0, 2e6]))
    ('1.50 ± 0.71', '1.00', '1.00 to 2e+06')
    """
    if not len(values):
        return "–"
    if values.max() > 1e4:
        return f"{values.min():.{digits}f} to {values.max():.0e}"
    mean = f"{values.mean():.{digits}f}".replace("-", "−")
    return f"{mean} ± {values.std():.{digits}f}" if len(values) > 1 else mean


def _below(error: float, least: int = -12) -> str:
    """``"< 1e-12"``: rounding differs from machine to machine, its size hardly.

    >>> _below(3e-16), _below(2e-7)
    ('< 1e-12', '< 1e-06')
    """
    return next(f"< 1e{k:03d}" for k in range(least, 300) if error < 10.0**k)


def exactness(records: Sequence[Record]) -> pd.DataFrame:
    """The largest relative error of each derivative, by the way of computing it and the partition."""
    names = {"error_g": "ḡ", "error_H": "H̄", "error_d3": "third derivative"}
    worst = frame(records).groupby(["backend", "groups"], sort=False)[list(names)].max()
    return worst.map(_below).rename(columns=names).rename_axis(["computed by", "partition"])


def merging(records: Sequence[Record]) -> pd.DataFrame:
    """The largest relative error of the sums over entries."""
    names = {"error_g": "ḡ", "error_H": "H̄"}
    worst = frame(records).groupby(["net", "groups"], sort=False)[list(names)].max()
    return worst.map(_below).rename(columns=names).rename_axis(["network", "partition"])


def steps(records: Sequence[Record]) -> pd.DataFrame:
    """The loss before and after one step of each kind, mean ± standard deviation over seeds.

    Steps that land far away do so differently on every machine, and are given one digit less.
    """
    rows = {}
    for (net, done), part in frame(records).groupby(["net", "adam_steps"], sort=False):
        when = f"after {done} steps" if done else "initialisation"
        digits = 2 if part["before"].mean() > 0.1 else 4
        names = {"before": "before", **STEPS}
        row = {
            label: mean_std(part[name], digits - (part[name].max() > 4 * part["before"].max()))
            for name, label in names.items()
        }
        row["H̄ indefinite"] = f"{int((part['min_eigenvalue'] <= 0).sum())} of {len(part)}"
        rows[f"{PLAIN_NETS.get(net, net)}, {when}"] = row
    return pd.DataFrame.from_dict(rows, orient="index")


def methods(records: Sequence[Record], digits: int = 3) -> pd.DataFrame:
    """Losses and accuracy at the end, each method at its best rate, by network."""
    table, rows = frame(records), {}
    for net in dict.fromkeys(table["net"]):
        for method, (label, _) in METHODS.items():
            runs = best(table, method, net)
            if not len(runs):
                continue
            row = {
                "best rate": f"{runs['lr'].iloc[0]:g}",
                "training loss": mean_std(runs["train_loss"], digits),
            }
            row["test loss"] = mean_std(runs["test_loss"], digits)
            if "test_accuracy" in runs and runs["test_accuracy"].notna().all():
                row["test accuracy, %"] = mean_std(100 * runs["test_accuracy"], 1)
            rows[PLAIN_NETS.get(net, net), label] = row
    return pd.DataFrame.from_dict(rows, orient="index").fillna("–").rename_axis(["network", "method"])


def choices(records: Sequence[Record], digits: int = 2) -> pd.DataFrame:
    """Training by groups at one factor: partitions, the weight of the cubic term, images of the curvature."""
    table = frame(records)
    table = table[(table["method"] == "grouped") & (table["lr"] == CHOICE_FACTOR)]
    rows = {}
    keys = ["groups", "lambda_int", "curvature_batch"]
    for (groups, lam, images), part in table.groupby(keys, sort=False):
        name = f"{CHOICES[groups]}, λ = {lam:g}, {images} images"
        rows[name] = {
            "training loss": mean_std(part["train_loss"], digits),
            "test accuracy, %": mean_std(100 * part["test_accuracy"], 1),
            "negative rates, %": mean_std(100 * part["negative_rates"], 0),
            "H̄ indefinite, %": mean_std(100 * part["indefinite"], 0),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def published() -> pd.DataFrame:
    """The networks and settings of the paper."""
    columns = ["data", "tensors S", "parameters", "epochs", "λ₁", "λ"]
    table = pd.DataFrame.from_dict(NETWORKS, orient="index", columns=columns)
    table["parameters"] = table["parameters"].map("{:,}".format)
    return table
