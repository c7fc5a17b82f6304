"""Sentences of the chapter that report a result: records in, a :class:`startright.measured.Finding` out.

Words such as "ahead of" or "no longer changes" are chosen by the spread over seeds; a single seed decides
nothing. Without records every sentence reads "Not yet run".
"""

from collections.abc import Sequence

import pandas as pd

from startright.measured import (
    Contrast,
    Count,
    Fact,
    Finding,
    Measured,
    finding,
    indistinguishable,
    listed,
    needs_records,
)
from startright.papers.preact import finite_width, ks, tables
from startright.papers.preact.published import AUTHORS_DEPENDENCE, RELEASED_QUALITY
from startright.papers.preact.readings import best_by_validation, by_seed, name, named, with_names
from startright.papers.preact.wording import against_chance, said_of, seeds
from startright.studies import Record, curve_frame, frame

CLASSIC = (("relu", "ReLU"), ("tanh", "tanh"))
GUESS = 12.0  # percent: the most frequent of ten classes makes 11.4 % of the test images of MNIST
TRAINS = 50.0  # percent, from which on a function is said to train

Records = Sequence[Record]


def _by(contrast: Contrast, digits: int = 3, unit: str = "") -> str:
    return contrast.text(digits, unit).replace("(n = 1)", "(one seed)")


def _layers(records: Records) -> pd.DataFrame:
    curves = with_names(curve_frame(records, "ks", "ks_standardised", "variance"))
    return curves.assign(layer=curves["step"] + 1)


# --- Gaussian pre-activations ---------------------------------------------------------------


@needs_records
def exactness(records: Records) -> Finding:
    """The released functions against the exact ones: distance of the law, error of the function (exact)."""
    table = frame(records)
    released = [RELEASED_QUALITY[theta] for theta in sorted(table["theta"].unique())]
    theirs = [quality[k] for quality in released for k in (0, 3)]
    errors = [quality[k] for quality in released for k in (1, 4)]
    worst = table["ks"].max()
    ours = r"at most $10^{-9}$" if worst <= 1e-9 else f"at most {worst:.0e}"
    text = f"""
        Two numbers measure a function. As a *law*, $W\\varphi_\\theta(Z)$ is {min(theirs):.4f} to
        {max(theirs):.4f} from normal (KS distance) with the released closed forms and {ours} with the exact
        functions. As a *function of* $z$, the released forms are off by {min(errors):.3f} to
        {max(errors):.3f} at worst on $|z| \\le 3$, depending on $\\theta$."""
    return finding(text, "full")


@needs_records
def classic(records: Records, width: int = 10, middle: int = 20) -> Finding:
    """ReLU and tanh at one width: beyond the noise, and growing or settled."""
    curves = _layers(records).query(f"width == {width} and inputs == 'unit'")
    line = ks.lilliefors_threshold(int(curves["draws"].iloc[0]))
    facts: dict[str, Fact] = {}
    said = []
    for scheme, label in CLASSIC:
        runs = curves[curves["scheme"] == scheme]
        last = runs["layer"].max()
        beyond = Count.of(runs.loc[runs["layer"] > middle, "ks_standardised"] > line)
        early, late = (by_seed(runs[runs["layer"] == at], "ks_standardised") for at in (middle, last))
        growth = Contrast.paired(late, early)
        words = ("shrinks again", "goes on growing", "no longer changes")
        word = growth.word(*words, unknown="cannot be told to grow or to shrink", margin=line / 2)
        facts |= {f"{label}, beyond the noise": beyond, f"{label}, growth": growth}
        said.append(
            f"**{label}**, width {width}: layers {middle + 1} to {last} lie beyond the noise in {beyond}"
            f" tests, one per layer and seed. From layer {middle} to layer {last} the standardised distance"
            f" {word}: {_by(growth)}."
        )
    return finding(" ".join(said), records, **facts)


@needs_records
def width(records: Records) -> Finding:
    """ReLU and tanh at the last layer: what width does, and whether a test still rejects."""
    runs = frame(records).query("inputs == 'unit'")
    line = ks.lilliefors_threshold(int(runs["draws"].iloc[0]))
    facts: dict[str, Fact] = {}
    said = []
    for scheme, label in CLASSIC:
        each = runs[runs["scheme"] == scheme]
        narrow, wide = each["width"].min(), each["width"].max()
        before, after = (by_seed(each[each["width"] == w], "ks_standardised") for w in (narrow, wide))
        change, rejected = Contrast.paired(after, before), Count.of(after > line)
        word = {-1: "falls", 1: "rises"}.get(change.sign(), "moves, within the spread,")
        verdict = _reading(rejected)
        facts |= {f"{label}, change": change, f"{label}, rejected": rejected}
        said.append(
            f"From width {narrow} to width {wide} the standardised distance of **{label}** {word} from"
            f" {said_of(before)} to {said_of(after)}; at width {wide} a test at the 5 % level rejects"
            f" {rejected} samples, so the shape is {verdict}."
        )
    return finding(" ".join(said), records, **facts)


def _reading(rejected: Count) -> str:
    if rejected.n == 1:
        return "left open: one seed decides nothing"
    if rejected.k == rejected.n:
        return "still not Gaussian"
    return (
        "hard to tell from a Gaussian one" if rejected.k <= rejected.n / 2 else "at the edge of what it sees"
    )


def _shared(records: Records) -> tuple[pd.DataFrame, float]:
    """The runs whose neurons share their inputs, with names, and the 95 % noise level."""
    runs = named(records).query("not independent")
    return runs, ks.threshold(int(runs["draws"].iloc[0]))


@needs_records
def alone(records: Records) -> Finding:
    """One neuron a layer: nothing to depend on."""
    runs, line = _shared(records)
    runs = runs.query("width == 1 and layout in ('A', 'C') and scheme in ('odd', 'positive')")
    beyond = Count.of(runs["ks"] > line)
    stored = [
        widths[1]
        for (layout, _, theta), widths in AUTHORS_DEPENDENCE.items()
        if layout in "AC" and theta is not None
    ]
    text = f"""
        At $n = 1$ in A and C there is nothing to depend on. The exact functions lie beyond the noise level of
        {line:.4f} in {beyond} runs there, {against_chance(beyond)}; the distances that the authors stored
        reach {max(stored):.4f}."""
    return finding(text, records, beyond=beyond)


@needs_records
def widening(records: Records) -> Finding:
    """What is left of the distance from n = 2 to the largest n, layout by layout."""
    runs, _ = _shared(records)
    wide, theta = runs["width"].max(), runs["theta"].max()
    runs = runs[(runs["scheme"] == "odd") & (runs["theta"] == theta)]
    shares = {}
    for layout, each in runs.groupby("layout"):
        two, most = (by_seed(each[each["width"] == w], "ks") for w in (2, wide))
        shares[layout] = most / two
    half = {layout: Contrast.of(share - 0.5).sign() for layout, share in shares.items()}
    as_claimed = half == {"A": 1, "B": -1, "C": -1}
    reading = (
        "Widening the *previous* layer, as B and C do, takes most of the effect away; widening only the"
        " current one, A, leaves more than half of it."
        if as_claimed
        else "These runs do not separate the layouts, one half being the line."
    )
    left = listed([f"{said_of(share, 2)} in {layout}" for layout, share in shares.items()])
    facts = {f"layout {layout}": Measured.of(share, 3) for layout, share in shares.items()}
    text = f"""
        Of the distance that {name("odd", theta)} has at $n = 2$, this share is left at $n = {wide}$:
        {left}. {reading}"""
    return finding(text, records, **facts)


@needs_records
def variants(records: Records) -> Finding:
    """In how many layouts, widths and θ the positive variant is nearer to Gaussian than the odd one."""
    runs, _ = _shared(records)
    signs = [
        Contrast.paired(by_seed(odd, "ks"), by_seed(positive, "ks")).sign()
        for odd, positive in tables.odd_and_positive(runs)
    ]
    nearer, farther = Count.of(s > 0 for s in signs), Count.of(s < 0 for s in signs)
    rest = len(signs) - nearer.k - farther.k
    text = f"""
        The positive variant is nearer to Gaussian than the odd one in {nearer} cases and farther in
        {farther.k}; in the other {rest} the spread does not tell them apart. How much nearer depends on the
        layout."""
    return finding(text, records, nearer=nearer, farther=farther)


@needs_records
def limit(records: Records) -> Finding:
    """On which side of its limit the distance lies in layout A, width by width, for the odd variant."""
    runs, _ = _shared(records)
    theta = runs["theta"].max()
    runs = runs[(runs["scheme"] == "odd") & (runs["theta"] == theta) & (runs["layout"] == "A")]
    target = finite_width.dependence_limit(theta, "odd").ks
    off = {w: Contrast.of(each["ks"] - target) for w, each in runs[runs["width"] > 1].groupby("width")}
    above, below = ([w for w, each in off.items() if each.sign() == s] for s in (1, -1))
    sides = [f"{word} it at $n$ = {listed(w)}" for word, w in (("above", above), ("below", below)) if w]
    where = f"lies {' and '.join(sides)}" if sides else "cannot be told from it at any width"
    last = max(off)
    text = f"""
        How the distance approaches its limit: that of {name("odd", theta)} {where}, and at $n = {last}$ it
        differs from it by {_by(off[last])}."""
    return finding(text, records, **{f"n = {w}": each for w, each in off.items()})


@needs_records
def authors_gap(records: Records) -> Finding:
    """The authors' stored distances of φ_θ against ours, wherever both exist."""
    runs, line = _shared(records)
    cells = runs[runs["theta"].notna()].groupby(["layout", "scheme", "theta", "width"])["ks"].mean()
    differences = [
        value - cells[layout, scheme, theta, n]
        for (layout, scheme, theta), widths in AUTHORS_DEPENDENCE.items()
        for n, value in widths.items()
        if (layout, scheme, theta, n) in cells.index
    ]
    above, below = Count.of(d > line for d in differences), Count.of(d < -line for d in differences)
    larger = f"{above.k}, by up to {max(differences):.4f}" if above.k else "none"
    text = f"""
        Of the {above.n} distances of $\\varphi_\\theta$ that the authors stored and we sampled, theirs are
        larger than ours by more than the noise level of {line:.4f} in {larger}, and smaller by more than it
        in {below.k or "none"}: the largest shortfall is {max(0, -min(differences)):.4f}. Each of ours is a
        mean ({seeds(runs["seed"].nunique())})."""
    return finding(text, records, above=above, below=below)


@needs_records
def independent(records: Records) -> Finding:
    """Fresh inputs for every neuron: how often a test rejects."""
    runs = frame(records).query("independent")
    rejected = Count.of(runs["ks"] > ks.threshold(int(runs["draws"].iloc[0])))
    text = f"""
        With independent inputs a test at the 5 % level rejects {rejected} runs,
        {against_chance(rejected)}."""
    return finding(text, records, rejected=rejected)


@needs_records
def through_depth(records: Records, layer: int = 30) -> Finding:
    """φ_θ in deep networks: how often each variant is beyond the noise, and its variance."""
    curves = _layers(records)
    line = ks.threshold(int(curves["draws"].iloc[0]))
    curves = curves.assign(beyond=curves["ks"] > line)
    deep = curves[curves["layer"] == layer]
    positive = deep[deep["scheme"] == "positive"]
    ours = Count.of(positive["beyond"])
    near = curves[(curves["scheme"] == "positive") & curves["layer"].between(layer - 9, layer)]
    looks = Count.of(near["beyond"])
    odd = {t: Count.of(r["beyond"]) for t, r in deep[deep["scheme"] == "odd"].groupby("theta")}
    narrow = deep[(deep["scheme"] == "odd") & (deep["theta"] == max(odd))]
    narrow = narrow[(narrow["width"] == narrow["width"].min()) & (narrow["inputs"] == "unit")]
    counted = listed([f"{count} runs at θ = {theta:g}" for theta, count in odd.items()])
    text = f"""
        At layer {layer} the **positive** functions lie beyond the noise in {ours} runs, over every θ, width
        and input: {against_chance(ours)}. Over layers {layer - 9} to {layer} it is {looks} tests. Their
        variance is {Measured.of(positive["variance"])} over these runs. The **odd** functions lie beyond the
        noise in {counted}; at θ = {max(odd):g} and width {narrow["width"].min()} their variance is
        {said_of(narrow["variance"], 2)}."""
    facts = {"positive": ours, "positive, ten layers": looks, "variance": Measured.of(narrow["variance"])}
    return finding(text, records, **facts, **{f"odd, θ = {t:g}": count for t, count in odd.items()})


@needs_records
def by_input(records: Records, layer: int = 30) -> Finding:
    """An image against a unit vector as the input, at width 10."""
    runs = _layers(records).query(f"width == 10 and layer == {layer}")
    line = ks.threshold(int(runs["draws"].iloc[0]))
    off = {}
    for function, each in runs.groupby("function"):
        image, unit = (by_seed(each[(each["inputs"] == "unit") == u], "ks") for u in (False, True))
        off[function] = Contrast.paired(image, unit)
    most = max(abs(each.mean) for each in off.values())
    word = "less than the noise level of" if most < line else "and not all agree: the noise level is"
    text = f"""
        For the {len(off)} functions, the mean distances at layer {layer} of an image and of a unit vector
        differ by at most {most:.3f}, {word} {line:.3f} ({seeds(min(each.n for each in off.values()))})."""
    return finding(text, records, **off)


def _accuracies(records: Records, depth: str, width: str = "all") -> tuple[dict[str, pd.Series], int, int]:
    """({function: test accuracy (%) by seed} at the chosen rates, width, depth); "min" or "max" of each."""
    best = with_names(best_by_validation(records))
    best = best.assign(percent=100 * best["test_accuracy"])
    best = best[best["depth"] == best["depth"].agg(depth)]
    if width != "all":
        best = best[best["width"] == best["width"].agg(width)]
    by = "function" if width != "all" else ["function", "width"]
    groups = {key: by_seed(runs, "percent") for key, runs in best.groupby(by, sort=False)}
    return groups, int(best["width"].iloc[0]), int(best["depth"].iloc[0])


@needs_records
def shallow(records: Records) -> Finding:
    """Whether every function trains in the shallowest networks, at any width."""
    groups, _, depth = _accuracies(records, "min")
    means = {f"{function}, width {w}": Measured.of(values, 1) for (function, w), values in groups.items()}
    low, high = (edge(each.mean for each in means.values()) for edge in (min, max))
    word = "every function trains" if low > TRAINS else "not every function trains"
    text = f"""
        At depth {depth} {word}: the mean accuracies lie between {low:.1f} and {high:.1f} %
        ({seeds(min(each.n for each in means.values()))})."""
    return finding(text, records, **means)


@needs_records
def deep(records: Records) -> Finding:
    """The functions that cannot be told from the best in the deepest, narrowest networks."""
    groups, width, depth = _accuracies(records, "max", "min")
    together = indistinguishable(groups, largest=True)
    first = groups[together[0]]
    level = listed([function for function in groups if function in together])
    others = {label: Contrast.paired(first, groups[label]) for _, label in CLASSIC if label != together[0]}
    beside = [
        f"{o.word('behind', 'ahead of')} {label}: {_by(o, 1, ' points')}" for label, o in others.items()
    ]
    lead = (
        f"{together[0]} trains best, with {said_of(first, 1, ' %')}"
        if len(together) == 1
        else f"{level} cannot be told apart at the top, {together[0]} with {said_of(first, 1, ' %')}"
    )
    text = f"At depth {depth} and width {width}, {lead}. {together[0]} is {'; it is '.join(beside)}."
    return finding(text, records, best=Measured.of(first, 1), **others)


@needs_records
def linear_cost(records: Records) -> Finding:
    """The most linear function against tanh where the networks are wide and shallow."""
    groups, width, depth = _accuracies(records, "min", "max")
    linear = name("odd", max(record.config["theta"] or 0 for record in records))
    cost = Contrast.paired(groups[linear], groups["tanh"])
    reading = {-1: "there, its near-linearity costs accuracy", 1: "there, it costs nothing"}
    text = f"""
        At depth {depth} and width {width}, {linear} is {cost.word("behind", "ahead of")} tanh,
        {_by(cost, 1, " points")}: {reading.get(cost.sign(), "no cost of its near-linearity shows")}."""
    return finding(text, records, cost=cost)


@needs_records
def gaussian_start(records: Records) -> Finding:
    """How the positive functions, the most Gaussian ones, fare in the deepest networks."""
    groups, _, depth = _accuracies(records, "max")
    positive = {f"{f}, width {w}": Measured.of(v, 1) for (f, w), v in groups.items() if f.startswith("φᵖ")}
    rest = max(v.mean() for (f, _), v in groups.items() if not f.startswith("φᵖ"))
    low, high = (edge(each.mean for each in positive.values()) for edge in (min, max))
    said = f"{low:.1f} to {high:.1f} %" if f"{low:.1f}" != f"{high:.1f}" else f"{high:.1f} %"
    if high <= GUESS < rest:
        reading = "no better than one answer for all images. So a Gaussian start is not what decides here."
    elif high < rest:
        reading = f"below the best of the others, {rest:.1f} %. A Gaussian start alone does not decide here."
    else:
        reading = "not below the others, which speaks for a Gaussian start."
    text = f"""
        The positive functions, whose pre-activations are the most Gaussian of all, reach {said} at depth
        {depth} (means at any width, {seeds(min(each.n for each in positive.values()))}): {reading}"""
    return finding(text, records, **positive)
