"""Tables of the paper: records in, a small table out.

Errors of identities are exact and stand as powers of ten. What was sampled or trained is measured: its cells
know their spread and n (:mod:`startright.measured`).
"""

from collections.abc import Mapping, Sequence

import pandas as pd

from startright.measured import Count, Measured, Table, either, indistinguishable, table
from startright.papers.higher_order.figures import METHODS, PLAIN_NETS
from startright.papers.higher_order.published import NETWORKS
from startright.papers.higher_order.readings import best
from startright.papers.higher_order.studies.training import CHOICE_FACTOR
from startright.studies import Record, frame
from startright.summary import number

STEPS = {
    "cubic": "all of H̄, cubic",
    "order2": "all of H̄, order 2",
    "diagonal_cubic": "diagonal of H̄, cubic",
    "diagonal": "diagonal of H̄, order 2",
    "one_group": "one group",
}
CHOICES = {
    "canonical": "one group per tensor",
    "trivial": "one group",
    "weights_biases": "weights, biases",
    "blocks": "one group per layer",
    "alternate": "every other layer",
}


WAYS = {"double_backward": "gradients of gradients", "func": "torch.func"}


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
    worst = worst.rename(WAYS, level=0).rename(CHOICES, level=1)
    return worst.map(_below).rename(columns=names).rename_axis(["computed by", "partition"])


def merging(records: Sequence[Record]) -> pd.DataFrame:
    """The largest relative error of the sums over entries."""
    names = {"error_g": "ḡ", "error_H": "H̄"}
    worst = frame(records).groupby(["net", "groups"], sort=False)[list(names)].max()
    worst = worst.rename(PLAIN_NETS, level=0).rename(CHOICES, level=1)
    return worst.map(_below).rename(columns=names).rename_axis(["network", "partition"])


def steps(records: Sequence[Record]) -> Table:
    """The loss before one step (mean ± standard deviation over seeds) and after each kind of step.

    Where an undamped step lands can differ by powers of ten from seed to seed: medians, with the range.
    """
    rows = {}
    for (net, done), part in frame(records).groupby(["net", "adam_steps"], sort=False):
        digits = 2 if part["before"].mean() > 0.1 else 4
        row = {"before": Measured.of(part["before"], digits)}
        row |= {label: Measured.wild(part[name], digits) for name, label in STEPS.items()}
        row["H̄ indefinite"] = Count.of(part["min_eigenvalue"] <= 0)
        rows[state_name(net, done)] = row
    return table(rows, records)


def state_name(net: str, adam_steps: int) -> str:
    """A network and when it is looked at, in words.

    >>> state_name("lenet", 0), state_name("lenet", 120)
    ('LeNet, CIFAR-10, initialisation', 'LeNet, CIFAR-10, after 120 steps')
    """
    return f"{PLAIN_NETS.get(net, net)}, {f'after {adam_steps} steps' if adam_steps else 'initialisation'}"


def level_rates(runs: pd.DataFrame, method: str, net: str) -> list[float]:
    """The rates of a method whose final training loss cannot be told from the least, the least mean first.

    Rates at which a run diverged are out. One seed tells nothing apart.
    """
    runs = runs[(runs["method"] == method) & (runs["net"] == net)]
    groups = {
        rate: part.set_index("seed")["train_loss"]
        for rate, part in runs.groupby("lr")
        if (part["status"] == "ok").all() and len(part) == runs["seed"].nunique()
    }
    return indistinguishable(groups)


RATES = "rates not to be told from the best"


def methods(records: Sequence[Record], digits: int = 3) -> Table:
    """Losses and accuracy at the end by network and method, at the first of the rates that are named."""
    runs, rows = frame(records), {}
    for net in dict.fromkeys(runs["net"]):
        for method, (label, _) in METHODS.items():
            chosen = best(runs, method, net)
            if len(chosen):
                rates = [f"{rate:g}" for rate in level_rates(runs, method, net)]
                rows[PLAIN_NETS.get(net, net), label] = {RATES: either(rates), **_ends(chosen, digits)}
    return table(rows, records, index=["network", "method"])


def _ends(runs: pd.DataFrame, digits: int) -> dict[str, Measured | str]:
    """How trainings end; an auto-encoder has no accuracy."""
    cells: dict[str, Measured | str] = {
        "training loss": Measured.of(runs["train_loss"], digits),
        "test loss": Measured.of(runs["test_loss"], digits),
    }
    rated = "test_accuracy" in runs and runs["test_accuracy"].notna().all()
    cells["test accuracy, %"] = Measured.of(100 * runs["test_accuracy"], 1) if rated else "–"
    return cells


def choices(records: Sequence[Record], digits: int = 2) -> Table:
    """Training by groups at one factor: partitions, the weight of the cubic term, images of the curvature."""
    runs = frame(records)
    runs = runs[(runs["method"] == "grouped") & (runs["lr"] == CHOICE_FACTOR)]
    rows = {}
    keys = ["groups", "lambda_int", "curvature_batch"]
    for (groups, lam, images), part in runs.groupby(keys, sort=False):
        name = f"{CHOICES[groups]}, λ_int = {lam:g}, {images} images"
        rows[name] = {
            "training loss": Measured.of(part["train_loss"], digits),
            "test accuracy, %": Measured.of(100 * part["test_accuracy"], 1),
            "negative rates, %": Measured.of(100 * part["negative_rates"], 0),
            "H̄ indefinite, %": Measured.of(100 * part["indefinite"], 0),
        }
    return table(rows, records)


def suggested(rates: Mapping[str, float]) -> pd.DataFrame:
    """The rates of a network's tensors, to one digit, by layer.

    Args:
        rates: by the name of the parameter, ``"layers.0.weight"``, as
            :func:`startright.higher_order.suggest.suggest_learning_rates` gives them.
    """
    order = list(dict.fromkeys(name.rpartition(".")[0] for name in rates))
    rows: dict[str, dict[str, str]] = {}
    for name, rate in rates.items():
        layer, _, kind = name.rpartition(".")
        kind = {"weight": "weights", "bias": "biases"}.get(kind, kind)
        rows.setdefault(f"{order.index(layer) + 1}", {})[kind] = number(float(f"{rate:.1g}"), "g")
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("layer")


def published() -> pd.DataFrame:
    """The networks and settings of the paper."""
    columns = ["data", "tensors S", "parameters", "epochs", "λ₁", "λ_int"]
    table = pd.DataFrame.from_dict(NETWORKS, orient="index", columns=columns)
    table["parameters"] = table["parameters"].map("{:,}".format)
    return table
