"""The paper's verdicts follow from the records: a value beside a threshold decides its check."""

from dataclasses import replace
from functools import partial

import pytest
from contract.verdicts import assert_sides, checks_of

from startright.claims import evaluate
from startright.papers.priors import studies
from startright.papers.priors.claims import CLAIMS
from startright.studies import recorded

BY_ID = {claim.id: claim for claim in CLAIMS}


def check_of(place, study, edit, size):
    """A check, (claim, number), on records in which something has the given size."""
    claim, number = place
    records = [
        replace(r, metrics=r.metrics | (edit(size, r.config, r.seed) or {})) for r in recorded(study, "quick")
    ]
    return checks_of(BY_ID[claim], {study.name: records}, "quick")[number]


def sides(place, study, edit, holds, fails):
    assert_sides(partial(check_of, place, study, edit), holds=holds, fails=fails)


def test_the_ledger_holds_the_eight_claims_in_order():
    assert [claim.id for claim in CLAIMS] == [f"C{k}" for k in range(1, 9)]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_claim_can_be_measured_on_the_committed_records(claim):
    row = evaluate(claim, "quick")
    assert (row.missing, row.reason) == (0, None)
    assert (row.verdict == "other set-up") == (claim.id in ("C6", "C7", "C8"))


@pytest.mark.parametrize("claim_id", ["C1", "C2", "C3", "C4", "C5"])
@pytest.mark.parametrize("profile", ["quick", "full"])
def test_the_theory_is_reproduced(claim_id, profile):
    assert evaluate(BY_ID[claim_id], profile).verdict == "reproduced"


def only(prior, sigma, metric):
    def edit(size, config, seed):
        return {metric: size} if (config["prior"], config["sigma"]) == (prior, sigma) else None

    return edit


def test_known_priors_come_back():
    sides(("C1", 0), studies.RECOVERY, only("laplace", 0.5, "tv"), 0.00599, 0.00601)
    sides(("C1", 1), studies.RECOVERY, only("quartic", 0.5, "tv"), 0.99e-6, 1.01e-6)
    sides(("C1", 1), studies.RECOVERY, only("gaussian", 1.0, "tv"), 0.99e-6, 1.01e-6)
    for sign in (1, -1):
        edit = only("laplace", 1.0, "constant_error")
        sides(
            ("C1", 2), studies.RECOVERY, lambda s, c, n, sign=sign, e=edit: e(sign * s, c, n), 0.0019, 0.0021
        )
    sides(("C1", 3), studies.RECOVERY, only("gaussian", 0.25, "way_back"), 0.0019, 0.0021)


def case(name, metric):
    return lambda size, config, seed: {metric: size} if config["case"] == name else None


def test_a_of_the_divergence_is_the_same_for_all_sigma():
    sides(("C2", 0), studies.CONDITIONS, case("gaussian", "depends"), 0.99e-6, 1.01e-6)
    sides(("C2", 0), studies.CONDITIONS, case("gaussian", "accepted"), 1, 0)


@pytest.mark.parametrize(
    ("place", "name"),
    [
        (("C2", 1), "tempered"),
        (("C2", 2), "no-logarithm"),
        (("C2", 3), "one-over-variance"),
        (("C4", 1), "l1-mean"),
        (("C4", 2), "undamped"),
        (("C4", 3), "pure-cosine"),
        (("C4", 4), "dirac-log"),
        (("C4", 5), "dirac-half"),
    ],
)
def test_a_rejection_needs_its_reason(place, name):
    sides(place, studies.CONDITIONS, case(name, "right"), 1, 0)
    assert check_of(place, studies.CONDITIONS, case(name, "accepted"), 1).holds is False


def test_the_signs_of_point_masses():
    sides(("C3", 0), studies.CONDITIONS, case("dirac-l1", "tv"), 0.99e-6, 1.01e-6)
    sides(("C3", 1), studies.CONDITIONS, case("dirac-cauchy", "tv"), 0.00199, 0.00201)


@pytest.mark.parametrize("name", ["gaussian", "laplace", "cosine"])
def test_proper_penalties_must_be_accepted(name):
    sides(("C4", 0), studies.CONDITIONS, case(name, "accepted"), 1, 0)


@pytest.mark.parametrize(("holds", "fails"), [(1.0099, 1.0101), (0.9901, 0.9899)])
def test_glorots_condition_is_met_within_a_hundredth(holds, fails):
    def edit(size, config, seed):
        return {"second": size} if (config["kind"], config["fan_in"]) == ("rows", 27) else {"second": 1.0}

    sides(("C5", 0), studies.STRENGTHS, edit, holds, fails)


@pytest.mark.parametrize(("holds", "fails"), [(1.049, 1.051), (0.951, 0.949)])
def test_the_kurtosis_is_met_within_a_twentieth(holds, fails):
    def edit(size, config, seed):
        return {"kurtosis": size, "kurtosis_exact": 1.0}

    sides(("C5", 1), studies.STRENGTHS, edit, holds, fails)


# --- training -------------------------------------------------------------------------------


def peak(exponent):
    """Accuracies of which that of one exponent is the best, in both set-ups and on both parts."""

    def edit(size, config, seed):
        score = 0.9 if config["exponent"] == exponent(size) else 0.5
        return {"validation_accuracy": score, "test_accuracy": score}

    return edit


@pytest.mark.parametrize(("holds", "fails"), [(0.5, 0.0), (2.0, 2.5)])
def test_the_best_strength_is_below_the_theoretical_one_by_as_much_as_published(holds, fails):
    sides(("C6", 0), studies.TRAINING, peak(lambda size: -size), holds, fails)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_setups_are_level_within_seven_tenths_of_a_point(sign):
    def edit(size, config, seed):
        bonus = sign * size / 100 if config["setup"] == "bayesian" and config["kind"] == "rows" else 0.0
        return {"validation_accuracy": 0.8, "test_accuracy": 0.8 + bonus}

    sides(("C7", 0), studies.TRAINING, edit, 0.699, 0.701)


def test_theory_costs_as_little_as_published():
    def edit(size, config, seed):
        loss = size / 100 if config["exponent"] == 0 else 0.0
        return {"validation_accuracy": 0.8 - loss, "test_accuracy": 0.8 - loss}

    sides(("C8", 0), studies.TRAINING, edit, 2.79, 2.81)


def test_strengths_are_chosen_on_validation_and_not_on_test():
    def edit(size, config, seed):
        score = {"validation_accuracy": 0.9 if config["exponent"] == -1.0 else 0.5}
        return score | {"test_accuracy": 0.9 if config["exponent"] == 0.0 else 0.5}

    assert check_of(("C6", 0), studies.TRAINING, edit, 0).holds is True
    assert check_of(("C8", 0), studies.TRAINING, edit, 0).holds is True  # −40 points
