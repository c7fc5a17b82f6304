"""Claims C12 to C14 of the lecture, each stated beside the measurement that settles it.

All thresholds but that of C14 are signs: the papers' set-ups are ImageNet's, ours are small. The wrong
methods that fail the checks (``control``) are run in the tests.
"""

from collections.abc import Mapping

from startright.checks import Check, each_between, every, mean_between, ratio_between
from startright.claims import Measurement
from startright.papers.dropout import studies
from startright.papers.dropout.published import EARLY as EARLY_TABLE
from startright.papers.dropout.published import LATE, RESNET_110
from startright.papers.dropout.readings import depths, early, gains, gap
from startright.statements import Claims, in_order
from startright.studies import Record
from startright.summary import number

Records = Mapping[str, list[Record]]
SILENT = "rates that are never set"
SHIFTED = "the linear rule counted from 0"
EQUAL = "equal rates of the same expected depth"

claim = Claims("dropout", page="starting/dropout")


@claim(
    "C12",
    "Early in training dropout makes gradients shorter, less variable in direction, and the way longer.",
    "three signs; the variance of directions is lower for about the first thousand iterations (approximate)",
    studies.METRICS,
    anchor="fig-dropout-metrics",
    locator="Liu et al. 2023, section on the analysis of gradients, figures",
)
def measure_metrics(records: Records) -> Measurement:
    """C12: the first fifth of a training, with dropout over without, by rate."""
    runs = records[studies.METRICS.name]
    shorter = ratio_between(
        "gradient norm with dropout over without, below 1", early(runs, "norm"), below=1, control=SILENT
    )
    longer = ratio_between(
        "distance from the start with dropout over without, above 1",
        early(runs, "distance"),
        above=1,
        control=SILENT,
    )
    variance = early(runs, "gdv")
    text = "variance of directions with dropout less that without, below 0"
    steadier = each_between(text, variance, below=0, control=SILENT)
    told = "; ".join(f"{k}: {number(float(v.mean()), '+.3f')}" for k, v in early(runs, "gde").items())
    error = Check(f"error of directions with dropout less that without, {told}", None)
    note = "a small residual network on small images, Adam; early is the first fifth (our choice)"
    quantity = "variance of directions, rate 0.1 less none, early"
    checks = (shorter, longer, steadier, error)
    return Measurement.of(quantity, variance["rate 0.1"], checks, comparable=False, note=note)


@claim(
    "C13",
    "Early dropout helps a network that under-fits; late stochastic depth one that over-fits.",
    f"ViT-T {EARLY_TABLE['ViT-T']['none']} → {EARLY_TABLE['ViT-T']['early dropout']} % (early dropout);"
    f" ViT-B {LATE['ViT-B'][0]} → {LATE['ViT-B'][1]} % (late stochastic depth), ImageNet top-1",
    studies.SCHEDULES,
    anchor="fig-dropout-schedules",
    locator="Liu et al. 2023, tables of early dropout and of late stochastic depth",
)
def measure_schedules(records: Records) -> Measurement:
    """C13: points of test accuracy over the same network without noise, seed by seed."""
    runs = records[studies.SCHEDULES.name]
    gained = gains(runs)
    helps = mean_between(
        "early dropout, under-fitting network: points over no noise, above 0",
        gained["under", "dropout", "early"],
        above=0,
        control=SILENT,
    )
    late = mean_between(
        "late stochastic depth, over-fitting network: points over no noise, above 0",
        gained["over", "depth", "late"],
        above=0,
        control=SILENT,
    )
    told = "; ".join(f"{k}: {number(float(v.mean()), '+.1f')}" for k, v in gap(runs).items())
    fits = Check(f"points of training accuracy over test accuracy without noise, {told}", None)
    note = "small residual networks on small images, Adam; rates and cutoff are the paper's"
    quantity = "points of early dropout over no noise, under-fitting network"
    values = gained["under", "dropout", "early"]
    return Measurement.of(quantity, values, (helps, late, fits), comparable=False, note=note)


@claim(
    "C14",
    "Under the linear rule a network of random depth has L − (1 − p_L)(L + 1)/2 blocks on average.",
    f"{RESNET_110['expected']} of {RESNET_110['blocks']} blocks for p_L = 1/2",
    studies.DEPTH,
    anchor="fig-dropout-depth",
    locator="Huang et al. 2016, section on expected depth; exercise 6 of the lecture",
)
def measure_depth(records: Records) -> Measurement:
    """C14: the closed form against the sum, the network in evaluation, and draws."""
    table = depths(records[studies.DEPTH.name])
    size, last = RESNET_110["blocks"], RESNET_110["last"]
    (_, ours), *_ = table.query(f"depth == {size} and last == {last} and rule == 'linear'").iterrows()
    met = abs(ours["expected"] - RESNET_110["expected"]) < 1e-12 and ours["exact"] < 1e-12
    text = f"L = {size}, p_L = {last:g}: closed form, sum and network in evaluation are {ours['expected']:g}"
    exact = Check(text, met, "theorem", SHIFTED)
    sums = every(
        "closed form, sum and network in evaluation agree to 1e-10, every case",
        table["exact"] < 1e-10,
        kind="theorem",
        control=SHIFTED,
    )
    worst = {k: float(table[f"{k}_errors"].abs().max()) for k in ("mean", "variance")}
    checks = [exact, sums]
    for kind, control in (("mean", SHIFTED), ("variance", EQUAL)):
        text = f"{kind} of the draws within 3 standard errors, every case; the farthest is {worst[kind]:.1f}"
        checks.append(Check(text, worst[kind] <= 3, "theorem", control))
    runs = [r for r in records[studies.DEPTH.name] if _is(r, size, last)]
    quantity = f"mean depth of sampled networks, L = {size}, p_L = {last:g}"
    return Measurement.of(quantity, [r.metrics["sampled"] for r in runs], checks)


def _is(record: Record, depth: int, last: float) -> bool:
    config = record.config
    return config["depth"] == depth and config["last"] == last and config["rule"] == "linear"


CLAIMS = in_order(claim)
