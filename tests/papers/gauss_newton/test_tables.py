"""Tables carry the numbers of the records with them, and say nothing that another machine must repeat."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from startright.measured import MIME, Measured
from startright.papers.gauss_newton import studies, tables
from startright.papers.gauss_newton.tables import Ratio, short
from startright.studies import recorded


@pytest.fixture(scope="module")
def grid():
    return recorded(studies.GRID, "full")


@pytest.fixture(scope="module")
def speed():
    return recorded(studies.SPEED, "full")


def quick(records):
    return [replace(record, profile="quick") for record in records]


def values(records, name, **config):
    """By hand: the metric of every run with these settings, in the order of the seeds."""
    chosen = [r for r in records if all(r.config[k] == v for k, v in config.items())]
    return np.array([r.metrics[name] for r in sorted(chosen, key=lambda r: r.seed)])


# --- a ratio ----------------------------------------------------------------------------------


def test_a_ratio_is_a_geometric_mean_over_common_seeds():
    ours, theirs = pd.Series([2.0, 8.0, 5.0], [0, 1, 2]), pd.Series([1.0, 1.0, 1.0], [1, 0, 3])
    ratio = Ratio.of(ours, theirs)
    assert ratio.mean == pytest.approx(4)
    assert (ratio.least, ratio.most, ratio.contrast.n) == (2, 8, 2)
    assert ratio.contrast.spread == pytest.approx(np.std(np.log10([2, 8]), ddof=1))


def test_what_is_not_finite_or_not_positive_is_no_ratio():
    ratio = Ratio.of(pd.Series([2.0, np.inf, np.nan, 0.0, 3.0]))
    assert ratio.contrast.n == 2
    assert ratio.most == 3


@pytest.mark.parametrize(
    ("factors", "word"),
    [
        ([3.0, 3.1, 2.9], "above"),
        ([0.3, 0.31, 0.29], "below"),
        ([1.0, 1.01, 0.99], "within 20 % of"),
        ([1.12, 1.13, 1.11], "within 20 % of"),
        ([1.3, 1.31, 1.29], "above"),
        ([0.1, 1.0, 10.0], "not to be told from"),
        ([3.0], "not to be told from"),
        ([], "not to be told from"),
    ],
)
def test_the_word_of_a_ratio_follows_from_its_interval(factors, word):
    assert Ratio.of(pd.Series(factors, dtype=float)).word("below", "above") == word


def test_a_ratio_says_its_range_and_n():
    assert Ratio.of(pd.Series([1.0, 4.0])).times("as many") == "2.0 times as many (1.0 to 4.0, n = 2)"
    assert Ratio.of(pd.Series([2.0, 2.0])).factor() == "2.0 (n = 2)"
    assert Ratio.of(pd.Series([2.0])).factor() == "2.0 (one seed)"
    assert Ratio.of(pd.Series([], dtype=float)).factor() == "– (n = 0)"


@pytest.mark.parametrize(
    ("x", "text"),
    [(0.94, "0.94"), (0.97, "0.97"), (0.996, "1.0"), (9.94, "9.9"), (9.96, "10"), (99_999, "99,999")],
)
def test_short_numbers(x, text):
    assert short(x) == text


# --- steps ------------------------------------------------------------------------------------


def test_the_steps_are_means_over_the_seeds_of_a_scale(grid):
    table = tables.steps(grid)
    assert list(table.index) == ["0.01", "0.1", "1", "10"]
    for scale, row in table.iterrows():
        naive = values(grid, "steps_8", rate=0.02, scale=float(scale))
        cell = row["iterations"]
        assert cell.mean == pytest.approx(naive.mean())
        assert cell.spread == pytest.approx(naive.std(ddof=1))
        assert cell.n == len(naive) == 5
        assert row["n"] == "5"
    assert set(table["the law"]) == {"456"}
    assert set(table["the bound"]) == {"916"}


def test_runs_that_do_not_arrive_are_not_counted_as_steps(grid):
    lost = [
        replace(r, metrics={k: v for k, v in r.metrics.items() if k != "steps_8"}) if r.seed == 0 else r
        for r in grid
    ]
    assert {cell.n for cell in tables.steps(lost)["iterations"]} == {4}
    assert set(tables.steps(lost)["n"]) == {"4"}


def test_the_conditioning_is_a_geometric_mean_below_the_rounding(grid):
    column = tables.steps(grid)["conditioning at the start"]
    chosen = {"rate": 0.02, "scale": 1.0}
    naive = values(grid, "first_largest", **chosen) / np.abs(values(grid, "first_smallest", **chosen))
    assert column["1"].mean == pytest.approx(np.log10(naive).mean())
    assert str(column["1"]) == "2e+05"
    assert str(column["0.01"]) == "over 1e+13"
    assert isinstance(column["0.01"], Measured)  # a number on every machine, whatever rounding leaves of it
    assert column["0.01"].mean == 13


def test_the_span_of_conditionings_is_over_scales_by_seed(grid):
    span = tables.conditioning_span([r for r in grid if r.config["rate"] == 0.02])
    ends = [
        np.log10(
            np.minimum(values(grid, "first_largest", **c) / np.abs(values(grid, "first_smallest", **c)), 1e13)
        )
        for c in ({"rate": 0.02, "scale": 0.01}, {"rate": 0.02, "scale": 10.0})
    ]
    assert span.n == 5
    assert span.mean == pytest.approx((ends[0] - ends[1]).mean())


# --- endings ----------------------------------------------------------------------------------


def test_the_endings_are_ratios_within_a_teacher(speed):
    table = tables.endings(speed)
    theirs = values(speed, "test_loss", method="gradient", scale=0.1)
    for rate in (1.0, 0.1, 0.02, 0.005):
        row = table.loc[f"Gauss-Newton, λ/N = {rate:g}"]
        chosen = {"method": "gauss-newton", "scale": 0.1, "rate": rate}
        cell, logs = (
            row["test loss over that of gradient descent"],
            np.log10(values(speed, "test_loss", **chosen) / theirs),
        )
        assert (cell.mean, cell.spread) == pytest.approx((logs.mean(), logs.std(ddof=1)))
        assert cell.n == 5
        cka = values(speed, "weighted_cka", **chosen)
        assert str(row["weighted CKA"]) == f"{cka.mean():.2f} ± {cka.std(ddof=1):.2f}"
        made = values(speed, "steps", **chosen)
        assert str(row["iterations made"]) == f"{made.mean():.0f} ± {made.std(ddof=1):.0f}"


def test_gradient_descent_is_its_own_measure_and_uses_its_budget(speed):
    row = tables.endings(speed).loc["gradient descent"]
    assert str(row["test loss over that of gradient descent"]) == "1.0"
    assert str(row["iterations made"]) == "20000"


# --- what an output carries -------------------------------------------------------------------


@pytest.mark.parametrize(("make", "which"), [(tables.steps, "grid"), (tables.endings, "speed")])
def test_only_what_was_computed_here_carries_its_numbers(make, which, request):
    records = request.getfixturevalue(which)
    assert make(records)._repr_mimebundle_() == {}
    table = make(quick(records))
    entries = table._repr_mimebundle_()[MIME]["entries"]
    measured = sum(isinstance(cell, Measured) for _, column in table.items() for cell in column)
    assert len(entries) == measured > len(table)
    assert {entry["kind"] for entry in entries} == {"mean"}


# --- the floors of the damping ----------------------------------------------------------------


def test_a_relative_floor_is_held_against_that_of_the_authors():
    damping = recorded(studies.DAMPING, "full")
    chosen = {"scale": 0.1}
    theirs = values(damping, "test_loss", floor=1e-7, relative_floor=0.0, **chosen)
    for ratio, relative in zip(tables.over_authors(damping, 0.1), (1e-3, 1e-6), strict=True):
        naive = values(damping, "test_loss", floor=0.0, relative_floor=relative, **chosen) / theirs
        assert ratio.mean == pytest.approx(np.exp(np.log(naive).mean()))
