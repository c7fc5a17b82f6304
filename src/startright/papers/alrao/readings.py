"""What the records of the paper say, in small frames: claims, tables, figures and findings read these."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from startright.measured import either, indistinguishable
from startright.papers.alrao.published import MAIN_TABLE
from startright.papers.alrao.studies.images import DECADES, EARLY_EPOCHS, LEARNING, NETS, VARIANTS
from startright.papers.alrao.studies.selection import SELECTION
from startright.papers.alrao.studies.units import EDGES
from startright.studies import Record, frame
from startright.summary import mean_std, rounded

Records = Mapping[str, list[Record]]

# nats, of ten classes: a loss above it counts as no better, or one wild run would hide the others
GUESSING = float(np.log(10))
NAMES = {"vgg19": "VGG19", "googlenet": "GoogLeNet", "mobilenet": "MobileNetV2", "mlp": "MLP"}


def decade(rate: float) -> str:
    """A rate as legends write it.

    >>> decade(1e-5), decade(0.1), decade(10.0)
    ('1e-5', '0.1', '10')
    """
    return (
        f"{rate:g}".replace("e-0", "e-").replace("e+0", "e")
        if 1e-3 <= rate < 1e4
        else f"1e{np.log10(rate):.0f}"
    )


def to_a_thousand(ours: tuple[int, int], millions: tuple[float, float]) -> bool:
    """Whether counts differ by less than the last digit of the printed ones, cut or rounded."""
    return all(abs(count - 1e6 * shown) < 1000 for count, shown in zip(ours, millions, strict=True))


# --- the runs, by what was trained ----------------------------------------------------------


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


def judged(table: pd.DataFrame) -> dict[str, Any]:
    """Whether the runs are judged, and what differs from the paper: two arguments of a measurement."""
    return {"comparable": as_published(table), "note": note(table)}


def networks(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The runs of each network by itself, under its name: pooled, what differs between them would hide."""
    for net, runs in table.groupby("net", sort=False):
        yield NAMES[net], runs


def per_network(quantity: str, values: Mapping[str, Sequence[float]]) -> tuple[str, Sequence[float]]:
    """The values of the first network that has some, and the quantity with those of the others: no pool.

    >>> per_network("loss", {"VGG19": [1.0, 3.0], "GoogLeNet": [7.0], "MobileNetV2": []})
    ('loss (VGG19; GoogLeNet: 7, n = 1)', [1.0, 3.0])
    """
    (first, own), *others = [(net, found) for net, found in values.items() if len(found)] or [("", [])]
    said = [first]
    for net, found in others:
        mean, spread, n = mean_std(found)
        said.append(f"{net}: {rounded(mean, spread)}, n = {n}")
    return f"{quantity} ({'; '.join(said)})" if others else quantity, own


def first_epochs(records: Records) -> list[Record]:
    """The runs of the first epochs, where there are longer ones too."""
    runs = records[LEARNING.name]
    shortest = min(run.config["epochs"] for run in runs)
    return [run for run in runs if run.config["epochs"] == shortest]


def beside_table(records: Sequence[Record]) -> Iterator[tuple[str, str, str, list[float]]]:
    """Network, method, accuracy in % as the paper's table prints it, and ours of each seed, on CIFAR-10."""
    for task, (rate, *cells) in MAIN_TABLE.items():
        data, _, net = task.partition(", ")
        if data != "CIFAR-10":
            continue
        runs = (
            by_method(frame(chosen))
            if (chosen := [r for r in records if NAMES[r.config["net"]] == net])
            else {}
        )
        for method, cell in zip(("sgd", "adam", "alrao"), cells, strict=True):
            own = runs.get(method, pd.DataFrame(columns=["lo", "best_test_accuracy"]))
            own = own[own["lo"] == rate] if method == "sgd" else own
            label = {"sgd": f"SGD, η = {decade(rate)}", "adam": "Adam", "alrao": "Alrao"}[method]
            yield net, label, cell.partition(", ")[2], [100 * a for a in own["best_test_accuracy"]]


# --- against the grid of SGD ----------------------------------------------------------------


def best_runs(runs: Mapping[str, pd.DataFrame]) -> tuple[str, pd.DataFrame]:
    """The rates of SGD that may be its best, in words, and the runs at the first; none without its grid."""
    if not whole_grid(runs["sgd"]):
        return "", runs["sgd"].iloc[:0]
    good = good_rates(runs["sgd"])
    return ", " + either([f"{rate:g}" for rate in sorted(good)]), runs["sgd"][runs["sgd"]["lo"] == good[0]]


def gap(runs: Mapping[str, pd.DataFrame], best: pd.DataFrame, column: str) -> pd.Series:
    """Alrao minus SGD at the seeds that both have; a run of Alrao that diverged is infinitely worse."""
    ours, theirs = by_seed(runs["alrao"], column), by_seed(best, column)
    both = ours.index.intersection(theirs.index)
    worse = -np.inf if column.endswith("accuracy") else np.inf
    return (ours[both] - theirs[both]).fillna(worse)


def above_best(sgd: pd.DataFrame, best: pd.DataFrame) -> pd.DataFrame:
    """How far the losses of every rate lie above those of the best, seed by rate, in nats."""
    if best.empty:
        return pd.DataFrame()
    known = sgd["validation_loss"].where(sgd["status"] == "ok", np.inf)
    losses = sgd.assign(value=known.clip(upper=GUESSING)).pivot(index="seed", columns="lo", values="value")
    return losses.sub(losses[best["lo"].iloc[0]], axis=0)


def early_gaps(curves: Mapping[str, pd.DataFrame]) -> tuple[dict[str, pd.Series], pd.DataFrame]:
    """In the first epochs, by seed: the loss of Alrao minus that of the best rate, epoch by epoch, and that
    of every rate minus Alrao's in the first; nothing without the grid of SGD.
    """
    if not whole_grid(curves["sgd"]) or curves["alrao"].empty:
        return {}, pd.DataFrame()
    grid = curves["sgd"].pivot(index=["seed", "step"], columns="lo", values="train_loss")
    ours = curves["alrao"].set_index(["seed", "step"])["train_loss"]
    best = grid.groupby("step").mean().idxmin(axis=1)
    gaps = {
        f"epoch {step + 1}": (ours.xs(step, level="step") - grid.xs(step, level="step")[rate]).dropna()
        for step, rate in best.items()
        if step < EARLY_EPOCHS
    }
    first = grid.xs(0, level="step").sub(ours.xs(0, level="step"), axis=0).fillna(np.inf)
    return gaps, first


# --- intervals and variants -----------------------------------------------------------------


def holding(wide: pd.DataFrame, good: Sequence[float]) -> list[bool]:
    """Whether the interval of each run holds one of these rates."""
    return [any(lo <= rate <= hi for rate in good) for lo, hi in zip(wide["lo"], wide["hi"], strict=True)]


def variants(records: Records) -> pd.DataFrame:
    """The runs of the study of variants, with their test accuracy in %."""
    table = frame(records[VARIANTS.name])
    return table.assign(accuracy=100 * table["test_accuracy"])


def drops_of(runs: Sequence[Record]) -> np.ndarray:
    """Points of accuracy that a reset costs, (seed, bin of rates, layer), of the runs that ended well."""
    bins = range(len(EDGES) - 1)
    return np.array([[run.curves[f"drop_{k}"] for k in bins] for run in runs if run.status == "ok"])


# --- the heads ------------------------------------------------------------------------------


def head_rates(record: Record) -> np.ndarray:
    """Rates of the heads of a recorded run, (N,)."""
    return np.geomspace(record.config["lo"], record.config["hi"], record.config["heads"])


def trace(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """Steps, (T,), and weights of the heads after them, (T, N), of a recorded run."""
    weights = [record.curves[f"weight_{j}"] for j in range(record.config["heads"])]
    return np.array(record.curves["trace_step"]), np.array(weights).T


def weights_at(steps: np.ndarray, weights: np.ndarray, step: int) -> np.ndarray:
    """The weights at the first recorded step from this one on."""
    return weights[steps >= step][0]


def traced(records: Records) -> dict[str, list[Record]]:
    """Network → runs of the first steps; networks that have none are seen in the paper's longer trainings."""
    runs = list(records[SELECTION.name])
    nets = {run.config["net"] for run in runs}
    longer = [r for r in records[LEARNING.name] if r.config["heads"] > 1 and r.config["net"] not in nets]
    found: dict[str, list[Record]] = {}
    for run in runs + [run for run in longer if as_published(frame([run]))]:
        found.setdefault(run.config["net"], []).append(run)
    return found
