"""The paper's measurements follow from the records; each check has two sides, as near as the values here."""

from dataclasses import replace

import numpy as np
import pytest
from contract.verdicts import assert_sides

from startright.claims import evaluate
from startright.papers.higher_order import readings, studies
from startright.papers.higher_order.claims import CLAIMS
from startright.studies import frame, recorded

BY_ID = {claim.id: claim for claim in CLAIMS}
JUDGED = ("reproduced", "partly", "not reproduced", "undecided")
EXACT = ("C1", "C2", "C3", "C8")
QUICK = {s.name: recorded(s, "quick") for s in studies.STUDIES if "quick" in s.profiles}


def edited(study, edit, when=lambda record: True, profile="quick"):
    """The records with the metrics and curves of some of them updated by what ``edit`` makes of them."""

    def of(record):
        values = edit(record.metrics | record.curves)
        metrics = {name: value for name, value in values.items() if not isinstance(value, list)}
        curves = {name: value for name, value in values.items() if isinstance(value, list)}
        return replace(record, metrics=record.metrics | metrics, curves=record.curves | curves)

    return {study.name: [of(r) if when(r) else r for r in recorded(study, profile)]}


def checks(claim_id, records=None, profile="quick"):
    claim = BY_ID[claim_id]
    found = QUICK if profile == "quick" else {s.name: recorded(s, profile) for s in claim.studies}
    return claim.measure(found | (records or {})).checks


def sides(claim_id, place, make, *, holds, fails, profile="quick"):
    """Both sides of the check at that place, on the records that ``make`` gives for a size."""
    assert_sides(lambda size: checks(claim_id, make(size), profile)[place], holds=holds, fails=fails)


# --- the ledger -----------------------------------------------------------------------------


def test_the_ledger_holds_the_eight_claims_in_order():
    assert [claim.id for claim in CLAIMS] == [f"C{k}" for k in range(1, 9)]
    assert all(claim.locator for claim in CLAIMS)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_quick_records_are_there_and_judge_identities_and_costs_alone(claim):
    row = evaluate(claim, "quick")
    assert row.missing == 0
    assert row.reason is None
    assert row.verdict == ("reproduced" if claim.id in EXACT else "other set-up")


@pytest.mark.parametrize("claim_id", ["C4", "C5"])
def test_single_steps_are_judged_on_the_papers_data(claim_id):
    assert evaluate(BY_ID[claim_id], "full").verdict in JUDGED


@pytest.mark.parametrize("claim_id", ["C6", "C7"])
def test_trainings_shorter_than_the_papers_reproduce_nothing(claim_id, monkeypatch):
    row = evaluate(BY_ID[claim_id], "full")
    assert row.verdict == "other set-up"
    changes = {"n_train": None, "epochs": 100}
    nets = {r.config["net"] for study in BY_ID[claim_id].studies for r in recorded(study, "full")}
    monkeypatch.setattr(readings, "PAPER_NETS", nets)
    longer = {
        study.name: [replace(r, config=r.config | changes) for r in recorded(study, "full")]
        for study in BY_ID[claim_id].studies
    }
    assert evaluate(BY_ID[claim_id], "full", longer).verdict in JUDGED


def test_a_theorem_is_of_that_kind():
    assert [evaluate(BY_ID[claim_id], "quick").kind for claim_id in EXACT] == [
        "theorem",
        "trend",
        "theorem",
        "theorem",
    ]


# --- identities -----------------------------------------------------------------------------


@pytest.mark.parametrize(("place", "name"), [(0, "error_g"), (1, "error_H"), (2, "error_d3")])
def test_exactness_is_rounding(place, name):
    one = lambda r: r.config["backend"] == "func"  # noqa: E731
    make = lambda size: edited(studies.EXACTNESS, lambda v: {name: size}, one)  # noqa: E731
    sides("C1", place, make, holds=0.99e-14, fails=1.01e-14)


@pytest.mark.parametrize(("place", "name"), [(0, "error_g"), (1, "error_H")])
def test_merging_is_rounding(place, name):
    one = lambda r: r.config["groups"] == "blocks"  # noqa: E731
    make = lambda size: edited(studies.MERGING, lambda v: {name: size}, one)  # noqa: E731
    sides("C8", place, make, holds=0.99e-12, fails=1.01e-12)


def test_invariance_is_to_1e_8_and_not_of_idle_steps():
    turned = lambda r: (r.config["change"], r.config["direction"]) == ("rotation", "momentum")  # noqa: E731
    sides(
        "C3",
        0,
        lambda e: edited(studies.INVARIANCE, lambda v: {"error": e}, turned),
        holds=9.9e-9,
        fails=1.01e-8,
    )
    slow = lambda share: edited(  # noqa: E731
        studies.INVARIANCE, lambda v: {"loss_after": share * v["loss_before"]}, turned
    )
    sides("C3", 0, slow, holds=0.899, fails=0.901)


@pytest.mark.parametrize(
    ("place", "change", "direction"), [(1, "split", "momentum"), (2, "rotation", "adam")]
)
def test_what_is_not_covered_differs(place, change, direction):
    one = lambda r: (r.config["change"], r.config["direction"]) == (change, direction)  # noqa: E731
    make = lambda size: edited(studies.INVARIANCE, lambda v: {"error": size}, one)  # noqa: E731
    sides("C3", place, make, holds=1.01e-2, fails=0.99e-2)


# --- cost -----------------------------------------------------------------------------------


def costs(second, third=None):
    """Costs that are functions of the number of groups, of backward passes."""
    third = third or (lambda S: 2 * second(S))
    return {
        studies.COST.name: [
            replace(
                r, metrics={"gradients": float((third if r.config["third"] else second)(r.config["groups"]))}
            )
            for r in recorded(studies.COST, "quick")
            if r.config["backend"] == "double_backward"
        ]
    }


def test_the_cost_is_linear_in_the_number_of_groups():
    sides("C2", 0, lambda more: costs(lambda S: S + more), holds=3.99, fails=4.01)
    sides("C2", 1, lambda most: costs(lambda S: 3 * (most if S == 10 else 1)), holds=1.21, fails=1.19)
    sides("C2", 2, lambda each: costs(lambda S: 3 + each * S), holds=0.99, fails=1.01)
    sides("C2", 3, lambda k: costs(lambda S: S, lambda S: k * S if S == 5 else S), holds=2.99, fails=3.01)


def test_the_cost_belongs_to_the_machine_and_is_a_median_over_repetitions():
    assert BY_ID["C2"].measure(QUICK).machine
    runs = costs(lambda S: S + 3)[studies.COST.name]
    slow = [replace(r, metrics={"gradients": 100.0}) for r in runs if r.config["groups"] == 10]
    measurement = BY_ID["C2"].measure({studies.COST.name: [*runs, *runs, *slow]})
    assert measurement.value == pytest.approx(1)
    assert [check.holds for check in measurement.checks] == [True] * 4


# --- one step -------------------------------------------------------------------------------


def at_start(record):
    return record.config["adam_steps"] == 0


def is_one(record):
    return record.seed == 0


def test_the_interactions_that_count_are_those_of_two_layers():
    def strength(size, own=0.9):
        C = np.full((6, 6), size)
        for k in range(0, 6, 2):
            C[k : k + 2, k : k + 2] = own  # a weight and its bias
        return edited(
            studies.ONE_STEP,
            lambda v: (
                {f"interaction_{s}": row for s, row in enumerate(C.tolist())} | {"max_interaction": 0.9}
            ),
        )

    sides("C4", 0, strength, holds=0.501, fails=-0.499)


def test_interactions_of_layers_that_are_no_neighbours_are_described():
    def far(size):
        C = np.full((6, 6), 0.9)
        C[:2, 4:] = C[4:, :2] = size  # first and last of three layers
        return edited(
            studies.ONE_STEP, lambda v: {f"interaction_{s}": row for s, row in enumerate(C.tolist())}
        )

    sides("C4", -1, far, holds=0.501, fails=-0.499)
    assert not checks("C4")[-1].counts


def test_a_step_with_interactions_is_below_every_one_without():
    low = lambda v: {"diagonal": 3.0, "diagonal_cubic": 2.0}  # noqa: E731
    make = lambda size: edited(studies.ONE_STEP, lambda v: low(v) | {"cubic": size})  # noqa: E731
    sides("C4", 1, make, holds=1.999, fails=2.001)


def test_the_order_of_the_steps_at_initialisation():
    def order(cubic, one_group):
        values = {"cubic": cubic, "one_group": one_group, "diagonal": 2.0}
        return edited(studies.ONE_STEP, lambda v: values, lambda r: at_start(r) and is_one(r))

    sides("C4", 2, lambda cubic: order(cubic, 1.5), holds=1.499, fails=1.501)
    sides("C4", 2, lambda one_group: order(1.0, one_group), holds=1.999, fails=2.001)


def test_without_interactions_the_loss_rises():
    make = lambda size: edited(  # noqa: E731
        studies.ONE_STEP, lambda v: {"diagonal": size * v["before"]}, lambda r: not at_start(r)
    )
    sides("C4", 3, make, holds=1.001, fails=0.999)


@pytest.mark.parametrize(
    ("place", "step", "low", "high"),
    [(4, "cubic", 1.1, 1.25), (5, "one_group", 1.2, 1.5), (6, "diagonal", 1.5, 2.5)],
)
def test_the_losses_after_a_step_are_those_of_the_reference_run(place, step, low, high):
    make = lambda size: edited(  # noqa: E731
        studies.ONE_STEP, lambda v: {step: size}, lambda r: r.config["net"] == "small-mlp", "full"
    )
    sides("C4", place, make, holds=low + 0.005, fails=low - 0.005, profile="full")
    sides("C4", place, make, holds=high - 0.005, fails=high + 0.005, profile="full")


def states(eigenvalues=None, order2=None, **changes):
    """A hundred states in each training, all of them indefinite and bettered by order 2 unless said."""
    curves = {f"change_{name}": [-1.0] * 100 for name in ("one_group", "diagonal", "diagonal_cubic")}
    curves |= {"relative_eigenvalue": eigenvalues or [-1.0] * 100, "change_order2": order2 or [-1.0] * 100}
    curves |= {f"change_{name}": list(values) for name, values in changes.items()}
    return {
        studies.INDEFINITE.name: [replace(r, curves=curves) for r in recorded(studies.INDEFINITE, "quick")]
    }


def test_every_training_has_a_state_where_H_is_indefinite():
    make = lambda size: states([size, *[1.0] * 99], cubic=[-1.0] * 100)  # noqa: E731
    sides("C5", 0, make, holds=-1e-9, fails=1e-9)
    one = make(1.0)[studies.INDEFINITE.name][:1] + QUICK[studies.INDEFINITE.name][1:]
    assert checks("C5", {studies.INDEFINITE.name: one})[0].holds is False


def test_the_cubic_step_takes_half_of_what_is_possible():
    sides("C5", 1, lambda size: states(cubic=[size] * 100), holds=-0.501, fails=-0.499)


def test_the_cubic_step_is_below_order_2_in_three_of_four_states():
    make = lambda count: states(cubic=[-2.0] * count + [0.0] * (100 - count))  # noqa: E731
    sides("C5", 2, make, holds=76, fails=74)


def test_the_cubic_step_lowers_the_loss_where_order_2_raises_it():
    make = lambda size: states(order2=[1e-3, *[-1.0] * 99], cubic=[size] + [9.0] * 99)  # noqa: E731
    sides("C5", 3, make, holds=-1e-3, fails=1e-3)


@pytest.mark.parametrize(
    ("place", "step", "holds", "fails"), [(4, "order2", 1.001, 0.999), (5, "cubic", 0.999, 1.001)]
)
def test_order_2_can_raise_the_loss_and_the_cubic_step_does_not(place, step, holds, fails):
    def make(size):
        below = edited(studies.ONE_STEP, lambda v: {step: 0.5 * v["before"]})[studies.ONE_STEP.name]
        first = edited(studies.ONE_STEP, lambda v: {step: size * v["before"]})[studies.ONE_STEP.name]
        return {studies.ONE_STEP.name: [f if is_one(f) else b for f, b in zip(first, below, strict=True)]}

    sides("C5", place, make, holds=holds, fails=fails)


# --- trainings ------------------------------------------------------------------------------


def is_grouped(record):
    return record.config["method"] == "grouped"


def relative_to(method, main=1.0, other=1.0, **changes):
    """Losses of grouped Newton that are multiples of 1, the loss of every rival, on both networks."""
    found = {}
    for study, ratio in ((studies.LEARNING, main), (studies.NETWORKS, other), (studies.PEER, main)):
        rows = []
        for r in recorded(study, "quick"):
            loss = ratio if is_grouped(r) else 1.0 if r.config["method"] == method else 10.0
            rows.append(
                replace(r, metrics=r.metrics | {"train_loss": loss} | (changes if is_grouped(r) else {}))
            )
        found[study.name] = rows
    return found


def test_losses_near_those_of_adam_somewhere_and_everywhere():
    sides("C6", 1, lambda ratio: relative_to("adam", 9.0, ratio), holds=1.49, fails=1.51)
    sides("C6", 1, lambda ratio: relative_to("adam", ratio, 9.0), holds=1.49, fails=1.51)
    sides("C6", 2, lambda ratio: relative_to("adam", 1.0, ratio), holds=1.49, fails=1.51)
    sides("C6", 2, lambda ratio: relative_to("adam", ratio, 1.0), holds=1.49, fails=1.51)


def test_losses_near_those_of_kfac():
    sides("C6", 3, lambda ratio: relative_to("kfac", ratio), holds=1.49, fails=1.51)


def test_accuracy_near_that_of_adam():
    adam = edited(studies.LEARNING, lambda v: {"test_accuracy": 0.9})[studies.LEARNING.name]
    make = lambda gap: {  # noqa: E731
        studies.LEARNING.name: [
            replace(r, metrics=r.metrics | {"test_accuracy": 0.9 + gap / 100}) if is_grouped(r) else r
            for r in adam
        ]
    }
    sides("C6", 4, make, holds=-1.99, fails=-2.01)


def test_the_lead_of_adam_is_described():
    sides("C6", 5, lambda ratio: relative_to("adam", ratio), holds=1.31, fails=1.29)
    assert not checks("C6")[5].counts


def test_a_diverged_training_by_groups_is_seen():
    name = studies.LEARNING.name
    records = [
        replace(r, status="diverged", reason="a loss")
        if is_grouped(r) and (r.config["lr"], r.seed) == (0.1, 0)
        else r
        for r in QUICK[name]
    ]
    assert checks("C6", {name: records})[0].holds is False


def test_trainings_by_groups_that_all_diverged_fail_every_check_that_counts():
    lost = {
        s.name: [replace(r, status="diverged") if is_grouped(r) else r for r in QUICK[s.name]]
        for s in (studies.LEARNING, studies.NETWORKS)
    }
    row = evaluate(BY_ID["C6"], "quick", QUICK | lost)
    assert row.reason is None
    assert {check.holds for check in row.measurement.checks if check.counts} == {False}
    assert checks("C7", lost)[0].holds is False


def test_one_seed_decides_no_mean():
    one = {name: [r for r in found if r.seed == 0] for name, found in QUICK.items()}
    assert {check.holds for check in checks("C6", one) if check.counts} == {None}
    assert checks("C7", one)[0].holds is None


def test_the_best_rate_is_the_least_mean_among_rates_that_never_diverged():
    table = frame(QUICK[studies.LEARNING.name])
    adam = table[table["method"] == "adam"]
    mean = adam.groupby("lr")["train_loss"].mean()
    assert set(readings.best(table, "adam", "digits-mlp")["lr"]) == {mean.idxmin()}
    bad = (table["method"] == "adam") & (table["lr"] == mean.idxmin()) & (table["seed"] == 0)
    table = table.assign(status=table["status"].where(~bad, "diverged"))
    assert set(readings.best(table, "adam", "digits-mlp")["lr"]) == {mean.drop(mean.idxmin()).idxmin()}


def test_trainings_that_all_diverged_leave_a_measurement():
    name = studies.LEARNING.name
    records = [replace(r, status="diverged") for r in QUICK[name]]
    row = evaluate(BY_ID["C6"], "quick", QUICK | {name: records})
    assert row.reason is None
    assert row.measurement.checks[0].holds is False


def test_a_rate_a_tensor_against_one_for_all():
    one = edited(studies.CHOICES, lambda v: {"train_loss": 1.0})
    make = lambda ratio: one | edited(studies.LEARNING, lambda v: {"train_loss": ratio}, is_grouped)  # noqa: E731
    sides("C7", 0, make, holds=0.99, fails=1.01)


def rates_of(ratio, spread=1.0):
    """Rates of biases that are multiples of those of the weights; the last layer's are larger."""
    etas = [1.0, ratio, 1.0, ratio, spread, ratio * spread]
    return edited(studies.LEARNING, lambda v: {f"eta_{s}": [e] * 3 for s, e in enumerate(etas)}, is_grouped)


def test_the_rate_of_a_bias_is_10_to_100_times_that_of_the_weights():
    sides("C7", 1, rates_of, holds=10.1, fails=9.9)
    sides("C7", 1, rates_of, holds=99.0, fails=101.0)


def test_the_rates_of_the_tensors_differ():
    sides("C7", 2, lambda spread: rates_of(1.0, spread), holds=10.1, fails=9.9)


def test_the_share_of_negative_rates_is_described():
    def make(size):
        etas = {f"eta_{s}": [1.0, 1.0, size, -1.0, -1.0] for s in range(6)}
        return edited(studies.LEARNING, lambda v: etas, is_grouped)

    sides("C7", 3, make, holds=1.0, fails=-1.0)
    assert not checks("C7")[3].counts


def test_a_training_without_rates_is_left_out():
    name = studies.LEARNING.name
    lost = [
        replace(r, status="diverged", curves={}) if is_grouped(r) and is_one(r) else r for r in QUICK[name]
    ]
    assert evaluate(BY_ID["C7"], "quick", QUICK | {name: lost}).measurement.n == 4
