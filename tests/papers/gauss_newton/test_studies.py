"""The paper's studies: grids that hold together, records that reproduce."""

import pytest
from contract.reruns import assert_reproduces

from startright.papers.gauss_newton import studies

OURS = (studies.GRID, studies.SPEED, studies.DAMPING)


@pytest.mark.parametrize(
    ("study", "scale", "rate", "rel"),
    [(studies.GRID, 1.0, 0.1, 1e-3), (studies.SPEED, 10.0, 1.0, 1e-3), (studies.DAMPING, 0.1, 0.1, 1e-2)],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_run_of_each_study_reproduces(study, scale, rate, rel, tmp_path):
    """A config of each grid whose course is not chaotic."""
    one = next(c for c in study.grid("quick") if (c.scale, c.rate) == (scale, rate))
    assert_reproduces(study, tmp_path, config=one, seeds=(1,), engine="auto", rel=rel, abs=1e-7)


def test_the_paper_profile_is_the_papers_protocol():
    configs = studies.GRID.grid("paper")
    assert {c.scale for c in configs} == {0.01, 0.1, 0.5, 1.0, 5.0, 10.0, 100.0}
    assert {(c.width, c.points, c.tests, c.target) for c in configs} == {(5000, 500, 10_000, 1e-8)}
    assert 10 / 500 in {c.rate for c in configs}  # the released λ = 10
    longest = max(c.max_steps for c in studies.SPEED.grid("paper"))
    assert longest == 2_000_000


def test_the_full_grid_has_the_papers_network():
    assert {(c.width, c.points) for c in studies.GRID.grid("full")} == {(5000, 500)}
    assert len(studies.GRID.seeds("full")) == 5
