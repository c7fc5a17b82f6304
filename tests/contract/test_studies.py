"""What every study of every paper keeps: runs that differ, and records of the whole quick grid."""

import pytest

from startright.book import catalogue
from startright.studies import recorded

STUDIES = list(catalogue.STUDIES.values())
BY_NAME = {"ids": lambda study: study.name}


@pytest.mark.parametrize("study", STUDIES, **BY_NAME)
def test_grids_have_unique_runs(study):
    for profile in study.profiles:
        runs = study.runs(profile)
        assert len({run.key for run in runs}) == len(runs) > 0


@pytest.mark.parametrize("study", STUDIES, **BY_NAME)
def test_a_profile_that_it_has_not_is_refused(study):
    for profile in {"quick", "full", "paper"} - set(study.profiles):
        with pytest.raises(ValueError, match=profile):
            study.grid(profile)


@pytest.mark.parametrize("study", [s for s in STUDIES if "quick" in s.profiles], **BY_NAME)
def test_the_quick_grid_is_recorded(study):
    assert {record.key for record in recorded(study, "quick")} == {run.key for run in study.runs("quick")}
