"""Means that carry their uncertainty: numbers, words, tables, sentences, and what a machine reads of them."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter
from scipy import stats

from startright.bundle import MIME, read_bundle
from startright.measured import (
    Contrast,
    Count,
    Finding,
    Measured,
    Word,
    bundle,
    either,
    finding,
    indistinguishable,
    table,
)
from startright.studies import Record


def record(profile):
    return Record("k", "demo-x", 1, {}, 0, profile, "ok", None, {}, {}, 0.0, None, {})


QUICK, FULL = [record("quick")], [record("full")]


def shown(thing):
    """What IPython stores of a value, by MIME type."""
    return DisplayFormatter().format(thing)[0]


# --- numbers ---------------------------------------------------------------------------------


def test_a_mean_is_that_of_numpy():
    values = [0.1, 0.4, 0.9]
    m = Measured.of(values, digits=3)
    assert (m.mean, m.spread, m.n) == pytest.approx((np.mean(values), np.std(values, ddof=1), 3))
    assert str(m) == "0.467 ± 0.404"


@pytest.mark.parametrize(
    ("values", "text"),
    [([-1.0, -2.0], "−1.50 ± 0.71"), ([2e4, 4e4], "3.0e+04 ± 1.4e+04"), ([1.0], "1.00"), ([], "–")],
)
def test_a_mean_is_printed(values, text):
    assert str(Measured.of(values)) == text


def test_wild_values_are_kept_as_logarithms():
    m = Measured.wild([0.01, 1.0, 100.0])
    assert (m.mean, m.spread, m.n) == pytest.approx((0.0, 2.0, 3))
    assert str(m) == "1.00 (0.01 to 100.00)"
    assert str(Measured.wild([1e6, 2e6])) == "2e+06 (1e+06 to 2e+06)"


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([0.99, 0.996], "0.993 ± 0.004"),
        ([0.9999, 1.0001], "1.0000 ± 0.0001"),
        ([0.5, 0.5], "0.50 ± 0.00"),
        ([0.5, 0.5 + 1e-9], "0.50 ± 0.00"),
        ([1.0, math.inf], "inf"),
    ],
)
def test_a_spread_is_not_printed_as_zero_unless_it_is(values, text):
    assert str(Measured.of(values)) == text
    assert Measured.of(values).step == 0.01


def test_a_difference_has_the_digits_of_its_spread():
    assert Contrast(-1.0, 0.02, 3).text(1, " points") == "−1.00 ± 0.02 points (n = 3)"
    assert Contrast(-1.0, 0.0, 3).text(1) == "−1.0 ± 0.0 (n = 3)"


def test_a_value_that_is_not_finite_is_no_number_for_a_machine():
    entry = Measured.of([1.0, math.inf]).entry()
    assert (entry["mean"], entry["n"]) == (None, 2)
    json.dumps(entry, allow_nan=False)


# --- words -----------------------------------------------------------------------------------


def test_the_interval_is_students():
    c = Contrast.of([1.0, 2.0, 3.0, 4.0])
    low, high = stats.t.interval(0.95, 3, 2.5, stats.sem([1, 2, 3, 4]))
    assert (c.mean - c.half, c.mean + c.half) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("differences", "margin", "word"),
    [
        ([1.0, 1.1, 0.9], 0.0, "ahead of"),
        ([-1.0, -1.1, -0.9], 0.0, "behind"),
        ([1.0, -1.1, 0.1], 0.0, "not to be told from"),
        ([0.1, 0.11, 0.09], 0.5, "level with"),
        ([1.0, -1.1, 0.1], 0.5, "not to be told from"),
        ([0.2, 0.9, 0.6], 0.1, "not to be told from"),
        ([0.5, 0.6, 0.7], 0.55, "ahead of"),
        ([1.0], 0.0, "not to be told from"),
        ([1.0, 1.0], 0.0, "not to be told from"),
        ([0.0, 0.0], 1.0, "not to be told from"),
        ([], 0.0, "not to be told from"),
    ],
)
def test_the_word_is_the_one_that_the_interval_allows(differences, margin, word):
    assert Contrast.of(differences).word("behind", "ahead of", margin=margin) == word


def test_pairs_are_made_by_seed():
    ours, theirs = pd.Series({0: 1.0, 1: 5.0, 2: 9.0}), pd.Series({2: 8.0, 1: 3.0, 7: 0.0})
    c = Contrast.paired(ours, theirs)
    assert (c.mean, c.n) == (1.5, 2)


def test_winners_that_the_spread_does_not_support_are_named_together():
    seeds = range(5)
    close = {
        lr: pd.Series([0.9 + 0.01 * ((s * k) % 3) for s in seeds], seeds) for k, lr in enumerate((1, 2), 1)
    }
    groups = {**close, 3: pd.Series([0.5] * 5, seeds)}
    assert set(indistinguishable(groups, largest=True)) == {1, 2}
    assert indistinguishable(groups)[0] == 3
    assert indistinguishable({"a": pd.Series([1.0]), "b": pd.Series([9.0])}) == ["a", "b"]
    assert indistinguishable({"a": pd.Series([np.nan])}) == []
    assert either(["a", "b", "c"]) == "a, b or c"


# --- tables and sentences --------------------------------------------------------------------


def rows():
    return {
        "Alrao": {"loss": Measured.of([1.0, 2.0]), "failed": Count(0, 2), "rate": "0.1 or 1"},
        "SGD": {"loss": Measured.of([3.0, 4.0]), "failed": Count(1, 2), "rate": "1"},
    }


def test_a_live_table_carries_its_numbers():
    data = shown(table(rows(), QUICK, index="method"))
    entries = read_bundle(data)
    assert [(e["name"], e["quantity"], e["kind"]) for e in entries] == [
        ("Alrao", "loss", "mean"),
        ("SGD", "loss", "mean"),
        ("Alrao", "failed", "count"),
        ("SGD", "failed", "count"),
    ]
    assert (entries[0]["mean"], entries[0]["n"]) == (1.5, 2)
    assert "1.50 ± 0.71" in data["text/html"]
    assert "1.50 ± 0.71" in data["text/plain"]
    assert "method" in data["text/html"]


def test_a_recorded_table_is_exact():
    data = shown(table(rows(), FULL))
    assert MIME not in data
    assert "1.50 ± 0.71" in data["text/plain"]


def test_a_table_of_levels_names_its_rows_and_columns():
    frame = pd.DataFrame(
        [[Measured.of([1.0])]], index=pd.MultiIndex.from_tuples([("a", 3)]), columns=[("width", 10)]
    )
    [entry] = read_bundle(shown(table(frame, QUICK)))
    assert (entry["name"], entry["quantity"]) == ("a, 3", "width, 10")


def test_a_time_is_listed_without_its_number():
    data = shown(table({"a": {"seconds": Measured.of([1.0, 2.0], machine=True)}}, QUICK))
    assert read_bundle(data) == [{"name": "a", "quantity": "seconds", "kind": "machine"}]


def test_a_finding_is_markdown_and_carries_its_facts_where_it_is_live():
    gap = Contrast(1.0, 0.5, 9)
    data = shown(finding("It is\n  ahead.", QUICK, gap=gap))
    assert data["text/markdown"] == data["text/plain"] == "It is ahead."
    assert read_bundle(data)[0]["sign"] == 1
    assert MIME not in shown(finding("It is ahead.", FULL, gap=gap))
    assert str(finding("It is ahead.", [])) == "*Not yet run.*"


def test_findings_add_up_to_a_paragraph():
    both = Finding("One.", {"a": Count(1, 2)}, live=True) + Finding("Two.", {"b": Word("partly")}, live=False)
    assert (both.text, set(both.facts), both.live) == ("One. Two.", {"a", "b"}, True)


# --- reading back ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "carried",
    [
        [],
        "x",
        {"entries": {}},
        {"entries": ["x"]},
        {"entries": [{"name": "a", "quantity": "b", "kind": "mode"}]},
        {"entries": [{"name": "a", "quantity": "b", "kind": "mean", "mean": 1.0, "n": 2}]},
        {"entries": [{"name": "a", "quantity": "b", "kind": "mean", "mean": "1", "spread": None, "n": 2}]},
        {"entries": [{"name": "a", "quantity": "b", "kind": "mean", "mean": 1.0, "spread": None, "n": -1}]},
        {"entries": [{"name": "a", "quantity": "b", "kind": "count", "k": True, "n": 1}]},
        {"entries": [{"name": 1, "quantity": "b", "kind": "machine"}]},
    ],
)
def test_numbers_that_cannot_be_read_are_refused(carried):
    with pytest.raises(ValueError, match="measured number"):
        read_bundle({MIME: carried})


def test_what_is_written_is_read():
    facts = [("a", "b", Measured.of([1.0, 2.0])), ("c", "d", Word("partly")), ("e", "f", Count(1, 2))]
    assert len(read_bundle(json.loads(json.dumps(bundle(facts))))) == 3
    assert read_bundle({"text/plain": "x"}) == []
    assert bundle([]) == {}
