"""Claims C1 to C15 of Blier, Wolinski and Ollivier, each with the measurement that settles it.

On another data set, network or length of training than the paper's a measurement is shown and not judged
(``comparable=False``). Claims about an order or a behaviour are judged on the paper's data, with a note on
what differs.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from startright.alrao import exact_study, image_study, text_study, unit_study
from startright.alrao.imagenet_study import IMAGENET
from startright.alrao.reference import GRANULARITY_BITS, PARAMETERS
from startright.alrao.rl_study import RL
from startright.claims import Check, Claim, Measurement
from startright.measured import either, indistinguishable
from startright.studies import Record, curve_frame, frame

PAPER = "alrao"
PAGE = "structure/alrao"

Records = Mapping[str, list[Record]]
NARROW_NOTE = "VGG19 at a quarter of its width, one epoch, two cores"


def _std(values: pd.Series) -> float | None:
    return float(values.std()) if len(values) > 1 else None


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
    """The rate of SGD with the least mean of a column over the seeds; runs that diverged are out."""
    good = sgd[sgd["status"] == "ok"].groupby("lo")[by].agg(["mean", "size"])
    good = good[good["size"] == good["size"].max()]
    return float(good["mean"].idxmin())


def good_rates(sgd: pd.DataFrame, by: str = "validation_loss", *, largest: bool = False) -> list[float]:
    """The rates of SGD that the seeds cannot tell from the best, the best first; as in :func:`best_rate`."""
    good = {rate: runs.set_index("seed")[by] for rate, runs in sgd[sgd["status"] == "ok"].groupby("lo")}
    most = max((len(values) for values in good.values()), default=0)
    complete = {float(rate): values for rate, values in good.items() if len(values) == most}
    return indistinguishable(complete, largest=largest)


def _as_published(table: pd.DataFrame) -> bool:
    """Whether the runs are those of the paper's images and networks: a narrower network is another set-up."""
    same = table["dataset"].eq("cifar10") & table["net"].isin(image_study.NETS)
    return bool((same & (table["width"].eq(1) | table["width"].eq(3))).all())


def _note(table: pd.DataFrame) -> str:
    first = table.iloc[0]
    if first["dataset"] == "cifar10" and first["width"] < 1:
        return NARROW_NOTE
    return "" if first["dataset"] == "cifar10" else f"{first['dataset']}, a small network"


# --- C1, C2, C3, C11: against the grid of SGD -----------------------------------------------


def measure_accuracy(records: Records) -> Measurement:
    """C1: Alrao against the best rate, at the epoch that validation chooses."""
    table = frame(records[image_study.LEARNING.name])
    runs = by_method(table)
    good = good_rates(runs["sgd"])
    best = runs["sgd"][runs["sgd"]["lo"] == good[0]].set_index("seed")
    gap = 100 * (runs["alrao"].set_index("seed")["best_test_accuracy"] - best["best_test_accuracy"])
    loss = (runs["alrao"].set_index("seed")["best_test_loss"] - best["best_test_loss"]).mean()
    rates = either([f"{rate:g}" for rate in sorted(good)])
    checks = (
        Check(
            f"accuracy at most 3 points below SGD at its best rate, {rates}: {gap.mean():+.1f}",
            gap.mean() > -3,
        ),
        Check(f"test loss at most 0.1 nat above: {loss:+.3f}", loss < 0.1),
    )
    return Measurement(
        "accuracy of Alrao minus that of SGD at its best rate, points",
        gap.mean(),
        _std(gap),
        len(gap),
        checks,
        comparable=table["epochs"].iloc[0] >= 50 and _as_published(table),
        note=_note(table),
    )


def measure_reliability(records: Records) -> Measurement:
    """C2: who fails."""
    table = frame(records[image_study.LEARNING.name])
    runs, column = by_method(table), "validation_loss"
    sgd = runs["sgd"].assign(value=runs["sgd"][column].where(runs["sgd"]["status"] == "ok", np.inf))
    losses = sgd.groupby("lo")["value"].mean()
    near = losses[losses < losses.min() + 0.25]
    alrao = runs["alrao"]
    checks = (
        Check("no run of Alrao fails", (alrao["status"] == "ok").all()),
        Check(
            "every run of Alrao is nearer to the best rate of SGD than to guessing",
            (alrao[column] < (losses.min() + np.log(10)) / 2).all(),
        ),
        Check(f"SGD is within 0.25 nat of its best at 4 rates of 7 at most: {len(near)}", len(near) <= 4),
        Check(
            "SGD at 1e-5 and at 10 is at least 0.5 nat from it",
            losses.iloc[[0, -1]].min() > losses.min() + 0.5,
        ),
    )
    accuracy = 100 * alrao["best_test_accuracy"]
    return Measurement(
        "test accuracy of Alrao, %",
        accuracy.mean(),
        _std(accuracy),
        len(accuracy),
        checks,
        comparable=_as_published(table),
        note=_note(table),
    )


def measure_early(records: Records) -> Measurement:
    """C3: the first epochs."""
    runs = records[image_study.LEARNING.name]
    curves = by_method(curve_frame(runs, "train_loss"))
    table = frame(runs)
    grid = curves["sgd"].groupby(["lo", "step"])["train_loss"].mean().unstack("step")
    ours = curves["alrao"].groupby("step")["train_loss"].mean()
    early = ours.index[:5]
    gap = (ours - grid.min())[early]
    worse = int((grid[early[0]].fillna(np.inf) > ours[early[0]] + 0.3).sum())
    checks = (
        Check(
            f"training loss at most 0.1 nat above the best rate's, epoch by epoch: worst {gap.max():+.2f}",
            gap.max() <= 0.1,
        ),
        Check(
            f"in the first epoch 3 rates of SGD at least are 0.3 nat worse than Alrao: {worse}", worse >= 3
        ),
    )
    first = curves["alrao"].query(f"step == {early[0]}")["train_loss"]
    return Measurement(
        "training loss of Alrao in the first epoch, nats",
        first.mean(),
        _std(first),
        len(first),
        checks,
        comparable=_as_published(table),
        note=_note(table),
    )


def head_rates(record: Record) -> np.ndarray:
    """Rates of the heads of a recorded run, (N,)."""
    return np.geomspace(record.config["lo"], record.config["hi"], record.config["heads"])


def trace(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """Steps, (T,), and weights of the heads after them, (T, N), of a recorded run."""
    weights = [record.curves[f"weight_{j}"] for j in range(record.config["heads"])]
    return np.array(record.curves["trace_step"]), np.array(weights).T


def measure_switch(records: Records) -> Measurement:
    """C11: the weights of the heads."""
    runs = records[image_study.LEARNING.name]
    table = frame(runs)
    rate = best_rate(by_method(table)["sgd"])
    ours = [r for r in runs if r.config["heads"] > 1 and r.status == "ok"]
    final, fast, slower, near = [], [], [], []
    for record in ours:
        rates, (steps, weights) = head_rates(record), trace(record)
        winner = int(weights[-1].argmax())
        leaders = rates[weights[steps >= 10].argmax(1)]
        final.append(weights[-1, winner])
        fast.append(weights[steps >= 30][0][rates > 1].sum())
        slower.append(leaders.max() > rates[winner])
        near.append(abs(np.log10(rates[winner] / rate)))
    checks = (
        Check(f"heads with η > 1 hold less than 5 % after 30 steps: {max(fast):.1%}", max(fast) < 0.05),
        Check(f"one head ends with more than 0.9 in every run: least {min(final):.2f}", min(final) > 0.9),
        Check("a head with a larger rate led before it, in every run", all(slower)),
        Check(
            f"its rate is within a decade and a half of the best of SGD: {max(near):.1f}", max(near) <= 1.5
        ),
    )
    values = pd.Series(final)
    return Measurement(
        "weight of the leading head at the end",
        values.mean(),
        _std(values),
        len(values),
        checks,
        comparable=_as_published(table),
        note=_note(table),
    )


# --- C4: the interval -----------------------------------------------------------------------


def measure_intervals(records: Records) -> Measurement:
    """C4: intervals that hold a good rate against those that do not."""
    table = frame(records[image_study.INTERVALS.name])
    table = table.assign(value=table["train_loss"].where(table["status"] == "ok", np.inf))
    cells = table.groupby(["lo", "hi"])["value"].mean().reset_index()
    wide = cells[cells["lo"] < cells["hi"]]
    good = wide[(wide["lo"] <= 0.1) & (wide["hi"] >= 0.1)]["value"]
    slow = wide[wide["hi"] <= 1e-3]["value"]
    held = table[(table["lo"] < table["hi"]) & (table["lo"] <= 0.1) & (table["hi"] >= 0.1)]
    by_seed = held.groupby("seed")["value"].agg(np.ptp)
    checks = (
        Check(
            f"intervals from ≤ 0.1 to ≥ 0.1 are within 0.3 nat of one another: {np.ptp(good):.2f}",
            np.ptp(good) < 0.3,
        ),
        Check(
            "intervals below 1e-3 are at least 0.3 nat worse than all of these", slow.min() > good.max() + 0.3
        ),
        Check("every run of Alrao ends with finite losses", np.isfinite(wide["value"]).all()),
    )
    return Measurement(
        "range of the training loss over the intervals that hold a good rate, nats",
        float(np.ptp(good)),
        _std(by_seed),
        len(by_seed),
        checks,
        comparable=_as_published(table),
        note=_note(table) and f"{_note(table)}; the paper's map is GoogLeNet's",
    )


# --- C5, C8: text ---------------------------------------------------------------------------


def measure_text(records: Records) -> Measurement:
    """C5: a recurrent network."""
    table = frame(records[text_study.TEXT.name])
    runs = by_method(table)
    gap = runs["alrao"].set_index("seed")["test_bits"] - runs["sgd"].set_index("seed")["test_bits"]
    checks = (
        Check(
            f"Alrao is at most 0.2 bit above SGD at η = 1: {gap.mean():+.2f} (paper +0.10)", gap.mean() < 0.2
        ),
        Check(
            "every run of Alrao is below the bits of pairs, 3.31", (runs["alrao"]["test_bits"] < 3.31).all()
        ),
    )
    epochs = int(table["epochs"].iloc[0])
    return Measurement(
        f"test bits a character of Alrao minus SGD at η = 1, after {epochs} epoch{'s' * (epochs > 1)}",
        gap.mean(),
        _std(gap),
        len(gap),
        checks,
        comparable=epochs >= 100,
        note="the paper's data and network; 1 epoch for about 300",
    )


def measure_granularity(records: Records) -> Measurement:
    """C8: one rate a unit, or one a weight."""
    table = frame(records[text_study.GRANULARITY.name])
    mean = table.groupby(["lo", "hi", "per"])["test_bits"].mean()
    order = sorted(GRANULARITY_BITS, key=lambda setting: GRANULARITY_BITS[setting][0])
    ours = [float(mean[setting]) for setting in order]
    apart = mean[1e-3, 1e4, "weight"] - mean[1e-3, 1e4, "unit"]
    close = mean[1e-4, 1e2, "weight"] - mean[1e-4, 1e2, "unit"]
    checks = (
        Check(
            f"(1e-3, 1e4): a rate a weight is over 0.4 bit worse than one a unit: {apart:+.2f} (paper +0.74)",
            apart > 0.4,
        ),
        Check(f"(1e-4, 1e2): it is better or within 0.15 bit: {close:+.2f} (paper −0.18)", close < 0.15),
        Check("the four settings are in the paper's order", ours == sorted(ours)),
    )
    values = table.query("lo == 1e-3 and hi == 1e4").pivot(index="seed", columns="per", values="test_bits")
    gaps = values["weight"] - values["unit"]
    return Measurement(
        "(1e-3, 1e4): test bits of a rate a weight minus a rate a unit, after one epoch",
        gaps.mean(),
        _std(gaps),
        len(gaps),
        checks,
        note="against the first epoch of the paper's 20, whose absolute values no known set-up gives",
    )


# --- C6, C7: ImageNet, reinforcement learning -----------------------------------------------


def measure_imagenet(records: Records) -> Measurement:
    """C6: three networks, one run each."""
    runs = by_method(frame(records[IMAGENET.name]))
    best = {method: 100 * table.groupby("model")["test_accuracy"].max() for method, table in runs.items()}
    gap = best["alrao"] - best["sgd"]
    checks = (
        Check("ResNet50 within 2 points of SGD", abs(gap["resnet50"]) < 2),
        Check("DenseNet121 within 4 points of SGD", abs(gap["densenet121"]) < 4),
        Check("AlexNet is the weakest: the largest gap", gap["alexnet"] == gap.min()),
    )
    return Measurement("ResNet50: accuracy of Alrao minus SGD, points", gap["resnet50"], None, 1, checks)


def measure_rl(records: Records) -> Measurement:
    """C7: with an algorithm of our own choice."""
    table = frame(records[RL.name])
    runs = by_method(table)
    gaps, checks = {}, []
    for task, part in runs["alrao"].groupby("task"):
        sgd = runs["sgd"][runs["sgd"]["task"] == task].groupby("lo")["return"].mean()
        gaps[task] = part["return"].mean() - sgd.max()
        text = f"{task}: Alrao {part['return'].mean():.0f}, best SGD {sgd.max():.0f}"
        checks.append(
            Check(f"{text}: at most a quarter of the range of SGD below", gaps[task] > -0.25 * np.ptp(sgd))
        )
    task, gap = next(iter(gaps.items()))
    return Measurement(
        f"{task}: mean return of Alrao minus that of SGD at its best rate",
        gap,
        None,
        int(table["seed"].nunique()),
        tuple(checks),
        comparable=False,
        note="the paper's algorithm is not known to us: deep Q-learning is our choice",
    )


# --- C9, C10, C13: variants -----------------------------------------------------------------


def _variants(records: Records) -> pd.DataFrame:
    table = frame(records[image_study.VARIANTS.name])
    return table.assign(accuracy=100 * table["test_accuracy"])


def measure_on_adam(records: Records) -> Measurement:
    """C9: Alrao's rates on Adam."""
    table = _variants(records)
    runs = by_method(table[table["width"] == 1])
    ours, adam = runs["alrao-adam"], runs["adam"]
    worst = ours["test_loss"].max() - adam["test_loss"].max()
    checks = (
        Check("the training loss falls below 0.5 nat in every run", (ours["train_loss"] < 0.5).all()),
        Check(f"a run's test loss is 0.5 nat above the worst of Adam's: {worst:+.2f}", worst > 0.5),
    )
    return Measurement(
        "test loss of Alrao on Adam, nats",
        ours["test_loss"].mean(),
        _std(ours["test_loss"]),
        len(ours),
        checks,
        comparable=_as_published(table),
        note=_note(table),
    )


def measure_width(records: Records) -> Measurement:
    """C10: three times as wide."""
    table = _variants(records)
    table = table[(table["per"] == "unit") & table["fraction"].isna() & (table["hi"] <= 10)]
    gains = {}
    for method in ("alrao", "sgd"):
        runs = by_method(table)[method].pivot(index="seed", columns="width", values="test_loss")
        gains[method] = runs[3.0] - runs[1.0]
    mean = {method: gain.mean() for method, gain in gains.items()}
    spread = np.hypot(*(gain.std() for gain in gains.values()))
    values = f"{mean['alrao']:+.3f}, {mean['sgd']:+.3f}"
    text = f"the change of the test loss is the same as SGD's within its spread: {values}"
    checks = (Check(text, abs(mean["alrao"] - mean["sgd"]) <= 2 * spread),)
    return Measurement(
        "test loss of Alrao at width × 3 minus at width × 1, nats",
        mean["alrao"],
        _std(gains["alrao"]),
        len(gains["alrao"]),
        checks,
        comparable=_as_published(table),
        note=_note(table),
    )


def measure_fraction(records: Records) -> Measurement:
    """C13: few units learn."""
    table = _variants(records)
    runs = table[table["fraction"].notna()].pivot(index="seed", columns="fraction", values="accuracy")
    drop = runs[1.0] - runs[0.2]
    checks = (
        Check(f"a fifth of the units learning costs less than 3 points: {drop.mean():.1f}", drop.mean() < 3),
        Check(
            "accuracy falls, if slowly, with the fraction",
            runs.mean().iloc[0] <= runs.mean().iloc[-1] + runs.std().max(),
        ),
    )
    return Measurement(
        "accuracy lost when a fifth of the units learns, points",
        drop.mean(),
        _std(drop),
        len(drop),
        checks,
        comparable=_as_published(table),
        note=_note(table) or "the paper's values are in a figure that is not available",
    )


# --- C12, C15: exact ------------------------------------------------------------------------


def measure_parameters(records: Records) -> Measurement:
    """C12: counts."""
    table = frame(records[exact_study.COUNTS.name]).set_index(["net", "heads"])
    counts = table[["backbone", "one_head", "all_heads"]].astype(int)
    exact = [tuple(counts.loc[net]) == expected for net, expected in PARAMETERS.items()]
    checks = [Check(f"{len(exact)} networks have the paper's counts to the digit", all(exact))]
    large = table.loc[["alexnet", "resnet50", "densenet121"], "overhead"]
    text = (
        f"ImageNet networks with 6 and 10 heads grow by 30 to 120 %: {large.min():.0f} to {large.max():.0f} %"
    )
    checks.append(Check(text, large.between(30, 120).all()))
    return Measurement(
        "parameters that 10 heads add to GoogLeNet, %",
        float(table.loc[("googlenet", 10), "overhead"]),
        None,
        1,
        tuple(checks),
    )


def measure_identity(records: Records) -> Measurement:
    """C15: one head, one rate."""
    table = frame(records[exact_study.IDENTITY.name])
    double = table[table["double"]]["loss_difference"].max()
    single = table[~table["double"].astype(bool) & (table["optimizer"] == "sgd")]["loss_difference"].max()
    checks = (
        Check(
            f"float64: batch losses differ by less than 1e-10 over the training: {double:.0e}", double < 1e-10
        ),
        Check(f"float32, SGD: by less than 1e-3, as rounding grows: {single:.0e}", single < 1e-3),
    )
    return Measurement(
        "largest difference of a batch loss from torch's optimizer, float64, nats",
        max(float(double), 1e-15),
        None,
        int(table["seed"].nunique()),
        checks,
    )


# --- C14: which units -----------------------------------------------------------------------


def measure_units(records: Records) -> Measurement:
    """C14: units reset to their initial weights, by layer and rate."""
    runs = records[unit_study.UNITS.name]
    bins = len(unit_study.EDGES) - 1
    drops = np.mean([[r.curves[f"drop_{k}"] for k in range(bins)] for r in runs if r.status == "ok"], axis=0)
    slow, fast = drops[:3].mean(), drops[3:].mean()
    table = frame(runs)
    checks = (
        Check(
            f"resetting units below 1e-2 costs less than those above: {slow:.1f}, {fast:.1f} points",
            slow < fast,
        ),
        Check("it depends on the layer: the worst layer loses 3 times the median", _uneven(drops)),
        Check(
            "every bin of rates can be reset in some layer for less than 1 point", (drops.min(1) < 1).all()
        ),
        Check("no bin can be reset in all layers for less than 1 point", (drops[3:].max(1) >= 1).all()),
    )
    values = table[[f"drop_{k}" for k in range(3)]].mean(axis=1)
    return Measurement(
        "accuracy lost by resetting slow units (η < 1e-2), points, mean over layers and bins",
        values.mean(),
        _std(values),
        len(values),
        checks,
        comparable=_as_published(table),
        note=_note(table),
    )


def _uneven(drops: np.ndarray) -> bool:
    """Whether the layers, (bins, layers), differ much."""
    layers = drops.sum(0)
    return bool(layers.max() > 3 * max(np.median(layers), 0.1))


def _claim(number: int, statement: str, published: str, **rest) -> Claim:
    return Claim(PAPER, f"C{number}", statement, published, page=PAGE, **rest)


LEARNING, VARIANTS = (image_study.LEARNING,), (image_study.VARIANTS,)

CLAIMS = (
    _claim(
        1,
        "On CIFAR-10, Alrao on [1e-5, 10] with 10 heads is within one or two points of SGD at its best rate.",
        "accuracy −2.1 (MobileNetV2), −0.7 (GoogLeNet), −2.0 (VGG19) points",
        studies=LEARNING,
        measure=measure_accuracy,
        anchor="fig-alrao-learning",
    ),
    _claim(
        2,
        "Alrao is reliable: no run fails, where SGD learns well in two or three decades of rates only.",
        "standard deviation of accuracy ≤ 0.8 points; SGD at 1e-5 and 10 stays at 1.6 to 2.3 nats",
        studies=LEARNING,
        measure=measure_reliability,
        anchor="fig-alrao-learning",
    ),
    _claim(
        3,
        "Early in training Alrao follows the best one or two rates, though most of its are useless alone.",
        "training loss of the first epoch: GoogLeNet 1.38 (best SGD 1.35), MobileNetV2 1.58 (1.63)",
        studies=LEARNING,
        measure=measure_early,
        anchor="fig-alrao-learning",
    ),
    _claim(
        4,
        "The interval matters little as long as it contains a good rate.",
        "first epoch: 1.27 to 1.50 where ηmin ≤ 0.1 ≤ ηmax; ≥ 2.2 where ηmax ≤ 1e-3",
        studies=(image_study.INTERVALS,),
        measure=measure_intervals,
        anchor="fig-alrao-intervals",
    ),
    _claim(
        5,
        "Alrao trains a character LSTM on the Penn Treebank nearly as well as SGD at its best rate.",
        "1.67 ± 0.01 bits, SGD 1.566 ± 0.003, after about 300 epochs",
        studies=(text_study.TEXT,),
        measure=measure_text,
        anchor="tab-alrao-text",
    ),
    _claim(
        6,
        "The same on ImageNet; AlexNet is the weakest case.",
        "accuracy: AlexNet 43.2 (SGD 53.2), DenseNet121 67.3 (69.7), ResNet50 67.5 (67.4) %",
        studies=(IMAGENET,),
        measure=measure_imagenet,
        anchor="tab-alrao-main",
    ),
    _claim(
        7,
        "The same on two tasks of reinforcement learning.",
        "return: Pendulum −371 (SGD −372), LunarLander 186 (188)",
        studies=(RL,),
        measure=measure_rl,
        anchor="sec-alrao-rl",
    ),
    _claim(
        8,
        "Rates must be drawn per unit: drawn per weight they collapse where ηmax is very large.",
        "first epoch, (1e-3, 1e4): 3.17 bits per unit, 3.91 per weight",
        studies=(text_study.GRANULARITY,),
        measure=measure_granularity,
        anchor="fig-alrao-granularity",
    ),
    _claim(
        9,
        "On top of Adam, Alrao lowers the training loss but is unreliable on the test loss.",
        "GoogLeNet: test loss leaves the plot after 5 epochs; VGG19: 1 run of 10 oscillates",
        studies=VARIANTS,
        measure=measure_on_adam,
        anchor="tab-alrao-variants",
    ),
    _claim(
        10,
        "Alrao needs no wider network: three times the width helps it about as much as it helps SGD.",
        "GoogLeNet 0.47 → 0.37, MobileNetV2 0.42 → 0.35 nats",
        studies=VARIANTS,
        measure=measure_width,
        anchor="tab-alrao-variants",
    ),
    _claim(
        11,
        "Switch selects: heads with the largest rates die at once, one head soon takes all the weight.",
        "GoogLeNet: η = 0.1 leads at step 30, η = 0.02 passes 0.95 by step 125",
        studies=LEARNING,
        measure=measure_switch,
        anchor="fig-alrao-switch",
    ),
    _claim(
        12,
        "The only overhead is the additional output layers.",
        "+1.5 % GoogLeNet, +5.0 % MobileNetV2, +0.2 % VGG19, +14.7 % LSTM",
        studies=(exact_study.COUNTS,),
        measure=measure_parameters,
        anchor="tab-alrao-parameters",
    ),
    _claim(
        13,
        "Networks bear that many units do not learn.",
        "none available (a figure)",
        studies=VARIANTS,
        measure=measure_fraction,
        anchor="fig-alrao-fraction",
    ),
    _claim(
        14,
        "No rate is wrong everywhere: which units are dispensable depends on the layer; mostly slow ones.",
        "none available (a figure)",
        studies=(unit_study.UNITS,),
        measure=measure_units,
        anchor="fig-alrao-units",
    ),
    _claim(
        15,
        "With one head and one rate Alrao is SGD.",
        "test losses of the authors' programs agree to 4e-8",
        studies=(exact_study.IDENTITY,),
        measure=measure_identity,
        anchor="sec-alrao-identity",
    ),
)
