"""The room's measurements follow from the records: tamper with these, and checks that held must fail."""

from dataclasses import replace

import pytest

from startright.claims import evaluate
from startright.gauss_newton import claims, studies
from startright.gauss_newton.claims import CLAIMS
from startright.studies import recorded

BY_ID = {claim.id: claim for claim in CLAIMS}
OURS = [claim for claim in CLAIMS if claim.id != "C8"]


@pytest.fixture(scope="module")
def quick():
    return {s.name: recorded(s, "quick") for s in (studies.GRID, studies.SPEED, studies.DAMPING)}


def changed(records, edit, when=lambda config: True):
    """The records with the metrics and curves of some of them replaced by what ``edit`` makes of a value."""
    return [
        replace(
            r,
            metrics={name: edit(name, value) for name, value in r.metrics.items()},
            curves={name: [edit(name, value) for value in curve] for name, curve in r.curves.items()},
        )
        if when(r.config)
        else r
        for r in records
    ]


def held(claim_id, records):
    return [check.holds for check in BY_ID[claim_id].measure(records).checks]


def times(factor, *names):
    return lambda name, value: factor * value if name in names else value


def is_gradient(config):
    return config["method"] == "gradient"


def is_slow(config):
    return not is_gradient(config) and config["rate"] == 0.02


def test_the_ledger_holds_the_eight_claims_in_order():
    assert [claim.id for claim in CLAIMS] == [f"C{k}" for k in range(1, 9)]
    assert {claim.paper for claim in CLAIMS} == {claims.PAPER} == {"gauss_newton"}


@pytest.mark.parametrize("claim", OURS, ids=lambda claim: claim.id)
def test_quick_records_are_there_and_judge(claim):
    row = evaluate(claim, "quick")
    assert row.missing == 0
    assert row.verdict in ("reproduced", "partly", "not reproduced")
    assert row.measurement.n >= 3
    assert row.measurement.note.startswith("M = 200, N = 100")


@pytest.mark.parametrize("claim", OURS, ids=lambda claim: claim.id)
def test_full_claims_have_five_teachers(claim):
    row = evaluate(claim, "full")
    if row.measurement is not None:  # records of an unfinished grid are no measurement
        assert row.measurement.n >= 5


@pytest.mark.parametrize(
    ("claim_id", "study", "edit", "when_and_check"),
    [
        ("C1", studies.GRID, times(1.2, "steps_8"), (is_slow, 0)),
        ("C1", studies.GRID, times(2.5, "steps_8"), (is_slow, 1)),
        ("C1", studies.GRID, lambda n, v: 1.0 if n.startswith("first_") else v, (is_slow, 2)),
        ("C1", studies.SPEED, times(0.1, "steps_1"), (is_slow, 3)),
        ("C1", studies.SPEED, times(100, "steps_1"), (is_gradient, 4)),
        ("C2", studies.SPEED, times(100, "steps_4"), (is_slow, 1)),
        ("C2", studies.SPEED, times(100, "steps_4"), (lambda c: c["rate"] == 0.1, 2)),
        ("C3", studies.GRID, times(2, "test_loss"), (lambda c: c["rate"] == 1.0, 0)),
        ("C3", studies.GRID, times(2, "rf_test"), (lambda c: c["scale"] == 10, 1)),
        ("C4", studies.GRID, times(100, "test_loss"), (lambda c: c["scale"] == 0.01 and is_slow(c), 0)),
        ("C4", studies.GRID, times(100, "test_loss"), (lambda c: c["scale"] == 0.1 and is_slow(c), 1)),
        ("C4", studies.GRID, times(0.4, "test_loss"), (lambda c: c["rate"] == 1.0, 2)),
        ("C4", studies.GRID, times(0.01, "rf_test"), (is_slow, 3)),
        ("C4", studies.GRID, times(1e-6, "test_loss"), (lambda c: c["rate"] == 1.0, 4)),
        ("C5", studies.GRID, times(10, "refit_test"), (is_slow, 0)),
        ("C6", studies.GRID, times(2.5, "weighted_cka"), (lambda c: c["rate"] == 1.0, 2)),
        ("C7", studies.SPEED, times(100, "test_loss"), (is_gradient, 0)),
        ("C7", studies.SPEED, times(0.5, "weighted_cka"), (is_gradient, 3)),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("C") else "",
)
def test_tampered_records_fail_the_check_that_is_about_them(claim_id, study, edit, when_and_check, quick):
    when, check = when_and_check
    assert held(claim_id, quick)[check] is True
    tampered = quick | {study.name: changed(quick[study.name], edit, when)}
    assert held(claim_id, tampered)[check] is False


def test_features_that_do_not_improve_are_no_hidden_learning(quick):
    name = studies.GRID.name
    still = [
        replace(r, curves=r.curves | {"refit_test": [r.curves["refit_test"][0]] * len(r.curves["step"])})
        for r in quick[name]
    ]
    assert held("C5", quick | {name: still})[1] is False


def test_a_diverged_run_counts_as_infinitely_bad(quick):
    name = studies.GRID.name
    lost = [
        replace(r, status="diverged", reason="a loss")
        if is_slow(r.config) and r.config["scale"] == 0.1 and r.seed == 0
        else r
        for r in quick[name]
    ]
    assert held("C4", quick | {name: lost})[1] is False


def test_the_slowing_of_a_straight_line_is_one(quick):
    record = quick[studies.GRID.name][0]
    steps = [0, 10, 50, 100]
    losses = [10 ** (-step / 25) for step in steps]
    line = replace(record, curves={"step": steps, "train_loss": losses}, metrics={"steps_1": 25})
    assert list(claims.slowing([line])) == [pytest.approx(1)]


def test_the_point_nearest_to_a_fraction_is_by_ratio(quick):
    curves = claims._feature_curves(quick).query("scale == 1.0 and rate == 0.02")
    points = claims.at_fraction(curves, 0.5)
    assert len(points) == len(studies.GRID.seeds("quick"))
    first = curves.groupby("seed")["train_loss"].first().to_numpy()
    assert (
        (points["train_loss"].to_numpy() / first > 0.3) & (points["train_loss"].to_numpy() / first < 0.8)
    ).all()
