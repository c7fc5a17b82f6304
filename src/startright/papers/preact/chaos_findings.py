"""Sentences of the Edge of Chaos that report a result: records in, findings out."""

from collections.abc import Sequence

import pandas as pd

from startright.measured import Contrast, Count, Finding, Measured, finding, listed, needs_records
from startright.papers.preact import finite_width, tables
from startright.papers.preact.readings import by_seed, named, with_names, within
from startright.papers.preact.wording import said_of, seeds
from startright.studies import Record, curve_frame, frame

Records = Sequence[Record]


def chaos(thetas: Sequence[float]) -> Finding:
    """On which side of the edge the two variants sit (exact)."""
    table = tables.chaos(thetas)
    odd, positive = table["odd: χ₁"], table["positive: χ₁"]
    text = f"""
        For the odd variant $\\chi_1$ falls from {odd.max():.3f} at θ = {odd.idxmax():g} to {odd.min():.4f} at
        θ = {odd.idxmin():g} and stays above 1: slightly chaotic. For the positive one it lies between
        {positive.min():.3f} and {positive.max():.3f}, deep in the ordered phase: of a small difference
        between two inputs, {100 - 100 * positive.max():.0f} to {100 - 100 * positive.min():.0f} % is lost at
        every layer."""
    return finding(text, "full")


@needs_records
def correlation(records: Records, near: float = 0.99) -> Finding:
    """How far two images of different classes have come together, in the widest networks."""
    curves = with_names(curve_frame(records, "between"))
    width = curves["width"].max()
    curves = curves[curves["width"] == width].assign(layer=lambda t: t["step"] + 1)
    last = int(curves["layer"].max())
    end = {
        f: Measured.of(r["between"], 2)
        for f, r in curves[curves["layer"] == last].groupby("function", sort=False)
    }
    said = []
    for function in (f for f in end if f.startswith("φᵖ")):
        means = curves[curves["function"] == function].groupby("layer")["between"].mean()
        reached = means.index[means > near]
        said.append(
            f"at layer {reached[0]} with {function}" if len(reached) else f"at no layer with {function}"
        )
    rest = listed([f"{value} with {f}" for f, value in end.items() if not f.startswith("φᵖ")])
    text = f"""
        At width {width}, the mean correlation of images of different classes passes {near} {listed(said)}. At
        layer {last} it is {rest} ({seeds(min(each.n for each in end.values()))})."""
    return finding(text, records, **end)


@needs_records
def gaps(records: Records) -> Finding:
    """Whether wider networks follow the infinite-width map more closely."""
    runs = named(records)
    narrow, wide = runs["width"].min(), runs["width"].max()
    change, most = {}, {}
    for function, each in runs.groupby("function", sort=False):
        before, after = (by_seed(each[each["width"] == w], "gap") for w in (narrow, wide))
        change[function], most[function] = Contrast.paired(after, before), (before.mean(), after.mean())
    shrinks = Count.of(each.sign() < 0 for each in change.values())
    before, after = (max(pair[k] for pair in most.values()) for k in (0, 1))
    text = f"""
        From width {narrow} to width {wide} the gap shrinks for {shrinks} functions; the largest of their
        means goes from {before:.2f} to {after:.2f} ({seeds(min(each.n for each in change.values()))})."""
    return finding(text, records, shrinks=shrinks, **change)


@needs_records
def moments(records: Records) -> Finding:
    """Sampled moments of ReLU networks against the exact formulas."""
    runs, curves = frame(records), curve_frame(records, "kurtosis", "kurtosis_exact")
    close: list[bool] = []
    for width, each in runs.groupby("width"):
        exact = {"second": 1.0, "kurtosis_2": finite_width.relu_kurtosis(width, 2)}
        close += [within(each[column], value) for column, value in exact.items()]
    agree = Count.of(close)
    deep = curves[(curves["width"] == curves["width"].min()) & (curves["step"] == curves["step"].max())]
    last, narrow = int(deep["step"].iloc[0]) + 1, deep["width"].iloc[0]
    kurtosis = Measured.of(deep["kurtosis"], 0)
    text = f"""
        The second moment at layer {last} and the kurtosis at layer 2 agree with the formulas, within four
        standard errors, in {agree} cases. At width {narrow} and layer {last} the exact kurtosis is
        {deep["kurtosis_exact"].iloc[0]:.0f}, and samples of {runs["draws"].iloc[0]:,} networks give
        {said_of(deep["kurtosis"], 0)}.""".replace(",000", " 000")
    return finding(text, records, agree=agree, kurtosis=kurtosis)


@needs_records
def fixed_points(records: Records) -> Finding:
    """How many fixed points a period holds (exact)."""
    table = frame(records)
    alternate = (table[["stable_per_period", "unstable_per_period"]] == 1).all(axis=1)
    omegas = listed([f"{omega:g}" for omega in table.loc[alternate, "omega"]])
    text = f"""
        For ω = {omegas} each of the {table["periods"].iloc[0]} periods searched holds one stable and one
        unstable fixed point, and the map repeats for ever."""
    return finding(text if alternate.any() else "No ω tried has one of each kind in a period.", "full")


@needs_records
def principles(records: Records) -> Finding:
    """Which summaries each initialisation keeps (exact; the slope of tanh to the digits it is given with)."""
    table = frame(records).set_index("principle")
    kept = pd.DataFrame(
        {
            "the variance": table["variance"] < 1e-9,
            "the slope": table["slope"] < 5e-3,
            "the law": table["law"] < 1e-6,
        }
    )
    groups: dict[str, list[str]] = {}
    for principle, row in kept.iterrows():
        groups.setdefault(listed(list(row.index[row])) if row.any() else "nothing", []).append(
            f"*{principle}*"
        )
    said = [f"{listed(names)} keep{'' if len(names) > 1 else 's'} {what}" for what, names in groups.items()]
    full = [str(principle) for principle in kept.index[kept.all(axis=1)]]
    text = f"""
        {"; ".join(said)} (the slope of tanh to the two digits its pair is given with).
        {f"{listed(full)} keep all three" if full else "No row keeps all three"}."""
    return finding(text, "full")
