"""Claims C1 to C8 of Wolinski (2025), each with the measurement that settles it.

Identities (C1, C3, C8) and the cost (C2) are settled on any network. The others are about trainings: on
digits their measurement is shown and not judged (``comparable=False``). Single steps (C4, C5) are judged on
the paper's data; whole trainings (C6, C7) only if network and length are the paper's as well. The paper
prints no table of losses, so orderings are what is checked.
"""

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from startright.claims import Check, Claim, Measurement
from startright.higher_order import cost_study, exact_study, step_study, training_study
from startright.studies import Record, frame

PAPER = "higher_order"
PAGE = "curvature/higher-order"

PAPER_NETS = ("mlp", "lenet", "vgg11", "big-mlp")

Records = Mapping[str, list[Record]]
LEAST = -12  # rounding differs from machine to machine: smaller errors all count as this power of ten


def _std(values: pd.Series) -> float | None:
    return float(values.std()) if len(values) > 1 else None


def _power(error: float) -> float:
    """The power of ten above an error, −12 at least."""
    return max(LEAST, math.ceil(math.log10(max(error, 1e-300))))


def _on_paper_data(table: pd.DataFrame) -> bool:
    return bool(table["dataset"].isin(["mnist", "cifar10"]).all())


def _as_published(table: pd.DataFrame) -> bool:
    """Whether the trainings are those of the paper: its networks, all images, and 50 epochs at least."""
    same = table["net"].isin(PAPER_NETS) & table["n_train"].isna() & table["epochs"].ge(50)
    return bool(same.all())


# --- C1, C3, C8: identities -----------------------------------------------------------------


def measure_exactness(records: Records) -> Measurement:
    """C1: against all derivatives of a network of 64 parameters."""
    table = frame(records[exact_study.EXACTNESS.name])
    names = {"error_g": "gradient", "error_H": "Hessian", "error_d3": "third derivative"}
    errors = table[list(names)].max()
    checks = tuple(
        Check(f"{label}: relative error below 1e-12, every way of computing it", errors[name] < 1e-12)
        for name, label in names.items()
    )
    n = int(table["seed"].nunique())
    return Measurement("log₁₀ of the largest relative error, float64", _power(errors.max()), None, n, checks)


def measure_invariance(records: Records) -> Measurement:
    """C3: two parameterisations, ten steps; and what is not covered must differ."""
    table = frame(records[exact_study.INVARIANCE.name])
    inside = table[(table["change"] != "split") & (table["direction"] == "momentum")]
    split = table[table["change"] == "split"]
    adam = table[(table["change"] == "rotation") & (table["direction"] == "adam")]
    moved = (inside["loss_after"] < inside["loss_before"]).all()
    checks = (
        Check("one factor or rotation a group: relative error below 1e-8", inside["error"].max() < 1e-8),
        Check("the steps are no idle ones: they lower the loss", moved),
        Check("two factors within a group are no such change: error above 1e-2", split["error"].min() > 1e-2),
        Check(
            "Adam's direction under rotations is none either: error above 1e-2", adam["error"].min() > 1e-2
        ),
    )
    n, worst = int(table["seed"].nunique()), _power(inside["error"].max())
    return Measurement("log₁₀ of the largest relative error over 10 steps, float64", worst, None, n, checks)


def measure_merging(records: Records) -> Measurement:
    """C8: block sums."""
    table = frame(records[exact_study.MERGING.name])
    errors = table[["error_g", "error_H"]].max()
    checks = tuple(
        Check(f"{label}: relative error below 1e-12", errors[name] < 1e-12)
        for name, label in {"error_g": "gradient", "error_H": "Hessian"}.items()
    )
    n = int(table["seed"].nunique())
    return Measurement("log₁₀ of the largest relative error, float64", _power(errors.max()), None, n, checks)


# --- C2: cost -------------------------------------------------------------------------------


def slope(table: pd.DataFrame) -> float:
    """Gradients a group: the slope of a line through costs against S."""
    return float(np.polyfit(table["groups"], table["gradients"], 1)[0])


def measure_cost(records: Records) -> Measurement:
    """C2: how the cost grows with the number of groups."""
    table = frame(records[cost_study.COST.name])
    table = table.groupby(["net", "backend", "third", "groups"], as_index=False)["gradients"].mean()
    paper = table[table["backend"] == "double_backward"]
    second, third = paper[~paper["third"]], paper[paper["third"]]
    both = second.merge(third, on=["net", "groups"])
    ratio = (both["gradients_y"] / both["gradients_x"]).max()
    slopes = {net: slope(part) for net, part in second.groupby("net")}
    checks = (
        Check("order 2 costs at most S + 4 gradients", (second["gradients"] <= second["groups"] + 4).all()),
        Check("the cost grows with S, by at most one gradient a group", 0 < max(slopes.values()) <= 1),
        Check("the diagonal of the third derivative makes it at most 3 times as much", ratio <= 3),
    )
    return Measurement(
        "gradients that one more group costs at order 2, by backward passes (LeNet)",
        slopes["lenet"],
        None,
        1,
        checks,
        note="each group needs a backward pass through a part of the graph only",
        machine=True,
    )


# --- C4, C5: one step -----------------------------------------------------------------------


def measure_interactions(records: Records) -> Measurement:
    """C4: what a step without the interactions of the tensors does."""
    table = frame(records[step_study.ONE_STEP.name])
    trained = table[table["adam_steps"] > 0]
    best = table[["diagonal", "diagonal_cubic"]].min(axis=1)
    raised = (trained["diagonal"] > trained["before"]).groupby(trained["net"]).all()
    checks = (
        Check(
            f"|C| between two tensors exceeds 0.5 in every run: {table['max_interaction'].min():.2f}",
            table["max_interaction"].min() > 0.5,
        ),
        Check(
            "with all of H̄ the loss after the step is smaller, in every run", (table["cubic"] < best).all()
        ),
        Check(
            f"on a trained network the step without interactions raises the loss: {raised.to_dict()}",
            raised.all(),
        ),
    )
    gap = (trained["diagonal"] - trained["cubic"]) / trained["before"]
    return Measurement(
        "loss after the step without interactions minus with them, over the loss before, trained networks",
        gap.mean(),
        _std(gap),
        len(gap),
        checks,
        comparable=_on_paper_data(table),
        note=_note(table),
    )


def _note(table: pd.DataFrame) -> str:
    return "" if _on_paper_data(table) else "digits, a small network"


def state_frame(records: list[Record]) -> pd.DataFrame:
    """The states along the trainings of the study of indefinite H̄, one row each."""
    rows = [pd.DataFrame(r.curves).assign(**{**r.config, "seed": r.seed}) for r in records]
    return pd.concat(rows, ignore_index=True)


def measure_regularisation(records: Records) -> Measurement:
    """C5: states where H̄ is not positive definite."""
    table = state_frame(records[step_study.INDEFINITE.name])
    table = table[table["lambda_int"] == 1]
    bad = table[table["relative_eigenvalue"] <= 0]
    start = frame(records[step_study.ONE_STEP.name]).query("adam_steps == 0")
    share = (table["relative_eigenvalue"] <= 0).groupby(table["seed"]).mean()
    worse = (bad["change_order2"] > bad["change_cubic"]).mean()
    checks = (
        Check(f"H̄ is indefinite somewhere: {len(bad)} of {len(table)} states", len(bad) > 0),
        Check(f"there the cubic step ends below order 2 in 3 of 4 states: {worse:.0%}", worse >= 0.75),
        Check(
            "at initialisation, where H̄ is indefinite, order 2 can end above the loss it started from",
            (start["order2"] > start["before"]).any(),
        ),
        Check(
            f"the cubic step (λ = 1, undamped) does so in no run: worst {_worst(start):+.2f} nat",
            (start["cubic"] < start["before"]).all(),
        ),
    )
    return Measurement(
        "share of states along Adam's path with λmin(H̄) ≤ 0, on batches of 100",
        share.mean(),
        _std(share),
        len(share),
        checks,
        comparable=_on_paper_data(table),
        note=_note(table),
    )


def _worst(start: pd.DataFrame) -> float:
    return float((start["cubic"] - start["before"]).max())


# --- C6, C7: training -----------------------------------------------------------------------


def best(table: pd.DataFrame, method: str, net: str, column: str = "train_loss") -> pd.DataFrame:
    """The runs of a method at its best rate, the least mean of a column; rates that diverged are out."""
    runs = table[(table["method"] == method) & (table["net"] == net)]
    good = runs[runs["status"] == "ok"].groupby("lr")[column].agg(["mean", "size"])
    good = good[good["size"] == runs["seed"].nunique()]
    return runs[runs["lr"] == good["mean"].idxmin()] if len(good) else runs.head(0)


def measure_training(records: Records) -> Measurement:
    """C6: losses after as many epochs as the others have."""
    names = (training_study.LEARNING.name, training_study.PEER.name, training_study.NETWORKS.name)
    table = pd.concat([frame(records[name]) for name in names], ignore_index=True)
    main = records[training_study.LEARNING.name][0].config["net"]
    nets = list(dict.fromkeys(table["net"]))
    losses = {
        net: {m: best(table, m, net)["train_loss"].mean() for m in ("grouped", "adam", "kfac")}
        for net in nets
    }
    near = {net: f"{row['grouped'] / row['adam']:.2f}" for net, row in losses.items()}
    ratios = np.array([row["grouped"] / row["adam"] for row in losses.values()])
    ours, adam = (best(table, m, main).set_index("seed") for m in ("grouped", "adam"))
    gap = 100 * (ours["test_accuracy"] - adam["test_accuracy"])
    grouped = table[table["method"] == "grouped"]
    checks = (
        Check("no training by groups diverges", (grouped["status"] == "ok").all()),
        Check(
            f"training loss over that of the best Adam at most 1.5 on some network: {near}",
            ratios.min() <= 1.5,
        ),
        Check("at most 1.5 on every network", ratios.max() <= 1.5),
        Check(
            f"at most 1.5 times that of K-FAC: {losses[main]['grouped'] / losses[main]['kfac']:.2f}",
            losses[main]["grouped"] <= 1.5 * losses[main]["kfac"],
        ),
        Check(f"test accuracy at most 2 points below Adam's: {gap.mean():+.1f}", gap.mean() > -2),
    )
    ratio = ours["train_loss"] / adam["train_loss"]
    return Measurement(
        f"training loss of grouped Newton over that of Adam, both at their best rate ({main})",
        ratio.mean(),
        _std(ratio),
        max(len(ratio), 1),  # none where no rate goes through in every seed
        checks,
        comparable=_as_published(table),
        note=f"{records[training_study.LEARNING.name][0].config['epochs']} epochs for the paper's 100 to 200",
    )


def rates(record: Record, names: list[str]) -> pd.DataFrame:
    """Rates before negative ones are set to 0, one row an update, one column a tensor."""
    return pd.DataFrame({name: record.curves[f"eta_{s}"] for s, name in enumerate(names)})


def measure_rates(records: Records) -> Measurement:
    """C7: what the rates say about the tensors."""
    found = records[training_study.LEARNING.name]
    runs = [r for r in found if r.config["method"] == "grouped" and _tensors(r)]  # some rates were recorded
    ratios, spreads, negative = [], [], []
    for record in runs:
        etas = np.array([record.curves[f"eta_{s}"] for s in range(_tensors(record))])
        size = np.median(np.abs(etas), axis=1)
        ratios.append(size[1::2] / size[::2])  # weight and bias by turns
        spreads.append(size.max() / size.min())
        negative.append((etas < 0).mean())
    low, mean = np.min(ratios), pd.Series([np.exp(np.log(r).mean()) for r in ratios])
    one = frame(records[training_study.CHOICES.name]).query("groups == 'trivial'")["train_loss"].mean()
    own = frame(runs).query(f"lr == {training_study.CHOICE_FACTOR}")["train_loss"].mean()
    checks = (
        Check(
            f"training loss with a rate a tensor below that with one rate for all: {own:.3f}, {one:.3f}",
            own < one,
        ),
        Check(
            f"a bias gets a larger rate than its layer's weights, in every layer: {low:.1f} times", low > 1
        ),
        Check(
            f"the rates of the tensors differ by 10 or more in every run: {min(spreads):.0f}",
            min(spreads) > 10,
        ),
        Check(
            f"most rates are positive, as learning rates must be: {np.mean(negative):.0%} negative",
            np.mean(negative) < 0.5,
        ),
    )
    table = frame(runs)
    return Measurement(
        "rate of a bias over that of its layer's weights, geometric mean over layers",
        mean.mean(),
        _std(mean),
        len(mean),
        checks,
        comparable=_as_published(table),
        note=_note(table),
    )


def _tensors(record: Record) -> int:
    return sum(name.startswith("eta_") for name in record.curves)


def _claim(number: int, statement: str, published: str, **rest) -> Claim:
    return Claim(PAPER, f"C{number}", statement, published, page=PAGE, **rest)


CLAIMS = (
    _claim(
        1,
        "The derivatives along the groups, up to the third order, are exact; nothing is estimated.",
        "none available (a derivation)",
        studies=(exact_study.EXACTNESS,),
        measure=measure_exactness,
        anchor="tab-higher-order-exactness",
    ),
    _claim(
        2,
        "With S groups the second order costs about S backward passes, and S² numbers.",
        "none available (a count of operations)",
        studies=(cost_study.COST,),
        measure=measure_cost,
        anchor="fig-higher-order-cost",
    ),
    _claim(
        3,
        "The step is the same in every parameterisation that rescales or rotates the groups.",
        "none available (a derivation)",
        studies=(exact_study.INVARIANCE,),
        measure=measure_invariance,
        anchor="fig-higher-order-invariance",
    ),
    _claim(
        4,
        "H̄ holds interactions between distant layers, which block-diagonal methods drop; they matter.",
        "none available (heat maps)",
        studies=(step_study.ONE_STEP,),
        measure=measure_interactions,
        anchor="fig-higher-order-interactions",
    ),
    _claim(
        5,
        "The third order regularises the step where H̄ is not positive definite.",
        "none available",
        studies=(step_study.INDEFINITE, step_study.ONE_STEP),
        measure=measure_regularisation,
        anchor="tab-higher-order-step",
    ),
    _claim(
        6,
        "As an optimizer it trains deep networks, in some cases as well as Adam and K-FAC.",
        "none available (training curves)",
        studies=(training_study.LEARNING, training_study.PEER, training_study.NETWORKS),
        measure=measure_training,
        anchor="fig-higher-order-learning",
    ),
    _claim(
        7,
        "It gives each tensor a learning rate of its own, which helps to choose them.",
        "none available (a figure)",
        studies=(training_study.LEARNING, training_study.CHOICES),
        measure=measure_rates,
        anchor="fig-higher-order-rates",
    ),
    _claim(
        8,
        "Merging groups sums entries: a coarser partition needs no new derivatives.",
        "none available (follows from the definition)",
        studies=(exact_study.MERGING,),
        measure=measure_merging,
        anchor="tab-higher-order-merging",
    ),
)
