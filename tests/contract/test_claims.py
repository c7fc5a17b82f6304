"""What every claim of every paper keeps: a place in the paper, checks with controls, dated changes."""

import re

import pytest

from startright.book import catalogue
from startright.claims import evaluate

CLAIMS = catalogue.claims()
OPEN = ("preact C10",)  # a question of the paper's: nothing to agree with


def name(claim):
    return f"{claim.paper} {claim.id}"


@pytest.mark.parametrize("claim", CLAIMS, ids=name)
def test_the_ledger_says_where_in_the_paper_it_stands(claim):
    assert claim.locator.strip()
    for change in claim.changes:
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", change.date)
        assert change.check
        assert change.before != change.after
        assert change.why


@pytest.mark.parametrize("claim", [c for c in CLAIMS if c.profiles], ids=name)
def test_what_is_measured_has_checks_that_can_fail(claim):
    for profile in claim.profiles:
        row = evaluate(claim, profile)
        if row.measurement is not None and name(claim) not in OPEN:
            assert any(check.counts for check in row.measurement.checks)
            assert row.kind


def test_a_claim_is_judged_in_part_only_where_a_grid_is_for_a_cluster():
    assert {profile for claim in CLAIMS for profile in claim.partial} <= {"paper"}
