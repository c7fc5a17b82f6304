"""Tables of the paper: records in, a small table out.

What was sampled or trained is shown as mean ± standard deviation over seeds and carries its numbers
(:func:`startright.measured.table`); what is exact is rounded to digits that are the same everywhere.
"""

from collections.abc import Iterator, Sequence

import pandas as pd

from startright.measured import Measured, Table, indistinguishable, table
from startright.papers.preact import finite_width, ks, maps, schemes
from startright.papers.preact.published import AUTHORS_DEPENDENCE, RELEASED_QUALITY
from startright.papers.preact.readings import best_by_validation, name, named, with_names
from startright.studies import Record, curve_frame, frame


def _table(
    values: pd.Series, runs: pd.DataFrame, columns: list[str], digits: int, records: Sequence[Record]
) -> Table:
    """Mean ± spread of ``values`` over the seeds, functions down and ``columns`` across, in their order."""
    rows: dict[str, dict] = {}
    for (function, *column), group in values.groupby([runs[k] for k in ["function", *columns]], sort=False):
        key = tuple(column) if len(column) > 1 else column[0]
        rows.setdefault(function, {})[key] = Measured.of(group, digits)
    made = pd.DataFrame.from_dict(rows, orient="index")
    made.columns = made.columns.set_names([{"width": "width n"}.get(k, k) for k in columns])
    return table(made, records, index="function")


def exactness(records: Sequence[Record]) -> pd.DataFrame:
    """KS distance of W·φ(Z) to N(0, 1) by θ: the released functions and ours."""
    ours = frame(records).pivot(index="theta", columns="kind", values="ks")
    ours = ours.map(lambda distance: "≤ 1e-9" if distance <= 1e-9 else f"{distance:.0e}")
    released = pd.DataFrame.from_dict(RELEASED_QUALITY, orient="index").loc[ours.index, [0, 3]]
    released.columns = ["released, odd", "released, positive"]
    joined = released.join(ours.rename(columns={kind: f"ours, {kind}" for kind in ours}))
    return joined.rename_axis("θ")


def shape_by_width(records: Sequence[Record], schemes: Sequence[str] = ("relu", "tanh")) -> Table:
    """Standardised KS distance of the last layer over its 5 % threshold, by scheme and width."""
    runs = named(records).query("inputs == 'unit'")
    runs = runs[runs["scheme"].isin(schemes)]
    ratio = runs["ks_standardised"] / ks.lilliefors_threshold(int(runs["draws"].iloc[0]))
    return _table(ratio, runs, ["width"], 1, records)


def limits(records: Sequence[Record], width: int = 10) -> Table:
    """Layout A: the authors' stored KS distance, ours over seeds, and the limit of infinite width."""
    runs = frame(records).query(f"layout == 'A' and not independent and width == {width}")
    rows = {}
    for (kind, theta), group in runs[runs["scheme"].isin(("odd", "positive"))].groupby(["scheme", "theta"]):
        rows[name(kind, theta)] = {
            "authors": AUTHORS_DEPENDENCE["A", kind, theta][width],
            "ours": Measured.of(group["ks"], 3),
            "limit n → ∞": round(finite_width.dependence_limit(theta, kind).ks, 3),
        }
    return table(rows, records, index="function")


def odd_and_positive(runs: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, pd.DataFrame]]:
    """The runs of both variants, for every layout, smallest and largest θ, and n = 2 and the largest n."""
    chosen = runs[runs["theta"].isin([runs["theta"].min(), runs["theta"].max()])]
    chosen = chosen[chosen["width"].isin([2, runs["width"].max()]) & ~chosen["independent"]]
    for _, group in chosen.groupby(["layout", "theta", "width"]):
        yield tuple(group[group["scheme"] == kind] for kind in ("odd", "positive"))


def variants(records: Sequence[Record]) -> Table:
    """How many times as far from Gaussian the odd variant is, by layout.

    Where the positive one lies within the noise there is a lower bound only, the odd one over the noise;
    where the odd one is near it as well, there is nothing to compare.
    """
    runs = frame(records)
    line = ks.threshold(int(runs["draws"].iloc[0]))
    rows: dict[str, dict] = {}
    for odd, positive in odd_and_positive(runs):
        far, near = (each.set_index("seed")["ks"] for each in (odd, positive))
        cell: Measured | str = Measured.of((far / near).dropna(), 1)
        if near.mean() <= line:
            cell = f"at least {far.mean() / line:.0f}" if far.mean() > 2 * line else "lost in the noise"
        column = f"θ = {odd['theta'].iloc[0]:g}", int(odd["width"].iloc[0])
        rows.setdefault(odd["layout"].iloc[0], {})[column] = cell
    made = pd.DataFrame.from_dict(rows, orient="index")
    made.columns = made.columns.set_names(["", "n"])
    return table(made, records, index="layout")


def independent(records: Sequence[Record]) -> Table:
    """Fresh inputs for every neuron: KS distance over its noise floor, by function and width."""
    runs = named(records).query("independent")
    return _table(runs["ks"] / ks.noise_floor(int(runs["draws"].iloc[0])), runs, ["width"], 1, records)


def by_input(records: Sequence[Record], layer: int = 30) -> Table:
    """Raw KS distance of one layer at width 10, for a unit vector and for an image."""
    runs = with_names(curve_frame(records, "ks")).query(f"width == 10 and step == {layer - 1}")
    runs = runs.assign(input=runs["inputs"].replace({"unit": "unit vector", "cifar10": "image"}))
    return _table(runs["ks"], runs, ["input"], 3, records)


def gaps(records: Sequence[Record]) -> Table:
    """Largest gap to the infinite-width map over the first 20 layers, by function and width."""
    runs = named(records)
    return _table(runs["gap"], runs, ["width"], 2, records)


def best_rates(records: Sequence[Record]) -> Table:
    """Test accuracy (%) at the learning rate that validation chose, by function and shape.

    Where a run diverged the cell says so: it has no accuracy.
    """
    best = with_names(best_by_validation(records))
    made = _table(100 * best["test_accuracy"], best, ["width", "depth"], 1, records)
    lost = best["status"] != "ok"
    for (function, *shape), runs in lost.groupby([best[k] for k in ("function", "width", "depth")]):
        if runs.any():
            made.loc[function, tuple(shape)] = (
                "diverged" if runs.all() else f"{runs.sum()} of {len(runs)} diverged"
            )
    return made


def rates(records: Sequence[Record]) -> Table:
    """The learning rates that validation cannot tell from the best, by function and shape.

    A run that diverged counts as 0. "any" stands for all rates of the grid.
    """
    runs = named(records).assign(validation_accuracy=lambda t: t["validation_accuracy"].fillna(0.0))
    rows: dict[str, dict] = {}
    for (function, width, depth), group in runs.groupby(["function", "width", "depth"], sort=False):
        scores = {rate: each.set_index("seed")["validation_accuracy"] for rate, each in group.groupby("lr")}
        level = sorted(indistinguishable(scores, largest=True))
        words = "any" if len(level) == len(scores) else ", ".join(f"{rate:g}" for rate in level)
        rows.setdefault(function, {})[width, depth] = words
    made = pd.DataFrame.from_dict(rows, orient="index")
    made.columns = made.columns.set_names(["width", "depth"])
    return table(made, records, index="function")


def chaos(thetas: Sequence[float]) -> pd.DataFrame:
    """The infinite-width quantities of both variants of φ_θ at variance 1, by quadrature."""
    rows = {}
    for theta in thetas:
        odd, positive = (schemes.gaussian_preact(theta, kind) for kind in ("odd", "positive"))
        rows[theta] = {
            "Γ(1+2/θ)": odd.sigma_w2,
            "odd: χ₁": float(maps.chi1(odd)),
            "odd: C′(0)": maps.correlation_slope(odd),
            "positive: C(0)": float(maps.correlation_map(positive, 0.0)),
            "positive: χ₁": float(maps.chi1(positive)),
        }
    return pd.DataFrame.from_dict(rows, orient="index").round(5).rename_axis("θ")


def fixed_points(records: Sequence[Record]) -> pd.DataFrame:
    """The range of V(v)/(σ_w² v), the σ_w in its middle, and the fixed points there, one row per ω."""
    names = {
        "ratio_low": "least V(v)/(σ_w² v)",
        "ratio_high": "largest",
        "sigma_w": "σ_w",
        "stable_per_period": "stable per period",
        "unstable_per_period": "unstable",
        "stable_slope": "V′ where stable",
        "unstable_slope": "V′ where unstable",
    }
    found = frame(records).set_index("omega")[list(names)].round(3)
    counts = ["stable_per_period", "unstable_per_period"]
    found[counts] = found[counts].map("{:g}".format)
    found.index = [f"{omega:g}" for omega in found.index]
    return found.rename(columns=names).rename_axis("ω")


def principles(records: Sequence[Record]) -> pd.DataFrame:
    """How far each summary is from a fixed point, one row a principle."""
    summaries = frame(records).set_index("principle")[["variance", "slope", "law"]]
    pairs = [finite_width.PRINCIPLES[principle][1] for principle in summaries.index]
    texts = summaries.map(lambda x: "0" if x < 1e-9 else f"{x:.2g}").set_axis(
        ["variance: |V(v)/v − 1|", "slope: |χ₁ − 1|", "law: KS at width 1"], axis=1
    )
    texts.insert(0, "pair", pairs)
    return texts
