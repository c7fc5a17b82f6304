from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from startright.book import catalogue
from startright.claims import Check, Claim, Measurement, evaluate
from startright.paths import repository
from startright.studies import Outcome, Study, run

# --- what is in it ---------------------------------------------------------------------------------


def test_study_names_are_unique_and_start_with_their_paper():
    listed = [study for paper in catalogue.PAPERS for study in paper.studies]
    assert len(listed) == len(catalogue.STUDIES) > 0
    for paper in catalogue.PAPERS:
        for study in paper.studies:
            assert study.name.startswith(f"{paper.name.replace('_', '-')}-")  # a dash for each underscore
            assert catalogue.study(study.name) is study


def test_every_claim_stands_on_studies_of_the_catalogue():
    for claim in catalogue.CLAIMS:
        assert claim.studies
        assert all(catalogue.STUDIES[study.name] is study for study in claim.studies)
        assert claim.profiles


def test_claims_are_numbered_once_under_their_paper():
    numbers = [(claim.paper, claim.id) for claim in catalogue.CLAIMS]
    assert len(set(numbers)) == len(numbers) > 0
    for paper in catalogue.PAPERS:
        assert {claim.paper for claim in paper.claims} == {paper.name}
        assert len(catalogue.claims(paper.name)) == len(paper.claims)


@pytest.mark.parametrize("claim", catalogue.CLAIMS, ids=lambda claim: f"{claim.paper}-{claim.id}")
def test_every_claim_is_shown_on_a_page(claim):
    book = (repository() or Path(__file__).parents[1]) / "book"
    source = (book / f"{claim.page}.py").read_text(encoding="utf-8")
    assert claim.anchor
    assert claim.anchor in source


def test_every_grid_can_be_laid_out():
    for study in catalogue.STUDIES.values():
        assert study.profiles  # most have a quick one; some need a cluster or a data set
        for profile in study.profiles:
            assert study.runs(profile)


@pytest.mark.parametrize("claim", catalogue.CLAIMS, ids=lambda claim: f"{claim.paper}-{claim.id}")
def test_no_claim_fails_on_the_committed_records(claim, monkeypatch):
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(repository() / "data" / "results"))
    assert [evaluate(claim, profile).reason for profile in claim.profiles] == [None] * len(claim.profiles)


def test_unknown_names_are_refused():
    name = next(iter(catalogue.STUDIES))
    with pytest.raises(ValueError, match=f"did you mean '{name}'"):
        catalogue.study(name[:-1])
    with pytest.raises(ValueError, match="unknown paper 'preac': did you mean 'preact'"):
        catalogue.claims("preac")
    with pytest.raises(ValueError, match="unknown paper"):
        catalogue.rows("")
    with pytest.raises(ValueError, match="unknown profile 'ful': did you mean 'full'"):
        catalogue.rows(profile="ful")


# --- which profile a row is of ---------------------------------------------------------------------


@dataclass(frozen=True)
class Size:
    size: int


def grid(profile):
    if profile == "paper":
        raise ValueError("the study has no profile 'paper'")
    return [Size(1)] if profile == "quick" else [Size(1), Size(2)]


TOY = Study("toy-sizes", 1, "?", grid, lambda profile: [0], lambda c, s, d: Outcome({"size": c.size}))


def measure(records):
    return Measurement("sizes", len(records["toy-sizes"]), None, 1, (Check("", True, control="none"),))


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """A claim alone in the catalogue, and a results folder to itself."""
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path))
    claim = Claim("toy", "C1", "", "", (TOY,), measure, "part/toy", "fig")
    monkeypatch.setattr(catalogue, "CLAIMS", [claim])
    return claim


def test_a_profile_that_is_judged_in_part_is_shown_before_a_smaller_whole_one(toy, monkeypatch):
    run(TOY, "quick", device="cpu", progress=False)  # of the two runs of `full`, one
    assert catalogue.rows()[0].profile == "quick"
    monkeypatch.setattr(catalogue, "CLAIMS", [replace(toy, partial=("full",))])
    (row,) = catalogue.rows()
    assert (row.profile, row.records, row.missing) == ("full", 1, 1)


def test_the_largest_profile_that_is_complete_is_shown(toy):
    (row,) = catalogue.rows()
    assert (row.profile, row.verdict, row.records) == ("quick", "not yet run", 0)
    run(TOY, "quick", device="cpu", progress=False)
    (row,) = catalogue.rows()
    assert (row.profile, row.verdict) == ("quick", "reproduced")
    run(TOY, "full", device="cpu", progress=False)
    (row,) = catalogue.rows()
    assert (row.profile, row.measurement.value) == ("full", 2)


def test_of_incomplete_profiles_the_one_with_most_records_is_shown(toy, monkeypatch):
    grids = {"quick": [Size(9), Size(8)], "full": [Size(1), Size(2), Size(3)]}
    wider = replace(TOY, grid=lambda profile: grids.get(profile, []))
    monkeypatch.setattr(catalogue, "CLAIMS", [replace(toy, studies=(wider,))])
    run(TOY, "full", device="cpu", progress=False)
    (row,) = catalogue.rows("toy")
    assert (row.profile, row.records, row.missing) == ("full", 2, 1)


def test_a_profile_can_be_asked_for(toy):
    run(TOY, "full", device="cpu", progress=False)
    assert [row.profile for row in catalogue.rows("toy", "quick")] == ["quick"]
    assert catalogue.rows(profile="paper") == []


def test_a_profile_that_cannot_be_measured_is_not_hidden_by_a_smaller_one(toy, monkeypatch):
    def measure_small(records):
        if len(records["toy-sizes"]) > 1:
            raise IndexError("too many")
        return measure(records)

    monkeypatch.setattr(catalogue, "CLAIMS", [replace(toy, measure=measure_small)])
    run(TOY, "full", device="cpu", progress=False)
    (row,) = catalogue.rows()
    assert (row.profile, row.verdict) == ("full", "cannot be measured")
    assert row.reason == "toy C1: IndexError: too many (0 of 2 runs diverged)"
