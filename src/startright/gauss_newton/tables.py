"""Tables of the room: records in, a small DataFrame out, rounded to the digits that are stable."""

from collections.abc import Sequence

import pandas as pd

from startright.gauss_newton.claims import SLOW
from startright.gauss_newton.dual import predicted_steps
from startright.studies import Record, frame

ROUNDING = 1e13  # a conditioning beyond this is that of the rounding errors


def steps(records: Sequence[Record]) -> pd.DataFrame:
    """Iterations to 10⁻⁸ at λ/N = 0.02 by scale, beside the conditioning of the kernel at the start."""
    table = frame(records)
    table = table[table["rate"] == SLOW]
    rows = {}
    for scale, runs in table.groupby("scale"):
        condition = (runs["first_largest"] / runs["first_smallest"].abs()).median()
        rows[f"{scale:g}"] = {
            "conditioning at the start": f"{condition:.0e}"
            if condition < ROUNDING
            else f"over {ROUNDING:.0e}",
            "iterations": f"{runs['steps_8'].mean():.0f} ± {runs['steps_8'].std():.0f}",
            "the law": f"{predicted_steps(SLOW):.0f}",
            "the bound": f"{predicted_steps(SLOW / 2):.0f}",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("τ₀")


def _factor(ratio: float) -> str:
    return f"{ratio:.1f}" if ratio < 10 else f"{ratio:,.0f}"


def endings(records: Sequence[Record]) -> pd.DataFrame:
    """Where runs from τ₀ = 0.1 end: iterations and, over that of gradient descent, the test loss."""
    table = frame(records)
    table = table[table["scale"] == 0.1].set_index("seed")
    gradient = table[table["method"] == "gradient"]
    rows = {}
    for (method, rate), runs in table.groupby(["method", "rate"], sort=False):
        ratio = runs["test_loss"] / gradient["test_loss"]
        name = "gradient descent" if method == "gradient" else f"Gauss-Newton, λ/N = {rate:g}"
        rows[name] = {
            "iterations made": f"{runs['steps'].mean():.0f}",
            "test loss over that of gradient descent": f"{_factor(ratio.min())} to {_factor(ratio.max())}",
            "weighted CKA": f"{runs['weighted_cka'].mean():.2f}",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")
