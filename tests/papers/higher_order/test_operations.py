"""The committed table of torch's operations: nothing is silently wrong where users do not choose."""

import csv
from pathlib import Path

from startright.papers.higher_order.reduced import BACKENDS

EXCERPT = Path(__file__).parents[3] / "book" / "api" / "operations.csv"
TABLE = Path(__file__).parents[3] / "benchmarks" / "results" / "higher_order_operations.csv"


def test_nothing_is_wrong_by_default():
    rows = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
    assert len(rows) > 450
    found = {row["operation"]: row for row in rows}
    assert [
        name for name, row in found.items() if row["tangents"] not in {"right", "refused", "undecided"}
    ] == []
    assert sum(row["tangents"] == "right" for row in rows) > 0.9 * len(rows)
    for name in ("nn.functional.layer_norm", "linalg.householder_product", "cumprod", "scatter_reduce.prod"):
        assert found[name]["tangents"] == "right"
    assert all(row[backend] for row in rows for backend in BACKENDS)


def test_the_page_shows_all_that_is_not_right_everywhere():
    whole, shown = (list(csv.DictReader(path.read_text("utf-8").splitlines())) for path in (TABLE, EXCERPT))
    odd = [row for row in whole if any(row[backend] != "right" for backend in BACKENDS)]
    assert shown == [{name: row[name] for name in shown[0]} for row in odd]
