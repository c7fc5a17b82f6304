"""Tables of the paper: records in, a small table out, with what was measured and its uncertainty.

Losses of different teachers differ by orders of magnitude. So they enter as ratios of two runs on the same
teacher, averaged as logarithms.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from startright.measured import Contrast, Measured, Table, table
from startright.papers.gauss_newton.dual import predicted_steps
from startright.papers.gauss_newton.readings import SLOW, metric
from startright.papers.gauss_newton.studies.descent import FLOORS
from startright.studies import Record, frame

ROUNDING = 1e13  # a conditioning beyond this is that of the rounding errors


@dataclass(frozen=True)
class Ratio:
    """A ratio of two quantities of the same teachers: geometric mean, range, and what its logarithm shows.

    Args:
        contrast: of the logarithms to base 10.
        least: the smallest ratio.
        most: the largest.
    """

    contrast: Contrast
    least: float
    most: float

    @classmethod
    def of(cls, ours: pd.Series, theirs: pd.Series | float = 1.0) -> "Ratio":
        """``ours / theirs`` seed by seed; what one lacks, and what is not finite, is left out.

        >>> seeds = [0, 1, 2]
        >>> Ratio.of(pd.Series([2.0, 4.0, 8.0], seeds), pd.Series([1.0, 1.0, 1.0], seeds)).factor()
        '4.0 (2.0 to 8.0, n = 3)'
        """
        ratios = (ours / theirs).dropna()
        ratios = ratios[(ratios > 0) & np.isfinite(ratios)]
        least, most = (float(ratios.min()), float(ratios.max())) if len(ratios) else (np.nan, np.nan)
        return cls(Contrast.of(np.log10(ratios)), least, most)

    @property
    def mean(self) -> float:
        """The geometric mean."""
        return float(10**self.contrast.mean)

    def cell(self) -> Measured:
        """The cell of a table, without n: geometric mean and range."""
        c = self.contrast
        mean, least, most = (short(x, math=False) for x in (self.mean, self.least, self.most))
        text = mean if least == most else f"{mean} ({least} to {most})"
        return Measured(c.mean, c.spread, c.n, text if c.n else "–")

    def word(self, below: str, above: str, near: float = 0.2) -> str:
        """``"within 20 % of"`` where the whole interval is, else on which side of 1 it lies.

        Args:
            below: the word of ratios below 1.
            above: the word of those above it; of an interval that holds 1, "not to be told from".
            near: ratios within this of 1 hardly matter.
        """
        level = abs(self.contrast.mean) + self.contrast.half <= np.log10(1 + near)
        return f"within {100 * near:.0f} % of" if level else self.contrast.word(below, above)

    def factor(self) -> str:
        """``"4.0 (2.0 to 8.0, n = 3)"``."""
        return self._after(short(self.mean))

    def times(self, what: str) -> str:
        """``"4.0 times their test loss (2.0 to 8.0, n = 3)"``."""
        return self._after(f"{short(self.mean)} times {what}")

    def _after(self, text: str) -> str:
        if self.contrast.n == 1:
            return f"{text} (one seed)"
        least, most = short(self.least), short(self.most)
        return f"{text} ({'' if least == most else f'{least} to {most}, '}n = {self.contrast.n})"


def short(x: float, math: bool = True) -> str:
    r"""A positive number of any order of magnitude: two digits of small ones, powers of ten of large ones.

    Args:
        x: the number.
        math: set powers of ten as a formula.

    >>> short(1.74), short(46.2), short(1307.7), short(443262.4), short(0.0321), short(443262.4, math=False)
    ('1.7', '46', '1,308', '$4\\cdot10^{5}$', '0.032', '4e+05')
    """
    if not np.isfinite(x):
        return "–"
    if x >= 1e5 or x < 1e-3:
        digit, exponent = f"{x:.0e}".split("e")
        return rf"${digit}\cdot10^{{{int(exponent)}}}$" if math else f"{x:.0e}"
    return f"{x:,.0f}" if x >= 9.95 else f"{x:.2g}" if x < 0.995 else f"{x:.1f}"


def of_floor(damping: Sequence[Record], floor: tuple[float, float]) -> list[Record]:
    """The runs whose damping has this floor: (absolute, relative)."""
    return [r for r in damping if (r.config["floor"], r.config["relative_floor"]) == floor]


def over_authors(damping: Sequence[Record], scale: float) -> list[Ratio]:
    """The test losses with the relative floors over those with the authors' floor."""
    theirs, *ours = (metric(of_floor(damping, floor), "test_loss", scale=scale) for floor in FLOORS)
    return [Ratio.of(losses, theirs) for losses in ours]


def steps(records: Sequence[Record]) -> Table:
    """Iterations to 10⁻⁸ at λ/N = 0.02 by scale, beside the conditioning of the kernel at the start."""
    runs_of = frame(records).query("rate == @SLOW").groupby("scale")
    rows = {}
    for scale, runs in runs_of:
        count = runs["steps_8"].dropna() if "steps_8" in runs else ()
        rows[f"{scale:g}"] = {
            "conditioning at the start": conditioning(runs),
            "iterations": Measured.of(count, 0),
            "the law": f"{predicted_steps(SLOW):.0f}",
            "the bound": f"{predicted_steps(SLOW / 2):.0f}",
            "n": f"{len(count)}",
        }
    return table(rows, records, index="τ₀")


def conditioning(runs: pd.DataFrame) -> Measured:
    """The ratio of the kernel's extreme eigenvalues at the start; a floor where rounding errors hide it."""
    ratio = (runs["first_largest"] / runs["first_smallest"].abs()).clip(upper=ROUNDING)
    cell = Ratio.of(ratio).cell()
    text = f"over {ROUNDING:.0e}" if ratio.min() >= ROUNDING else f"{10**cell.mean:.0e}"
    return replace(cell, text=text)


def conditioning_span(records: Sequence[Record]) -> Measured:
    """Decades between the conditionings of the scales at the start, by teacher, as far as rounding allows."""
    runs = frame(records)
    ratio = (runs["first_largest"] / runs["first_smallest"].abs()).clip(upper=ROUNDING)
    return Measured.of(np.log10(ratio).groupby(runs["seed"]).agg(np.ptp), 0)


def endings(records: Sequence[Record]) -> Table:
    """Where runs from τ₀ = 0.1 end: iterations and, over that of gradient descent, the test loss."""
    runs_of = frame(records)
    runs_of = runs_of[runs_of["scale"] == 0.1].set_index("seed")
    gradient = runs_of[runs_of["method"] == "gradient"]
    rows = {}
    for (method, rate), runs in runs_of.groupby(["method", "rate"], sort=False):
        name = "gradient descent" if method == "gradient" else f"Gauss-Newton, λ/N = {rate:g}"
        rows[name] = {
            "iterations made": _iterations(runs["steps"]),
            "test loss over that of gradient descent": Ratio.of(
                runs["test_loss"], gradient["test_loss"]
            ).cell(),
            "weighted CKA": Measured.of(runs["weighted_cka"].dropna(), 2),
            "n": f"{len(runs)}",
        }
    return table(rows, records, index="method")


def _iterations(count: pd.Series) -> Measured:
    """Mean and spread; the budget alone where every run used it up."""
    cell = Measured.of(count, 0)
    return replace(cell, text=f"{count.iloc[0]:.0f}") if count.nunique() == 1 else cell
