"""What a study records is what its methods give."""

from dataclasses import replace

import pytest
import torch

from startright.papers.residual import studies
from startright.papers.residual.studies.inits import InitsConfig
from startright.papers.residual.studies.shattering import ShatteringConfig
from startright.papers.residual.studies.surfaces import SurfacesConfig

CPU = torch.device("cpu")


def test_shattering_alone_and_together():
    config = ShatteringConfig("residual", True, depth=10, width=30, points=64)
    together = studies.SHATTERING.run_stacked([(config, 0), (config, 1)], CPU)
    alone = studies.SHATTERING.run(config, 1, CPU)
    assert together[1].metrics == pytest.approx(alone.metrics, abs=1e-3)
    assert set(alone.metrics) == {f"lag_{k}_at_{L}" for k in (1, 5, 15) for L in (4, 10)}
    assert len(alone.curves["by_depth"]) == 10


def test_starts_alone_and_together():
    config = InitsConfig("looks-linear", 3e-4, steps=30, depth=5, width=16, batch=50)
    pair = [(config, 0), (replace(config, lr=1e-2), 0)]
    together = studies.INITS.run_stacked(pair, CPU)
    alone = studies.INITS.run(config, 0, CPU)
    assert alone.metrics["test_accuracy"] == pytest.approx(together[0].metrics["test_accuracy"], abs=0.02)
    assert together[0].metrics != together[1].metrics
    assert alone.curves["step"][-1] == 30


def test_a_surface():
    config = SurfacesConfig(True, 8, epochs=1, points=5, width=0.25, examples=20)
    outcome = studies.SURFACES.run(config, 0, CPU)
    rows = [curve for name, curve in sorted(outcome.curves.items())]
    assert len(rows) == 5
    assert rows[2][2] == pytest.approx(outcome.metrics["middle"], rel=1e-4)
    lost = studies.SURFACES.run(replace(config, lr=1e6), 0, CPU)
    assert lost.status in ("diverged", "ok")
