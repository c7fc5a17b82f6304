"""Claims C3, C4 and C6 to C8, on trained networks."""

import math

import numpy as np
import pandas as pd

from startright.checks import Check, each_between, mean_between, ratio_between
from startright.claims import Measurement
from startright.papers.scalp import readings
from startright.papers.scalp.hidden import BN_LASSO, STANDARD
from startright.papers.scalp.readings import FIXED, HALF, Records
from startright.papers.scalp.scalings import ASYMMETRIC, NAMED
from startright.papers.scalp.studies.pareto import PARETO
from startright.papers.scalp.studies.stability import STABILITY
from startright.papers.scalp.studies.variance import VARIANCE
from startright.papers.scalp.studies.width import ETA, WIDTH
from startright.statements import Claims

ALIKE = 1.3  # spread of the loss of one learning rate over widths
APART = {"digits": 5.0}  # that of standard SGD at a fixed rate; elsewhere beyond ALIKE
SAME = 1.5  # the width that is left, at the largest N over that at the smallest
FIFTH = 0.2  # of the parameters

claim = Claims(
    "scalp",
    page="structure/scalp",
    locator="figures of an abstract and of slides; numbers not known to us",
    partial=("paper",),
)


def _scala(runs: list) -> dict[str, dict]:
    """The settings of ScaLa, by name."""
    return {
        f"{scaling}, {activation}": {"method": scaling, "activation": activation, "lr": ETA}
        for scaling in NAMED
        for activation in readings.settings(runs, "activation")
    }


def _standard(runs: list, lr: float) -> dict[str, dict]:
    """The settings of standard SGD at one rate, by name."""
    return {
        f"{activation}, η = {lr:g}": {"method": STANDARD, "activation": activation, "lr": lr}
        for activation in readings.settings(runs, "activation")
    }


@claim(
    "C3",
    "The first step of standard SGD grows with the width; that of ScaLa does not.",
    "Var(y' − y) = η²(N² + 2N), against η²(1 + 2/N)",
    VARIANCE,
    WIDTH,
    anchor="fig-scalp-first-step",
    partial=(),
)
def measure_first_step(records: Records) -> Measurement:
    """C3: how the first change of the outputs goes with the width, of a neuron and of a network."""
    neurons, runs = records[VARIANCE.name], records[WIDTH.name]
    alpha = {kind: readings.exponent(neurons, "step", kind=kind) for kind in (*NAMED, STANDARD)}
    ours = {k: readings.exponent(runs, "first_change", **where) for k, where in _scala(runs).items()}
    usual = {k: readings.exponent(runs, "first_change", **v) for k, v in _standard(runs, FIXED).items()}
    flat = {kind: alpha[kind] for kind in NAMED}
    text = "a network's first change, root mean square, as N^α:"
    one = "one neuron, Var(y' − y) as N^α:"
    checks = (
        mean_between(
            f"{one} standard, 1.9 < α < 2.1", alpha[STANDARD], above=1.9, below=2.1, control="ScaLa"
        ),
        each_between(f"{one} ScaLa, −0.2 < α < 0.2", flat, above=-0.2, below=0.2, control=STANDARD),
        each_between(f"{text} standard, α > 0.5", usual, above=0.5, control="ScaLa"),
        each_between(f"{text} ScaLa, α < 0.5", ours, below=0.5, control="η that grows as N"),
    )
    quantity = "α of a network's first change as N^α, standard SGD"
    return Measurement.of(quantity, next(iter(usual.values())), checks, **_set_up(runs))


def _set_up(runs: list) -> dict[str, object]:
    """Whether the images are the paper's, and what differs."""
    dataset = runs[0].config["dataset"]
    if dataset == "cifar10":
        return {"note": "part of CIFAR-10 and few epochs; the paper's are not known to us"}
    return {"comparable": False, "note": f"on {dataset}, not CIFAR-10"}


@claim(
    "C4",
    "ScaLa trains at η = 1 at all widths, 300 to 100 000; standard SGD needs another η at each.",
    "none available (a figure)",
    WIDTH,
    anchor="fig-scalp-width",
)
def measure_widths(records: Records) -> Measurement:
    """C4: the training loss of one learning rate, over widths."""
    runs = records[WIDTH.name]
    ours, usual = _scala(runs), _standard(runs, FIXED)
    uniform = {
        k: readings.spread(runs, "train_loss", **v) for k, v in ours.items() if k.startswith("uniform")
    }
    fixed = {k: readings.spread(runs, "train_loss", **v) for k, v in usual.items()}
    slopes = {k: readings.exponent(runs, "train_loss", **v) for k, v in ours.items()}
    losses = {
        f"{k}, N = {n}": column
        for k, v in ours.items()
        for n, column in readings.by_width(runs, "train_loss", **v).items()
    }
    apart = APART.get(runs[0].config["dataset"], ALIKE)
    control = f"standard SGD at η = {FIXED:g}"
    checks = (
        each_between(
            "ScaLa at η = 1: training loss below ln 10, every width",
            losses,
            below=math.log(10),
            control="no training",
        ),
        ratio_between(
            "uniform ScaLa: largest loss over smallest, over widths, below 1.3",
            uniform,
            below=ALIKE,
            control=control,
        ),
        each_between(
            "ScaLa: loss as N^α with −0.1 < α < 0.1", slopes, above=-0.1, below=0.1, control=control
        ),
        ratio_between(
            f"{control}: largest over smallest above {apart:g}", fixed, above=apart, control="ScaLa"
        ),
    )
    quantity = "largest over smallest training loss over widths, uniform ScaLa at η = 1"
    return Measurement.of(quantity, 10 ** next(iter(uniform.values())), checks, **_set_up(runs))


@claim(
    "C6",
    "With the group lasso, the width that ScaLP leaves of one hidden layer does not depend on the width at"
    " the start, and is stable between runs; that of BN-Lasso depends on it.",
    "none available (a figure)",
    STABILITY,
    anchor="fig-scalp-final-width",
)
def measure_stability(records: Records) -> Measurement:
    """C6: neurons left, over widths and seeds."""
    runs = records[STABILITY.name]
    widest = max(readings.settings(runs, "width"))
    wider = {m: readings.widening(runs, "left", method=m) for m in (*NAMED, BN_LASSO)}
    asymmetric = {m: wider[m] for m in ASYMMETRIC}
    index = {m: readings.metric(runs, "largest", method=m, width=widest) / widest for m in ASYMMETRIC}
    varies = {m: readings.variation(runs, "left", method=m) for m in ASYMMETRIC}
    of = "neurons left at the largest width over those at the smallest"
    checks: tuple[Check, ...] = (
        ratio_between(
            f"{of}, ScaLP, between 1/1.5 and 1.5", asymmetric, above=1 / SAME, below=SAME, control="uniform"
        ),
        each_between(
            "largest index left over the largest width, ScaLP, below 0.25",
            index,
            below=0.25,
            control="uniform",
        ),
        each_between(
            "deviation between runs over the mean, ScaLP, over widths, below 0.15",
            varies,
            below=0.15,
            control="runs of two methods",
        ),
        ratio_between(f"{of}, BN-Lasso, above 1.5", wider[BN_LASSO], above=SAME, control="widths exchanged"),
        ratio_between(f"{of}, uniform scaling, above 1.5", wider["uniform"], above=SAME),
    )
    quantity = f"{of}, ScaLP with 1/(√k ln k)"
    here = {} if runs[0].config["dataset"] == "mnist" else {"comparable": False}
    note = f"{readings.IMAGES[runs[0].config['dataset']]}; λ, ε and length of the training are our choice"
    return Measurement.of(quantity, 10 ** wider["1/(√k ln k)"], checks, note=note, **here)


def _network(runs: list) -> dict[str, object]:
    """Whether the first network is the paper's, and what differs."""
    first = runs[0].config
    if first["network"] == "vgg19" and first["size"] == 1:
        return {"note": "λ, η and length of the training are our choice"}
    return {"comparable": False, "note": f"{'; '.join(readings.networks(runs))}: no whole VGG19"}


def _named(runs: list) -> dict[str, list]:
    """The runs of each network by what its checks begin with: nothing for the first."""
    first, *others = readings.networks(runs).items()
    return {"": first[1], **{f"{name}: ": group for name, group in others}}


@claim(
    "C7",
    "On VGG19 and CIFAR-10, ScaLP with 1/(√k ln k) and the group lasso is level with BN-Lasso in accuracy for"
    " the parameters left.",
    "none available (a figure)",
    PARETO,
    anchor="fig-scalp-pareto",
    partial=("paper",),
)
def measure_pareto(records: Records) -> Measurement:
    """C7: the best accuracies with half of the parameters, and what a fifth costs, by network."""
    runs = records[PARETO.name]
    checks, gaps = [], []
    for network, group in _named(runs).items():
        ours = {budget: readings.best(group, "1/(√k ln k)", budget) for budget in (1.0, HALF, FIFTH)}
        gaps.append((ours[HALF] - readings.best(group, BN_LASSO, HALF)).dropna())
        costs = (ours[FIFTH] - ours[1.0]).dropna()
        checks += [
            mean_between(
                f"{network}half of the parameters: ScaLP less BN-Lasso above −1 point",
                gaps[-1],
                above=-1,
                control="the uniform scaling at its largest λ",
            ),
            mean_between(
                f"{network}a fifth of the parameters costs ScaLP less than 1.5 points",
                -costs,
                below=1.5,
                control="the uniform scaling",
            ),
        ]
    quantity = "points of ScaLP less those of BN-Lasso, with half of the parameters at most"
    return Measurement.of(quantity, gaps[0], checks, **_network(runs))


@claim(
    "C8",
    "The best accuracy, not the best compression, is that of the group lasso with the uniform scaling.",
    "none available (a figure)",
    PARETO,
    anchor="fig-scalp-pareto",
    partial=("paper",),
)
def measure_best(records: Records) -> Measurement:
    """C8: the best accuracy over λ, uniform scaling against the others, by network."""
    runs = records[PARETO.name]
    checks, values = [], []
    for network, group in _named(runs).items():
        uniform = readings.best(group, "uniform")
        others = [method for method in readings.settings(group, "method") if method != "uniform"]
        gaps: dict[str, pd.Series] = {method: uniform - readings.best(group, method) for method in others}
        scalings = {method: gap for method, gap in gaps.items() if method != BN_LASSO}
        values.append(scalings.get("1/(√k ln k)", [np.nan]))
        text, control = f"{network}best over λ, uniform less", "its largest λ alone"
        checks += [
            each_between(f"{text} decreasing scalings, above 0 points", scalings, above=0, control=control),
            mean_between(
                f"{text} BN-Lasso, above 0 points", gaps.get(BN_LASSO, []), above=0, control=control
            ),
        ]
    quantity = "points of the best uniform ScaLP less those of the best with 1/(√k ln k)"
    return Measurement.of(quantity, values[0], checks, **_network(runs))
