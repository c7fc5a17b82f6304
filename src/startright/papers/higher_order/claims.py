"""Claims C1 to C8 of Wolinski (2025), each with the measurement that settles it.

Identities (C1, C3, C8) and the cost (C2) are settled on any network. The others are about trainings: on
digits their measurement is shown and not judged (``comparable=False``). Single steps (C4, C5) are judged on
the paper's data; whole trainings (C6, C7) only if network and length are the paper's as well. The paper
prints no table of losses, so orderings are what is checked, and sizes against those of a reference run.
"""

import math
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd
import torch

from startright.checks import Check, each_between, every, mean_between
from startright.claims import Change, Claim, Measurement
from startright.papers.higher_order import studies
from startright.papers.higher_order.networks import network
from startright.papers.higher_order.studies.training import CHOICE_FACTOR
from startright.studies import Record, frame

PAGE = "curvature/higher-order"

PAPER_NETS = ("mlp", "lenet", "vgg11", "big-mlp")
REFERENCE_NET = "small-mlp"  # of the reference run, with its 2000 images
REFERENCE = {"cubic": (1.1, 1.25), "one_group": (1.2, 1.5), "diagonal": (1.5, 2.5)}  # losses after one step

Records = Mapping[str, list[Record]]
LEAST = -12  # rounding differs from machine to machine: smaller errors all count as this power of ten


def _power(error: float, least: int = LEAST) -> float:
    """The power of ten above an error, ``least`` at least."""
    return max(least, math.ceil(math.log10(max(error, 1e-300))))


def _times(log: float) -> str:
    """A ratio from its logarithm to base ten."""
    return f"{10**log:.3g}"


def _on_paper_data(table: pd.DataFrame) -> bool:
    return bool(table["dataset"].isin(["mnist", "cifar10"]).all())


def _as_published(table: pd.DataFrame) -> bool:
    """Whether the trainings are those of the paper: its networks, all images, and 50 epochs at least."""
    same = table["net"].isin(PAPER_NETS) & table["n_train"].isna() & table["epochs"].ge(50)
    return bool(same.all())


# --- C1, C3, C8: identities -----------------------------------------------------------------


def _identities(
    table: pd.DataFrame, names: Mapping[str, str], most: float, control: str
) -> tuple[Check, ...]:
    """One check a column of errors: at most so large in every run."""
    return tuple(
        every(
            f"{label}: relative error at most {most:.0e}",
            table[name] <= most,
            kind="theorem",
            control=control,
        )
        for name, label in names.items()
    )


def measure_exactness(records: Records) -> Measurement:
    """C1: against all derivatives of a network of 64 parameters."""
    table = frame(records[studies.EXACTNESS.name])
    names = {"error_g": "gradient", "error_H": "Hessian", "error_d3": "third derivative"}
    checks = _identities(table, names, 1e-14, "finite differences")
    n, worst = int(table["seed"].nunique()), _power(table[list(names)].max().max(), -14)
    return Measurement("log₁₀ of the largest relative error, float64", worst, None, n, checks)


def measure_invariance(records: Records) -> Measurement:
    """C3: two parameterisations, ten steps; and what is not covered must differ."""
    table = frame(records[studies.INVARIANCE.name])
    inside = table[(table["change"] != "split") & (table["direction"] == "momentum")]
    split = table[table["change"] == "split"]
    adam = table[(table["change"] == "rotation") & (table["direction"] == "adam")]
    moved = inside["loss_after"] <= 0.9 * inside["loss_before"]  # idle steps are the same everywhere
    idle = "the same parameters twice"
    checks = (
        every(
            "one factor or rotation a group: steps that lower the loss by a tenth or more,"
            " relative error at most 1e-8",
            (inside["error"] <= 1e-8) & moved,
            kind="theorem",
            control="the plain gradient",
        ),
        # one example is enough to show that something is not invariant
        Check(
            "two factors within a group are no such change: error above 1e-2",
            split["error"].min() > 1e-2,
            "theorem",
            idle,
        ),
        Check(
            "Adam's direction under rotations is none either: error above 1e-2",
            adam["error"].min() > 1e-2,
            "theorem",
            idle,
        ),
    )
    n, worst = int(table["seed"].nunique()), _power(inside["error"].max())
    return Measurement("log₁₀ of the largest relative error over 10 steps, float64", worst, None, n, checks)


def measure_merging(records: Records) -> Measurement:
    """C8: block sums."""
    table = frame(records[studies.MERGING.name])
    names = {"error_g": "gradient", "error_H": "Hessian"}
    checks = _identities(table, names, 1e-12, "means for sums")
    n, worst = int(table["seed"].nunique()), _power(table[list(names)].max().max())
    return Measurement("log₁₀ of the largest relative error, float64", worst, None, n, checks)


# --- C2: cost -------------------------------------------------------------------------------


def slope(table: pd.DataFrame) -> float:
    """Gradients a group: the slope of a line through costs against S."""
    return float(np.polyfit(table["groups"], table["gradients"], 1)[0])


def measure_cost(records: Records) -> Measurement:
    """C2: how the cost grows with the number of groups."""
    table = frame(records[studies.COST.name])
    table = table.groupby(["net", "backend", "third", "groups"], as_index=False)["gradients"].median()
    paper = table[table["backend"] == "double_backward"]
    second, third = paper[~paper["third"]], paper[paper["third"]]
    both = second.merge(third, on=["net", "groups"])
    ratio = (both["gradients_y"] / both["gradients_x"]).max()
    nets = dict(list(second.sort_values("groups").groupby("net")))
    slopes = {net: slope(part) for net, part in nets.items()}
    grown = min(part["gradients"].iloc[-1] / part["gradients"].iloc[0] for part in nets.values())
    checks = (
        Check(
            "order 2 costs at most S + 4 gradients",
            (second["gradients"] <= second["groups"] + 4).all(),
            control="a pass for each entry of H̄",
        ),
        Check(
            "the cost grows with S: with most groups it is at least 1.2 times that of one group,"
            f" on every network: {grown:.1f}",
            grown >= 1.2,
            control="one Hessian-vector product for all groups",
        ),
        Check(
            f"by at most one gradient a group: {max(slopes.values()):.2f}",
            max(slopes.values()) <= 1,
            control="a pass for each entry of H̄",
        ),
        Check(
            f"the diagonal of the third derivative makes it at most 3 times as much: {ratio:.1f}",
            ratio <= 3,
            control="nothing shared between groups",
        ),
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


def measure_interactions(records: Records) -> Measurement:
    """C4: what a step without the interactions of the tensors does."""
    found = records[studies.ONE_STEP.name]
    table = frame(found)
    start, trained = (table[(table["adam_steps"] > 0) == later] for later in (False, True))
    best = table[["diagonal", "diagonal_cubic"]].min(axis=1)
    strength, far = (np.array([between_layers(record, apart) for record in found]) for apart in (1, 2))
    in_order = (start["cubic"] < start["one_group"]) & (start["one_group"] < start["diagonal"])
    checks = (
        every(
            f"|C| between tensors of two layers exceeds 0.5, in every run (least {strength.min():.2f})",
            strength > 0.5,
            control="block-diagonal H̄",
        ),
        every(
            "with all of H̄ the loss after the step is smaller, in every run",
            table["cubic"] < best,
            control="H̄ without interactions",
        ),
        every(
            "at initialisation all of H̄ ends below one rate for all, and this below no interactions,"
            " in every run",
            in_order,
            control="H̄ without interactions",
        ),
        every(
            "on a trained network the step without interactions raises the loss, in every run",
            trained["diagonal"] > trained["before"],
            control="all of H̄ in both steps",
        ),
        *_reference_losses(start),
        # no size was laid down for layers that are no neighbours: it describes
        every(f"|C| likewise between layers that are no neighbours (least {far.min():.2f})", far > 0.5),
    )
    gap = (trained["diagonal"] - trained["cubic"]) / trained["before"]
    return Measurement.of(
        "loss after the step without interactions minus with them, over the loss before, trained networks",
        gap,
        checks,
        comparable=_on_paper_data(table),
        note=_note(table),
    )


def _reference_losses(start: pd.DataFrame) -> tuple[Check, ...]:
    """Whether the losses after one step are those of the reference run, where the network is its own."""
    same = start[start["net"] == REFERENCE_NET]
    labels = {"cubic": "all of H̄", "one_group": "one rate for all", "diagonal": "no interactions"}
    controls = {"diagonal": "all of H̄ in both steps"}
    return tuple(
        mean_between(
            f"at initialisation the small MLP ends between {low} and {high} with {labels[step]}",
            same[step],
            above=low,
            below=high,
            control=controls.get(step, "an infinitesimal step"),
        )
        for step, (low, high) in REFERENCE.items()
        if len(same)
    )


def _note(table: pd.DataFrame) -> str:
    return "" if _on_paper_data(table) else "digits, a small network"


def state_frame(records: list[Record]) -> pd.DataFrame:
    """The states along the trainings of the study of indefinite H̄, one row each."""
    rows = [pd.DataFrame(r.curves).assign(**{**r.config, "seed": r.seed}) for r in records]
    return pd.concat(rows, ignore_index=True)


CHANGES = [f"change_{step}" for step in ("cubic", "order2", "one_group", "diagonal", "diagonal_cubic")]


def _by_net(values: pd.Series, states: pd.DataFrame, how: str) -> dict[str, Sequence[float]]:
    """Network → one value a training, the mean or median over its states."""
    of_training = values.groupby([states["net"], states["seed"]]).agg(how)
    return {net: list(part) for net, part in of_training.groupby(level="net", sort=False)}


def measure_regularisation(records: Records) -> Measurement:
    """C5: states where H̄ is not positive definite."""
    table = state_frame(records[studies.INDEFINITE.name])
    table = table[table["lambda_int"] == 1]
    indefinite = table["relative_eigenvalue"] <= 0
    bad = table[indefinite]
    start = frame(records[studies.ONE_STEP.name]).query("adam_steps == 0")
    of_best = bad["change_cubic"] / bad[CHANGES].min(axis=1)  # of the largest decrease; below 0 if it rises
    below = (bad["change_order2"] > bad["change_cubic"]).astype(float)
    raised = bad[bad["change_order2"] > 0]
    share = indefinite.groupby(table["seed"]).mean()
    checks = (
        every(
            f"H̄ is indefinite somewhere in every training ({len(bad)} of {len(table)} states)",
            indefinite.groupby([table["net"], table["seed"]]).any(),
            control="H̄ made positive definite",
        ),
        each_between(
            "there the cubic step lowers the loss by at least half of the most that any step does,"
            " in the median state of a training",
            _by_net(of_best, bad, "median"),
            above=0.5,
            control="an infinitesimal step",
        ),
        each_between(
            "there the cubic step ends below order 2 in 3 of 4 states",
            _by_net(below, bad, "mean"),
            above=0.75,
            control="order 2 alone",
        ),
        every(
            "the cubic step lowers the loss wherever order 2 raises it there",
            raised["change_cubic"] < 0,
            control="order 2 alone",
            n=len(raised[["net", "seed"]].drop_duplicates()),
        ),
        Check(  # one example is enough
            "at initialisation, where H̄ is indefinite, order 2 can end above the loss it started from",
            (start["order2"] > start["before"]).any(),
            control="a cubic term in order 2",
        ),
        every(
            f"the cubic step (λ = 1, undamped) does so in no run (worst {_worst(start):+.2f} nat)",
            start["cubic"] < start["before"],
            control="order 2 alone",
        ),
    )
    return Measurement.of(
        "share of states along Adam's path with λmin(H̄) ≤ 0, on batches of 100",
        share,
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


def _at_best(table: pd.DataFrame, net: str, rival: str, column: str, lost: float) -> list[pd.Series]:
    """A column by seed, of grouped Newton and of a rival, both at their best rate; ``lost`` without any."""
    seeds = sorted(table[(table["method"] == "grouped") & (table["net"] == net)]["seed"].unique())
    runs = (best(table, method, net).set_index("seed")[column] for method in ("grouped", rival))
    return [values.reindex(seeds).fillna(lost) for values in runs]


def _log_ratios(table: pd.DataFrame, net: str, rival: str) -> pd.Series:
    """log₁₀ of the training loss over the rival's, by seed."""
    ours, theirs = _at_best(table, net, rival, "train_loss", math.inf)
    return np.log10(ours) - np.log10(theirs)


def _somewhere(text: str, groups: Mapping[str, Sequence[float]], **bounds) -> Check:
    """Whether the mean of one group at least is small enough: the check of the one that is nearest to it."""
    checks = {name: mean_between(f"{text}; {name}", values, **bounds) for name, values in groups.items()}
    rank = {True: 0, None: 1, False: 2}
    return checks[min(checks, key=lambda name: (rank[checks[name].holds], np.mean(groups[name])))]


def measure_training(records: Records) -> Measurement:
    """C6: losses after as many epochs as the others have."""
    names = (studies.LEARNING.name, studies.PEER.name, studies.NETWORKS.name)
    table = pd.concat([frame(records[name]) for name in names], ignore_index=True)
    main = records[studies.LEARNING.name][0].config["net"]
    by_adam = {net: _log_ratios(table, net, "adam") for net in dict.fromkeys(table["net"])}
    ours, adam = _at_best(table, main, "adam", "test_accuracy", -math.inf)
    grouped = table[table["method"] == "grouped"]
    most = {"below": math.log10(1.5), "show": _times, "control": "rates of 0"}
    checks = (
        # rates 1000 times as large leave the losses of these networks finite: it describes
        every("no training by groups diverges", grouped["status"] == "ok"),
        _somewhere("training loss over that of the best Adam below 1.5 on some network", by_adam, **most),
        each_between("below 1.5 on every network", by_adam, **most),
        mean_between("below 1.5 times that of K-FAC", _log_ratios(table, main, "kfac"), **most),
        mean_between(
            "points of test accuracy against Adam's above −2",
            100 * (ours - adam),
            above=-2,
            control="rates of 0",
        ),
        # what the reference run found is no statement of the paper: it describes
        mean_between(
            f"Adam is ahead by 1.3 times or more, as in the reference run ({main})",
            by_adam[main],
            above=math.log10(1.3),
            show=_times,
        ),
    )
    ratio = 10 ** by_adam[main]
    return Measurement.of(
        f"training loss of grouped Newton over that of Adam, both at their best rate ({main})",
        ratio,
        checks,
        comparable=_as_published(table),
        note=f"{records[studies.LEARNING.name][0].config['epochs']} epochs for the paper's 100 to 200",
    )


def rates(record: Record, names: list[str]) -> pd.DataFrame:
    """Rates before negative ones are set to 0, one row an update, one column a tensor."""
    return pd.DataFrame({name: record.curves[f"eta_{s}"] for s, name in enumerate(names)})


def _of_rates(record: Record) -> dict[str, float]:
    """What the rates of a run say: log₁₀ of bias over weights and of largest over least, share below 0."""
    etas = np.array([record.curves[f"eta_{s}"] for s in range(_tensors(record))])
    with np.errstate(divide="ignore", invalid="ignore"):  # rates of 0
        size = np.log10(np.median(np.abs(etas), axis=1))
        ratio = (size[1::2] - size[::2]).mean()  # weight and bias by turns
        return {
            "seed": record.seed,
            "ratio": ratio,
            "spread": size.max() - size.min(),
            "negative": (etas < 0).mean(),
        }


def _losses(table: pd.DataFrame) -> pd.Series:
    """log₁₀ of the training loss by seed, infinite where the training diverged."""
    losses = table.set_index("seed")["train_loss"].where((table["status"] == "ok").to_numpy(), math.inf)
    return np.log10(losses)


def measure_rates(records: Records) -> Measurement:
    """C7: what the rates say about the tensors."""
    grouped = [r for r in records[studies.LEARNING.name] if r.config["method"] == "grouped"]
    runs = [r for r in grouped if _tensors(r)]  # some rates were recorded
    said = pd.DataFrame([_of_rates(r) for r in runs], columns=["seed", "ratio", "spread", "negative"])
    by_seed = said.groupby("seed").mean()
    one = _losses(frame(records[studies.CHOICES.name]).query("groups == 'trivial'"))
    own = _losses(frame(grouped).query(f"lr == {CHOICE_FACTOR}"))
    checks = (
        mean_between(
            "training loss with a rate a tensor over that with one rate for all below 1",
            own.reindex(one.index) - one,
            below=0,
            show=_times,
            control="the rates of other tensors",
        ),
        mean_between(
            "a bias gets 10 to 100 times the rate of its layer's weights",
            by_seed["ratio"],
            above=1,
            below=2,
            show=_times,
            control="the rates of other tensors",
        ),
        every(
            "the rates of the tensors differ by 10 or more in every run",
            said["spread"] > 1,
            n=len(by_seed),
            control="one rate for all",
        ),
        # half of the rates are negative with the wrong sign as well: it describes
        mean_between(
            "most rates are positive, as learning rates must be: share of negative ones below 0.5",
            by_seed["negative"],
            below=0.5,
        ),
    )
    table, mean = frame(grouped), 10 ** by_seed["ratio"]
    return Measurement.of(
        "rate of a bias over that of its layer's weights, geometric mean over layers",
        mean,
        checks,
        comparable=_as_published(table),
        note=_note(table),
    )


def _tensors(record: Record) -> int:
    return sum(name.startswith("eta_") for name in record.curves)


DAY = "2026-11-26"


def _change(check: str, before: str, after: str, why: str) -> Change:
    return Change(check, before, after, why, DAY)


def _claim(number: int, statement: str, published: str, **rest) -> Claim:
    return Claim("higher_order", f"C{number}", statement, published, page=PAGE, **rest)


CLAIMS = (
    _claim(
        1,
        "The derivatives along the groups, up to the third order, are exact; nothing is estimated.",
        "none available (a derivation)",
        studies=(studies.EXACTNESS,),
        measure=measure_exactness,
        anchor="tab-higher-order-exactness",
        locator="abstract",
        changes=(
            _change(
                "error",
                "absolute error at most 1e-14; first coded as relative error below 1e-12",
                "relative error at most 1e-14",
                "the tolerance laid down at first is restored; relative to the largest entry, because the"
                " size of the entries depends on the random direction",
            ),
        ),
    ),
    _claim(
        2,
        "With S groups the second order costs about S backward passes, and S² numbers.",
        "none available (a count of operations)",
        studies=(studies.COST,),
        measure=measure_cost,
        anchor="fig-higher-order-cost",
        locator="abstract (a reasonable cost while the groups are few); the count: place not known to us",
        changes=(
            _change(
                "growth with S",
                "largest slope above 0 and at most 1",
                "cost with most groups at least 1.2 times that of one, on every network; slopes at most 1",
                "noise alone gives a slope above 0 to a cost that does not grow",
            ),
            _change(
                "third derivative",
                "about twice as much",
                "at most 3 times as much",
                "no tolerance was laid down; the bound since the first version, 2026-11-25",
            ),
            _change("cost", "mean over repetitions", "median", "times have outliers"),
        ),
    ),
    _claim(
        3,
        "The step is the same in every parameterisation that rescales or rotates the groups.",
        "none available (a derivation)",
        studies=(studies.INVARIANCE,),
        measure=measure_invariance,
        anchor="fig-higher-order-invariance",
        locator="abstract",
        changes=(
            _change(
                "steps that are not idle",
                "the loss is lower after ten steps, a check of its own",
                "lower by a tenth or more, as part of the check of invariance",
                "an infinitesimal step passed it",
            ),
        ),
    ),
    _claim(
        4,
        "H̄ holds interactions between distant layers, which block-diagonal methods drop; they matter.",
        "none available (heat maps)",
        studies=(studies.ONE_STEP,),
        measure=measure_interactions,
        anchor="fig-higher-order-interactions",
        locator="abstract; heat maps: figures, numbers not known to us",
        changes=(
            _change(
                "size of interactions",
                "|C| between any two tensors above 0.5",
                "between tensors of two layers",
                "block-diagonal methods keep the interactions of a weight with its own bias",
            ),
            _change(
                "order of the steps at initialisation; losses of the reference run",
                "first coded: not checked",
                "all of H̄ < one rate < no interactions in every run; means within 1.1 to 1.25, 1.2 to 1.5 and"
                " 1.5 to 2.5 on the small MLP",
                "laid down before the first run and left out of the first version",
            ),
        ),
    ),
    _claim(
        5,
        "The third order regularises the step where H̄ is not positive definite.",
        "none available",
        studies=(studies.INDEFINITE, studies.ONE_STEP),
        measure=measure_regularisation,
        anchor="tab-higher-order-step",
        locator="abstract (orders 2 and 3); the regularisation: place not known to us",
        changes=(
            _change(
                "decrease of the cubic step",
                "first coded: not checked",
                "at least half of the largest decrease of all steps, in the median indefinite state",
                "an infinitesimal step passed all checks",
            ),
            _change(
                "cubic step where order 2 fails",
                "first coded: not checked",
                "lower loss wherever order 2 raises it",
                "what regularising means",
            ),
            _change(
                "indefinite H̄",
                "in one state at least",
                "in one state at least of every training",
                "one state of one training says little",
            ),
            _change(
                "below order 2 in 3 of 4 states",
                "share of all states together at least 0.75",
                "mean over trainings above 0.75 by its interval, on every network",
                "states of one training are no repetitions",
            ),
        ),
    ),
    _claim(
        6,
        "As an optimizer it trains deep networks, in some cases as well as Adam and K-FAC.",
        "none available (training curves)",
        studies=(studies.LEARNING, studies.PEER, studies.NETWORKS),
        measure=measure_training,
        anchor="fig-higher-order-learning",
        locator="training curves: figures, numbers not known to us",
        changes=(
            _change(
                "losses against Adam and K-FAC, accuracy",
                "means at most 1.5 times, at most 2 points",
                "the same bounds, held against the interval over seeds",
                "a mean without its interval decides nothing",
            ),
            _change(
                "no training diverges",
                "a check",
                "a description",
                "on these networks even rates 1000 times as large do not diverge",
            ),
            _change(
                "Adam ahead of grouped Newton",
                "by 1.3 times or more, as in the reference run; first coded: not checked",
                "a description",
                "the paper does not state it",
            ),
        ),
    ),
    _claim(
        7,
        "It gives each tensor a learning rate of its own, which helps to choose them.",
        "none available (a figure)",
        studies=(studies.LEARNING, studies.CHOICES),
        measure=measure_rates,
        anchor="fig-higher-order-rates",
        locator="abstract; rates in training: a figure, number not known to us",
        changes=(
            _change(
                "bias against weights",
                "10 to 100 times the rate; first coded as above 1 in every layer",
                "10 to 100 times, geometric mean over layers, by its interval over seeds",
                "the range laid down at first is restored",
            ),
            _change(
                "a rate a tensor against one for all",
                "mean loss below the other mean",
                "ratio by seed below 1, by its interval",
                "a mean without its interval decides nothing",
            ),
            _change(
                "negative rates",
                "a check: less than half of all, in the mean",
                "a description",
                "rates of the wrong sign do not fail it",
            ),
        ),
    ),
    _claim(
        8,
        "Merging groups sums entries: a coarser partition needs no new derivatives.",
        "none available (follows from the definition)",
        studies=(studies.MERGING,),
        measure=measure_merging,
        anchor="tab-higher-order-merging",
        locator="not in the paper: follows from its definition",
    ),
)
