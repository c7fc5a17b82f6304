"""What claims, tables and figures read from the records."""

from dataclasses import replace

import numpy as np
import pytest

from startright.papers.gauss_newton import readings, studies
from startright.studies import Outcome, Record, curve_frame, recorded


@pytest.fixture(scope="module")
def grid():
    return recorded(studies.GRID, "quick")


def test_the_slowing_of_a_straight_line_is_one(grid):
    record = grid[0]
    steps = [0, 10, 50, 100]
    losses = [10 ** (-step / 25) for step in steps]
    line = replace(record, curves={"step": steps, "train_loss": losses}, metrics={"steps_1": 25})
    assert list(readings.slowing([line])) == [pytest.approx(1)]
    assert np.isnan(readings.slowing([replace(line, metrics={}), replace(line, status="diverged")])).all()


def test_the_point_nearest_to_a_fraction_is_by_ratio(grid):
    curves = curve_frame(grid, "step", "train_loss").query("scale == 1.0 and rate == 0.02")
    points = readings.at_fraction(curves, 0.5)
    assert len(points) == 3
    parts = points["train_loss"].to_numpy() / curves.groupby("seed")["train_loss"].first().to_numpy()
    assert ((parts > 0.3) & (parts < 0.8)).all()


def test_metrics_by_seed_say_what_is_missing():
    found = [
        Record.of(
            run, Outcome({"test_loss": (0.1 + 0.1 * run.config.rate) * (1 + run.seed / 100)}), profile="quick"
        )
        for run in studies.MNIST.runs("quick")
    ]
    lost = [replace(r, status="diverged") if r.seed == 1 else r for r in found]
    values = readings.by_seed(lost, "test_loss", scale=0.1, rate=1.0)
    assert values[[0, 2]].tolist() == pytest.approx([0.2, 0.204])
    assert np.isnan(values[1])
    assert readings.by_seed(found, "test_loss", method="gradient", scale=0.1)[0] == pytest.approx(0.13)
    assert readings.by_seed(found, "test_loss", scale=0.1, rate=1.0, needs="no such").isna().all()
    assert readings.by_seed(found, "no such", scale=0.1, rate=1.0).isna().all()


def test_small_steps_below_the_kernel_regime_are_averaged_by_seed(grid):
    naive = np.prod(
        [readings.metric(grid, "rf_test", rate=0.02, scale=s) for s in (0.01, 0.1, 1.0)], axis=0
    ) ** (1 / 3)
    assert readings.below_kernel(grid, "rf_test").to_numpy() == pytest.approx(naive)
