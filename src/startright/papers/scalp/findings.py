"""Sentences of the chapter that report a result: records in, a :class:`startright.measured.Finding` out.

Words are chosen by 95 % intervals over seeds. Without records every sentence reads "Not yet run".
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from startright.measured import Contrast, Count, Finding, Measured, finding, listed, needs_records
from startright.papers.scalp import readings
from startright.papers.scalp.hidden import BN_LASSO, STANDARD
from startright.papers.scalp.readings import FIXED, HALF
from startright.papers.scalp.scalings import ASYMMETRIC, NAMED
from startright.papers.scalp.studies.width import ETA
from startright.studies import Record, frame

Records = Sequence[Record]


def _times(logs: pd.Series) -> tuple[Contrast, str, str]:
    """A ratio from its logarithms to base 10, as it is printed, and its interval."""
    found = Contrast.of(logs)
    low, high = (f"{10**x:.3g}" for x in (found.mean - found.half, found.mean + found.half))
    interval = f"95 % from {low} to {high}, " if found.n > 1 else ""
    return found, f"{10**found.mean:.3g} times", f"({interval}n = {found.n})"


@needs_records
def equivalence(records: Records) -> Finding:
    """Two trainings, one on w̃ and one on w (exact)."""
    runs = frame(records)
    worst = runs[runs["identity"].isin(("plain", "momentum", "glorot"))]["distance"].max()
    bound = "less than $10^{-10}$" if worst < 1e-10 else f"{worst:.0e}"
    adam = "far from each other" if (runs.query("identity == 'adam'")["distance"] > 0.01).all() else "alike"
    text = f"""After 200 steps of SGD, with momentum or without, a network with a scaling layer and one with
        the matching learning rates differ by {bound} of their largest weight, under every scaling. With Adam
        they end {adam}: its step forgets the size of the gradient, and with it the scaling."""
    return finding(text, "full")


@needs_records
def first_steps(records: Records) -> Finding:
    """How the first change of a network's outputs goes with the width."""
    facts = {}
    activation = readings.settings(records, "activation")[0]
    for method, lr in ((STANDARD, FIXED), *((scaling, ETA) for scaling in NAMED)):
        found = readings.exponent(records, "first_change", method=method, lr=lr, activation=activation)
        facts[readings.name(method, pruned=False)] = Measured.of(found, 2)
    standard, *others = facts.items()
    said = listed([f"{value} for {name}" for name, value in others])
    text = f"""As a power of the width N, the first change of the outputs goes with the exponent
        {standard[1]} under the standard parametrisation, with {said} (n = {standard[1].n})."""
    return finding(text, records, **facts)


@needs_records
def losses(records: Records) -> Finding:
    """Largest over smallest training loss over widths, uniform ScaLa and standard SGD at one rate."""
    facts, said = {}, []
    for activation in readings.settings(records, "activation"):
        where = {"activation": activation}
        ours = readings.spread(records, "train_loss", method="uniform", lr=ETA, **where)
        fixed = readings.spread(records, "train_loss", method=STANDARD, lr=FIXED, **where)
        (mine, *mine_text), (theirs, *theirs_text) = _times(ours), _times(fixed)
        more = Contrast.paired(fixed, ours)
        word = more.word("more even than", "less even than")
        facts |= {f"{activation}, uniform ScaLa": mine, f"{activation}, standard": theirs, activation: more}
        said.append(
            f"With {readings.ACTIVATIONS[activation]}, the largest training loss over the widths is"
            f" {mine_text[0]} the smallest under ScaLa with the uniform scaling and η = 1 {mine_text[1]}, and"
            f" {' '.join(theirs_text)} under the standard parametrisation with η = {FIXED:g}: standard SGD is"
            f" {word} ScaLa."
        )
    return finding(" ".join(said), records, **facts)


@needs_records
def rates(records: Records) -> Finding:
    """The learning rate of the smallest loss under the standard parametrisation, by width."""
    said = []
    lrs = sorted({r.config["lr"] for r in records if r.config["method"] == STANDARD})
    for activation in readings.settings(records, "activation"):
        found = {
            lr: readings.by_width(records, "train_loss", method=STANDARD, lr=lr, activation=activation).mean()
            for lr in lrs
        }
        best = pd.DataFrame(found).idxmin(axis=1)
        each = listed([f"{rate:g} at N = {n}" for n, rate in best.items()])
        said.append(
            f"With {readings.ACTIVATIONS[activation]}, of the rates tried the standard parametrisation learns"
            f" fastest with {each}."
        )
    return finding(" ".join(said), records)


@needs_records
def final_width(records: Records) -> Finding:
    """What is left at the smallest and at the largest width, and whether it depends on it."""
    widths = sorted(readings.settings(records, "width"))
    facts, said = {}, []
    for method in (*ASYMMETRIC, "uniform", BN_LASSO):
        name, found = readings.name(method), readings.by_width(records, "left", method=method)
        ratio, *shown = _times(readings.widening(records, "left", method=method))
        few, many = (Measured.of(found[n], 1) for n in (widths[0], widths[-1]))
        word = ratio.word("fewer", "more", "as many to a factor of 1.5", margin=np.log10(1.5))
        word = "no change can be told" if word == "not to be told from" else word
        facts |= {name: ratio, f"{name}, N = {widths[0]}": few, f"{name}, N = {widths[-1]}": many}
        said.append(
            f"**{name}** leaves {few} of {widths[0]} neurons and {many} of {widths[-1]}: {word},"
            f" {' '.join(shown)}."
        )
    return finding(" ".join(said), records, **facts)


@needs_records
def indices(records: Records) -> Finding:
    """The largest index left at the largest width."""
    widest = max(readings.settings(records, "width"))
    facts = {
        readings.name(m): Measured.of(readings.metric(records, "largest", method=m, width=widest), 0)
        for m in readings.settings(records, "method")
    }
    said = listed([f"{value} under {name}" for name, value in facts.items()])
    n = max(value.n for value in facts.values())
    return finding(
        f"Of {widest} neurons, the last that is left has the index {said} (n = {n}).", records, **facts
    )


@needs_records
def pareto(records: Records) -> Finding:
    """The best accuracies, over all λ and with half of the parameters, by network."""
    facts, said = {}, []
    for network, group in readings.networks(records).items():
        text, found = _best(group)
        facts |= {f"{network}: {name}": fact for name, fact in found.items()} if said else found
        said.append(f"*{network[0].upper()}{network[1:]}:* {text}" if said else text)
    return finding(" ".join(said), records, **facts)


def _best(records: Records) -> tuple[str, dict[str, Contrast]]:
    """The two sentences on one network, and what they rest on."""
    facts, said = {}, []
    best = {m: readings.best(records, m) for m in readings.settings(records, "method")}
    for method in (*ASYMMETRIC, BN_LASSO):
        if method in best:
            gap = Contrast.paired(best["uniform"], best[method])
            facts[f"uniform less {method}"] = gap
            word = gap.word("behind", "ahead of")
            said.append(f"{word} {readings.name(method)}, {gap.text(1, ' points')}")
    halves = {m: readings.best(records, m, HALF) for m in ("1/(√k ln k)", BN_LASSO)}
    gap = Contrast.paired(*halves.values())
    text = f"By test accuracy at its best λ, ScaLP with the uniform scaling is {'; '.join(said)}."
    if not gap.n:
        return f"{text} No λ of the grid leaves half of the parameters or fewer in every method.", facts
    facts["half of the parameters"] = gap
    text += f""" With half of the parameters at most, ScaLP with 1/(√k ln k) is
        {gap.word("behind", "ahead of")} BN-Lasso, {gap.text(1, " points")}."""
    return text, facts


@needs_records
def collapsed(records: Records) -> Finding:
    """Runs of which no hidden neuron is left."""
    empty = Count.of(record.metrics.get("left") == 0 for record in records)
    return finding(f"No hidden neuron is left in {empty} runs.", records, collapsed=empty)
