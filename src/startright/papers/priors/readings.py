"""What the records of the paper say, in small frames: claims, tables, figures and findings read these."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd

from startright.measured import indistinguishable
from startright.models.vgg import PLAN
from startright.papers.priors.factors import KINDS
from startright.studies import Record, frame

Records = Mapping[str, list[Record]]
NAMES = {"l2": "L2", "l1": "L1", "rows": "rows", "columns": "columns"}
SETUPS = ("usual", "bayesian")
IMAGES = {"digits": "digits", "cifar10": "CIFAR-10"}


class Best(NamedTuple):
    """The strengths of one penalty in one set-up.

    Args:
        exponent: of λ*/λ_Th, by mean validation accuracy.
        level: the exponents that the validation images cannot tell from it, ascending.
        edge: whether λ* is the least or the largest of the grid.
        accuracy: test accuracy at λ*, percent, by seed.
        single: exponent by seed, each chosen by its own validation accuracy.
    """

    exponent: float
    level: tuple[float, ...]
    edge: bool
    accuracy: pd.Series
    single: pd.Series


def trainings(records: Sequence[Record], network: str | None = None) -> pd.DataFrame:
    """One row a run: kind, set-up, exponent, seed, accuracies in percent; a run that diverged has 0.

    Args:
        records: of one network or several.
        network: which is kept; by default the first.
    """
    table = frame(records)
    for part in ("validation", "test"):
        table[part] = 100 * table[f"{part}_accuracy"].fillna(0.0)
    return table[table["network"] == (network or table["network"].iloc[0])]


def networks(records: Sequence[Record]) -> dict[str, str]:
    """Network → its name with images and width, in the order of the records."""
    return {record.config["network"]: _named(record.config) for record in records}


def _named(config: Mapping[str, Any]) -> str:
    network, images = config["network"], IMAGES[config["dataset"]]
    if network != "vgg19":
        return f"{network.upper()}, {images}"
    width = config["width"] / PLAN[0]
    return f"VGG19, {images}" if width == 1 else f"VGG19 of width {width:g}, {images}"


def best(runs: pd.DataFrame) -> dict[tuple[str, str], Best]:
    """(penalty, set-up) → its strengths, in the order of the paper's table.

    Args:
        runs: of one network, as :func:`trainings` gives them.
    """
    found = {}
    for (kind, setup), group in runs.groupby(["kind", "setup"]):
        valid = group.pivot(index="seed", columns="exponent", values="validation")
        tested = group.pivot(index="seed", columns="exponent", values="test")
        chosen = float(valid.mean().idxmax())
        level = sorted(indistinguishable(dict(valid.items()), largest=True))
        edge = chosen in (valid.columns.min(), valid.columns.max())
        single = valid.idxmax(axis=1).astype(float)
        found[kind, setup] = Best(chosen, tuple(map(float, level)), edge, tested[chosen].dropna(), single)
    return {(k, s): found[k, s] for k in KINDS for s in SETUPS if (k, s) in found}


def at_theory(runs: pd.DataFrame, kind: str, setup: str = "bayesian") -> pd.Series:
    """Test accuracy at λ_Th, percent, by seed; empty where no run has it."""
    chosen = runs[(runs["kind"] == kind) & (runs["setup"] == setup) & (runs["exponent"] == 0.0)]
    return chosen.set_index("seed")["test"]


def costs(runs: pd.DataFrame) -> dict[str, pd.Series]:
    """Penalty → test accuracy at λ* less that at λ_Th, points, by seed; Bayesian factors."""
    found = best(runs)
    differences = {
        kind: (found[kind, "bayesian"].accuracy - at_theory(runs, kind)).dropna()
        for kind in KINDS
        if (kind, "bayesian") in found
    }
    return {NAMES[kind]: cost for kind, cost in differences.items() if len(cost)}


def gaps(runs: pd.DataFrame) -> dict[str, pd.Series]:
    """Penalty → best Bayesian less best usual test accuracy, points, by seed."""
    found = best(runs)
    return {
        NAMES[kind]: (found[kind, "bayesian"].accuracy - found[kind, "usual"].accuracy).dropna()
        for kind in KINDS
        if {(kind, setup) for setup in SETUPS} <= set(found)
    }


def ratios(runs: pd.DataFrame) -> dict[str, pd.Series]:
    """Penalty → log₁₀ λ_Th/λ* by seed, each seed's λ* by its own validation images; Bayesian factors."""
    found = best(runs)
    return {NAMES[kind]: -at.single for (kind, setup), at in found.items() if setup == "bayesian"}
