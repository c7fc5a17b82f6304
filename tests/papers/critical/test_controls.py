"""Every check that counts fails for the wrong method it names, and answers on both sides of its threshold."""

import pytest
from contract.verdicts import assert_controls_fail, assert_sides
from papers.critical import made

from startright.claims import verdict
from startright.papers.critical import claims, studies
from startright.studies import recorded

BY_ID = {claim.id: claim for claim in claims.CLAIMS}
REMOVAL, FISHER = studies.REMOVAL.name, studies.FISHER.name
WINDOW, DECAY = studies.WINDOW.name, studies.DECAY.name


def removal(**other):
    return {REMOVAL: made.removal("full", **other)}


CONTROLS = {
    "C7": {
        claims.EXCHANGED: lambda: removal(blur=-3.0, restart=-3.0),
        claims.REVERSED: lambda: removal(reverse=True),
    },
    "C8": {claims.ALIKE: lambda: removal(blur=5.0, others=5.0, noise=5.0)},
    "C9": {claims.REVERSED: lambda: {WINDOW: made.window(early=0.0, late=3.0)}},
    "C10": {
        claims.UNTRAINED: lambda: {FISHER: made.fisher(peak=1.0, clean=1.0, blur=1.0, gain=0.0)},
        claims.EXCHANGED: lambda: {FISHER: made.fisher(clean=90.0, blur=60.0)},
    },
    "C11": {
        claims.IGNORED: lambda: {
            DECAY: made.decay(without=1.0, least=1.0),
            REMOVAL: made.removal("quick", blur=1.0),
        }
    },
}


@pytest.mark.parametrize("id", CONTROLS)
def test_every_check_fails_for_its_wrong_method(id):
    right = {
        REMOVAL: made.removal("quick" if id == "C11" else "full"),
        WINDOW: made.window(),
        FISHER: made.fisher(),
        DECAY: made.decay(without=5.0),
    }
    claim = BY_ID[id]
    measured = claim.measure({study.name: right[study.name] for study in claim.studies})
    assert all(check.holds for check in measured.checks), [check.text for check in measured.checks]
    assert all(check.counts for check in measured.checks)
    assert verdict(measured) == "other set-up"
    profile = (
        claim.profiles[0]
        if claim.measure({s.name: recorded(s, claim.profiles[0]) for s in claim.studies})
        else "full"
    )
    assert_controls_fail(claim, CONTROLS[id], profile)


def check(id, place, records):
    found = {study.name: [] for study in studies.STUDIES} | records
    return BY_ID[id].measure(found).checks[place]


def test_thresholds_lie_where_they_are_said_to_lie():
    def c7(place, **fixed):
        name = "restart" if place == 2 else "blur"
        return lambda points: check("C7", place, removal(**{name: points}, **fixed))

    assert_sides(c7(0), holds=0.1, fails=-0.1)
    assert_sides(c7(1), holds=0.1, fails=-0.1)
    assert_sides(c7(2), holds=0.1, fails=-0.1)
    assert_sides(lambda p: check("C8", 0, removal(others=p)), holds=0.9, fails=1.2)
    assert_sides(lambda p: check("C8", 0, removal(others=p)), holds=-0.9, fails=-1.2)
    assert_sides(lambda p: check("C8", 1, removal(blur=2.0, noise=p)), holds=1.8, fails=2.2)
    assert_sides(lambda p: check("C9", 0, {WINDOW: made.window(early=p)}), holds=0.1, fails=-0.1)
    assert_sides(lambda p: check("C9", 1, {WINDOW: made.window(late=p)}), holds=0.4, fails=0.6)
    assert_sides(lambda p: check("C9", 1, {WINDOW: made.window(late=p)}), holds=-0.4, fails=-0.6)
    assert_sides(lambda p: check("C10", 0, {FISHER: made.fisher(peak=p, clean=1.0)}), holds=10.5, fails=9.5)
    assert_sides(lambda p: check("C10", 1, {FISHER: made.fisher(peak=60 * p)}), holds=3.1, fails=2.9)
    assert_sides(lambda p: check("C10", 2, {FISHER: made.fisher(gain=p)}), holds=0.1, fails=-0.1)
    assert_sides(lambda p: check("C10", 3, {FISHER: made.fisher(blur=60 * p)}), holds=1.05, fails=0.95)


def test_either_sign_of_weight_decay_is_a_change_and_small_ones_are_none():
    def c11(without):
        return check("C11", 0, {DECAY: made.decay(without=without), REMOVAL: made.removal("quick", blur=1.0)})

    assert_sides(c11, holds=1.3, fails=1.0)
    assert_sides(c11, holds=0.7, fails=1.0)


def test_without_its_deficits_a_claim_is_not_run():
    assert BY_ID["C8"].measure({REMOVAL: made.removal("quick")}) is None
    assert all(BY_ID[id].measure({s.name: [] for s in studies.STUDIES}) is None for id in CONTROLS)
