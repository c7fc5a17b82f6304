"""Tables carry the numbers of the records: means, spreads, n; exact tables carry none."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from startright.measured import MIME, Count, Measured, Table
from startright.papers.alrao import studies, tables
from startright.studies import frame, recorded

FULL = {study.name: recorded(study, "full") for study in studies.STUDIES if "full" in study.profiles}
QUICK = {
    study.name: recorded(study, "quick") for study in (studies.LEARNING, studies.COUNTS, studies.IDENTITY)
}


def same(cell, values):
    """Whether a cell is the mean, the standard deviation and the number of the values."""
    values = np.asarray(values, dtype=float)
    spread = values.std(ddof=1) if len(values) > 1 else None
    return (cell.mean, cell.spread, cell.n) == pytest.approx((values.mean(), spread, len(values)))


def test_methods_holds_the_runs_of_each_method():
    runs = frame(QUICK["alrao-learning"])
    table = tables.methods(QUICK["alrao-learning"])
    groups = {
        "Alrao": runs[runs["heads"] > 1],
        "Adam": runs[runs["optimizer"] == "adam"],
        "SGD, 1e-5": runs[(runs["lo"] == 1e-5) & (runs["heads"] == 1)],
    }
    for label, part in groups.items():
        assert same(table.loc[label, "training loss"], part["train_loss"])
        assert same(table.loc[label, "test loss"], part["best_test_loss"])
        assert same(table.loc[label, "test accuracy, %"], 100 * part["best_test_accuracy"])
        assert table.loc[label, "diverged"] == Count(0, len(part))
    assert same(table.loc["SGD, 10", "training loss"], np.log10(runs.loc[runs["lo"] == 10, "train_loss"]))


def test_the_first_row_names_every_rate_that_may_be_the_best():
    records = QUICK["alrao-learning"]
    tied = [
        replace(
            r, metrics={**r.metrics, "validation_loss": 0.01 + (-1) ** (r.seed + round(r.config["lo"])) / 1e4}
        )
        if r.config["lo"] == r.config["hi"] and r.config["lo"] in (1e-4, 1.0)
        else r
        for r in records
    ]
    table = tables.methods(tied)
    assert table.index[0] == "SGD, best rate"
    assert table["rate"].iloc[0] == "1e-4 or 1"


def test_a_diverged_run_is_counted_and_not_averaged():
    records = [
        replace(r, status="diverged", metrics={}) if r.config["heads"] > 1 and r.seed == 0 else r
        for r in QUICK["alrao-learning"]
    ]
    table, whole = tables.methods(records), tables.methods(QUICK["alrao-learning"])
    n = whole.loc["Alrao", "test loss"].n
    assert table.loc["Alrao", "diverged"] == Count(1, n)
    assert table.loc["Alrao", "test loss"].n == n - 1


def test_live_tables_carry_their_numbers_and_recorded_ones_do_not():
    entries = tables.methods(QUICK["alrao-learning"])._repr_mimebundle_()[MIME]["entries"]
    assert len(entries) == 5 * 4
    assert {entry["quantity"] for entry in entries} == {
        "training loss",
        "test loss",
        "test accuracy, %",
        "diverged",
    }
    assert tables.methods(FULL["alrao-learning"])._repr_mimebundle_() == {}


def test_variants_are_means_and_medians_where_rates_are_wild():
    runs = frame(FULL["alrao-variants"])
    runs = runs[runs["fraction"].isna()]
    table = tables.variants(FULL["alrao-variants"])
    wild = runs[(runs["hi"] == 1e4) & (runs["per"] == "weight")]
    row = table.filter(like="1e4), a rate per weight", axis=0).iloc[0]
    assert str(row["test loss"]).startswith(f"{wild['test_loss'].median():.3f} (")
    assert same(row["test accuracy, %"], 100 * wild["test_accuracy"])
    tame = runs[(runs["width"] == 3) & (runs["hi"] == 0.1)]
    assert same(table.loc["SGD, η = 0.1, width × 3", "test loss"], tame["test_loss"])
    assert set(table["seeds"]) == {3}


def test_text_and_granularity_are_means_over_seeds():
    text = frame(FULL["alrao-text"])
    table = tables.text(FULL["alrao-text"])
    assert same(table.loc["SGD, η = 1", "test, bits"], text[text["lo"] == 1.0]["test_bits"])
    assert same(table.loc["Adam, 1e-3", "training, bits"], text[text["optimizer"] == "adam"]["train_bits"])
    runs = frame(FULL["alrao-granularity"])
    runs = runs[(runs["hi"] == 1e4) & (runs["per"] == "weight")]
    row = tables.granularity(FULL["alrao-granularity"]).loc["(0.001, 1e4), one per weight"]
    assert same(row["test"], runs["test_bits"])
    assert row["seeds"] == len(runs)


def test_every_number_states_how_many_it_is_of():
    for table in (
        tables.text(FULL["alrao-text"]),
        tables.granularity(FULL["alrao-granularity"]),
        tables.variants(FULL["alrao-variants"]),
    ):
        for column in table:
            cells = [cell for cell in table[column] if isinstance(cell, Measured)]
            assert [cell.n for cell in cells] in ([], list(table["seeds"]))


@pytest.mark.parametrize(
    "table",
    [tables.published(), tables.parameters(QUICK["alrao-counts"]), tables.identity(QUICK["alrao-identity"])],
    ids=["published", "parameters", "identity"],
)
def test_exact_tables_are_plain_text(table):
    assert not isinstance(table, Table)
    assert table.map(lambda cell: isinstance(cell, str)).all(axis=None)


def test_parameters_are_held_against_the_papers_table():
    table = tables.parameters(QUICK["alrao-counts"])
    assert table.loc["SENet18, 10 heads", "equal to the paper's"] == "–"
    assert table.loc["LSTM of words, 6 heads", "the paper's, millions"] == "2.171 → 7.221"
    assert set(table.filter(regex="GoogLeNet|MobileNet|VGG|LSTM", axis=0)["equal to the paper's"]) == {"yes"}
    wrong = [
        replace(r, metrics={name: value + 2000 for name, value in r.metrics.items()})
        for r in QUICK["alrao-counts"]
    ]
    assert "yes" not in set(tables.parameters(wrong)["equal to the paper's"])


def test_a_vocabulary_of_9999_words_gives_the_papers_counts():
    backbone, head = 9999 * 100 + 2 * (4 * 100 * 200 + 2 * 400), 9999 * 101
    assert [round(count / 1e6, 3) for count in (backbone + head, backbone + 6 * head)] == [2.171, 7.221]


def test_a_difference_above_rounding_is_shown():
    records = QUICK["alrao-identity"]
    assert tables.identity(records).to_numpy().tolist() == [["< 1e-03", "< 1e-12"]]
    far = [replace(r, metrics={**r.metrics, "loss_difference": 0.02}) for r in records]
    assert tables.identity(far).to_numpy().tolist() == [["2e-02", "2e-02"]]


def test_no_row_is_named_after_a_result():
    names = {
        tuple(tables.methods(records).index) for records in (QUICK["alrao-learning"], FULL["alrao-learning"])
    }
    assert names == {("SGD, best rate", "Adam", "Alrao", "SGD, 1e-5", "SGD, 10")}
    assert pd.Index(tables.published().index).is_unique
