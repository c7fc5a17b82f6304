"""The tables of the chapter carry the numbers of the records, and name no winner that these do not show."""

from dataclasses import replace

import pytest

from startright.measured import MIME, Count
from startright.papers.higher_order import studies, tables
from startright.studies import frame, recorded


def full(*chosen):
    return [r for study in chosen for r in recorded(study, "full")]


def quick(*chosen):
    return [r for study in chosen for r in recorded(study, "quick")]


@pytest.mark.parametrize("make", [tables.exactness, tables.merging])
def test_exact_tables_are_plain_text(make):
    study = studies.EXACTNESS if make is tables.exactness else studies.MERGING
    assert all(isinstance(cell, str) for cell in make(quick(study)).to_numpy().flat)


def test_live_tables_carry_their_numbers_and_recorded_ones_do_not():
    live = tables.steps(quick(studies.ONE_STEP))
    entries = live._repr_mimebundle_()[MIME]["entries"]
    assert len(entries) == live.size
    assert tables.steps(full(studies.ONE_STEP))._repr_mimebundle_() == {}


def test_steps_have_the_mean_before_and_the_median_after():
    records = full(studies.ONE_STEP)
    part = frame(records).query("net == 'lenet' and adam_steps == 0")
    row = tables.steps(records).loc["LeNet, CIFAR-10, initialisation"]
    assert row["before"].mean == pytest.approx(part["before"].mean())
    assert row["before"].spread == pytest.approx(part["before"].std())
    assert row["before"].n == len(part) == 4
    assert str(row["all of H̄, cubic"]).startswith(f"{part['cubic'].median():.2f} (")
    assert row["H̄ indefinite"] == Count(int((part["min_eigenvalue"] <= 0).sum()), 4)


def test_methods_show_the_runs_at_the_first_rate_named():
    records = full(studies.LEARNING, studies.PEER)
    table = tables.methods(records, digits=4)
    row = table.loc["MLP, MNIST", "Adam"]
    rate = float(row[tables.RATES].split(",")[0].split(" or ")[0])
    runs = frame(records)
    runs = runs[(runs["method"] == "adam") & (runs["lr"] == rate)]
    assert row["training loss"].mean == pytest.approx(runs["train_loss"].mean())
    assert row["training loss"].spread == pytest.approx(runs["train_loss"].std())
    assert row["test accuracy, %"].n == len(runs) == 3
    assert list(table.index.get_level_values(1)) == ["grouped Newton", "Adam", "SGD, momentum", "K-FAC"]


def test_rates_that_the_seeds_do_not_tell_apart_stand_together():
    records = full(studies.LEARNING)
    equal = [replace(r, metrics={**r.metrics, "train_loss": 1.0 + r.seed}) for r in records]
    assert set(tables.level_rates(frame(equal), "sgd", "small-mlp")) == {0.01, 0.03, 0.1}
    assert tables.methods(equal).loc[("MLP, MNIST", "SGD, momentum"), tables.RATES] == "0.01, 0.03 or 0.1"
    one = [r for r in records if r.seed == 0]
    assert len(tables.level_rates(frame(one), "sgd", "small-mlp")) == 3  # one run each decides nothing


def test_a_rate_that_diverged_is_not_among_them():
    records = [
        replace(r, status="diverged") if (r.config["lr"], r.seed) == (0.1, 0) else r
        for r in full(studies.LEARNING)
    ]
    assert 0.1 not in tables.level_rates(frame(records), "sgd", "small-mlp")


def test_an_auto_encoder_has_no_accuracy():
    table = tables.methods(full(studies.NETWORKS))
    assert table.loc[("auto-encoder, MNIST", "Adam"), "test accuracy, %"] == "–"
    assert table.loc[("LeNet, CIFAR-10", "Adam"), "test accuracy, %"].n == 1


def test_choices_are_means_over_the_seeds():
    records = full(studies.LEARNING, studies.CHOICES)
    table = tables.choices(records, digits=3)
    part = frame(records).query("groups == 'trivial'")
    cell = table.loc["one group, λ_int = 1, 100 images", "negative rates, %"]
    assert (cell.mean, cell.spread, cell.n) == (
        pytest.approx(100 * part["negative_rates"].mean()),
        pytest.approx(100 * part["negative_rates"].std()),
        3,
    )
    assert len(table) == 7


def test_suggested_rates_stand_by_layer_with_one_minus_sign():
    rates = {"layers.0.weight": 0.512, "layers.0.bias": -6.04, "layers.2.weight": 13.0}
    table = tables.suggested(rates)
    assert list(table.index) == ["1", "2"]
    assert list(table.columns) == ["weights", "biases"]
    assert list(table.loc["1"]) == ["0.5", "−6"]
    assert table.loc["2", "weights"] == "10"
