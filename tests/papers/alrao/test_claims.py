"""The paper's measurements follow from the records: tamper with these, and checks that held must fail."""

from dataclasses import replace

import pytest

from startright.claims import evaluate
from startright.papers.alrao import studies
from startright.papers.alrao.claims import CLAIMS
from startright.papers.alrao.readings import best_rate, by_method, good_rates
from startright.studies import frame, recorded

BY_ID = {claim.id: claim for claim in CLAIMS}
EXACT = ("C12", "C15")
NARROWER = ("C1", "C2", "C3", "C4", "C14")  # the full profile has the paper's images, not its network
JUDGED = ("reproduced", "partly", "not reproduced", "undecided")


@pytest.fixture(scope="module")
def quick():
    return {s.name: recorded(s, "quick") for s in studies.STUDIES if "quick" in s.profiles}


def held(claim_id, records):
    return [check.holds for check in BY_ID[claim_id].measure(records).checks]


def is_alrao(config):
    return config["lo"] < config["hi"]


def test_the_ledger_holds_the_fifteen_claims_in_order():
    assert [claim.id for claim in CLAIMS] == [f"C{k}" for k in range(1, 16)]


@pytest.mark.parametrize("claim", [c for c in CLAIMS if "quick" in c.profiles], ids=lambda claim: claim.id)
def test_quick_records_are_there_and_judge_exact_claims_alone(claim):
    row = evaluate(claim, "quick")
    assert (row.missing, row.reason) == (0, None)
    assert (row.verdict == "other set-up") == (claim.id not in EXACT)


@pytest.mark.parametrize("claim_id", NARROWER)
def test_a_network_narrower_than_the_papers_reproduces_nothing(claim_id):
    row = evaluate(BY_ID[claim_id], "full")
    assert row.verdict in ("other set-up", "not yet run")


@pytest.mark.parametrize("claim_id", ["C2", "C3", "C4"])
def test_the_papers_networks_at_their_width_are_judged(claim_id):
    wide = {
        study.name: [
            replace(r, config=r.config | {"width": 1.0, "dataset": "cifar10", "net": "vgg19"})
            for r in recorded(study, "quick")
        ]
        for study in BY_ID[claim_id].studies
    }
    assert evaluate(BY_ID[claim_id], "quick", wide).verdict in JUDGED


def test_the_text_and_the_first_steps_of_the_papers_network_are_judged():
    assert evaluate(BY_ID["C8"], "full").verdict in JUDGED
    assert evaluate(BY_ID["C11"], "full").verdict in (*JUDGED, "not yet run")


def test_a_diverged_run_of_alrao_is_unreliable(quick):
    records = [
        replace(r, status="diverged", reason="a loss") if is_alrao(r.config) and r.seed == 0 else r
        for r in quick["alrao-learning"]
    ]
    assert held("C2", quick | {"alrao-learning": records})[:2] == [False, False]


def test_the_best_rate_is_the_least_loss_among_rates_that_never_diverged(quick):
    table = by_method(frame(quick["alrao-learning"]))["sgd"]
    mean = table.groupby("lo")["validation_loss"].mean()
    assert best_rate(table) == mean.idxmin()
    table = table.assign(status=["diverged" if lo == mean.idxmin() else "ok" for lo in table["lo"]])
    assert best_rate(table) == mean.drop(mean.idxmin()).idxmin()
    with pytest.raises(ValueError, match="no run of SGD ended"):
        best_rate(table.assign(status="diverged"))


def test_a_wild_run_does_not_make_a_rate_as_good_as_the_best(quick):
    sgd = by_method(frame(quick["alrao-learning"]))["sgd"]
    wild = (sgd["lo"] == 10.0) & (sgd["seed"] == 0)
    assert good_rates(sgd.assign(validation_loss=sgd["validation_loss"].mask(wild, 1e10))) == good_rates(sgd)
    assert 10.0 not in good_rates(sgd)


def test_where_every_interval_holds_a_best_rate_there_is_nothing_to_compare(quick):
    held_by_all = [r for r in quick["alrao-intervals"] if r.config["lo"] <= 0.1 <= r.config["hi"]]
    checks = BY_ID["C4"].measure(quick | {"alrao-intervals": held_by_all}).checks
    assert [check.holds for check in checks[:2]] == [None, None]
    assert checks[0].text.endswith("no interval to compare")
