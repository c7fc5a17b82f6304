"""What the chapters say first, in words: the pages explain their symbols below."""

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
from startright.papers.preact import finite_width, ks
from startright.papers.preact.published import RELEASED_QUALITY
from startright.papers.preact.readings import best_by_validation, by_seed, named, with_names, within
from startright.papers.preact.wording import against_chance, in_words, said_of, seeds
from startright.studies import Record, curve_frame, frame

Records = Sequence[Record]


# --- Gaussian pre-activations ---------------------------------------------------------------


@needs_records
def exact(records: Records) -> Finding:
    """C2: how near the product of a weight and an activation comes to the normal law (exact)."""
    table = frame(records)
    theirs = [RELEASED_QUALITY[theta][k] for theta in sorted(table["theta"].unique()) for k in (0, 3)]
    worst = table["ks"].max()
    ours = r"at most $10^{-9}$" if worst <= 1e-9 else f"at most {worst:.0e}"
    text = f"""
        With the exact functions a weight times an activation is normal, to a distance of {ours} between
        distribution functions; with the fitted functions released with the paper that distance is
        {min(theirs):.4f} to {max(theirs):.4f}."""
    return finding(text, "full")


@needs_records
def through_depth(records: Records, layer: int = 30) -> Finding:
    """C6: how many samples at one layer are told from normal ones, of either kind of function."""
    curves = with_names(curve_frame(records, "ks")).query(f"step == {layer - 1}")
    line = ks.threshold(int(curves["draws"].iloc[0]))
    beyond = {
        key: Count.of(part["ks"] > line)
        for key, part in curves.dropna(subset="theta").groupby(["scheme", "theta"])
    }
    odd = {theta: count for (scheme, theta), count in beyond.items() if scheme == "odd"}
    positive = Count.of(curves.loc[curves["scheme"] == "positive", "ks"] > line)
    text = f"""After {layer} layers a test tells the samples of the **positive** functions from normal ones in
        {positive} runs, {against_chance(positive)}; those of the **odd** functions in
        {listed([f"{count} at θ = {theta:g}" for theta, count in odd.items()])}."""
    facts: dict[str, Fact] = {f"odd, θ = {theta:g}": count for theta, count in odd.items()}
    return finding(text, records, positive=positive, **facts)


@needs_records
def training(records: Records) -> Finding:
    """C10: who trains best in the deepest and narrowest networks, and how the most Gaussian ones fare."""
    best = best_by_validation(records)
    best = best[(best["depth"] == best["depth"].max()) & (best["width"] == best["width"].min())]
    keys = [(s, t) for s, t in dict.fromkeys(zip(best["scheme"], best["theta"].fillna(0), strict=True))]
    groups = {
        in_words(scheme, theta): 100
        * by_seed(best[best["theta"].fillna(0) == theta], "test_accuracy", scheme=scheme)
        for scheme, theta in keys
    }
    first, *level = indistinguishable(groups, largest=True)
    most = max((v.mean() for f, v in groups.items() if "positive" in f), default=float("nan"))
    lead = f"level with {listed(level)}" if level else "ahead of all others"
    text = f"""
        In training, at depth {best["depth"].iloc[0]} and width {best["width"].iloc[0]}, {first} reaches
        {said_of(groups[first], 1, " %")} on the test images, {lead}; the positive functions, the most
        Gaussian ones, reach {most:.1f} % at best."""
    return finding(text, records, best=Measured.of(groups[first], 1))


# --- The Edge of Chaos ----------------------------------------------------------------------


@needs_records
def two_inputs(records: Records) -> Finding:
    """Where the correlation of two images ends, by function."""
    curves = with_names(curve_frame(records, "between"))
    curves = curves[(curves["width"] == curves["width"].max()) & (curves["step"] == curves["step"].max())]
    ends = {f: Measured.of(r["between"], 2) for f, r in curves.groupby("function", sort=False)}

    def span(sign: str) -> str:
        means = [f"{end.mean:.2f}" for function, end in ends.items() if function.startswith(sign)]
        return min(means) if len(set(means)) == 1 else f"{min(means)} to {max(means)}"

    text = f"""
        After {int(curves["step"].iloc[0]) + 1} layers the correlation of two images of different classes
        is {ends["ReLU"]} with ReLU, {ends["tanh"]} with tanh near the edge, {span("φ°")} with the odd
        functions of *Gaussian pre-activations* and {span("φᵖ")} with the positive ones (width
        {curves["width"].iloc[0]}, {seeds(min(end.n for end in ends.values()))})."""
    return finding(text, records, **ends)


@needs_records
def wide_enough(records: Records) -> Finding:
    """Whether the theory of infinite width holds the better the wider a network is."""
    runs = named(records)
    narrow, wide = runs["width"].min(), runs["width"].max()
    parts = [
        tuple(by_seed(each[each["width"] == w], "gap") for w in (narrow, wide))
        for _, each in runs.groupby("function", sort=False)
    ]
    shrinks = Count.of(Contrast.paired(after, before).sign() < 0 for before, after in parts)
    before, after = (max(pair[k].mean() for pair in parts) for k in (0, 1))
    text = f"""The theory is one of infinite width. From width {narrow} to width {wide} its largest error in a
        correlation goes from {before:.2f} to {after:.2f}, and shrinks for {shrinks} activation functions
        ({seeds(len(parts[0][0]))})."""
    return finding(text, records, shrinks=shrinks)


@needs_records
def at_finite_width(records: Records) -> Finding:
    """C8: sampled moments against the exact ones, and how heavy the tails become."""
    runs, curves = frame(records), curve_frame(records, "kurtosis_exact")
    close = [
        within(each[column], value)
        for width, each in runs.groupby("width")
        for column, value in {"second": 1.0, "kurtosis_2": finite_width.relu_kurtosis(width, 2)}.items()
    ]
    deep: pd.DataFrame = curves[
        (curves["width"] == curves["width"].min()) & (curves["step"] == curves["step"].max())
    ]
    agree = Count.of(close)
    text = f"""
        At finite width formulas are exact as well: the sampled second and fourth moments of ReLU
        networks agree with them in {agree} cases, and by these formulas the fourth moment over the
        squared second, 3 for a normal law, is {deep["kurtosis_exact"].iloc[0]:.0f} at width
        {deep["width"].iloc[0]} and layer {int(deep["step"].iloc[0]) + 1}."""
    return finding(text, records, agree=agree)
