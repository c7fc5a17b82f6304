"""The studies: what a run leaves, and that arms differ in their noise alone."""

from dataclasses import replace

import pytest
import torch

from startright.data import Dataset, Split
from startright.papers.dropout import studies
from startright.papers.dropout.layers import Dropout, StochasticDepth
from startright.papers.dropout.networks import residual_mlp
from startright.papers.dropout.studies import metrics, schedules

CPU = torch.device("cpu")


@pytest.fixture
def few(monkeypatch):
    """Few images, for both studies."""
    rng = torch.Generator().manual_seed(0)

    def images(dataset, device):
        x = torch.randn(80, 1, 8, 8, generator=torch.Generator().manual_seed(0))
        part = Split(x, (x[:, 0, 0, 0] > 0).long())
        return Dataset("few", part, part, None, 10, torch.zeros(1), torch.ones(1))

    for module in (metrics, schedules):
        monkeypatch.setattr(module, "images", images)
    return rng


METRICS = replace(studies.METRICS.grid("quick")[0], width=8, epochs=8, batch=20)


def test_measuring_changes_nothing_and_noise_does(few, monkeypatch):
    quiet = studies.METRICS.run(METRICS, 0, CPU)
    loud = studies.METRICS.run(replace(METRICS, rate=0.5), 0, CPU)
    assert loud.metrics["train_loss"] != quiet.metrics["train_loss"]
    assert len(quiet.curves["gdv"]) == 16
    assert quiet.curves["step"][-1] == 32
    assert quiet.curves["distance"][0] == 0
    monkeypatch.setattr(metrics.Measured, "__call__", lambda self, count, model: None)
    monkeypatch.setattr(metrics.Measured, "early", lambda self: {})
    for rate, outcome in ((0.0, quiet), (0.5, loud)):
        unseen = studies.METRICS.run(replace(METRICS, rate=rate), 0, CPU)
        assert unseen.metrics["test_loss"] == outcome.metrics["test_loss"]


def test_the_early_part_is_a_fifth_without_the_start():
    part = Split(torch.zeros(100, 1), torch.zeros(100))
    measured = metrics.Measured(part, replace(METRICS, epochs=20, batch=20), 0)
    measured.curves = {
        "step": [0, 10, 20, 30],
        "norm": [99.0, 1.0, 100.0, 7.0],
        "distance": [0.0, 1.0, 10.0, 99.0],
        "gdv": [9.0, 0.1, 0.3, 9.0],
        "gde": [9.0, 0.2, 0.4, 9.0],
    }
    assert measured.total == 100
    wanted = {"early_gdv": 0.2, "early_gde": 0.3, "early_norm": 1.0, "early_distance": 1.0}
    assert measured.early() == pytest.approx(wanted)


def test_rates_are_those_of_the_method_and_the_schedule():
    config = replace(studies.SCHEDULES.grid("quick")[0], rate=0.4)
    model = residual_mlp(64, 8, 4)
    drops = {kind: [m for m in model.modules() if isinstance(m, kind)] for kind in (Dropout, StochasticDepth)}
    assert schedules.drive(model, config, 60) is None
    late = schedules.drive(model, replace(config, method="depth", schedule="late"), 60)
    late(9)
    assert all(float(m.rate) == 0 for m in model.modules() if isinstance(m, StochasticDepth))
    late(10)
    assert [float(m.rate) for m in drops[StochasticDepth]] == pytest.approx([0.1, 0.2, 0.3, 0.4])
    schedules.drive(model, replace(config, method="dropout", schedule="early"), 60)(5)
    assert [float(m.rate) for m in drops[Dropout]] == pytest.approx([0.2] * 4)


def test_a_run_of_every_kind_ends_and_is_the_same_again(few):
    for config in studies.SCHEDULES.grid("quick"):
        if config.regime == "under":
            small = replace(config, width=8, images=60, epochs=2, batch=30)
            found = studies.SCHEDULES.run(small, 1, CPU)
            assert found.status == "ok"
            assert found.metrics == studies.SCHEDULES.run(small, 1, CPU).metrics


def test_the_grids_hold_the_same_cells_for_both_networks():
    for profile in ("quick", "full"):
        cells = {"under": [], "over": []}
        for config in studies.SCHEDULES.grid(profile):
            cells[config.regime].append((config.method, config.schedule))
        assert cells["under"] == cells["over"]
        assert len(cells["under"]) == len(set(cells["under"])) == 7


def test_depths_are_exact_where_they_must_be():
    config = replace(studies.DEPTH.grid("quick")[0], draws=2000)
    found = studies.DEPTH.run(config, 3, CPU).metrics
    assert found["expected"] == 40.25
    assert found["evaluated_error"] < 1e-10
    assert abs(found["errors_of_mean"]) < 5
    assert studies.DEPTH.run(config, 4, CPU).metrics["sampled"] != found["sampled"]
