"""Claims C1 to C10 of Wolinski and Arbel, each with the measurement that settles it.

A check is stated so that it can fail: a threshold of a test, an order between two means, a closed form.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from startright.claims import Check, Claim, Measurement
from startright.measured import either, indistinguishable
from startright.preact import finite_width, ks, studies
from startright.preact.reference import AUTHORS_DEPENDENCE
from startright.studies import Record, curve_frame, frame

PAPER = "preact"
PREACT_PAGE = "signal/gaussian-preact"
CHAOS_PAGE = "signal/edge-of-chaos"

RESOLUTION = 1e-10  # below it a distance by quadrature is rounding, and differs from machine to machine

Records = Mapping[str, list[Record]]


def _mean(table: pd.DataFrame, column: str, **where: object) -> float:
    """Mean of ``column`` over the rows where every named column has its value."""
    return float(_rows(table, **where)[column].mean())


def _rows(table: pd.DataFrame, **where: object) -> pd.DataFrame:
    for name, value in where.items():
        table = table[table[name] == value]
    return table


def _spread(values: pd.Series) -> float | None:
    return float(values.std()) if len(values) > 1 else None


# --- C1, C6: through depth ------------------------------------------------------------------


def _depth_tables(records: Records) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(last layer of every run, every layer of every run) of the networks fed with a unit input."""
    runs = records[studies.DEPTH.name]
    last, curves = frame(runs), curve_frame(runs, "ks", "ks_standardised", "variance")
    return last[last["inputs"] == "unit"], curves[curves["inputs"] == "unit"]


def measure_gaussian_hypothesis(records: Records) -> Measurement:
    """C1: tanh and ReLU, Gaussian weights."""
    last, curves = _depth_tables(records)
    threshold = ks.lilliefors_threshold(int(last["draws"].iloc[0]))
    margin, checks = threshold / 4, []  # two means over a few seeds differ by less than this by chance
    for scheme in ("relu", "tanh"):
        widths = sorted(_rows(last, scheme=scheme)["width"].unique())
        deep = [_mean(last, "ks_standardised", scheme=scheme, width=w) for w in widths]
        early = [_mean(curves, "ks_standardised", scheme=scheme, width=w, step=2) for w in widths]
        grows = all(b > a + margin for a, b in zip(early, deep, strict=True))
        text = f"{scheme}: further from Gaussian at layer 50 than at layer 3 beyond noise, every width"
        checks.append(Check(text, grows))
        shrinks = all(np.diff(deep) < margin) and deep[-1] < deep[0] - margin
        checks.append(Check(f"{scheme}: at layer 50, nearer to Gaussian at larger width", shrinks))
    cells = curves[curves["scheme"].isin(("relu", "tanh")) & (curves["step"] >= 2)]
    cells = cells.groupby(["scheme", "width", "step"])["ks_standardised"].mean()
    rejected = float((cells > threshold).mean())
    checks.append(
        Check(f"Gaussianity rejected at 5 % in most (width, layer ≥ 3): {rejected:.0%}", rejected > 0.5)
    )
    values = _rows(last, scheme="relu", width=10)["ks_standardised"]
    quantity = "standardised KS distance, ReLU, width 10, layer 50"
    return Measurement(quantity, values.mean(), _spread(values), len(values), tuple(checks))


def measure_depth(records: Records) -> Measurement:
    """C6: φᵖ stays, tanh and ReLU drift."""
    runs = records[studies.DEPTH.name]
    curves = curve_frame(runs, "ks")
    late = curves[(curves["step"] >= 20) & (curves["step"] < 30)]  # layers 21 to 30: ten looks, not one
    threshold = ks.threshold(int(curves["draws"].iloc[0]))
    checks = []
    for source, table in late.groupby(late["inputs"].where(late["inputs"] == "unit", "image")):
        ours = _rows(table, scheme="positive").groupby(["theta", "width"])["ks"].mean()
        text = f"{source} input, layers 21 to 30: φᵖ within the noise {threshold:.4f}, every θ and width"
        checks.append(Check(f"{text} (worst {ours.max():.4f})", ours.max() <= threshold))
        narrow = [_mean(table, "ks", scheme=scheme, width=10) for scheme in ("relu", "tanh")]
        text = f"{source} input: ReLU and tanh beyond 5 times that noise at width 10"
        checks.append(Check(text, min(narrow) > 5 * threshold))
    values = _rows(late, scheme="positive", width=10, inputs="unit").groupby(["theta", "seed"])["ks"].mean()
    quantity = "KS distance, φᵖ, width 10, layers 21 to 30, mean over θ"
    return Measurement(quantity, values.mean(), _spread(values), len(values), tuple(checks))


# --- C2, C3: the exact law ------------------------------------------------------------------


def _measure_law(kinds: tuple[str, ...]):
    def measure(records: Records) -> Measurement:
        table = frame(records[studies.LAW.name])
        table = table[table["kind"].isin(kinds)]
        worst = max(float(table["ks"].max()), RESOLUTION)
        text = "KS of W·φ_θ(Z) to N(0, 1) below 1e-6 at every θ"
        checks = [Check(f"{kind}: {text}", _rows(table, kind=kind)["ks"].max() < 1e-6) for kind in kinds]
        moment = float(table["second_moment_error"].max())
        checks.append(Check("E A² Γ(1 + 2/θ) = 1 to 1e-8", moment < 1e-8))
        return Measurement(
            f"largest KS distance of W·φ_θ(Z) to N(0, 1) over {table['theta'].nunique()} θ (floor 1e-10)",
            worst,
            None,
            len(table),
            tuple(checks),
            note="exact law in closed form where the paper fits a density and then a formula",
        )

    return measure


# --- C4, C5: dependence ---------------------------------------------------------------------


def measure_independent(records: Records) -> Measurement:
    """C4: with independent inputs nothing is lost."""
    table = frame(records[studies.DEPENDENCE.name])
    ours = table[table["independent"]]
    draws = int(ours["draws"].iloc[0])
    rejected = (ours["ks"] > ks.threshold(draws)).mean()
    most = 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(ours))
    floor = ks.noise_floor(draws)
    values = ours["ks"] / floor
    alone = table[~table["independent"] & table["layout"].isin(("A", "C")) & (table["width"] == 1)]
    alone = alone[alone["scheme"].isin(studies.KINDS)]
    single = (alone["ks"] > ks.threshold(draws)).mean()
    most_alone = 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(alone))
    checks = (
        Check(
            f"independent inputs: rejected at 5 % in {rejected:.1%} of runs, at most {most:.1%}",
            rejected <= most,
        ),
        Check(
            f"independent inputs: mean KS within 15 % of the noise floor {floor:.4f}",
            abs(values.mean() - 1) < 0.15,
        ),
        Check(
            f"one neuron a layer: rejected in {single:.1%} of runs, at most {most_alone:.1%}",
            single <= most_alone,
        ),
    )
    quantity = "KS distance over its noise floor, independent inputs"
    return Measurement(quantity, values.mean(), _spread(values), len(values), checks)


def measure_dependence(records: Records) -> Measurement:
    """C5: how much dependence costs, and where."""
    table = frame(records[studies.DEPENDENCE.name])
    table = table[~table["independent"]]
    thetas, widths = sorted(table["theta"].dropna().unique()), sorted(table["width"].unique())
    small, large, wide = thetas[0], thetas[-1], widths[-1]
    floor = ks.threshold(int(table["draws"].iloc[0]))

    def mean(kind: str, theta: float, layout: str, width: int) -> float:
        return _mean(table, "ks", scheme=kind, theta=theta, layout=layout, width=width)

    limit = max(
        abs(mean(kind, t, "A", wide) - finite_width.dependence_limit(t, kind).ks)
        for kind in studies.KINDS
        for t in thetas
    )
    checks = (
        Check(
            "the positive variant is closer to Gaussian than the odd one, every θ and layout (n = 2)",
            all(mean("positive", t, x, 2) < mean("odd", t, x, 2) for t in thetas for x in "ABC"),
        ),
        Check(
            f"θ = {small:g} is closer to Gaussian than θ = {large:g}, both variants and every layout (n = 2)",
            all(mean(k, small, x, 2) < mean(k, large, x, 2) for k in studies.KINDS for x in "ABC"),
        ),
        Check(
            f"wider previous layer (B, n = 2 to {wide}): the distance at least halves, both variants",
            all(2 * mean(k, large, "B", wide) < mean(k, large, "B", 2) for k in studies.KINDS),
        ),
        Check(
            f"only the current layer wider (A, n = {wide}): no such decrease, stays above 1.5 × noise",
            all(
                mean(k, large, "A", wide) > max(1.5 * floor, mean(k, large, "B", wide)) for k in studies.KINDS
            ),
        ),
        Check(
            f"layout A at n = {wide} within 0.01 of the quadrature limit (off by {limit:.4f})", limit < 0.01
        ),
    )
    values = _rows(table, scheme="odd", theta=large, layout="A", width=wide)["ks"]
    published = AUTHORS_DEPENDENCE["A", "odd", large][wide]
    note = f"the authors' stored value there is {published}; theirs includes the error of their fitted φ"
    quantity = f"KS distance, odd, θ = {large:g}, layout A, n = {wide}"
    return Measurement(quantity, values.mean(), _spread(values), len(values), checks, note=note)


# --- C7, C8, C9: exact statements on the Edge of Chaos --------------------------------------


def measure_fixed_points(records: Records) -> Measurement:
    """C7: stable fixed points in every period of the variance map."""
    table = frame(records[studies.FIXED_POINTS.name])
    checks = []
    for row in table.itertuples():
        found = row.stable_per_period == 1 and row.unstable_per_period == 1
        text = f"ω = {row.omega:g}: one stable and one unstable fixed point in each of {row.periods} periods"
        checks.append(Check(text, found))
        text = (
            f"ω = {row.omega:g}: slopes {row.stable_slope:.2f}, {row.unstable_slope:.2f} on both sides of 1"
        )
        checks.append(Check(text, abs(row.stable_slope) < 1 < row.unstable_slope))
    values = table["stable_per_period"]
    quantity = "stable fixed points of the variance map in one period 4π/ω of ln v"
    note = "the map repeats for ever: one in each period is infinitely many"
    return Measurement(quantity, values.mean(), None, len(values), tuple(checks), note=note)


def measure_moments(records: Records) -> Measurement:
    """C8: sampled ReLU moments against the exact recursion."""
    runs = records[studies.MOMENTS.name]
    table, checks = frame(runs), []
    for width, group in table.groupby("width"):
        depth = group["depth"].iloc[0]
        score = _z_score(group["second"], 1.0)
        checks.append(
            Check(f"n = {width}: E Z² at layer {depth} is exact within 4 standard errors", score < 4)
        )
        for layer in (1, 2, 3):
            exact = finite_width.relu_kurtosis(width, layer)
            off = abs(group[f"kurtosis_{layer}"].mean() / exact - 1)
            checks.append(
                Check(f"n = {width}: kurtosis at layer {layer} is {exact:.2f} within 5 %", off < 0.05)
            )
    narrow = table[table["width"] == table["width"].min()]["kurtosis_2"]
    exact = finite_width.relu_kurtosis(int(table["width"].min()), 2)
    quantity = f"kurtosis at layer 2, ReLU, width {table['width'].min()} (exact: {exact:g})"
    return Measurement(quantity, narrow.mean(), _spread(narrow), len(narrow), tuple(checks))


def _z_score(values: pd.Series, exact: float) -> float:
    """Distance of the mean from ``exact`` in standard errors."""
    return abs(values.mean() - exact) / (values.std() / np.sqrt(len(values)))


def measure_principles(records: Records) -> Measurement:
    """C9: each principle preserves the summary it names."""
    table = frame(records[studies.PRINCIPLES.name]).set_index("principle")
    # the tanh pair is published with two digits: its slope can be 1 to that precision only
    promised = {
        "Glorot": ("variance", 1e-9),
        "He": ("variance", 1e-9),
        "Edge of Chaos": ("slope", 5e-3),
        "Gaussian, odd": ("law", 1e-6),
        "Gaussian, positive": ("law", 1e-6),
    }
    checks = tuple(
        Check(
            f"{principle}: {summary} preserved to {tolerance:g}", table.loc[principle, summary] <= tolerance
        )
        for principle, (summary, tolerance) in promised.items()
    )
    others = table[~table.index.str.startswith("Gaussian")]["law"]
    checks += (Check("only the Gaussian pairs preserve the law of a narrow layer", others.min() > 1e-2),)
    value = max(float(table.loc["Gaussian, positive", "law"]), RESOLUTION)
    return Measurement(
        "KS distance of one layer's output at width 1, φᵖ (resolved to 1e-10)", value, None, 1, checks
    )


# --- C10: training --------------------------------------------------------------------------


def best_by_validation(records: list[Record]) -> pd.DataFrame:
    """For each scheme and shape, the runs at the learning rate of best mean validation accuracy."""
    table = frame(records)
    table["test_accuracy"] = table["test_accuracy"].fillna(0.0)
    shape = ["scheme", "theta", "width", "depth"]
    mean = table.groupby([*shape, "lr"], dropna=False)["validation_accuracy"].mean().fillna(0.0)
    mean = mean.reset_index().sort_values("validation_accuracy", kind="stable")  # ties alike everywhere
    best = mean.groupby(shape, dropna=False).tail(1)
    keys = best[[*shape, "lr"]]
    return table.merge(keys, on=[*shape, "lr"])


def measure_training(records: Records) -> Measurement:
    """C10: an open question; what we found in our own set-up."""
    best = best_by_validation(records[studies.TRAINING.name]).eval("percent = 100 * test_accuracy")
    deepest = best[(best["depth"] == best["depth"].max()) & (best["width"] == best["width"].min())]
    groups = {
        scheme if np.isnan(theta) else f"{scheme} θ = {theta:g}": runs.set_index("seed")["percent"]
        for (scheme, theta), runs in deepest.groupby(["scheme", "theta"], dropna=False, sort=False)
    }
    together = indistinguishable(groups, largest=True)
    values = groups[together[0]]
    width, depth = deepest["width"].iloc[0], deepest["depth"].iloc[0]
    quantity = f"largest mean test accuracy (%) of a function at width {width}, depth {depth}"
    apart = ", which cannot be told apart" if len(together) > 1 else ""
    note = f"that of {either(sorted(together))}{apart}; the set-up is ours, as the paper's is unknown to us"
    return Measurement(quantity, values.mean(), _spread(values), len(values), (), comparable=False, note=note)


def _claim(number: int, *texts: str, used, measure, page=PREACT_PAGE, anchor) -> Claim:
    statement, published = texts
    return Claim(PAPER, f"C{number}", statement, published, used, measure, page, anchor)


CLAIMS = (
    _claim(
        1,
        "Pre-activations of finite-width tanh and ReLU networks are mostly not Gaussian at initialisation; "
        "the deviation grows with depth and shrinks with width.",
        "none available",
        used=(studies.DEPTH,),
        measure=measure_gaussian_hypothesis,
        anchor="fig-preact-depth-classic",
    ),
    _claim(
        2,
        "A family of pairs, φ_θ with symmetric Weibull weights W(θ, 1), θ > 2, satisfies "
        "W·φ_θ(Z) ~ N(0, 1) exactly.",
        "exact: 0; the released φ reach 0.002 to 0.011",
        used=(studies.LAW,),
        measure=_measure_law(studies.KINDS),
        anchor="fig-preact-phi",
    ),
    _claim(
        3,
        "Two variants exist, odd and positive, and both satisfy the equation.",
        "exact: 0",
        used=(studies.LAW,),
        measure=_measure_law(studies.KINDS),
        anchor="fig-preact-phi",
    ),
    _claim(
        4,
        "Gaussianity is preserved even in narrow networks if the pre-activations of a layer are independent.",
        "exact under independence",
        used=(studies.DEPENDENCE,),
        measure=measure_independent,
        anchor="fig-preact-dependence",
    ),
    _claim(
        5,
        "In a real network independence fails; the deviation is small for the positive variant, larger for "
        "the odd one at large θ, and decreases only when the previous layer widens.",
        "odd, θ = 10, layout A, n = 10: 0.1137",
        used=(studies.DEPENDENCE,),
        measure=measure_dependence,
        anchor="fig-preact-dependence",
    ),
    _claim(
        6,
        "With the positive φ_θ pre-activations stay near N(0, 1) through depth; "
        "with tanh and ReLU they drift.",
        "none available",
        used=(studies.DEPTH,),
        measure=measure_depth,
        anchor="fig-preact-depth",
    ),
    _claim(
        7,
        "“One stable fixed point of the variance map” is not general: some activation has infinitely many.",
        "infinitely many",
        used=(studies.FIXED_POINTS,),
        measure=measure_fixed_points,
        page=CHAOS_PAGE,
        anchor="fig-chaos-fixed-points",
    ),
    _claim(
        8,
        "An Edge-of-Chaos analysis is possible at finite width: second-moment recursions are exact there.",
        "exact",
        used=(studies.MOMENTS,),
        measure=measure_moments,
        page=CHAOS_PAGE,
        anchor="fig-chaos-moments",
    ),
    _claim(
        9,
        "Glorot, He, Edge of Chaos and this work all make a summary of the pre-activation law a fixed point "
        "of the layer map.",
        "none available (an exposition)",
        used=(studies.PRINCIPLES,),
        measure=measure_principles,
        page=CHAOS_PAGE,
        anchor="tab-chaos-principles",
    ),
    _claim(
        10,
        "Is a Gaussian initialisation desirable for training? (an open question of the paper)",
        "none available",
        used=(studies.TRAINING,),
        measure=measure_training,
        anchor="fig-preact-training",
    ),
)
