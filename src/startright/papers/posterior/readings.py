"""What the records say, in small frames: claims, tables, figures and findings read these."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from startright.measured import indistinguishable
from startright.studies import Record, frame

COLD = 0.016  # the cold temperature that all grids share, and that T = 1 is held against
WORDS = {"none": "as they are", "shift": "shifted", "twice": "each twice"}

Records = Mapping[str, Sequence[Record]]


def rows(table: pd.DataFrame, **where: object) -> pd.DataFrame:
    """The rows where every named column has its value."""
    for column, value in where.items():
        table = table[table[column] == value]
    return table


def temperatures(records: Sequence[Record]) -> pd.DataFrame:
    """One row a run; a run that did not arrive has an infinite loss."""
    table = frame(records)
    for name in ("nll", "mean_nll"):
        table[name] = table[name].fillna(np.inf) if name in table else np.inf
    return table


def counts(records: Sequence[Record]) -> list[int]:
    """The numbers of training data, the smallest first."""
    return sorted({record.config["count"] for record in records})


def cells(table: pd.DataFrame) -> dict[tuple[int, str], pd.DataFrame]:
    """(N, augmentation) → the losses, seeds down and temperatures across."""
    groups = table.groupby(["count", "augment"])
    return {key: group.pivot(index="seed", columns="temperature", values="nll") for key, group in groups}


def best_set(losses: pd.DataFrame) -> list[float]:
    """The temperatures that cannot be told from the best by their mean loss, the coldest first."""
    return sorted(indistinguishable({tau: losses[tau] for tau in losses}))


def best(losses: pd.DataFrame) -> pd.Series:
    r""":math:`\log_{10}\tau^*` of every seed: the lowest point of a parabola through the best of the grid.

    The parabola goes through the best temperature and its two neighbours, on a logarithmic scale; at an end
    of the grid the end itself is returned, and the true one may lie beyond.

    Args:
        losses: seeds down, temperatures across.
    """
    logs = np.log10(losses.columns.to_numpy(dtype=float))
    return losses.apply(lambda row: _vertex(logs, row.to_numpy(dtype=float)), axis=1)


def _vertex(x: np.ndarray, y: np.ndarray) -> float:
    place = int(np.nanargmin(y))
    if place in (0, len(x) - 1) or not np.isfinite(y[place - 1 : place + 2]).all():
        return float(x[place])
    a, b, _ = np.polyfit(x[place - 1 : place + 2] - x[place], y[place - 1 : place + 2], 2)
    return float(x[place] - b / (2 * a)) if a > 0 else float(x[place])


def at_an_end(losses: pd.DataFrame) -> pd.Series:
    """Of every seed, whether its best temperature is at an end of the grid, and a bound."""
    return losses.idxmin(axis=1).isin([losses.columns[0], losses.columns[-1]])


def shifts(records: Sequence[Record], augment: str, *, bounds: bool = False) -> dict[str, pd.Series]:
    r"""N → :math:`\log_{10}\tau^*` with an augmentation less that without, seed by seed.

    Seeds with both at an end of the grid say nothing of a move, and are left out unless ``bounds`` are asked
    for.
    """
    found = cells(temperatures(records))
    moves = {}
    for count in counts(records):
        if (count, augment) in found and (count, "none") in found:
            with_it, without = found[count, augment], found[count, "none"]
            known = ~(at_an_end(with_it) & at_an_end(without)) | bounds
            moves[f"N = {count}"] = (best(with_it) - best(without))[known].dropna()
    return moves


def drift(records: Sequence[Record], *, bounds: bool = False) -> pd.Series:
    r"""Slope of :math:`\log_{10}\tau^*` over :math:`\log_{10}N`, without augmentation, of every seed.

    Seeds with a best temperature at an end of the grid are left out unless ``bounds`` are asked for.
    """
    found = cells(temperatures(records))
    plain = {n: found[n, "none"] for n in counts(records) if (n, "none") in found}
    inside = {n: best(losses)[~at_an_end(losses) | bounds] for n, losses in plain.items()}
    table = pd.DataFrame(inside).dropna()
    x = np.log10(table.columns.to_numpy(dtype=float))
    x = x - x.mean()
    return (table * x).sum(axis=1) / (x**2).sum()


def over_cold(records: Sequence[Record], *, means: bool = False) -> dict[str, pd.Series]:
    """Loss at T = 1 less that at the cold temperature, or of its means alone, by N and augmentation."""
    table = temperatures(records)
    found = {}
    for (count, augment), group in rows(table).groupby(["count", "augment"], sort=False):
        if augment != "twice":
            hot = rows(group, temperature=1.0).set_index("seed")["nll"]
            cold = rows(group, temperature=COLD).set_index("seed")["mean_nll" if means else "nll"]
            found[f"N = {count}, images {WORDS[augment]}"] = (hot - cold).dropna()
    return found


def correlations(records: Sequence[Record]) -> pd.Series:
    """Mean correlation of the gradients of shifted copies over the cold runs, by N."""
    table = temperatures(records)
    return rows(table, augment="shift", temperature=COLD).groupby("count")["correlation"].mean()
