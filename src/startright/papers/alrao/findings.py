"""What the records say, in sentences: the words are chosen by the uncertainty, the numbers carried along.

Each function makes one paragraph of the chapter, from quick or from full records. A difference is always
``ours - theirs``, seed by seed.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from startright.measured import (
    Contrast,
    Count,
    Finding,
    Measured,
    either,
    finding,
    indistinguishable,
    needs_records,
)
from startright.papers.alrao import wording
from startright.papers.alrao.published import CURVES, GRANULARITY_BITS
from startright.papers.alrao.readings import (
    NAMES,
    by_method,
    decade,
    drops_of,
    good_rates,
    head_rates,
    holding,
    trace,
    weights_at,
)
from startright.studies import Record, curve_frame, frame
from startright.summary import number

POINT = 1.0  # of accuracy: a smaller difference does not matter here
NEAR = 0.25  # nats above the least loss: a rate so near counts as good
FAR = 0.3  # nats: a rate so much worse is useless alone
WINS, DEAD = 0.9, 0.05  # of the weight: a head with more is chosen, heads with less are gone
EARLY = 30  # minibatches, after which the paper's fast heads are gone


# --- images: against SGD and Adam -----------------------------------------------------------


@needs_records
def against_sgd(records: Sequence[Record]) -> Finding:
    """Accuracy of Alrao beside that of SGD at its best rate and of Adam, and its training loss."""
    runs = by_method(frame(records))
    good = good_rates(runs["sgd"])
    best = runs["sgd"][runs["sgd"]["lo"] == good[0]]
    sgd, adam = (wording.gap(runs["alrao"], them, "best_test_accuracy", 100) for them in (best, runs["adam"]))
    train = wording.gap(runs["alrao"], best, "train_loss")
    beside = [gap.word("behind", "ahead of", margin=POINT) for gap in (sgd, adam)]
    text = f"""Judged on the validation images, the best rate of SGD is {wording.names(good)}. By test
        accuracy Alrao is **{beside[0]}** SGD at its best rate, {sgd.text(1, " points")}, and
        **{beside[1]}** Adam, {adam.text(1, " points")}. Its training loss is
        **{train.word("below", "above", margin=0.05)}**
        that of SGD, {train.text(3, " nats")}.{wording.caution(sgd, 1, " points")}"""
    return finding(text, records, accuracy_sgd=sgd, accuracy_adam=adam, training_sgd=train)


@needs_records
def window(records: Sequence[Record]) -> Finding:
    """How many rates of SGD are good, and whether runs of Alrao fail."""
    runs = by_method(frame(records))
    sgd = runs["sgd"]
    losses = sgd["test_loss"].where(sgd["status"] == "ok", np.inf).groupby(sgd["lo"]).mean()
    near = Count.of(losses < losses.min() + NEAR)
    failed = Count.of(runs["alrao"]["status"] != "ok")
    rates = wording.names(losses.index[losses < losses.min() + NEAR]).replace(" or ", " and ")
    text = f"""SGD learns well at {near.k} of its {near.n} rates: its mean test loss is within {NEAR:g}
        nat of the
        least at {rates}. {wording.no_run(failed, "of Alrao", "fail")}."""
    return finding(text, records, good_rates=near, failed=failed)


def early(records: Sequence[Record]) -> Finding:
    """The training loss of the first epoch beside those of SGD."""
    curves = [record for record in records if "train_loss" in record.curves]
    if not curves:
        return finding("", [])
    runs = by_method(curve_frame(curves, "train_loss").query("step == 0"))
    groups = {rate: part.set_index("seed")["train_loss"] for rate, part in runs["sgd"].groupby("lo")}
    fast = indistinguishable(groups)
    ours = runs["alrao"].set_index("seed")["train_loss"]
    gap = Contrast.paired(ours, groups[fast[0]])
    far = Count.of(losses.mean() > ours.mean() + FAR for losses in groups.values())
    text = f"""In the first epoch SGD is fastest at {wording.names(fast)}. The training loss of Alrao,
        averaged over that epoch, is **{gap.word("below", "above", margin=0.05)}** it,
        {gap.text(2, " nats")}; at {far.k} of the {far.n} rates SGD is more than {FAR:g} nat behind Alrao."""
    return finding(text, records, first_epoch=gap, far_rates=far)


@needs_records
def first_epochs(records: Sequence[Record], net: str) -> Finding:
    """Training losses of a network of the paper, epoch by epoch, beside those of its figure."""
    epochs, published = CURVES[net]
    table = curve_frame([r for r in records if NAMES[r.config["net"]] == net], "train_loss")
    if table.empty:
        return finding("", [])
    runs, said, facts = by_method(table), [], {}
    for method, values in published.items():
        name = method if isinstance(method, str) else f"SGD at {decade(method)}"
        part = runs["sgd"].query("lo == @method") if name.startswith("SGD") else runs[name.lower()]
        if part.empty:
            continue
        off = {
            epoch: float((part.loc[part["step"] == epoch, "train_loss"] - value).mean())
            for epoch, value in zip(epochs, values, strict=True)
        }
        seeds, worst = part["seed"].nunique(), max(off, key=lambda epoch: abs(off[epoch]))
        facts[name] = Measured.of(part.loc[part["step"] == worst, "train_loss"])
        most = f"{number(off[worst], '+.2f')} in epoch {worst + 1}"
        said.append(f"{name} {most} ({seeds} seed{'s' * (seeds > 1)})")
    text = f"""On the paper's {net} our training losses lie off those of its figure by at most, in nats:
        {"; ".join(said)}. The figure was read to about 0.01; so few seeds decide
        nothing, as the ledger says."""
    return finding(text, records, **facts)


def repeated(records: Sequence[Record], again: Sequence[Record]) -> Finding:
    """How far two trainings with one configuration and one seed end apart.

    Args:
        records: of the study of learning.
        again: of the study of intervals, which trains some of the same runs.
    """
    if not records or not again:
        return finding("", [])
    first, second = (
        {
            (tuple(r.config.items()), r.seed): 100 * r.metrics["test_accuracy"]
            for r in runs
            if r.status == "ok"
        }
        for runs in (records, again)
    )
    apart = [abs(first[key] - second[key]) for key in first.keys() & second.keys()]
    if not apart:
        return finding("", [])
    size = Measured.of(apart, 1)
    most = (
        f"differ by up to {max(apart):.1f} points, {size} in the mean"
        if size.n > 1
        else f"differ by {size} points"
    )
    verdict = (
        "So much separates two methods only if many seeds agree." if max(apart) > POINT else "That is little."
    )
    text = f"""How much of that is chance? {size.n} of these runs {"was" if size.n == 1 else "were"}
        trained a second
        time for the map of intervals below, with the same settings and seed. The two accuracies {most} (n
        = {size.n}):
        training amplifies what differs between two executions, if only by rounding. {verdict}"""
    return finding(text, [*records, *again], repeated=size)


def switch(records: Sequence[Record]) -> Finding:
    """What Switch chose, and how soon the fast heads were gone."""
    ours = [r for r in records if r.config["heads"] > 1 and r.status == "ok"]
    if not ours:
        return finding("", [])
    rates, paths = head_rates(ours[0]), [trace(record) for record in ours]
    last = int(paths[0][0][-1])
    final = np.array([weights[-1] for _, weights in paths])
    chosen = Count.of(final.max(1) > WINS)
    gone = Count.of(weights_at(steps, weights, EARLY)[rates > 1].sum() < DEAD for steps, weights in paths)
    winners = sorted({f"{rate:.2g}" for rate in rates[final.argmax(1)]}, key=float)
    held = Measured.of(final.max(1))
    text = f"""After {EARLY} minibatches the heads with $\\eta > 1$ together have less than {DEAD:g} of the
        weight in {wording.runs(gone)}. After {last} the leading head has {held} of it (n = {held.n}), more
        than {WINS:g} in {wording.runs(chosen)}; its rate is {either(winners)}."""
    return finding(text, records, chosen=chosen, fast_heads_gone=gone, leading=held)


# --- images: intervals, variants, units -----------------------------------------------------


def intervals(records: Sequence[Record], learning: Sequence[Record]) -> Finding:
    """Intervals that hold a good rate of SGD against those that hold none.

    Args:
        records: of the study of intervals.
        learning: of the grid of SGD on the same data and network.
    """
    if not records or not learning:
        return finding("", [])
    good = good_rates(by_method(frame(learning))["sgd"])
    wide = frame(records).query("lo < hi")
    wide = wide.assign(
        holds=holding(wide, good), loss=wide["train_loss"].where(wide["status"] == "ok", np.inf)
    )
    means = wide.groupby(["lo", "hi"]).agg(loss=("loss", "mean"), holds=("holds", "first"))
    inside, outside = (means.loc[means["holds"] == side, "loss"] for side in (True, False))
    if inside.empty or outside.empty:
        return finding("", [])
    worst, best = (wide[wide["holds"] == side].groupby("seed")["loss"] for side in (True, False))
    gap = Contrast.paired(best.min(), worst.max())
    order = Count.of(best.min() > worst.max())
    where = f"{order} seeds"
    if order.n == 1:
        where = "the one seed there is" if order.k else "no seed (there is one)"
    text = f"""The best rate of SGD here is {wording.names(good)}. Intervals that hold
        {"it" if len(good) == 1 else "one of these"} ({len(inside)} of {len(means)}) end with training
        losses of {inside.min():.2f} to {inside.max():.2f} nats, the others with {outside.min():.2f} to
        {outside.max():.2f}; the best of the others is worse than the worst of these in {where}."""
    return finding(text, records, others_minus_holders=gap, order=order)


def _variants(records: Sequence[Record]) -> dict[str, pd.DataFrame]:
    """Runs of the study of variants in which all units learn, by what they vary."""
    runs = frame(records)
    runs = runs[runs["fraction"].isna()]
    plain = runs[runs["width"] == 1]
    wild = plain["hi"] > 10
    return {
        **{per: plain[wild & (plain["per"] == per)] for per in ("unit", "weight")},
        **by_method(plain[~wild & (plain["per"] == "unit")]),
        **{f"{name} wide": part for name, part in by_method(runs[runs["width"] == 3]).items()},
    }


@needs_records
def per_weight(records: Sequence[Record]) -> Finding:
    """A rate per weight against one per unit on the interval with very large rates."""
    runs = _variants(records)
    gap = wording.gap(runs["weight"], runs["unit"], "test_accuracy", 100)
    text = f"""*A rate per weight:* on $(10^{{-3}}, 10^4)$ it is
        **{gap.word("behind", "ahead of", margin=POINT)}** a rate
        per unit by test accuracy, {gap.text(1, " points")}.{wording.caution(gap, 1, " points")}"""
    return finding(text, records, weight_minus_unit=gap)


@needs_records
def on_adam(records: Sequence[Record]) -> Finding:
    """Alrao on Adam against Adam, and whether a test loss explodes."""
    runs = _variants(records)
    ours, adam = runs["alrao-adam"], runs["adam"]
    gap = wording.gap(ours, adam, "test_accuracy", 100)
    bad = Count.of((ours["status"] != "ok") | (ours["test_loss"] > adam["test_loss"].max() + 0.5))
    text = f"""*On Adam:* Alrao is **{gap.word("behind", "ahead of")}** Adam by test accuracy,
        {gap.text(1, " points")}.
        Its test loss ends half a nat above the worst of Adam's, as that of the paper's GoogLeNet does, in
        {wording.runs(bad)}.{wording.caution(gap, 1, " points")}"""
    return finding(text, records, adam_accuracy=gap, adam_fails=bad)


@needs_records
def width(records: Sequence[Record]) -> Finding:
    """What three times the width changes, for Alrao and for SGD."""
    runs = _variants(records)
    change = {}
    for name in ("alrao", "sgd"):
        wide, narrow = (part.set_index("seed")["test_loss"] for part in (runs[f"{name} wide"], runs[name]))
        change[name] = wide - narrow
    ours, sgd = (Contrast.of(values) for values in change.values())
    differ = Contrast.paired(change["alrao"], change["sgd"])
    text = f"""*Wider:* three times the width changes the test loss of Alrao by {ours.text(3, " nats")}
        and that of SGD by
        {sgd.text(3, " nats")}; the first change is **{differ.word("below", "above")}** the second,
        {differ.text(3, " nats")}.{wording.caution(differ, 3, " nats").replace("first", "last")}"""
    return finding(text, records, width_alrao=ours, width_sgd=sgd, width_difference=differ)


@needs_records
def variants(records: Sequence[Record]) -> Finding:
    """Width, Adam and rates per weight, one after the other."""
    return width(records) + per_weight(records) + on_adam(records)


@needs_records
def fraction(records: Sequence[Record]) -> Finding:
    """What is lost where a fifth or a twentieth of the units learns."""
    runs = frame(records)
    by_share = {share: part for share, part in runs[runs["fraction"].notna()].groupby("fraction")}
    fifth, few = (wording.gap(by_share[share], by_share[1.0], "test_accuracy", 100) for share in (0.2, 0.05))
    words = [gap.word("below", "above") for gap in (fifth, few)]
    text = f"""With one unit in five learning, test accuracy is **{words[0]}** that of the whole network,
        {fifth.text(1, " points")}; with one in twenty, **{words[1]}** it, {few.text(1, " points")}."""
    return finding(text + wording.caution(fifth, 1, " points"), records, one_in_five=fifth, one_in_twenty=few)


def layers(records: Sequence[Record]) -> Finding:
    """Whether the layer or the rate says what a reset costs."""
    drops = drops_of(records)  # (seed, bin, layer)
    if not len(drops):
        return finding("", [])
    bins = drops.shape[1]
    layer, rate = drops.mean((0, 1)), drops.mean((0, 2))
    slow_fast = Contrast.of(drops[:, : bins // 2].mean((1, 2)) - drops[:, bins // 2 :].mean((1, 2)))
    early, late = layer[: max(len(layer) // 4, 1)].mean(), layer[len(layer) // 2 :].mean()
    ratio = np.ptp(layer) / max(np.ptp(rate), 1e-9)
    lead = "The layer decides more than the rate" if ratio > 2 else "Layer and rate both count"
    lead = "The rate decides more than the layer" if ratio < 0.5 else lead
    text = f"""{lead}: a reset costs {layer.min():.1f} to {layer.max():.1f} points by layer, averaged over
        the decades,
        and {rate.min():.1f} to {rate.max():.1f} by decade, averaged over the layers. In the first quarter
        of the layers
        it costs {early:.1f} points, in the last half {late:.1f}. Slow units ($\\eta < 10^{{-2}}$) are
        **{slow_fast.word("cheaper to reset than", "dearer to reset than")}** fast ones,
        {slow_fast.text(1, " points")}.{wording.caution(slow_fast, 1, " points")}""".replace(" -", " −")
    return finding(text, records, slow_minus_fast=slow_fast)


# --- text, regression, reinforcement learning -----------------------------------------------


@needs_records
def granularity(records: Sequence[Record]) -> Finding:
    """The character LSTM: a rate per weight against one per unit, and our losses against the figure's."""
    parts = dict(list(frame(records).groupby(["lo", "hi", "per"])))
    gaps = [
        wording.gap(parts[lo, hi, "weight"], parts[lo, hi, "unit"], "test_bits") for lo, hi in _settings()
    ]
    words = [gap.word("better than", "worse than") for gap in gaps]
    less = Count.of(parts[key]["test_bits"].mean() < paper[0] for key, paper in GRANULARITY_BITS.items())
    text = f"""On $(10^{{-3}}, 10^4)$ a rate per weight is **{words[1]}** a rate per unit,
        {gaps[1].text(2, " bits")}; on
        $(10^{{-4}}, 10^2)$ it is **{words[0]}** a rate per unit, {gaps[0].text(2, " bits")}. In {less}
        settings our mean
        lies below that of the paper's figure.{wording.caution(gaps[1], 2, " bits")}"""
    return finding(text, records, narrow=gaps[0], wide=gaps[1], below_the_figure=less)


def _settings() -> list[tuple[float, float]]:
    return list(dict.fromkeys((lo, hi) for lo, hi, _ in GRANULARITY_BITS))


@needs_records
def text(records: Sequence[Record]) -> Finding:
    """The character LSTM: Alrao, SGD at the paper's best rate, Adam."""
    runs = by_method(frame(records))
    sgd = wording.gap(runs["alrao"], runs["sgd"], "test_bits")
    adam = wording.gap(runs["alrao"], runs["adam"], "test_bits")
    epochs = records[0].config["epochs"]
    say = f"""After {"one epoch" if epochs == 1 else f"{epochs} epochs"}, in bits per character, Alrao is
        **{sgd.word("ahead of", "behind")}** SGD at the paper's best rate,
        {sgd.text(2, " bits")}, and **{adam.word("ahead of", "behind")}** Adam, {adam.text(2, " bits")}."""
    speed = " In the paper Adam ends behind SGD, so a lead of Adam this early is one of speed."
    return finding(
        say + wording.caution(sgd, 2, " bits") + speed * (adam.sign() > 0),
        records,
        bits_sgd=sgd,
        bits_adam=adam,
    )


@needs_records
def regression(records: Sequence[Record]) -> Finding:
    """The squared errors of Alrao on its two intervals and of SGD at its best rate, by their ratios."""
    runs = frame(records)
    runs = runs.assign(optimizer="sgd", size=np.log10(runs["mse"].where(runs["status"] == "ok")))
    groups = by_method(runs)
    good = good_rates(groups["sgd"], by="size")
    best = groups["sgd"][groups["sgd"]["lo"] == good[0]]
    facts, said = {}, []
    for hi, part in groups["alrao"].groupby("hi"):
        gap = facts[f"up_to_{decade(hi)}"] = wording.gap(part, best, "size")
        word = gap.word("below", "above")
        spread = "" if gap.spread is None else f" within a factor {10**gap.spread:.1f}"
        size = f"{10**gap.mean:.2g} times as large{spread} (n = {gap.n})"
        said.append(f"**{word}** it on $[10^{{-5}}, {hi:g}]$, {size}")
    failed = Count.of(groups["sgd"].loc[groups["sgd"]["lo"] == runs["lo"].max(), "status"] != "ok")
    say = f"""After {records[0].config["epochs"]} epochs the best rate of SGD is {wording.names(good)}.
        Held against its squared error, in geometric means,
        that of Alrao is {", and ".join(said)}. SGD at {decade(runs["lo"].max())} diverges in
        {wording.runs(failed)}."""
    return finding(say, records, **facts, diverged=failed)


@needs_records
def returns(records: Sequence[Record]) -> Finding:
    """Reinforcement learning: the return of Alrao beside SGD at its best rate and Adam, task by task."""
    facts, said = {}, []
    for task, part in frame(records).groupby("task", sort=False):
        runs = by_method(part)
        good = good_rates(runs["sgd"], by="return", largest=True)
        best = runs["sgd"][runs["sgd"]["lo"] == good[0]]
        sgd, adam = (wording.gap(runs["alrao"], them, "return") for them in (best, runs["adam"]))
        facts |= {f"{task}_sgd": sgd, f"{task}_adam": adam}
        words = [gap.word("behind", "ahead of") for gap in (sgd, adam)]
        said.append(
            f"On the {task.replace('-', ' ')}, where the best rate of SGD is {wording.names(good)}, Alrao is"
            f" **{words[0]}** SGD, {sgd.text(0)}, and **{words[1]}** Adam, {adam.text(0)}."
        )
    if all(gap.sign() == 0 for name, gap in facts.items() if name.endswith("_sgd")):
        said.append("The paper finds no difference from SGD; so few seeds could hardly show one.")
    return finding(" ".join(said), records, **facts)
