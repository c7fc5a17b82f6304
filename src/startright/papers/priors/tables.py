"""Tables of the paper: records in, a small table out."""

from collections.abc import Sequence

import pandas as pd

from startright.measured import Measured, Table, table
from startright.papers.priors import gallery, published, readings
from startright.papers.priors.factors import KINDS
from startright.papers.priors.readings import NAMES, SETUPS
from startright.studies import Record, frame


def conditions(records: Sequence[Record]) -> pd.DataFrame:
    """Every penalty of the gallery: with a prior, or why without one (exact)."""
    rows = {}
    for row in frame(records).itertuples():
        case = gallery.CASES[row.case]
        rows[case.title] = {
            "posteriors": case.family.name,
            "theorem": case.expected or "has a prior",
            "found": "accepted" if row.accepted else "rejected",
            "for that reason": "–" if not case.expected else "yes" if row.right else "no",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("penalty")


def recovery(records: Sequence[Record]) -> pd.DataFrame:
    """The distance of each recovered prior from the true one, and the error of K (exact)."""
    runs = frame(records)
    rows = {}
    for row in runs.itertuples():
        error = abs(row.constant_error)
        rows[row.prior.replace("laplace", "Laplace").replace("gaussian", "Gaussian"), f"{row.sigma:g}"] = {
            "total variation": "below 1e-6" if row.tv < 1e-6 else f"{row.tv:.4f}",
            "error of K": "below 1e-6" if error < 1e-6 else f"{error:.4f}",
        }
    made = pd.DataFrame.from_dict(rows, orient="index")
    made.index = pd.MultiIndex.from_tuples(made.index, names=["prior", "σ"])
    return made


def strengths(records: Sequence[Record]) -> Table:
    """P·E w² and the kurtosis of weights drawn from each prior, with the factor and the exact kurtosis."""
    rows = {}
    for (kind, p, n), group in frame(records).groupby(["kind", "fan_in", "fan_out"], sort=False):
        rows[NAMES[kind], f"{p} × {n}"] = {
            "λ of the layer": f"{group['factor'].iloc[0]:.2f}",
            "P·E w²": Measured.of(group["second"], 3),
            "kurtosis": Measured.of(group["kurtosis"], 2),
            "exact kurtosis": f"{group['kurtosis_exact'].iloc[0]:.2f}",
        }
    made = pd.DataFrame.from_dict(rows, orient="index")
    made.index = pd.MultiIndex.from_tuples(made.index, names=["penalty", "P × n"])
    return table(made, records)


def accuracy(records: Sequence[Record], network: str | None = None) -> Table:
    """Test accuracy at λ* by set-up and at λ_Th, and the exponents of λ_Th/λ* that validation leaves open.

    Args:
        records: of one network or several.
        network: which; by default the first.
    """
    runs = readings.trainings(records, network)
    found = readings.best(runs)
    rows: dict[str, dict] = {"best, usual": {}, "best, Bayesian": {}, "Bayesian, λ = λ_Th": {}}
    rows["log₁₀ λ_Th/λ*"] = {}
    for kind in [kind for kind in KINDS if (runs["kind"] == kind).any()]:
        column = NAMES[kind]
        for setup, label in zip(SETUPS, ("best, usual", "best, Bayesian"), strict=True):
            if (kind, setup) in found:
                rows[label][column] = Measured.of(found[kind, setup].accuracy, 1)
        rows["Bayesian, λ = λ_Th"][column] = Measured.of(readings.at_theory(runs, kind), 1)
        if best := found.get((kind, "bayesian")):
            rows["log₁₀ λ_Th/λ*"][column] = ", ".join(
                f"{0 - exponent:g}".replace("-", "−") for exponent in reversed(best.level)
            )
    return table(rows, records, index="test accuracy (%)")


def paper() -> pd.DataFrame:
    """The paper's own table, on CIFAR-10."""
    rows: dict[str, dict] = {}
    for (kind, network), column in published.ACCURACY.items():
        at = (NAMES[kind], network.upper())
        for label, (mean, spread) in zip(
            ("best, usual", "best, Bayesian", "Bayesian, λ = λ_Th"),
            (column.usual, column.bayesian, column.theoretical),
            strict=True,
        ):
            rows.setdefault(label, {})[at] = f"{mean:.2f} ± {spread:g}"
        rows.setdefault("log₁₀ λ_Th/λ*", {})[at] = f"{column.exponent:g}"
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("test accuracy (%)")
