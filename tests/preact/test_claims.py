"""The room's verdicts follow from the records: tamper with these, and the verdicts must change."""

from dataclasses import replace

import pytest

from startright.claims import evaluate, verdict
from startright.preact import claims, studies
from startright.preact.claims import CLAIMS
from startright.studies import recorded

BY_ID = {claim.id: claim for claim in CLAIMS}


@pytest.fixture(scope="module")
def committed():
    return {study.name: recorded(study, "quick") for study in studies.STUDIES}


def scaled(records, metric, factor, when=lambda config: True):
    """The records with one metric multiplied, in the metrics and at every point of its curve."""
    return [
        replace(
            r,
            metrics={name: value * (factor if name == metric else 1) for name, value in r.metrics.items()},
            curves={k: [x * factor for x in c] if k == metric else c for k, c in r.curves.items()},
        )
        if when(r.config)
        else r
        for r in records
    ]


def judged(claim_id, records):
    return verdict(BY_ID[claim_id].measure(records))


def test_the_ledger_holds_the_ten_claims_in_order():
    assert [claim.id for claim in CLAIMS] == [f"C{k}" for k in range(1, 11)]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_claim_has_a_quick_verdict_from_the_committed_records(claim):
    row = evaluate(claim, "quick")
    assert row.missing == 0
    assert row.verdict == ("other set-up" if claim.id == "C10" else verdict(row.measurement))


@pytest.mark.parametrize("claim_id", ["C2", "C3", "C7", "C8", "C9"])
def test_exact_claims_are_reproduced(claim_id, committed):
    assert judged(claim_id, committed) == "reproduced"


@pytest.mark.parametrize(
    ("claim_id", "study", "metric", "factor"),
    [
        ("C2", studies.LAW, "ks", 1e12),
        ("C3", studies.LAW, "second_moment_error", 1e12),
        ("C4", studies.DEPENDENCE, "ks", 1.5),
        ("C5", studies.DEPENDENCE, "ks", 1.5),
        ("C7", studies.FIXED_POINTS, "stable_per_period", 0.5),
        ("C8", studies.MOMENTS, "kurtosis_2", 1.1),
        ("C9", studies.PRINCIPLES, "law", 0.0),
    ],
)
def test_tampered_records_lose_the_verdict(claim_id, study, metric, factor, committed):
    table = scaled(committed[study.name], metric, factor)
    assert judged(claim_id, committed | {study.name: table}) != "reproduced"


def test_a_positive_function_that_drifts_loses_c6(committed):
    name = studies.DEPTH.name
    table = scaled(committed[name], "ks", 10, when=lambda config: config["scheme"] == "positive")
    row = BY_ID["C6"].measure(committed | {name: table})
    assert [check.holds for check in row.checks] == [False, True, False, True]


def test_a_relu_that_stays_gaussian_loses_c1(committed):
    name = studies.DEPTH.name
    table = scaled(committed[name], "ks_standardised", 1e-3, when=lambda config: config["scheme"] == "relu")
    before, after = (BY_ID["C1"].measure(committed | {name: t}) for t in (committed[name], table))
    assert sum(c.holds for c in after.checks) < sum(c.holds for c in before.checks)


def test_the_learning_rate_is_chosen_on_validation_and_not_on_test(committed):
    table = committed[studies.TRAINING.name]
    best = claims.best_by_validation(table)
    worse = claims.best_by_validation(scaled(table, "test_accuracy", 0.0, when=lambda c: c["lr"] == 0.1))
    assert set(best["lr"]) == set(worse["lr"])
