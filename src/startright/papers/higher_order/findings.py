"""What the records say of the derivatives and of single steps, as the sentences of the chapter.

The words follow from the numbers and their spread. Losses are compared by their logarithms, seed by seed,
since they differ by powers of ten. The trainings are in :mod:`startright.higher_order.training_findings`.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from startright.measured import (
    Contrast,
    Count,
    Fact,
    Finding,
    Measured,
    are_live,
    either,
    finding,
    indistinguishable,
    listed,
)
from startright.papers.higher_order.figures import PLAIN_NETS
from startright.papers.higher_order.readings import by_seed, state_frame
from startright.papers.higher_order.tables import STEPS
from startright.studies import Record, frame
from startright.summary import power_above

LEVEL = float(np.log10(1.1))  # losses within ten per cent are level
EARLY = 100  # steps of Adam that count as the beginning
ALLOWED = 3.0  # times the second order: what the check of C2 allows the third

Said = tuple[str, dict[str, Fact]]

# --- words ----------------------------------------------------------------------------------


def net_name(net: str) -> str:
    """A network in words."""
    return PLAIN_NETS.get(net, net)


def span(values: Sequence[float], style: str = ".2g") -> str:
    """The least and the largest, or one number where both read the same.

    >>> span([1.8, 3.1, 2.0]), span([2.0, 2.0]), span([17.4, 262.0])
    ('1.8 to 3.1', '2', '17 to 260')
    """
    low, high = (_plain(x, style) for x in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"


def _plain(x: float, style: str) -> str:
    """Two digits without an exponent as far as one can read that.

    >>> _plain(262.0, ".2g"), _plain(0.3, ".1g"), _plain(1411.8, ".2g")
    ('260', '0.3', '1400')
    """
    text = f"{x:{style}}"
    return f"{float(text):.0f}" if "e+" in text and abs(x) < 1e4 else text


def repeats(n: int) -> str:
    """How many seeds a sentence rests on."""
    return f"n = {n}" if n > 1 else "one seed"


def sentences(make: Callable[..., Said]) -> Callable[..., Finding]:
    """Of a function that makes a text and its facts from records: one that makes a finding.

    Without records it says "not yet run".
    """

    def say(records: Sequence[Record], *options: str) -> Finding:
        text, facts = make(records, *options) if records else ("", {})
        return finding(text, records, **facts)

    say.__doc__, say.__name__, say.__qualname__ = make.__doc__, make.__name__, make.__qualname__
    say.__module__ = make.__module__
    return say


# --- what the derivatives cost --------------------------------------------------------------


def costs_of(records: Sequence[Record], backend: str, third: bool) -> pd.DataFrame:
    """Gradients by network and number of groups."""
    table = frame(records).query("backend == @backend and third == @third")
    return table.groupby(["net", "groups"], sort=False)["gradients"].mean().unstack("net")


def flat(table: pd.DataFrame) -> pd.Series:
    """All that was measured: the networks have different numbers of groups."""
    return table.stack().dropna()


@sentences
def costs(records: Sequence[Record]) -> Said:
    """What backward passes and tangents take, from one group to all of them."""
    passes, facts, parts = costs_of(records, "double_backward", third=False), {}, []
    for net, column in passes.items():
        known = column.dropna()
        facts[f"passes, {net}"] = Measured.of(known, machine=True)
        ends = f"{known.iloc[0]:.1f} gradients for one group and {known.iloc[-1]:.1f} for {known.index[-1]}"
        parts.append(f"{ends} on {net_name(net).split(',')[0]}")
    second, third = (costs_of(records, "tangents", third=third) for third in (False, True))
    rising = [c.dropna().iloc[-1] > c.dropna().iloc[0] for t in (second, third) for _, c in t.items()]
    growth = "and more the more groups there are" if all(rising) else "with no clear growth in $S$"
    facts["tangents"] = Measured.of(flat(second), machine=True)
    start = "On the machine that runs this page the" if are_live(records) else "The"
    text = (
        f"{start} second order takes, by backward passes, {listed(parts)}. Tangents take "
        f"{span(flat(second), '.1f')} gradients, {span(flat(third), '.1f')} with the third order, "
        f"{growth} (one measurement each)."
    )
    return text, facts


@sentences
def third_order(records: Sequence[Record]) -> Said:
    """By how much the third order multiplies the cost, against what C2 allows."""
    ratios = {
        way: flat(costs_of(records, way, third=True) / costs_of(records, way, third=False))
        for way in ("double_backward", "tangents")
    }
    passes = ratios["double_backward"]
    above = Count.of(passes > ALLOWED)
    verdict = (
        f"The check of C2 allows {ALLOWED:g} times, which {above} measurements exceed"
        if above.k
        else f"All {above.n} measurements stay within the {ALLOWED:g} times that the check of C2 allows"
    )
    text = (
        f"The third order makes the derivatives {span(passes, '.1f')} times as dear by backward passes, and "
        f"{span(ratios['tangents'], '.1f')} times by tangents. {verdict} (one measurement each)."
    )
    return text, {way: Measured.of(values, machine=True) for way, values in ratios.items()}


# --- two variables, other coordinates: float64, the same on every machine -------------------


@sentences
def valley(records: Sequence[Record]) -> Said:
    """Where the paths on Rosenbrock's function end."""
    paths = {(r.config["method"], r.config["lambda_int"]): r for r in records}
    newton, cubic = paths["canonical", 0.0], paths["canonical", 1.0]
    rest = [
        f"{paths[key].curves['value'][-1]:.1f}"
        for key in (("gradient", 1.0), ("trivial", 1.0))
        if key in paths
    ]
    falls = (np.diff(cubic.curves["value"]) <= 0).all()
    text = (
        f"Order 2 is Newton's method here: {_arrival(newton)}, and on the way it visits a value of "
        f"{_plain(max(newton.curves['value']), '.2g')}. The cubic term "
        f"{'never goes up' if falls else 'goes up as well'}, and pays for it with short steps: "
        f"{_arrival(cubic)}. Gradient descent and one group are still at {listed(rest)} when they stop."
    )
    return text, {}


def _arrival(record: Record) -> str:
    needed, steps = int(record.metrics["steps_needed"]), record.config["steps"]
    return f"it arrives in {needed} steps" if needed <= steps else f"it has not arrived after {steps} steps"


@sentences
def same_step(records: Sequence[Record]) -> Said:
    """How far two parameterisations come apart, where they must not and where they may."""
    table = frame(records)
    linear = table["direction"] == "momentum"
    inside = table[linear & (table["change"] != "split")]["error"].max()
    split = table[table["change"] == "split"]["error"]
    turned = table[~linear & (table["change"] == "rotation")]["error"]
    scaled = table[~linear & (table["change"] == "scale")]["error"].max()
    seeds = table["seed"].nunique()
    stay, other = (f"$10^{{{power_above(error)}}}$" for error in (inside, scaled))
    text = (
        f"With one factor or one rotation per group the two trainings stay within {stay} of the distance "
        f"gone. With two factors inside a group they come apart by {span(split, '.1g')} of it, with Adam's "
        f"direction under a rotation by {span(turned, '.1g')}; under one factor per group Adam's direction "
        f"stays within {other} ({repeats(seeds)})."
    )
    return text, {}


# --- one step -------------------------------------------------------------------------------


def _matrices(records: Sequence[Record]) -> list[np.ndarray]:
    """|C| of every run, (S, S)."""
    count = [sum(name.startswith("interaction_") for name in r.curves) for r in records]
    return [
        np.abs([r.curves[f"interaction_{s}"] for s in range(size)])
        for r, size in zip(records, count, strict=True)
    ]


@sentences
def interactions(records: Sequence[Record]) -> Said:
    """How large the entries off the diagonal are, and where they exceed 1."""
    table, sizes = frame(records), _matrices(records)
    share = Measured.of([100 * (C[~np.eye(len(C), dtype=bool)] > 0.1).mean() for C in sizes], 0)
    ends = Measured.of([C[0, -2] for C in sizes], 2)
    start = table["adam_steps"] == 0
    facts = {"entries above 0.1, %": share, "first and last weights": ends}
    for name, rows in (("start", table[start]), ("later", table[~start])):
        facts[f"above 1, {name}"] = Count.of(rows["max_interaction"] > 1)
        facts[f"indefinite, {name}"] = Count.of(rows["min_eigenvalue"] <= 0)
    text = (
        f"Of the entries off the diagonal {share} % exceed 0.1, and between the weights of the first layer "
        f"and those of the last $\\lvert C\\rvert$ is {ends} (n = {len(table)} runs). At initialisation an "
        f"entry exceeds 1 in {facts['above 1, start']} runs, and $\\bar H$ is indefinite in "
        f"{facts['indefinite, start']}; after the training in {facts['above 1, later']} and "
        f"{facts['indefinite, later']}."
    )
    return text, facts


@sentences
def without_interactions(records: Sequence[Record]) -> Said:
    """What the steps on a trained network do that know nothing of the other tensors."""
    table = frame(records).query("adam_steps > 0")
    parts, facts = [], {}
    for net, part in table.groupby("net", sort=False):
        raised = Count.of(part["diagonal"] > part["before"])
        size = Measured.of(part["diagonal"] / part["before"], 1)
        facts |= {f"raised, {net}": raised, f"over before, {net}": size}
        parts.append(f"by {size} on {net_name(net)} (raised in {raised} runs)")
    knowing = table[["cubic", "order2", "one_group"]].lt(table["before"], axis=0)
    facts["lowered with them"] = Count.of(knowing.to_numpy().ravel())
    text = (
        f"After {table['adam_steps'].iloc[0]} steps of Adam the order-2 step without the interactions "
        f"multiplies the loss {listed(parts)}. The three kinds of steps that know of them lower it in "
        f"{facts['lowered with them']} cases."
    )
    return text, facts


@sentences
def cubic_diagonal(records: Sequence[Record]) -> Said:
    """The cubic step with the diagonal of H̄ alone against that with all of it, on trained networks."""
    parts, facts, it = [], {}, "the one with all of $\\bar H$"
    for net, part in frame(records).query("adam_steps > 0").groupby("net", sort=False):
        gap = Contrast.paired(*(np.log10(by_seed(part, name)) for name in ("diagonal_cubic", "cubic")))
        facts[f"diagonal over all, {net}"] = gap
        word = gap.word("below", "above", margin=LEVEL)
        parts.append(f"{word} {it} on {net_name(net)} ({10**gap.mean:.2f} times, n = {gap.n})")
        it = "it"
    return f"Within the cubic model the step without the interactions ends {listed(parts)}.", facts


@sentences
def at_start(records: Sequence[Record]) -> Said:
    """Where order 2 and the cubic term lead at initialisation."""
    table = frame(records).query("adam_steps == 0")
    facts = {"indefinite": Count.of(table["min_eigenvalue"] <= 0)}
    facts |= {f"{name} raises": Count.of(table[name] > table["before"]) for name in ("order2", "cubic")}
    raised, lowest = [], []
    for net, part in table.groupby("net", sort=False):
        facts[f"cubic raises, {net}"] = Count.of(part["cubic"] > part["before"])
        raised.append(f"{facts[f'cubic raises, {net}']} on {net_name(net)}")
        logs = {f"*{label}*": np.log10(by_seed(part, name)) for name, label in STEPS.items()}
        lowest.append(f"on {net_name(net)} {either(indistinguishable(logs))}")
    each = f" ({', '.join(raised)})" if len(raised) > 1 else ""
    moral = ": it is no guarantee" if facts["cubic raises"].k else ""
    text = (
        f"At initialisation $\\bar H$ is indefinite in {facts['indefinite']} runs. Order 2 ends above the "
        f"loss that it started from in {facts['order2 raises']}, the cubic step in "
        f"{facts['cubic raises']}{each}{moral}. Which step ends lowest, as far as the "
        f"seeds can tell: {'; '.join(lowest)}."
    )
    return text, facts


@sentences
def once_definite(records: Sequence[Record]) -> Said:
    """What the cubic term changes where H̄ is positive definite."""
    table = frame(records)
    table = table[table["min_eigenvalue"] > 0]
    if not len(table):
        return "In none of these states is $\\bar H$ positive definite.", {"above": Count(0, 0)}
    above = Count.of(table["cubic"] > table["order2"])
    gap = Measured.of(table["cubic"] / table["order2"], 2)
    text = (
        "Where $\\bar H$ is positive definite the cubic term only shortens the step: it ends above order 2 "
        f"in {above} states, at {gap} times its loss."
    )
    return text, {"above": above, "cubic over order 2": gap}


@sentences
def deep(records: Sequence[Record]) -> Said:
    """One undamped step on networks of many tensors."""
    table, parts, facts = frame(records), [], {}
    for net, part in table.groupby("net", sort=False):
        size = Measured.wild(part["cubic"] / part["before"], 1)
        facts[f"raised, {net}"] = Count.of(part["cubic"] > part["before"])
        facts[f"cubic over before, {net}"] = size
        parts.append(f"by {size} on {net_name(net)} (raised in {facts[f'raised, {net}']} runs)")
    facts["one group lowers"] = Count.of(table["one_group"] < table["before"])
    facts["one group lowest"] = Count.of(table[list(STEPS)].idxmin(axis=1) == "one_group")
    wild = any(facts[f"raised, {net}"].k for net in table["net"])
    trouble = " A single undamped step is more than the model can answer for here." if wild else ""
    text = (
        f"The cubic step multiplies the loss {listed(parts)}; median and range. One group for all parameters "
        f"lowers it in {facts['one group lowers']} runs, and ends lowest of all in "
        f"{facts['one group lowest']}.{trouble}"
    )
    return text, facts


# --- along a training -----------------------------------------------------------------------


@sentences
def indefinite(records: Sequence[Record]) -> Said:
    """How often H̄ is indefinite, when, and how small the least eigenvalue is afterwards."""
    table, parts, facts = _states(records), [], {}
    for net, part in table.groupby("net", sort=False):
        bad, early = part["relative_eigenvalue"] <= 0, part["adam_step"] <= EARLY
        later = part[~early]["relative_eigenvalue"].abs()
        facts[f"indefinite, {net}"] = Count.of(bad)
        facts[f"early, {net}"] = Count.of(bad[early])
        facts[f"later ratio, {net}"] = Measured.wild(later)
        parts.append(
            f"On {net_name(net)} $\\bar H$ is indefinite in {facts[f'indefinite, {net}']} states, and of "
            f"those within the first {EARLY} steps in {facts[f'early, {net}']}; later the least eigenvalue "
            f"is of the order of $10^{{{np.log10(later.median()):.0f}}}$ of the largest."
        )
    n = len({r.seed for r in records})
    return f"{' '.join(parts)} (Medians over n = {n} trainings each.)", facts


@sentences
def saved(records: Sequence[Record]) -> Said:
    """How often either step raises the loss of its own batch."""
    table, parts, facts = _states(records), [], {}
    for net, part in table.groupby("net", sort=False):
        order2, cubic = (Count.of(part[f"change_{name}"] > 0) for name in ("order2", "cubic"))
        facts |= {f"order 2 raises, {net}": order2, f"cubic raises, {net}": cubic}
        parts.append(f"in {order2} states on {net_name(net)}, the cubic step in {cubic}")
    fewer = all(
        facts[name].k > facts[name.replace("order 2", "cubic")].k for name in facts if "order" in name
    )
    moral = " The cubic term avoids disasters, not by being right but by being short." if fewer else ""
    return f"Order 2 raises the loss of its own batch {'; '.join(parts)}.{moral}", facts


def _states(records: Sequence[Record]) -> pd.DataFrame:
    return state_frame([r for r in records if r.config["lambda_int"] == 1])
