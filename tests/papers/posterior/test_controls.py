"""Every check that counts fails for the wrong method it names, and answers on both sides of its threshold."""

from dataclasses import replace

import pytest
import torch
from contract.verdicts import assert_controls_fail, assert_sides, checks_of
from papers.posterior.made import records

from startright.claims import Measurement, verdict
from startright.papers.posterior import studies
from startright.papers.posterior.claims import CLAIMS
from startright.papers.posterior.studies import conjugate
from startright.studies import Record, recorded

BY_ID = {claim.id: claim for claim in CLAIMS}
CONJUGATE, TEMPERATURE = studies.CONJUGATE, studies.TEMPERATURE


def rerun(when, **other):
    """Quick conjugate records; where ``when`` says so the curves are those of other settings."""
    right, found = conjugate.curve, []
    for run in CONJUGATE.runs("quick"):
        config = replace(run.config, problems=5, points=5)
        wrong = other if when(config) else {}
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(
                conjugate, "curve", lambda c, seed, taus, w=wrong: right(replace(c, **w), seed, taus)
            )
            outcome = CONJUGATE.run(config, run.seed, torch.device("cpu"))
        found.append(Record.of(run, outcome, profile="quick"))
    return {CONJUGATE.name: found}


def temperature(**other):
    return {TEMPERATURE.name: records(**other)}


def reversed_temperatures():
    """The loss at τ in place of that at the temperature opposite on the grid, and the means with it."""
    made = records()
    taus = sorted({r.config["temperature"] for r in made})
    opposite = dict(zip(taus, reversed(taus), strict=True)) | {0.016: 1.0, 1.0: 0.016}
    found = {(r.config["count"], r.config["augment"], r.config["temperature"], r.seed): r for r in made}
    swapped = [
        replace(r, metrics=found[c["count"], c["augment"], opposite[c["temperature"]], r.seed].metrics)
        for r in made
        for c in [r.config]
    ]
    return {TEMPERATURE.name: swapped}


CONTROLS = {
    "labels curated": lambda: rerun(lambda c: c.curation == c.copies == 1, curation=5.0),
    "a posterior of independent weights": lambda: rerun(lambda c: True, mean_field=True),
    "labels not curated": lambda: rerun(lambda c: c.curation > 1, curation=1.0),
    "copies counted once": lambda: rerun(lambda c: c.copies > 1, copies=1.0),
    "temperatures reversed": reversed_temperatures,
    "augmentations exchanged": lambda: temperature(shift=0.5),
    "duplicates counted as data": lambda: temperature(twice=0.301),
    "numbers of data exchanged": lambda: temperature(drift=-0.3),
}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_controls_fail(claim):
    assert_controls_fail(claim, CONTROLS)


@pytest.mark.parametrize("id", ["C14", "C15", "C16"])
def test_what_has_the_effect_passes(id):
    assert all(check.holds for check in checks_of(BY_ID[id], temperature()) if check.counts)


def check_of(id, place):
    return lambda **other: checks_of(BY_ID[id], temperature(**other))[place]


def test_both_sides_of_every_threshold():
    colder, still, drift = check_of("C15", 0), check_of("C15", 1), check_of("C16", 0)
    assert_sides(lambda size: colder(shift=size, noise=0.001), holds=-0.02, fails=0.02)
    for sign in (-1, 1):
        assert_sides(lambda size, s=sign: still(twice=s * size, noise=0.001), holds=0.14, fails=0.16)
    assert_sides(lambda size: drift(drift=size, noise=0.001), holds=0.02, fails=-0.02)
    alone = {"shift": 0.0, "drift": 0.0, "noise": 0.001}
    for place in (0, 1):  # the optimum nearer to the cold temperature, or to 1
        worse = check_of("C14", place)
        assert_sides(lambda at, w=worse: w(best=at, **alone), holds=-0.95, fails=-0.85)


def test_the_verdicts_of_other_set_ups_say_so():
    for id in ("C14", "C15", "C16"):
        measured = BY_ID[id].measure(temperature())
        assert isinstance(measured, Measurement)
        assert verdict(measured) == "other set-up"


@pytest.mark.parametrize("id", ["C11", "C12", "C13"])
def test_the_committed_exact_records_reproduce(id):
    for profile in ("quick", "full"):
        checks = checks_of(BY_ID[id], profile=profile)
        assert recorded(CONJUGATE, profile)
        assert all(check.holds for check in checks)
        assert {check.kind for check in checks} == {"theorem"}
