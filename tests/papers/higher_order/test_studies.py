"""The paper's studies: grids that hold together, records that are complete and reproduce."""

import pytest
from contract.reruns import assert_reproduces

from startright.papers.higher_order.networks import NETWORKS
from startright.papers.higher_order.studies import STUDIES

QUICK = [study for study in STUDIES if "quick" in study.profiles]
TIMED = "higher-order-cost"  # a time is not reproduced


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.name)
def test_networks_are_known(study):
    for profile in study.profiles:
        assert {config.net for config in study.grid(profile) if hasattr(config, "net")} <= set(NETWORKS)


@pytest.mark.parametrize("study", [s for s in QUICK if s.name != TIMED], ids=lambda study: study.name)
def test_a_run_of_each_study_reproduces(study, tmp_path):
    """The last config of each grid, the first seed."""
    if study.name == "higher-order-kfac":
        pytest.importorskip("curvlinops")
    last, seeds = study.grid("quick")[-1], study.seeds("quick")[:1]
    assert_reproduces(study, tmp_path, config=last, seeds=seeds, rel=0.1, abs=0.02)
