"""Measured tables carry what a naive computation gives, exact ones carry nothing."""

from dataclasses import replace

import numpy as np
import pytest

from startright.measured import Measured, Table
from startright.papers.preact import finite_width, ks, published, readings, studies, tables
from startright.studies import curve_frame, frame, recorded

MEASURED = {
    "shape_by_width": studies.DEPTH,
    "by_input": studies.DEPTH,
    "limits": studies.DEPENDENCE,
    "variants": studies.DEPENDENCE,
    "independent": studies.DEPENDENCE,
    "gaps": studies.CORRELATION,
    "best_rates": studies.TRAINING,
}


@pytest.fixture(scope="module")
def full():
    return {study.name: recorded(study, "full") for study in studies.STUDIES}


def naive(values):
    return pytest.approx((np.mean(values), np.std(values, ddof=1), len(values)))


def numbers(cell):
    assert isinstance(cell, Measured)
    return cell.mean, cell.spread, cell.n


@pytest.mark.parametrize("name", MEASURED)
def test_tables_of_quick_records_carry_a_number_for_every_measured_cell(name, full):
    records = full[MEASURED[name].name]
    live = getattr(tables, name)([replace(record, profile="quick") for record in records])
    assert isinstance(live, Table)
    cells = live.to_numpy().ravel()
    carried = live._repr_mimebundle_()["application/vnd.startright.measured+json"]["entries"]
    assert len(carried) == sum(isinstance(cell, Measured) for cell in cells) > 2
    assert getattr(tables, name)(records)._repr_mimebundle_() == {}


def test_shapes_are_in_units_of_the_threshold(full):
    cell = tables.shape_by_width(full["preact-depth"]).loc["ReLU", 30]
    runs = frame(full["preact-depth"]).query("scheme == 'relu' and width == 30 and inputs == 'unit'")
    assert numbers(cell) == naive(runs["ks_standardised"] / ks.lilliefors_threshold(10_000))


def test_inputs_stand_side_by_side_at_one_layer(full):
    table = tables.by_input(full["preact-depth"])
    assert list(table.columns) == ["unit vector", "image"]
    assert len(table) == 8
    curves = curve_frame(full["preact-depth"], "ks").query(
        "scheme == 'tanh' and width == 10 and step == 29 and inputs == 'cifar10'"
    )
    assert numbers(table.loc["tanh", "image"]) == naive(curves["ks"])


def test_limits_set_the_stored_value_beside_ours_and_the_limit(full):
    row = tables.limits(full["preact-dependence"]).loc["φ° θ=10"]
    assert row["authors"] == published.AUTHORS_DEPENDENCE["A", "odd", 10.0][10]
    assert row["limit n → ∞"] == round(finite_width.dependence_limit(10.0, "odd").ks, 3)
    runs = frame(full["preact-dependence"]).query(
        "scheme == 'odd' and theta == 10 and layout == 'A' and width == 10 and not independent"
    )
    assert numbers(row["ours"]) == naive(runs["ks"])


def test_variants_are_compared_where_both_can_be_seen(full):
    table = tables.variants(full["preact-dependence"])
    runs = frame(full["preact-dependence"]).query(
        "theta == 10 and layout == 'C' and width == 2 and not independent"
    )
    by = runs.pivot_table(index="seed", columns="scheme", values="ks")
    assert numbers(table.loc["C", ("θ = 10", 2)]) == naive(by["odd"] / by["positive"])
    assert table.loc["A", ("θ = 2.05", 10)] == "at least 12"
    assert table.loc["B", ("θ = 2.05", 10)] == "lost in the noise"


def test_independent_inputs_are_in_units_of_the_noise(full):
    table = tables.independent(full["preact-dependence"])
    assert table.shape == (6, 10)
    runs = frame(full["preact-dependence"]).query(
        "scheme == 'odd' and theta == 4 and width == 3 and independent"
    )
    assert numbers(table.loc["φ° θ=4", 3]) == naive(runs["ks"] / ks.noise_floor(200_000))


def test_gaps_are_means_over_networks(full):
    runs = frame(full["preact-correlation"]).query("scheme == 'relu' and width == 100")
    assert numbers(tables.gaps(full["preact-correlation"]).loc["ReLU", 100]) == naive(runs["gap"])


def test_accuracies_are_those_of_the_rate_that_validation_chose(full):
    table = tables.best_rates(full["preact-training"])
    best = readings.best_by_validation(full["preact-training"])
    runs = best.query("scheme == 'tanh' and width == 64 and depth == 30")
    assert runs["lr"].nunique() == 1
    assert numbers(table.loc["tanh", (64, 30)]) == naive(100 * runs["test_accuracy"])


def test_rates_that_seeds_cannot_tell_apart_stand_together(full):
    def scored(accuracy):
        return [
            replace(r, metrics=r.metrics | {"validation_accuracy": accuracy(r.config["lr"], r.seed)})
            for r in full["preact-training"]
        ]

    clear = tables.rates(scored(lambda lr, seed: (0.9 if lr == 0.1 else 0.2) + 0.01 * seed))
    assert set(clear.to_numpy().ravel()) == {"0.1"}
    pair = tables.rates(
        scored(lambda lr, seed: 0.9 - 0.01 * seed * (-1) ** seed if lr in (0.3, 0.03) else 0.2)
    )
    assert set(pair.to_numpy().ravel()) == {"0.03, 0.3"}
    assert set(tables.rates(scored(lambda lr, seed: 0.1)).to_numpy().ravel()) == {"any"}


def test_a_rate_at_which_most_runs_diverged_is_not_level_with_the_best(full):
    def score(rate, seed):
        return 0.9 if rate < 1 else 0.95 if seed == 0 else np.nan

    records = [
        replace(r, seed=seed, metrics=r.metrics | {"validation_accuracy": score(r.config["lr"], seed)})
        for r in full["preact-training"]
        if r.seed == 0
        for seed in range(8)
    ]
    assert set(tables.rates(records).to_numpy().ravel()) == {"0.003, 0.01, 0.03, 0.1, 0.3"}


@pytest.mark.parametrize(
    "made",
    [
        lambda full: tables.exactness(full["preact-law"]),
        lambda full: tables.fixed_points(full["preact-fixed-points"]),
        lambda full: tables.principles(full["preact-principles"]),
        lambda full: tables.chaos((2.05, 10.0)),
    ],
    ids=["exactness", "fixed_points", "principles", "chaos"],
)
def test_exact_tables_carry_no_measured_cell(made, full):
    table = made(full)
    assert not isinstance(table, Table)
    assert not any(isinstance(cell, Measured) for cell in table.to_numpy().ravel())


def test_fixed_points_are_named_and_rounded(full):
    row = tables.fixed_points(full["preact-fixed-points"]).loc["2"]
    assert row["σ_w"] == 0.955
    assert (row["V′ where stable"], row["V′ where unstable"]) == (0.422, 1.677)
    assert (row["stable per period"], row["unstable"]) == ("1", "1")


def test_principles_show_zero_for_what_is_rounding(full):
    table = tables.principles(full["preact-principles"])
    assert table.loc["He", "variance: |V(v)/v − 1|"] == "0"
    assert table.loc["Gaussian, odd", "slope: |χ₁ − 1|"] == "0.016"


def test_a_run_that_diverged_has_no_accuracy():
    records = recorded(studies.TRAINING, "full")
    width, depth = 10, 3
    shape = [r for r in records if (r.config["width"], r.config["depth"]) == (width, depth)]

    def lost(scheme, seeds):
        return [
            replace(r, status="diverged", metrics={})
            if r.config["scheme"] == scheme and r.seed in seeds
            else r
            for r in shape
        ]

    assert tables.best_rates(lost("tanh", {0, 1, 2})).loc["tanh", (width, depth)] == "diverged"
    assert "±" in str(tables.best_rates(shape).loc["tanh", (width, depth)])
