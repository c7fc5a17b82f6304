"""C1, C2, C3 and C8: what holds on any network: identities, and what the derivatives cost."""

import pandas as pd

from startright.checks import Check, every
from startright.claims import Change, Measurement
from startright.papers.higher_order import studies
from startright.papers.higher_order.readings import Records, slope
from startright.statements import Claims
from startright.studies import frame
from startright.summary import power_above

claim = Claims("higher_order", page="curvature/higher-order")
NOW = "2026-11-26"


def _identities(table: pd.DataFrame, names: dict[str, str], most: float, control: str) -> list[Check]:
    """One check a column of errors: at most so large in every run."""
    rest = {"kind": "theorem", "control": control}
    texts = {name: f"{label}: relative error at most {most:.0e}" for name, label in names.items()}
    return [every(text, table[name] <= most, **rest) for name, text in texts.items()]


def _worst(
    quantity: str, errors: pd.DataFrame, seeds: pd.Series, checks: list[Check], least: int = -12
) -> Measurement:
    """The power of ten of the largest error: its size is rounding, and has no spread."""
    return Measurement(
        quantity, power_above(errors.max().max(), least), None, int(seeds.nunique()), tuple(checks)
    )


@claim(
    "C1",
    "The derivatives along the groups, up to the third order, are exact; nothing is estimated.",
    "none available (a derivation)",
    studies.EXACTNESS,
    anchor="tab-higher-order-exactness",
    locator="abstract",
    changes=(
        Change(
            "error",
            "absolute error at most 1e-14; first coded as relative error below 1e-12",
            "relative error at most 1e-14",
            "the tolerance laid down at first is restored; relative to the largest entry, because the"
            " size of the entries depends on the random direction",
            NOW,
        ),
    ),
)
def measure_exactness(records: Records) -> Measurement:
    """C1: against all derivatives of a network of 64 parameters."""
    table = frame(records[studies.EXACTNESS.name])
    names = {"error_g": "gradient", "error_H": "Hessian", "error_d3": "third derivative"}
    checks = _identities(table, names, 1e-14, "finite differences")
    quantity = "log₁₀ of the largest relative error, float64"
    return _worst(quantity, table[list(names)], table["seed"], checks, -14)


@claim(
    "C8",
    "Merging groups sums entries: a coarser partition needs no new derivatives.",
    "none available (follows from the definition)",
    studies.MERGING,
    anchor="tab-higher-order-merging",
    locator="not in the paper: follows from its definition",
)
def measure_merging(records: Records) -> Measurement:
    """C8: block sums."""
    table = frame(records[studies.MERGING.name])
    names = {"error_g": "gradient", "error_H": "Hessian"}
    checks = _identities(table, names, 1e-12, "means for sums")
    quantity = "log₁₀ of the largest relative error, float64"
    return _worst(quantity, table[list(names)], table["seed"], checks)


@claim(
    "C3",
    "The step is the same in every parameterisation that rescales or rotates the groups.",
    "none available (a derivation)",
    studies.INVARIANCE,
    anchor="fig-higher-order-invariance",
    locator="abstract",
    changes=(
        Change(
            "steps that are not idle",
            "the loss is lower after ten steps, a check of its own",
            "lower by a tenth or more, as part of the check of invariance",
            "an infinitesimal step passed it",
            NOW,
        ),
    ),
)
def measure_invariance(records: Records) -> Measurement:
    """C3: two parameterisations, ten steps; and what is not covered must differ."""
    table = frame(records[studies.INVARIANCE.name])
    inside = table[(table["change"] != "split") & (table["direction"] == "momentum")]
    split = table[table["change"] == "split"]["error"].min() > 1e-2
    adam = table[(table["change"] == "rotation") & (table["direction"] == "adam")]["error"].min() > 1e-2
    moved = inside["loss_after"] <= 0.9 * inside["loss_before"]  # idle steps are the same everywhere
    same, idle = (inside["error"] <= 1e-8) & moved, "the same parameters twice"
    text = "one factor or rotation a group: steps that lower the loss by a tenth or more,"
    text += " relative error at most 1e-8"
    turned = "Adam's direction under rotations is none either: error above 1e-2"
    checks = [
        every(text, same, kind="theorem", control="the plain gradient"),
        # one example is enough to show that something is not invariant
        Check("two factors within a group are no such change: error above 1e-2", split, "theorem", idle),
        Check(turned, adam, "theorem", idle),
    ]
    quantity = "log₁₀ of the largest relative error over 10 steps, float64"
    return _worst(quantity, inside[["error"]], table["seed"], checks)


@claim(
    "C2",
    "With S groups the second order costs about S backward passes, and S² numbers.",
    "none available (a count of operations)",
    studies.COST,
    anchor="fig-higher-order-cost",
    locator="abstract (a reasonable cost while the groups are few); the count: place not known to us",
    changes=(
        Change(
            "growth with S",
            "largest slope above 0 and at most 1",
            "cost with most groups at least 1.2 times that of one, on every network; slopes at most 1",
            "noise alone gives a slope above 0 to a cost that does not grow",
            NOW,
        ),
        Change(
            "third derivative",
            "about twice as much",
            "at most 3 times as much",
            "no tolerance was laid down; the bound since the first version, 2026-11-25",
            NOW,
        ),
        Change("cost", "mean over repetitions", "median", "times have outliers", NOW),
    ),
)
def measure_cost(records: Records) -> Measurement:
    """C2: how the cost grows with the number of groups."""
    table = frame(records[studies.COST.name])
    table = table.groupby(["net", "backend", "third", "groups"], as_index=False)["gradients"].median()
    paper = table[table["backend"] == "double_backward"]
    second, third = paper[~paper["third"]], paper[paper["third"]]
    both = second.merge(third, on=["net", "groups"])
    ratio = (both["gradients_y"] / both["gradients_x"]).max()
    nets = dict(list(second.sort_values("groups").groupby("net")))
    slopes = {net: slope(part) for net, part in nets.items()}
    steepest, few = max(slopes.values()), (second["gradients"] <= second["groups"] + 4).all()
    grown = min(part["gradients"].iloc[-1] / part["gradients"].iloc[0] for part in nets.values())
    grows = "the cost grows with S: with most groups it is at least 1.2 times that of one group,"
    grows += f" on every network: {grown:.1f}"
    thrice = f"the diagonal of the third derivative makes it at most 3 times as much: {ratio:.1f}"
    each = "a pass for each entry of H̄"
    checks = [
        Check("order 2 costs at most S + 4 gradients", few, control=each),
        Check(grows, grown >= 1.2, control="one Hessian-vector product for all groups"),
        Check(f"by at most one gradient a group: {steepest:.2f}", steepest <= 1, control=each),
        Check(thrice, ratio <= 3, control="nothing shared between groups"),
    ]
    quantity = "gradients that one more group costs at order 2, by backward passes (LeNet)"
    passes = "each group needs a backward pass through a part of the graph only"
    return Measurement.of(quantity, [slopes["lenet"]], checks, note=passes, machine=True)
