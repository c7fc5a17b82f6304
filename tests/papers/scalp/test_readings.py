import numpy as np
import pandas as pd
import pytest

from startright.papers.scalp import readings
from startright.papers.scalp.studies.stability import StabilityConfig
from startright.studies import Outcome, Record, Run


def record(seed, width, method="1/k", strength=0.1, status="ok", **metrics):
    run = Run("scalp-made", 1, StabilityConfig(method, width, strength, "digits", 1), seed)
    return Record.of(run, Outcome(metrics, status=status), profile="quick")


def power(alpha, seeds=(0, 1)):
    return [record(s, n, left=(1 + s) * n**alpha) for s in seeds for n in (10, 100, 1000)]


def test_tables_have_narrow_widths_first_and_diverged_runs_as_no_number():
    runs = [record(0, 100, left=3.0), record(0, 10, left=2.0), record(1, 10, status="diverged", left=7.0)]
    table = readings.by_width(runs, "left", method="1/k")
    assert list(table.columns) == [10, 100]
    assert table.loc[0].tolist() == [2.0, 3.0]
    assert np.isnan(table.loc[1, 10])


@pytest.mark.parametrize("alpha", [-0.5, 0.0, 1.0])
def test_exponent_of_a_power(alpha):
    assert readings.exponent(power(alpha), "left", method="1/k").tolist() == pytest.approx([alpha] * 2)


def test_spread_and_widening_of_a_power():
    assert readings.spread(power(-0.5), "left").tolist() == pytest.approx([1.0, 1.0])
    assert readings.widening(power(0.5), "left").tolist() == pytest.approx([1.0, 1.0])
    assert readings.widening(power(1.0), "left").tolist() == pytest.approx([2.0, 2.0])


def test_a_run_that_diverged_spreads_without_bound():
    runs = [record(0, 10, left=1.0), record(0, 100, status="diverged", left=1.0)]
    assert readings.spread(runs, "left").tolist() == [np.inf]
    assert np.isnan(readings.exponent(runs, "left")).all()


def test_none_left_counts_as_half_a_neuron():
    runs = [record(0, 10, left=5.0), record(0, 100, left=0.0)]
    assert readings.widening(runs, "left").tolist() == pytest.approx([-1.0])


def test_variation_is_relative_and_by_width():
    found = readings.variation([record(s, 10, left=v) for s, v in enumerate((1.0, 2.0, 3.0))], "left")
    assert found.to_dict() == pytest.approx({10: 0.5})


def test_best_has_one_strength_for_all_seeds_within_the_budget():
    runs = [
        record(seed, 10, strength=strength, pruned_accuracy=accuracy, share=share)
        for strength, share, accuracies in (
            (0.1, 0.9, (0.9, 0.8)),
            (0.2, 0.4, (0.6, 0.7)),
            (0.3, 0.3, (0.9, 0.1)),
        )
        for seed, accuracy in enumerate(accuracies)
    ]
    pd.testing.assert_series_equal(readings.best(runs, "1/k"), pd.Series([90.0, 80.0]))
    pd.testing.assert_series_equal(readings.best(runs, "1/k", 0.5), pd.Series([60.0, 70.0]))
    assert readings.best(runs, "1/k", 0.2).empty
