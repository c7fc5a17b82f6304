"""The room's measurements follow from the records: tamper with these, and checks that held must fail."""

from dataclasses import replace

import pytest

from startright.claims import evaluate
from startright.higher_order import claims, studies
from startright.higher_order.claims import CLAIMS
from startright.studies import frame, recorded

BY_ID = {claim.id: claim for claim in CLAIMS}
EXACT = ("C1", "C2", "C3", "C8")


@pytest.fixture(scope="module")
def quick():
    return {s.name: recorded(s, "quick") for s in studies.STUDIES if "quick" in s.profiles}


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


def test_the_ledger_holds_the_eight_claims_in_order():
    assert [claim.id for claim in CLAIMS] == [f"C{k}" for k in range(1, 9)]


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_quick_records_are_there_and_judge_identities_and_costs_alone(claim):
    row = evaluate(claim, "quick")
    assert row.missing == 0
    assert row.verdict == ("reproduced" if claim.id in EXACT else "other set-up")


@pytest.mark.parametrize("claim_id", ["C4", "C5"])
def test_single_steps_are_judged_on_the_papers_data(claim_id):
    assert evaluate(BY_ID[claim_id], "full").verdict in ("reproduced", "partly", "not reproduced")


@pytest.mark.parametrize("claim_id", ["C6", "C7"])
def test_trainings_shorter_than_the_papers_reproduce_nothing(claim_id, monkeypatch):
    row = evaluate(BY_ID[claim_id], "full")
    assert row.verdict == "other set-up"
    changes = {"n_train": None, "epochs": 100}
    nets = {r.config["net"] for study in BY_ID[claim_id].studies for r in recorded(study, "full")}
    monkeypatch.setattr(claims, "PAPER_NETS", nets)
    longer = {
        study.name: [replace(r, config=r.config | changes) for r in recorded(study, "full")]
        for study in BY_ID[claim_id].studies
    }
    assert evaluate(BY_ID[claim_id], "full", longer).verdict in ("reproduced", "partly", "not reproduced")


def is_grouped(config):
    return config["method"] == "grouped"


def rival_wins(name, value):
    return value / 100 if name == "train_loss" else value


@pytest.mark.parametrize(
    ("claim_id", "study", "edit", "when"),
    [
        ("C1", studies.EXACTNESS, lambda n, v: v + 1e-9, lambda c: c["backend"] == "func"),
        ("C2", studies.COST, lambda n, v: 10 * v, lambda c: c["groups"] == 10),
        ("C2", studies.COST, lambda n, v: 5 * v, lambda c: c["third"] and c["backend"] == "double_backward"),
        ("C3", studies.INVARIANCE, lambda n, v: v + 1e-3, lambda c: c["change"] == "rotation"),
        ("C3", studies.INVARIANCE, lambda n, v: 0 * v, lambda c: c["change"] == "split"),
        ("C8", studies.MERGING, lambda n, v: v + 1e-9, lambda c: c["groups"] == "blocks"),
        ("C4", studies.ONE_STEP, lambda n, v: 9.0 if n.startswith("diagonal") else v, lambda c: True),
        ("C4", studies.ONE_STEP, lambda n, v: 0.1 if n == "max_interaction" else v, lambda c: True),
        ("C5", studies.ONE_STEP, lambda n, v: 9.0 if n == "cubic" else v, lambda c: True),
        ("C5", studies.INDEFINITE, lambda n, v: 0.1 if n == "relative_eigenvalue" else v, lambda c: True),
        ("C6", studies.LEARNING, rival_wins, is_grouped),
        ("C6", studies.NETWORKS, rival_wins, lambda c: not is_grouped(c)),
        ("C6", studies.PEER, rival_wins, lambda c: True),
        ("C7", studies.CHOICES, lambda n, v: v / 100, lambda c: c["groups"] == "trivial"),
        ("C7", studies.LEARNING, lambda n, v: -abs(v) if n.startswith("eta") else v, is_grouped),
        ("C7", studies.LEARNING, lambda n, v: 1.0 if n.startswith("eta") else v, is_grouped),
    ],
    ids=lambda value: value if isinstance(value, str) and value.startswith("C") else "",
)
def test_tampered_records_change_the_checks(claim_id, study, edit, when, quick):
    tampered = quick | {study.name: changed(quick[study.name], edit, when)}
    assert held(claim_id, tampered) != held(claim_id, quick)


def test_a_diverged_training_by_groups_is_seen(quick):
    name = studies.LEARNING.name
    records = [
        replace(r, status="diverged", reason="a loss")
        if is_grouped(r.config) and (r.config["lr"], r.seed) == (0.1, 0)
        else r
        for r in quick[name]
    ]
    assert held("C6", quick | {name: records})[0] is False


def test_the_best_rate_is_the_least_mean_among_rates_that_never_diverged(quick):
    table = frame(quick[studies.LEARNING.name])
    adam = table[table["method"] == "adam"]
    mean = adam.groupby("lr")["train_loss"].mean()
    assert set(claims.best(table, "adam", "digits-mlp")["lr"]) == {mean.idxmin()}
    bad = (table["method"] == "adam") & (table["lr"] == mean.idxmin()) & (table["seed"] == 0)
    table = table.assign(status=table["status"].where(~bad, "diverged"))
    assert set(claims.best(table, "adam", "digits-mlp")["lr"]) == {mean.drop(mean.idxmin()).idxmin()}


def test_trainings_that_all_diverged_leave_a_measurement(quick):
    name = studies.LEARNING.name
    records = [replace(r, status="diverged") for r in quick[name]]
    row = evaluate(BY_ID["C6"], "quick", quick | {name: records})
    assert row.reason is None
    assert not row.measurement.checks[0].holds


def test_a_training_without_rates_is_left_out(quick):
    name = studies.LEARNING.name
    first = next(r for r in quick[name] if is_grouped(r.config))
    lost = replace(first, status="diverged", curves={})
    records = [lost if r is first else r for r in quick[name]]
    assert evaluate(BY_ID["C7"], "quick", quick | {name: records}).measurement.n == 9


def test_the_cost_belongs_to_the_machine(quick):
    assert BY_ID["C2"].measure(quick).machine
