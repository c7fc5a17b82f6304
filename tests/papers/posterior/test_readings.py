"""The best temperature of records made up to have a known one."""

import numpy as np
import pandas as pd
import pytest
from papers.posterior.made import records

from startright.papers.posterior import readings


def test_a_parabola_has_its_lowest_point_between_the_temperatures():
    taus = np.array([0.01, 0.1, 1.0, 10.0])
    losses = pd.DataFrame([(np.log10(taus) + 0.7) ** 2, (np.log10(taus) + 1.3) ** 2], columns=taus)
    assert readings.best(losses).tolist() == pytest.approx([-0.7, -1.3])
    assert not readings.at_an_end(losses).any()


def test_at_an_end_of_the_grid_it_is_the_end():
    losses = pd.DataFrame([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0], [np.inf, 1.0, 2.0]], columns=[0.1, 1.0, 10.0])
    assert readings.best(losses).tolist() == [-1, 1, 0]
    assert readings.at_an_end(losses).tolist() == [True, True, False]


def test_shifts_and_drift_are_those_that_were_put_in():
    made = records(shift=-0.4, twice=0.05, drift=0.3)
    assert set(readings.shifts(made, "shift")) == {"N = 100", "N = 300", "N = 900"}
    for values in readings.shifts(made, "shift").values():
        assert values.mean() == pytest.approx(-0.4, abs=0.05)
    assert readings.shifts(made, "twice")["N = 300"].mean() == pytest.approx(0.05, abs=0.05)
    assert readings.drift(made).mean() == pytest.approx(0.3, abs=0.1)


def test_the_set_of_the_best_has_the_best():
    losses = readings.cells(readings.temperatures(records()))[300, "none"]
    together = readings.best_set(losses)
    assert losses.mean().idxmin() in together
    assert together == sorted(together)


def test_the_gap_to_the_cold_temperature_and_to_means_alone():
    made = records()
    cold, means = readings.over_cold(made), readings.over_cold(made, means=True)
    assert set(cold) == {f"N = {n}, images {w}" for n in (100, 300, 900) for w in ("as they are", "shifted")}
    table = readings.temperatures(made).set_index(["count", "augment", "temperature", "seed"])
    hot, cool = table.loc[300, "none", 1.0, 0], table.loc[300, "none", readings.COLD, 0]
    assert cold["N = 300, images as they are"][0] == hot["nll"] - cool["nll"]
    assert means["N = 300, images as they are"][0] == hot["nll"] - cool["mean_nll"]


def test_the_correlations_are_those_of_the_cold_runs():
    assert readings.correlations(records()).to_dict() == pytest.approx({100: 0.4, 300: 0.4, 900: 0.4})


def test_bounds_are_left_out_of_moves_and_drift():
    made = records(best=-5.0, shift=-0.5)
    assert all(values.empty for values in readings.shifts(made, "shift").values())
    assert readings.drift(made).empty
    assert readings.drift(made, bounds=True).tolist() == pytest.approx([0, 0, 0])
    assert readings.shifts(made, "shift", bounds=True)["N = 300"].tolist() == [0, 0, 0]
    half = readings.shifts(records(best=-3.3, drift=0.0, shift=-1.0), "shift")  # one of the two is no bound
    assert all(len(values) == 3 for values in half.values())
