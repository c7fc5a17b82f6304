"""Tables of the paper: records in, a small table out.

What was trained is a mean with its spread over seeds (:mod:`startright.measured`), or a median with its range
where values differ by orders of magnitude; counts are exact.
"""

from collections.abc import Sequence

import pandas as pd

from startright.measured import Count, Measured, Table, either, table
from startright.papers.alrao.published import (
    GRANULARITY_BITS,
    MAIN_TABLE,
    PUBLISHED_MILLIONS,
    RELEASED_FIRST_EPOCH,
    WIDE_TABLE,
)
from startright.papers.alrao.readings import NAMES, by_method, decade, good_rates, to_a_thousand
from startright.papers.alrao.studies.images import INTERVAL
from startright.studies import Record, frame

FULL_NAMES = {  # of the networks whose parameters are counted
    **NAMES,
    "senet18": "SENet18",
    "char-lstm": "LSTM of characters",
    "word-lstm": "LSTM of words",
    "alexnet": "AlexNet",
    "resnet50": "ResNet50",
    "densenet121": "DenseNet121",
}
BOUNDS = {"float64": 1e-12, "float32": 1e-3}  # of the identity: far above rounding, the same on every machine


def methods(records: Sequence[Record]) -> Table:
    """Loss and accuracy at the epoch that validation chose: best SGD, Adam, Alrao, and the extremes of SGD.

    The first row is SGD at the rate of the least mean loss of validation; the first column holds all rates
    that the seeds cannot tell from it.
    """
    runs = by_method(frame(records))
    sgd, good = runs["sgd"], good_rates(runs["sgd"])
    groups = {
        "SGD, best rate": (either([decade(rate) for rate in sorted(good)]), sgd[sgd["lo"] == good[0]]),
        "Adam": (decade(1e-3), runs["adam"]),
        "Alrao": (f"({decade(INTERVAL[0])}, {decade(INTERVAL[1])})", runs["alrao"]),
    }
    groups |= {
        f"SGD, {decade(rate)}": (decade(rate), sgd[sgd["lo"] == rate])
        for rate in (sgd["lo"].min(), sgd["lo"].max())
    }
    rows = {
        label: {
            "rate": rate,
            "training loss": _loss(part["train_loss"], 3, wild=(part["lo"] == sgd["lo"].max()).all()),
            "test loss": Measured.of(part["best_test_loss"].dropna(), 3),
            "test accuracy, %": Measured.of(100 * part["best_test_accuracy"].dropna(), 1),
            "diverged": Count.of(part["status"] != "ok"),
        }
        for label, (rate, part) in groups.items()
    }
    return table(rows, records, index="method")


def _loss(values: pd.Series, digits: int, *, wild: bool) -> Measured:
    """Of rates that leave one run far from the others, median and range."""
    return Measured.wild(values.dropna(), digits) if wild else Measured.of(values.dropna(), digits)


def published() -> pd.DataFrame:
    """The paper's main table: loss and accuracy in % (return for reinforcement learning)."""
    columns = ["best SGD rate", "SGD", "Adam", "Alrao"]
    main = pd.DataFrame.from_dict(MAIN_TABLE, orient="index", columns=columns)
    main["best SGD rate"] = main["best SGD rate"].map(decade)
    wide = {f"{net}, width × 3": ("–", "–", *values) for net, values in WIDE_TABLE.items()}
    return pd.concat([main, pd.DataFrame.from_dict(wide, orient="index", columns=columns)])


def parameters(records: Sequence[Record]) -> pd.DataFrame:
    """Parameters with one head and with all, counted here, beside the paper's, which are in thousands."""
    rows = {}
    for record in records:
        net, heads = record.config["net"], record.config["heads"]
        ours = tuple(int(record.metrics[name]) for name in ("one_head", "all_heads"))
        paper = PUBLISHED_MILLIONS.get(net)
        rows[f"{FULL_NAMES.get(net, net)}, {heads} heads"] = {
            "one head": f"{ours[0]:,}",
            "all heads": f"{ours[1]:,}",
            "more, %": f"{record.metrics['overhead']:.1f}",
            "the paper's, millions": "–" if paper is None else f"{paper[0]:.3f} → {paper[1]:.3f}",
            "equal to the paper's": "–" if paper is None else "yes" if to_a_thousand(ours, paper) else "no",
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def text(records: Sequence[Record]) -> Table:
    """The character LSTM after one epoch: bits and accuracy by method."""
    runs = by_method(frame(records))
    names = {"sgd": "SGD, η = 1", "adam": "Adam, 1e-3", "alrao": "Alrao, (1e-3, 1e2)"}
    rows = {
        label: {
            "training, bits": Measured.of(runs[method]["train_bits"]),
            "test, bits": Measured.of(runs[method]["test_bits"]),
            "test accuracy, %": Measured.of(100 * runs[method]["test_accuracy"], 1),
            "seeds": len(runs[method]),
        }
        for method, label in names.items()
    }
    return table(rows, records, index="method")


def granularity(records: Sequence[Record]) -> Table:
    """The four settings after one epoch, in bits, beside the paper's figure and the released programs."""
    everything = frame(records)
    rows = {}
    for (lo, hi, per), paper in GRANULARITY_BITS.items():
        here = (everything["lo"] == lo) & (everything["hi"] == hi) & (everything["per"] == per)
        runs = everything[here]
        released = RELEASED_FIRST_EPOCH["per_unit"] if (lo, per) == (1e-4, "unit") else ("–", "–")
        rows[f"({decade(lo)}, {decade(hi)}), one per {per}"] = {
            "training": Measured.of(runs["train_bits"]),
            "test": Measured.of(runs["test_bits"]),
            "seeds": len(runs),
            "the paper's figure, test": paper[0],
            "released programs, training": released[0],
            "released programs, test": released[1],
        }
    return table(rows, records, index="rates")


def variants(records: Sequence[Record]) -> Table:
    """Rates per weight, Alrao on Adam, three times the width: losses and accuracy.

    Losses are medians with their range where rates above those of the paper's interval are drawn.
    """
    everything = frame(records)
    everything = everything[everything["fraction"].isna()]
    rows = {}
    keys = ["optimizer", "lo", "hi", "per", "width"]
    for (optimizer, lo, hi, per, width), part in everything.groupby(keys, sort=False):
        what = f"η = {decade(lo)}" if lo == hi else f"({decade(lo)}, {decade(hi)}), a rate per {per}"
        name = f"{'' if lo == hi else 'Alrao on '}{optimizer.upper() if optimizer == 'sgd' else 'Adam'}"
        wild = hi > INTERVAL[1]
        rows[f"{name}, {what}, width × {width:g}"] = {
            "training loss": _loss(part["train_loss"], 3, wild=wild),
            "test loss": _loss(part["test_loss"], 3, wild=wild),
            "test accuracy, %": Measured.of(100 * part["test_accuracy"].dropna(), 1),
            "seeds": len(part),
        }
    return table(rows, records, index="method, rates and width")


def identity(records: Sequence[Record]) -> pd.DataFrame:
    """The largest difference of a batch loss from torch's own optimizer: the bound that holds it."""
    runs = frame(records)
    runs = runs.assign(precision=runs["double"].map({True: "float64", False: "float32"}))
    worst = runs.groupby(["optimizer", "lo", "precision"])["loss_difference"].max()
    bounded = pd.Series({key: _bounded(x, BOUNDS[key[-1]]) for key, x in worst.items()})
    bounded = bounded.rename({"sgd": "SGD", "adam": "Adam"}, level=0)
    return bounded.unstack().rename_axis(["optimizer", "η"]).rename_axis("precision", axis=1)


def _bounded(x: float, bound: float) -> str:
    """Rounding differs from machine to machine: its size is shown only where it is more than rounding.

    >>> _bounded(3e-16, 1e-12), _bounded(3e-5, 1e-12)
    ('< 1e-12', '3e-05')
    """
    return f"< {bound:.0e}" if x < bound else f"{x:.0e}"
