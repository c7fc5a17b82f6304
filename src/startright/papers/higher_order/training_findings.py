"""What the trainings say, as the sentences of the chapter; see :mod:`startright.higher_order.findings`."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from startright.measured import Contrast, Count, Fact, Measured, either, indistinguishable, listed
from startright.papers.higher_order.figures import METHODS, tensor_labels
from startright.papers.higher_order.findings import LEVEL, Said, net_name, repeats, sentences, span
from startright.papers.higher_order.readings import best, by_seed, rates
from startright.papers.higher_order.studies.training import CHOICE_FACTOR
from startright.papers.higher_order.tables import CHOICES
from startright.studies import Record, curve_frame, frame

RIVALS = ("adam", "sgd", "kfac")
QUARTER = 0.25  # of the time of grouped Newton
POINTS = 0.2  # of accuracy: less is level


def _name(method: str) -> str:
    """As in a sentence: "SGD" has its momentum in the legend."""
    return METHODS[method][0].split(",")[0]


def _chosen(table: pd.DataFrame, net: str) -> dict[str, pd.DataFrame]:
    """The runs of each method at the rate of its least mean training loss; without those that diverged."""
    runs = {method: best(table, method, net) for method in METHODS}
    return {method: part for method, part in runs.items() if len(part)}


def _loss(runs: pd.DataFrame) -> Measured:
    """The training loss to two digits of its mean."""
    mean = max(runs["train_loss"].mean(), 1e-9)
    return Measured.of(runs["train_loss"], max(0, 1 - int(np.floor(np.log10(mean)))))


def log_ratio(ours: pd.DataFrame, theirs: pd.DataFrame) -> Contrast:
    """The difference of the logarithms (base 10) of two groups' training losses, seed by seed."""
    return Contrast.paired(*(np.log10(by_seed(runs, "train_loss")) for runs in (ours, theirs)))


def _by_rival(gaps: Mapping[str, Contrast], below: str, above: str, margin: float) -> str:
    """Each word with the rivals that it is said of: ``"above those of Adam and SGD"``."""
    said: dict[str, list[str]] = {}
    for method, gap in gaps.items():
        said.setdefault(gap.word(below, above, margin=margin), []).append(_name(method))
    return listed(
        [f"{w} th{'ose' if len(names) > 1 else 'at'} of {listed(names)}" for w, names in said.items()]
    )


@sentences
def rivals(records: Sequence[Record]) -> Said:
    """How grouped Newton ends, next to each rival at the best of its rates."""
    table = frame(records)
    runs = _chosen(table, table["net"].iloc[0])
    if "grouped" not in runs:
        return "Grouped Newton goes through at no rate in every seed.", {"went through": Count(0, len(table))}
    ours, others = runs.pop("grouped"), runs
    losses = {method: log_ratio(ours, part) for method, part in others.items()}
    points = {
        method: Contrast.paired(*(100 * by_seed(r, "test_accuracy") for r in (ours, part)))
        for method, part in others.items()
    }
    facts: dict[str, Fact] = {"loss": _loss(ours)}
    facts |= {f"log loss over that of {_name(m)}": gap for m, gap in losses.items()}
    facts |= {f"accuracy next to {_name(m)}": gap for m, gap in points.items()}
    ends = listed([f"{_loss(part)} for {_name(m)}" for m, part in others.items()])
    accuracy = listed([f"{_signed(gap)} from {_name(m)}" for m, gap in points.items()])
    verdict = "**The rivals win.** " if all(gap.sign(LEVEL) > 0 for gap in losses.values()) else ""
    text = (
        f"{verdict}Grouped Newton ends at a training loss of {facts['loss']}, against {ends}: "
        f"{_by_rival(losses, 'below', 'above', LEVEL)}. Its test accuracy is "
        f"{_by_rival(points, 'behind', 'ahead of', POINTS)} ({accuracy} in points; "
        f"{repeats(ours['seed'].nunique())})."
    )
    return text, facts


def _signed(gap: Contrast) -> str:
    """A difference and its spread without n, which stands at the end of the sentence."""
    return gap.text(1).split(" (")[0]


@sentences
def beginning(records: Sequence[Record]) -> Said:
    """Who is ahead after a fifth of the epochs."""
    runs = _curves(records)
    epoch = max(1, (runs["grouped"]["epoch"].max()) // 5)
    logs = {
        _name(m): np.log10(by_seed(part[part["epoch"] == epoch], "train_loss")) for m, part in runs.items()
    }
    first, n = either(indistinguishable(logs)), len(next(iter(logs.values())))
    facts = {f"log loss, {name}": Measured.of(values, 2) for name, values in logs.items()}
    text = f"After {epoch} epochs the least training loss is that of {first} ({repeats(n)})."
    return text, facts


def _curves(records: Sequence[Record]) -> dict[str, pd.DataFrame]:
    """Loss and seconds by epoch of each method at its best rate, on the one network of the records."""
    table = frame(records)
    curves = curve_frame([r for r in records if r.status == "ok"], "train_loss", "seconds")
    curves["epoch"] = curves["step"] + 1
    rate = {m: part["lr"].iloc[0] for m, part in _chosen(table, table["net"].iloc[0]).items()}
    return {m: curves[(curves["method"] == m) & (curves["lr"] == lr)] for m, lr in rate.items()}


def _at(runs: pd.DataFrame, seconds: Mapping[int, float]) -> pd.Series:
    """The logarithm of the training loss at a time, by seed; before the first epoch ends, the loss there."""
    return pd.Series(
        {
            seed: np.interp(seconds[seed], part["seconds"], np.log10(part["train_loss"]))
            for seed, part in runs.groupby("seed")
            if seed in seconds
        }
    )


@sentences
def by_the_clock(records: Sequence[Record]) -> Said:
    """The same race in seconds of the processor, which belong to the machine."""
    runs, facts, parts = _curves(records), {}, []
    last = {m: part.groupby("seed")["seconds"].max() for m, part in runs.items()}
    for method in (m for m in RIVALS if m in runs):
        facts[method] = Measured.of(last["grouped"] / last[method], 2, machine=True)
        parts.append(f"{facts[method]} times that of {_name(method)}")
    n = len(last["grouped"])
    text = f"The processor time of a training by grouped Newton is {listed(parts)} (n = {n})."
    if "kfac" not in runs:
        return text, facts
    gaps = {}
    for share in (QUARTER, 1.0):
        times = share * last["grouped"]
        gap = Contrast.paired(*(_at(runs[method], times) for method in ("grouped", "kfac")))
        said = f"({times.mean():.1f} s, {10**gap.mean:.1f} times)"
        gaps[share] = gap.word("below", "above", margin=LEVEL), said
        facts[f"next to K-FAC, {share:g}"] = Measured.of([gap.mean], machine=True)
    (early, at), (late, end) = gaps.values()
    text += (
        f" At equal times its loss is {early} that of K-FAC after a quarter of its time {at}, and {late} it "
        f"when it stops {end}."
    )
    return text, facts


@sentences
def search(records: Sequence[Record]) -> Said:
    """What the neighbours of the best rate cost: whether a search can be spared."""
    table = frame(records)
    net, parts, facts = table["net"].iloc[0], [], {}
    for method, chosen in _chosen(table, net).items():
        runs = table[(table["net"] == net) & (table["method"] == method) & (table["status"] == "ok")]
        grid = sorted(runs["lr"].unique())
        at = grid.index(chosen["lr"].iloc[0])
        beside = [runs[runs["lr"] == rate] for rate in grid[max(at - 1, 0) : at + 2] if rate != grid[at]]
        factors = [10 ** log_ratio(part, chosen).mean for part in beside]
        if factors:
            facts[_name(method)] = Measured.of(np.log10(factors), 2)
            parts.append(f"{span(factors)} for {_name(method)}")
    dear = "grouped Newton" in facts and facts["grouped Newton"].mean > np.log10(2)
    text = (
        "One step further on the grid of rates, a factor of about three, the training loss is a multiple of "
        f"that at the best: {listed(parts)} (geometric means, {repeats(table['seed'].nunique())}). Grouped "
        f"Newton {'does not spare the search' if dear else 'hardly needs the search'}."
    )
    return text, facts


# --- other networks -------------------------------------------------------------------------


@sentences
def other_networks(records: Sequence[Record]) -> Said:
    """Each network: how grouped Newton ends next to the best Adam and K-FAC."""
    table, parts, facts = frame(records), [], {}
    for net in dict.fromkeys(table["net"]):
        runs = _chosen(table, net)
        ours, others = runs.pop("grouped", None), runs
        if ours is None or not others:
            continue
        gaps = {_name(method): log_ratio(ours, part) for method, part in others.items()}
        facts |= {f"log loss over that of {name}, {net}": gap for name, gap in gaps.items()}
        factors = listed([f"{10**gap.mean:.2f} times that of {name}" for name, gap in gaps.items()])
        parts.append(f"on {net_name(net)} it is {factors}{_accuracy(ours, others)}")
    n = int(table["seed"].nunique())
    words = _words(facts) if n > 1 else "With one seed each, this decides nothing."
    return f"The training loss at the end: {'; '.join(parts)} ({repeats(n)}). {words}", facts


def _accuracy(ours: pd.DataFrame, others: Mapping[str, pd.DataFrame]) -> str:
    """The accuracy next to Adam's, where there is one."""
    if "adam" not in others or "test_accuracy" not in ours or ours["test_accuracy"].isna().any():
        return ""
    gap = Contrast.paired(*(100 * by_seed(runs, "test_accuracy") for runs in (ours, others["adam"])))
    return f", and the test accuracy {_signed(gap)} points from Adam's"


def _words(facts: Mapping[str, Fact]) -> str:
    above, below = (sum(gap.sign(LEVEL) == side for gap in facts.values()) for side in (1, -1))
    return f"It is above the rival in {above}, below in {below} of {len(facts)} comparisons."


NOT_RUN = "*Not yet run on this network.*"


@sentences
def epochs_ahead(records: Sequence[Record], net: str) -> Said:
    """For how many epochs grouped Newton is ahead of the best Adam on one network."""
    runs = _curves([r for r in records if r.config["net"] == net] or records)
    if {"grouped", "adam"} - set(runs) or net not in set(runs["grouped"]["net"]):
        return NOT_RUN, {}
    ours, adam = (runs[method].groupby("epoch")["train_loss"].mean() for method in ("grouped", "adam"))
    last = [part[part["epoch"] == part["epoch"].max()] for part in (runs["grouped"], runs["adam"])]
    ahead, ends = Count.of((ours < adam).to_numpy()), log_ratio(*last)
    text = (
        f"On the {net_name(net).split(',')[0]} grouped Newton is ahead of the best Adam after {ahead} "
        f"epochs, and ends at {10**ends.mean:.2f} times its loss ({repeats(ends.n)})."
    )
    return text, {"epochs ahead": ahead, "log loss at the end": ends}


@sentences
def deep_training(records: Sequence[Record], net: str) -> Said:
    """A deep network: how often H̄ is indefinite, and which rates of Adam grouped Newton keeps up with."""
    table = frame(records).query("net == @net")
    ours = best(table, "grouped", net)
    if not len(ours):
        return NOT_RUN, {}
    share = Measured.of(100 * table[table["method"] == "grouped"]["indefinite"], 0)
    adam = table[table["method"] == "adam"].groupby("lr")["train_loss"].mean()
    worse = adam[adam > ours["train_loss"].mean()]
    ahead = Count(len(worse), len(adam))
    named = f" ({either([f'{rate:g}' for rate in worse.index])})" if len(worse) else ""
    text = (
        f"On {net_name(net).split(',')[0]} $\\bar H$ is indefinite at {share} % of the updates (n = "
        f"{share.n} trainings). The cubic term still gives a step, and the training goes on: at its better "
        f"factor it ends below Adam at {ahead} rates{named} ({repeats(ours['seed'].nunique())})."
    )
    return text, {"indefinite, %": share, "rates of Adam behind": ahead}


# --- rates and choices ----------------------------------------------------------------------


@sentences
def rate_sizes(records: Sequence[Record]) -> Said:
    """How the rates of weights, biases and layers compare, and how many are negative."""
    runs = [r for r in records if r.config["method"] == "grouped" and r.status == "ok"]
    names = tensor_labels(sum(name.startswith("eta_") for name in runs[0].curves))
    found = [rates(record, names) for record in runs]
    sizes = pd.DataFrame([eta.abs().median() for eta in found])
    bias = sizes[names[1::2]].to_numpy() / sizes[names[::2]].to_numpy()
    layers, spreads = sizes[names[-2]] / sizes[names[0]], sizes.max(axis=1) / sizes.min(axis=1)
    negative = Measured.of([100 * (eta < 0).to_numpy().mean() for eta in found], 0)
    facts = {
        "log bias over weights": Measured.of(np.log10(bias).mean(axis=1), 2),
        "log last over first weights": Measured.of(np.log10(layers), 2),
        "negative, %": negative,
    }
    fits = "no single rate fits all" if spreads.min() > 10 else "a single rate would nearly do"
    text = (
        f"In the median over the updates biases get rates {span(bias.ravel())} times those of the weights "
        f"beside them, and the last layer's weights {span(layers)} times those of the first (n = {len(runs)} "
        f"trainings): {fits}. But {negative} % of the entries are **negative**."
    )
    return text, facts


@sentences
def partitions(records: Sequence[Record]) -> Said:
    """Which partitions cannot be told from the lowest training loss, and which from the highest."""
    groups, table = _variants(records, lambda_int=1.0, curvature_batch=100)
    low, high = (
        either([f"*{CHOICES[g]}*" for g in indistinguishable(groups, largest=up)]) for up in (False, True)
    )
    facts = {f"log loss, {CHOICES[name]}": Measured.of(values, 2) for name, values in groups.items()}
    one, own = (
        Measured.of(100 * table[table["groups"] == name]["negative_rates"], 0)
        for name in ("trivial", "canonical")
    )
    facts |= {"negative, one group, %": one, "negative, one group per tensor, %": own}
    text = (
        f"As far as the seeds can tell, the lowest training loss is that of {low}, the highest that of "
        f"{high}. Of one group's rates {one} % are negative, of those of one group per tensor {own} % "
        f"({repeats(table['seed'].nunique())})."
    )
    return text, facts


def _variants(records: Sequence[Record], **fixed: float) -> tuple[dict[str, pd.Series], pd.DataFrame]:
    """The logarithms of the training losses by partition, at the common factor and given settings."""
    table = frame(records)
    table = table[(table["method"] == "grouped") & (table["lr"] == CHOICE_FACTOR) & (table["status"] == "ok")]
    for name, value in fixed.items():
        table = table[table[name] == value]
    return {
        name: np.log10(by_seed(part, "train_loss")) for name, part in table.groupby("groups", sort=False)
    }, table


@sentences
def cubic_weight(records: Sequence[Record]) -> Said:
    """What a larger λ and more images for the curvature change."""
    plain, _ = _variants(records, lambda_int=1.0, curvature_batch=100)
    changes = {
        "λ": ("A tenfold $\\lambda_{\\mathrm{int}}$", {"lambda_int": 10.0, "curvature_batch": 100}),
        "images": (
            "the tenfold number of images for the curvature",
            {"lambda_int": 1.0, "curvature_batch": 1000},
        ),
    }
    parts, facts = [], {}
    for name, (label, setting) in changes.items():
        other, _ = _variants(records, **setting)
        if "canonical" not in other:
            return "*Not yet run with these settings.*", {}
        gap = Contrast.paired(other["canonical"], plain["canonical"])
        facts[f"log loss, {name}"] = gap
        word = gap.word("lowers the loss", "raises the loss", "leaves the loss", margin=LEVEL)
        word = "moves the loss by no more than the seeds do" if word.startswith("not") else word
        parts.append(f"{label} {word} ({10**gap.mean:.1f} times, geometric mean, {repeats(gap.n)})")
    return f"{parts[0]}; {parts[1]}.", facts
