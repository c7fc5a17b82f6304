"""Tables of the room: records in, a small DataFrame out, rounded to the digits that are stable."""

from collections.abc import Sequence

import pandas as pd

from startright.alrao.claims import best_rate, by_method
from startright.alrao.figures import decade
from startright.alrao.reference import (
    GRANULARITY_BITS,
    MAIN_TABLE,
    PARAMETERS,
    RELEASED_FIRST_EPOCH,
    WIDE_TABLE,
)
from startright.studies import Record, frame


def mean_std(values: pd.Series, digits: int = 2) -> str:
    """``mean ± std`` as text; the mean alone of one value.

    >>> mean_std(pd.Series([1.0, 2.0])), mean_std(pd.Series([1.0]))
    ('1.50 ± 0.71', '1.00')
    """
    if not len(values):
        return "–"
    style = f".{digits}f" if values.abs().max() < 1e4 else ".1e"
    mean = f"{values.mean():{style}}".replace("-", "−")
    return f"{mean} ± {values.std():{style}}" if len(values) > 1 else mean


def methods(records: Sequence[Record]) -> pd.DataFrame:
    """Loss and accuracy at the epoch that validation chose: best SGD, Adam, Alrao, and the worst of SGD."""
    runs = by_method(frame(records))
    sgd = runs["sgd"]
    best = best_rate(sgd)
    groups = {f"SGD, best rate ({decade(best)})": sgd[sgd["lo"] == best], "Adam": runs["adam"]}
    groups |= {"Alrao": runs["alrao"]}
    groups |= {f"SGD, {decade(rate)}": sgd[sgd["lo"] == rate] for rate in (sgd["lo"].min(), sgd["lo"].max())}
    rows = {
        label: {
            "training loss": mean_std(part["train_loss"]),
            "test loss": mean_std(part["best_test_loss"]),
            "test accuracy, %": mean_std(100 * part["best_test_accuracy"], 1),
            "failed": f"{(part['status'] != 'ok').sum()} of {len(part)}",
        }
        for label, part in groups.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")


def published() -> pd.DataFrame:
    """The paper's main table: loss and accuracy in % (return for reinforcement learning)."""
    columns = ["best SGD rate", "SGD", "Adam", "Alrao"]
    table = pd.DataFrame.from_dict(MAIN_TABLE, orient="index", columns=columns)
    table["best SGD rate"] = table["best SGD rate"].map(decade)
    wide = {f"{net}, width × 3": ("–", "–", *values) for net, values in WIDE_TABLE.items()}
    return pd.concat([table, pd.DataFrame.from_dict(wide, orient="index", columns=columns)])


def parameters(records: Sequence[Record]) -> pd.DataFrame:
    """Parameters with one head and with all, counted here, beside the paper's."""
    rows = {}
    for record in records:
        net, heads = record.config["net"], record.config["heads"]
        one, whole = (int(record.metrics[name]) for name in ("one_head", "all_heads"))
        paper = PARAMETERS.get((net, heads))
        rows[f"{net}, {heads} heads"] = {
            "one head": f"{one:,}",
            "all heads": f"{whole:,}",
            "more, %": f"{record.metrics['overhead']:.1f}",
            "equal to the paper's": "–" if paper is None else "yes" if paper[1:] == (one, whole) else "no",
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def text(records: Sequence[Record]) -> pd.DataFrame:
    """The character LSTM after one epoch: bits and accuracy by method."""
    runs = by_method(frame(records))
    names = {"sgd": "SGD, η = 1", "adam": "Adam, 1e-3", "alrao": "Alrao, (1e-3, 1e2)"}
    rows = {
        label: {
            "training, bits": mean_std(runs[method]["train_bits"]),
            "test, bits": mean_std(runs[method]["test_bits"]),
            "test accuracy, %": mean_std(100 * runs[method]["test_accuracy"], 1),
        }
        for method, label in names.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")


def granularity(records: Sequence[Record]) -> pd.DataFrame:
    """The four settings after one epoch, in bits, beside the paper's figure and the released programs."""
    table = frame(records)
    rows = {}
    for (lo, hi, per), published in GRANULARITY_BITS.items():
        runs = table[(table["lo"] == lo) & (table["hi"] == hi) & (table["per"] == per)]
        released = RELEASED_FIRST_EPOCH["per_unit"] if (lo, per) == (1e-4, "unit") else ("–", "–")
        rows[f"({decade(lo)}, {decade(hi)}), one a {per}"] = {
            "training": mean_std(runs["train_bits"]),
            "test": mean_std(runs["test_bits"]),
            "the paper's figure, test": published[0],
            "released programs, training": released[0],
            "released programs, test": released[1],
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def variants(records: Sequence[Record]) -> pd.DataFrame:
    """Rates a weight, Alrao on Adam, three times the width: losses and accuracy."""
    table = frame(records)
    table = table[table["fraction"].isna()]
    rows = {}
    keys = ["optimizer", "lo", "hi", "per", "width"]
    for (optimizer, lo, hi, per, width), part in table.groupby(keys, sort=False):
        what = f"η = {decade(lo)}" if lo == hi else f"({decade(lo)}, {decade(hi)}), a rate a {per}"
        name = f"{'' if lo == hi else 'Alrao on '}{optimizer.upper() if optimizer == 'sgd' else 'Adam'}"
        rows[f"{name}, {what}, width × {width:g}"] = {
            "training loss": mean_std(part["train_loss"], 3),
            "test loss": mean_std(part["test_loss"], 3),
            "test accuracy, %": mean_std(100 * part["test_accuracy"], 1),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def identity(records: Sequence[Record]) -> pd.DataFrame:
    """The largest difference of a batch loss from torch's own optimizer."""
    table = frame(records)
    table = table.assign(precision=table["double"].map({True: "float64", False: "float32"}))
    worst = table.groupby(["optimizer", "lo", "precision"])["loss_difference"].max()
    bounded = worst.map(lambda x: "< 1e-12" if x < 1e-12 else f"< {10.0 ** _ceil_log10(x):.0e}")
    return bounded.unstack("precision").rename_axis(["optimizer", "η"])


def _ceil_log10(x: float) -> int:
    """The least k with x < 10^k: rounding differs from machine to machine, its size hardly."""
    k = -20
    while x >= 10.0**k:
        k += 1
    return k
