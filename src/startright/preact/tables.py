"""Tables of the room: records in, a small DataFrame out, rounded to the digits that are stable."""

from collections.abc import Sequence

import pandas as pd

from startright.preact import finite_width, ks, maps, schemes
from startright.preact.figures import name
from startright.preact.reference import AUTHORS_DEPENDENCE, RELEASED_QUALITY
from startright.studies import Record, curve_frame, frame


def _with_names(table: pd.DataFrame) -> pd.DataFrame:
    names = [name(scheme, theta) for scheme, theta in zip(table["scheme"], table["theta"], strict=True)]
    return table.assign(function=names)


def _named(records: Sequence[Record]) -> pd.DataFrame:
    return _with_names(frame(records))


def _mean_std(groups: pd.core.groupby.SeriesGroupBy, digits: int) -> pd.Series:
    """``mean ± std`` as text, one entry a group."""
    return groups.agg(lambda v: f"{v.mean():.{digits}f} ± {v.std():.{digits}f}")


def exactness(records: Sequence[Record]) -> pd.DataFrame:
    """KS distance of W·φ(Z) to N(0, 1) by θ: the released functions and ours."""
    ours = frame(records).pivot(index="theta", columns="kind", values="ks")
    ours = ours.map(lambda distance: "≤ 1e-9" if distance <= 1e-9 else f"{distance:.0e}")
    released = pd.DataFrame.from_dict(RELEASED_QUALITY, orient="index").loc[ours.index, [0, 3]]
    released.columns = ["released, odd", "released, positive"]
    table = released.join(ours.rename(columns={kind: f"ours, {kind}" for kind in ours}))
    return table.rename_axis("θ")


def shape_by_width(records: Sequence[Record], schemes: Sequence[str] = ("relu", "tanh")) -> pd.DataFrame:
    """Standardised KS distance of the last layer over its 5 % threshold, by scheme and width."""
    table = _named(records).query("inputs == 'unit'")
    table = table[table["scheme"].isin(schemes)]
    ratio = table["ks_standardised"] / ks.lilliefors_threshold(int(table["draws"].iloc[0]))
    groups = ratio.groupby([table["function"], table["width"]], sort=False)
    return _mean_std(groups, 1).unstack().rename_axis(columns="width n")


def limits(records: Sequence[Record], width: int = 10) -> pd.DataFrame:
    """Layout A: the authors' stored KS distance, ours over seeds, and the limit of infinite width."""
    table = frame(records).query(f"layout == 'A' and not independent and width == {width}")
    rows = {}
    for (kind, theta), runs in table[table["scheme"].isin(("odd", "positive"))].groupby(["scheme", "theta"]):
        rows[name(kind, theta)] = {
            "authors": AUTHORS_DEPENDENCE["A", kind, theta][width],
            "ours": f"{runs['ks'].mean():.3f} ± {runs['ks'].std():.3f}",
            "limit n → ∞": round(finite_width.dependence_limit(theta, kind).ks, 3),
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def independent(records: Sequence[Record]) -> pd.DataFrame:
    """Fresh inputs for every neuron: KS distance over its noise floor, by function and width."""
    table = _named(records).query("independent")
    ratio = table["ks"] / ks.noise_floor(int(table["draws"].iloc[0]))
    groups = ratio.groupby([table["function"], table["width"]], sort=False)
    return _mean_std(groups, 1).unstack().rename_axis(columns="width n")


def by_input(records: Sequence[Record], layer: int = 30) -> pd.DataFrame:
    """Raw KS distance of one layer at width 10, for a unit vector and for an image."""
    table = _with_names(curve_frame(records, "ks")).query(f"width == 10 and step == {layer - 1}")
    table = table.assign(inputs=table["inputs"].replace({"unit": "unit vector"}))
    return _mean_std(table.groupby(["function", "inputs"], sort=False)["ks"], 3).unstack()


def gaps(records: Sequence[Record]) -> pd.DataFrame:
    """Largest gap to the infinite-width map over the first 20 layers, by function and width."""
    groups = _named(records).groupby(["function", "width"], sort=False)["gap"]
    return _mean_std(groups, 2).unstack().rename_axis(columns="width n")


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


def principles(records: Sequence[Record]) -> pd.DataFrame:
    """How far each summary is from a fixed point, one row a principle."""
    table = frame(records).set_index("principle")[["variance", "slope", "law"]]
    pairs = [finite_width.PRINCIPLES[principle][1] for principle in table.index]
    table = table.map(lambda x: "0" if x < 1e-9 else f"{x:.2g}").set_axis(
        ["variance: |V(v)/v − 1|", "slope: |χ₁ − 1|", "law: KS at width 1"], axis=1
    )
    table.insert(0, "pair", pairs)
    return table


def best_rates(best: pd.DataFrame) -> pd.DataFrame:
    """Test accuracy (%) at the learning rate that validation chose, by function and shape."""
    best = _with_names(best).assign(accuracy=100 * best["test_accuracy"])
    groups = best.groupby(["function", "width", "depth"], sort=False)["accuracy"]
    return _mean_std(groups, 1).unstack(["width", "depth"])
