"""The paper's studies: grids that hold together, records that are complete and reproduce."""

from dataclasses import replace

import pytest

from startright.papers.higher_order.networks import NETWORKS
from startright.papers.higher_order.studies import STUDIES
from startright.studies import RecordStore, compare, recorded, run

QUICK = [study for study in STUDIES if "quick" in study.profiles]
TIMED = "higher-order-cost"  # a time is not reproduced


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_networks_are_known(study):
    for profile in study.profiles:
        assert {config.net for config in study.grid(profile) if hasattr(config, "net")} <= set(NETWORKS)


@pytest.mark.parametrize("study", [s for s in QUICK if s.name != TIMED], ids=lambda study: study.name)
def test_a_run_of_each_study_reproduces(study, tmp_path):
    """A config of each grid, run afresh, gives the committed numbers."""
    if study.name == "higher-order-kfac":
        pytest.importorskip("curvlinops")
    committed = {record.key: record for record in recorded(study, "quick")}
    one, seeds = study.grid("quick")[-1:], study.seeds("quick")[:1]
    small = replace(study, grid=lambda profile: one, seeds=lambda profile: seeds)
    store = RecordStore(tmp_path / "fresh.jsonl")
    fresh = run(small, "quick", device="cpu", engine="serial", store=store, progress=False)
    assert compare(fresh, [committed[record.key] for record in fresh], rel=0.1, abs=0.02) == []
