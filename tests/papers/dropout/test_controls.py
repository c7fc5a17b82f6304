"""Every check that counts fails for the wrong method it names, and answers on both sides of its threshold."""

from functools import cache

import pytest
import torch
from contract.verdicts import assert_controls_fail, assert_sides, checks_of, run_wrong
from papers.dropout import made

from startright.claims import verdict
from startright.papers.dropout import studies
from startright.papers.dropout.claims import CLAIMS
from startright.papers.dropout.depth import expected_depth, survival
from startright.papers.dropout.studies import depth, metrics, schedules

BY_ID = {claim.id: claim for claim in CLAIMS}


@cache
def silent():
    """Nothing sets a rate: dropout is never there. Runs with noise and runs without are both made here."""
    kept = lambda c: getattr(c, "method", "none") in ("none", "dropout", "depth")  # noqa: E731
    needed = lambda c: kept(c) and (c.regime, c.method, c.schedule) in NEEDED  # noqa: E731
    return {
        **run_wrong(studies.METRICS, kept, (metrics, "drive", lambda *a: None)),
        **run_wrong(studies.SCHEDULES, needed, (schedules, "drive", lambda *a: None)),
    }


NEEDED = {
    (regime, method, schedule)
    for regime, noise in (("under", ("dropout", "early")), ("over", ("depth", "late")))
    for method, schedule in (("none", "none"), noise)
}


def shifted():
    """The first block always survives: p_l = 1 − (l − 1)/L · (1 − p_L)."""
    wrong = lambda size, last, rule: (  # noqa: E731
        1 - torch.arange(size, dtype=torch.float64) / size * (1 - last)
        if rule == "linear"
        else right(size, last, rule)
    )
    right = survival
    return run_wrong(studies.DEPTH, lambda c: True, (depth, "survival", wrong))


def equal():
    """All blocks survive alike, as often as the linear rule's do on average."""
    wrong = lambda size, last, rule: torch.full(  # noqa: E731
        (size,), expected_depth(size, last, rule) / size, dtype=torch.float64
    )
    return run_wrong(studies.DEPTH, lambda c: True, (depth, "survival", wrong))


CONTROLS = {
    "rates that are never set": silent,
    "the linear rule counted from 0": shifted,
    "equal rates of the same expected depth": equal,
}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_controls_fail(claim):
    assert_controls_fail(claim, CONTROLS)


@pytest.mark.parametrize(("id", "records"), [("C12", made.metrics), ("C13", made.schedules)])
def test_what_has_the_effect_passes(id, records):
    measured = BY_ID[id].measure(records())
    assert all(check.holds for check in measured.checks if check.counts)
    assert verdict(measured) == "other set-up"


def check_of(id, records, place, effect):
    return lambda size: checks_of(BY_ID[id], records(**{effect: size}))[place]


def test_both_sides_of_every_threshold():
    for place, (effect, sign) in enumerate((("norm", -1), ("distance", 1), ("gdv", -1))):
        assert_sides(check_of("C12", made.metrics, place, effect), holds=0.01 * sign, fails=-0.01 * sign)
    for place, effect in enumerate(("early", "late")):
        assert_sides(check_of("C13", made.schedules, place, effect), holds=0.05, fails=-0.05)


@pytest.mark.parametrize("profile", ["quick", "full"])
def test_the_committed_depths_reproduce(profile):
    checks = checks_of(BY_ID["C14"], profile=profile)
    assert all(check.holds for check in checks)
    assert {check.kind for check in checks} == {"theorem"}
