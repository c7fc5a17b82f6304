"""What the records say, in small frames: claims, tables, figures and findings read these."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from startright.papers.residual.shattering import assumed_correlation, exact_correlation
from startright.studies import Record, curve_frame, frame

Records = Mapping[str, Sequence[Record]]
RATE = 3e-4  # of the plan, at which starts are compared
STARTS = {
    "looks-linear": "looks-linear",
    "residual": "skips",
    "tailored": "tailored Leaky ReLU",
    "crelu": "CReLU, He",
    "relu": "ReLU, He",
    "delta-orthogonal": "delta-orthogonal",
    "gaussian": "Gaussian",
}


def likeness(records: Sequence[Record], kind: str, norm: bool, beta: float = 1.0) -> pd.DataFrame:
    """The networks of one kind, a row each, by seed: the columns are ``lag_K_at_L``."""
    table = frame(records)
    chosen = (table["kind"] == kind) & (table["norm"] == norm) & (table["beta"] == beta)
    return table[chosen].set_index("seed")


def described(kind: str, norm: bool, beta: float) -> str:
    """A kind of network as figures and tables write it.

    >>> described("plain", True, 1.0), described("residual", True, 0.1)
    ('no skips', 'skips, β = 0.1')
    """
    words = "no skips" if kind == "plain" else f"skips, β = {beta:g}"
    return words if norm else f"{words}, not normalised"


def correlations(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """By depth, what infinite width says exactly of the record's two inputs, and what is assumed."""
    kind, depth = record.config["kind"], record.config["depth"]
    exact = exact_correlation(kind, depth, math.radians(record.config["angle"]))
    return exact, assumed_correlation(kind, depth)


def off_exact(records: Sequence[Record], layers: Sequence[int]) -> dict[str, list[float]]:
    """Sampled correlation of two gradients less the exact one, by network, angle and layer."""
    found: dict[str, list[float]] = {}
    for record in records:
        exact, _ = correlations(record)
        for layer in layers:
            name = f"{record.config['kind']}, {record.config['angle']:g}°, layer {layer}"
            value = record.metrics[f"correlation_{layer}"] - exact[layer - 1]
            found.setdefault(name, []).append(float(value))
    return found


def accuracies(records: Sequence[Record], lr: float = RATE) -> dict[str, pd.Series]:
    """Start → test accuracy in percent by seed; of a run that diverged that of chance."""
    table = frame(records)
    table = table[table["lr"] == lr]
    points = 100 * table["test_accuracy"].where(table["status"] == "ok", 0.1)
    return {
        name: points[rows.index].set_axis(rows["seed"]) for name, rows in table.groupby("network", sort=False)
    }


def courses(records: Sequence[Record], lr: float = RATE) -> dict[str, pd.DataFrame]:
    """Start → test accuracy in percent, a run a row and a step a column."""
    if not records:
        return {}
    table = curve_frame(records, "test_accuracy", "step")
    table = table[table["lr"] == lr]
    return {
        name: 100 * rows.pivot(index="seed", columns="step", values="test_accuracy")
        for name, rows in table.groupby("network", sort=False)
    }


def plane(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """The places along a direction, (points,), and the losses, (points, points)."""
    rows = [record.curves[name] for name in sorted(record.curves) if name.startswith("row_")]
    return np.linspace(-1, 1, len(rows)), np.array(rows, dtype=float)


def depths(records: Sequence[Record]) -> list[int]:
    """Of the networks whose surfaces are recorded, the smallest first."""
    return sorted({record.config["depth"] for record in records})


def by_skip(records: Sequence[Record], metric: str) -> dict[tuple[int, bool], pd.Series]:
    """(depth, whether there are skips) → a metric by seed."""
    groups = frame(records).groupby(["depth", "skip"])
    return {key: rows.set_index("seed")[metric] for key, rows in groups}


def steeper(records: Sequence[Record], radius: float = 0.5) -> dict[int, pd.Series]:
    r"""Depth → logarithm to base 10 of the rise of the loss without skips over that with them, by seed.

    The rise is the mean loss on a circle less the loss in its middle.
    """
    on, middle = by_skip(records, f"ring_{radius:g}"), by_skip(records, "middle")
    rise = {key: np.log10((on[key] - middle[key]).clip(lower=1e-12)) for key in on}
    return {
        depth: (rise[depth, False] - rise[depth, True]).dropna()
        for depth in depths(records)
        if (depth, False) in rise and (depth, True) in rise
    }
