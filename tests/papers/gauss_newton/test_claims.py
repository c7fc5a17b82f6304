"""The paper's verdicts follow from the records, on both sides of every threshold, whatever run is missing."""

from dataclasses import replace

import numpy as np
import pytest
from contract.verdicts import assert_sides

from startright.claims import evaluate, verdict
from startright.papers.gauss_newton import studies
from startright.papers.gauss_newton.claims import CLAIMS
from startright.papers.gauss_newton.dual import predicted_steps
from startright.studies import recorded

BY_ID = {claim.id: claim for claim in CLAIMS}
OURS = [claim for claim in CLAIMS if claim.id != "C8"]
GRID, SPEED, MNIST = studies.GRID, studies.SPEED, studies.MNIST
LAW = predicted_steps(0.02)
SEEDS = (0, 1, 2)


@pytest.fixture(scope="module")
def quick():
    return {s.name: recorded(s, "quick") for s in (GRID, SPEED, MNIST)}


def test_the_ledger_holds_the_eight_claims_in_order():
    assert [claim.id for claim in CLAIMS] == [f"C{k}" for k in range(1, 9)]
    assert {claim.paper for claim in CLAIMS} == {"gauss_newton"}
    assert all(claim.locator for claim in CLAIMS)


@pytest.mark.parametrize("claim", OURS, ids=lambda claim: claim.id)
def test_quick_records_are_there_and_judge(claim):
    row = evaluate(claim, "quick")
    assert row.missing == 0
    assert row.verdict in ("reproduced", "partly", "not reproduced", "undecided")
    assert row.kind == "trend"  # the paper prints no number
    assert row.measurement.n == len(SEEDS)
    assert row.measurement.note.startswith("M = 200, N = 100")


@pytest.mark.parametrize("claim", OURS, ids=lambda claim: claim.id)
def test_full_claims_have_five_teachers(claim):
    row = evaluate(claim, "full")
    if row.measurement is not None:  # records of an unfinished grid are no measurement
        assert row.measurement.n == 5


def test_the_parity_of_digits_is_no_verdict_on_the_paper():
    row = evaluate(BY_ID["C8"], "quick")
    assert row.verdict == "other set-up"
    assert row.outcome.endswith("here")


def checks(claim, quick, study, records):
    """The checks of a claim on the quick records, with these for one study."""
    return BY_ID[claim].measure(quick | {study.name: records}).checks


# --- Both sides of every threshold ----------------------------------------------------------


def edited(records, change):
    """The records with what ``change`` makes of each, if anything: new metrics, and new ``curves``."""

    def one(record):
        new = dict(change(record) or {})
        curves = {**record.curves, **new.pop("curves", {})}
        return replace(record, metrics={**record.metrics, **new}, curves=curves)

    return [one(record) for record in records]


def is_newton(config, rate=0.02):
    return config["method"] == "gauss-newton" and config["rate"] == rate


def is_gradient(config):
    return config["method"] == "gradient"


def steps_of_law(size, fits):
    """Iterations of the paper's step, in units of the law, from the scales that fit."""
    return lambda r: {"steps_8": size * LAW} if is_newton(r.config) and fits(r.config["scale"]) else None


def pace(size, fits):
    """A training loss that falls at this part of its first rate at the end."""
    curves = {"step": [0, 10, 20], "train_loss": [1.0, 0.1, 0.1 * 10.0**-size]}
    return lambda r: {"steps_1": 10, "curves": curves} if fits(r.config) else None


def factor_of_descent(size, rate):
    """So many times the iterations of Gauss-Newton at a rate."""
    return lambda r: {
        "steps_4": 100 * size if is_gradient(r.config) else 100 if is_newton(r.config, rate) else 1
    }


def losses_of_steps(scale, full, medium, slow=1.0):
    """Test losses of the three steps from a scale."""
    values = {1.0: full, 0.1: medium, 0.02: slow}
    return lambda r: (
        {"test_loss": values[r.config["rate"]]}
        if not is_gradient(r.config) and r.config["scale"] == scale
        else None
    )


def against_random(size, fits):
    """Test losses against those of random features."""
    return lambda r: {"test_loss": size, "rf_test": 1.0} if fits(r.config) else None


def better_than_random(size, fits=lambda scale: scale <= 1):
    return lambda r: (
        {"test_loss": 1.0, "rf_test": size} if is_newton(r.config) and fits(r.config["scale"]) else None
    )


def explosion(size):
    return lambda r: {"test_loss": size, "zero_loss": 1.0} if r.config["scale"] == 0.01 else None


def refit_on_the_way(size):
    return lambda r: {"curves": {"refit_test": [loss / size for loss in r.curves["test_loss"]]}}


def refit_at_the_start(size):
    return lambda r: {"curves": {"refit_test": [size] + [1.0] * (len(r.curves["step"]) - 1)}}


def curve_rises(name, size):
    return lambda r: {"curves": {name: [0.0] * (len(r.curves["step"]) - 1) + [size]}}


def alignment_gains(size, above, fits=lambda scale: True):
    """The weighted alignment of the runs ``above`` over all others."""
    return lambda r: {"weighted_cka": 0.5 + size * above(r.config)} if fits(r.config["scale"]) else None


def newton_over_descent(size, fits=lambda config: True):
    return lambda r: {"test_loss": size if not is_gradient(r.config) and fits(r.config) else 1.0}


def on_digits(**values):
    """Metrics of all runs, each a number or made from the config."""
    return lambda r: {name: value(r.config) if callable(value) else value for name, value in values.items()}


def full_step_on_digits(size, fits=lambda scale: True):
    return on_digits(test_loss=lambda c: size if c["rate"] == 1 and fits(c["scale"]) else 1.0)


def gradient_on_digits(name, size, other=1.0):
    return on_digits(**{name: lambda c: size if is_gradient(c) else other})


def small(scale):
    return scale <= 1


def large(scale):
    return scale == 10


SIDES = [
    ("C1", 0, GRID, lambda x: steps_of_law(x, small), 1.029, 1.031),
    ("C1", 0, GRID, lambda x: steps_of_law(x, small), 0.971, 0.969),
    ("C1", 1, GRID, lambda x: steps_of_law(x, large), 1.099, 1.101),
    ("C1", 1, GRID, lambda x: steps_of_law(x, large), 0.901, 0.899),
    ("C1", 2, GRID, lambda x: steps_of_law(x / LAW, large), 916, 917),
    ("C1", 3, SPEED, lambda x: pace(x, is_newton), 0.51, 0.49),
    ("C1", 4, SPEED, lambda x: pace(x, is_gradient), 0.19, 0.21),
    ("C2", 1, SPEED, lambda x: factor_of_descent(x, 0.02), 1.01, 0.99),
    ("C2", 2, SPEED, lambda x: factor_of_descent(x, 0.1), 5.1, 4.9),
    ("C3", 0, GRID, lambda x: losses_of_steps(10, x, 1.0), 1.09, 1.11),
    ("C3", 0, GRID, lambda x: losses_of_steps(10, 1.0, 1.0, x), 0.92, 0.9),
    ("C3", 1, GRID, lambda x: against_random(x, is_newton), 1.14, 1.16),
    ("C3", 1, GRID, lambda x: against_random(x, is_newton), 0.86, 0.84),
    ("C3", 2, SPEED, lambda x: against_random(x, is_gradient), 1.14, 1.16),
    ("C3", 2, SPEED, lambda x: against_random(x, is_gradient), 0.86, 0.84),
    ("C4", 0, GRID, lambda x: losses_of_steps(0.01, 2 * x, 2.0), 1.01, 0.99),
    ("C4", 0, GRID, lambda x: losses_of_steps(0.01, 2.0, x), 1.01, 0.99),
    ("C4", 1, GRID, lambda x: losses_of_steps(0.1, 2 * x, 2.0), 1.01, 0.99),
    ("C4", 1, GRID, lambda x: losses_of_steps(0.1, 2.0, x), 1.01, 0.99),
    ("C4", 2, GRID, lambda x: losses_of_steps(0.1, x, 1.0), 5.1, 4.9),
    ("C4", 3, GRID, lambda x: losses_of_steps(0.1, 9.0, x), 1.81, 1.79),
    ("C4", 4, GRID, better_than_random, 1.01, 0.99),
    ("C4", 5, GRID, explosion, 10.1, 9.9),
    ("C5", 0, GRID, refit_on_the_way, 8.1, 7.9),
    ("C5", 1, GRID, refit_at_the_start, 2.1, 1.9),
    ("C6", 0, GRID, lambda x: curve_rises("cka", x), 0.01, -0.01),
    ("C6", 1, GRID, lambda x: curve_rises("unit_distance", x), -0.01, 0.01),
    ("C6", 2, GRID, lambda x: alignment_gains(x, is_newton), 0.01, -0.01),
    ("C7", 0, SPEED, newton_over_descent, 2.1, 1.9),
    ("C7", 1, SPEED, newton_over_descent, 1.01, 0.99),
    ("C7", 2, SPEED, lambda x: alignment_gains(x, is_gradient), 0.01, -0.01),
    ("C7", 3, SPEED, lambda x: curve_rises("unit_distance", x), -0.01, 0.01),
    ("C8", 0, MNIST, full_step_on_digits, 1.21, 1.19),
    ("C8", 1, MNIST, full_step_on_digits, 1.19, 1.21),
    ("C8", 2, MNIST, lambda x: gradient_on_digits("hundredth_steps", 100 * x, 100), 1.01, 0.99),
    ("C8", 3, MNIST, lambda x: on_digits(eighth_test_loss=x, eighth_refit_loss=1.0), 1.01, 0.99),
    ("C8", 4, MNIST, lambda x: gradient_on_digits("hundredth_test_loss", 1 / x), 1.01, 0.99),
]


def name_of(value):
    return value.name if isinstance(value, type(GRID)) else str(value) if not callable(value) else "change"


def name_of_case(case):
    return "-".join(map(name_of, case))


@pytest.mark.parametrize("case", SIDES, ids=name_of_case)
def test_a_check_answers_on_both_sides_of_its_threshold(case, quick):
    claim, place, study, change, holds, fails = case

    def check(size):
        return checks(claim, quick, study, edited(quick[study.name], change(size)))[place]

    assert_sides(check, holds=holds, fails=fails)


def test_every_check_has_both_its_sides_tested(quick):
    tested = {(claim, place) for claim, place, *_ in SIDES} | {("C2", 0)}
    counted = {
        (claim.id, place)
        for claim in CLAIMS
        for place, check in enumerate(claim.measure(quick).checks)
        if check.counts
    }
    assert counted == tested


@pytest.mark.parametrize(
    "case",
    [
        ("C1", 0, GRID, lambda fits: steps_of_law(1.1, fits), (0.01, 0.1, 1.0)),
        ("C1", 2, GRID, lambda fits: steps_of_law(3, fits), (0.01, 0.1, 1.0, 10.0)),
        ("C1", 3, SPEED, lambda fits: pace(0.1, lambda c: is_newton(c) and fits(c["scale"])), (0.1, 10.0)),
        ("C1", 4, SPEED, lambda fits: pace(1, lambda c: is_gradient(c) and fits(c["scale"])), (0.1, 10.0)),
        ("C4", 4, GRID, lambda fits: better_than_random(0.9, fits), (0.01, 0.1, 1.0)),
        ("C6", 2, GRID, lambda fits: alignment_gains(-0.1, is_newton, fits), (0.01, 0.1)),
        ("C8", 0, MNIST, lambda fits: full_step_on_digits(1.0, fits), (0.1, 1.0)),
    ],
    ids=name_of_case,
)
def test_one_scale_is_enough_to_fail(case, quick):
    claim, place, study, change, scales = case
    for only in scales:
        records = edited(quick[study.name], change(lambda scale, only=only: scale == only))
        assert checks(claim, quick, study, records)[place].holds is False, only


# --- Runs that diverged or never arrived, too few teachers ----------------------------------


def lost(record, status="diverged"):
    """What a run leaves that diverged after the first step."""
    curves = {name: values[:2] for name, values in record.curves.items()}
    metrics = {name: record.metrics[name] for name in ("zero_loss", "steps") if name in record.metrics}
    return replace(record, status=status, reason="a loss", metrics=metrics, curves=curves)


def unfinished(record):
    """A run that used up its budget before 10⁻⁸."""
    left = {
        name: value for name, value in record.metrics.items() if name not in ("steps_8", "hundredth_steps")
    }
    return replace(record, metrics=left)


def with_one(records, make, fits, seed=0):
    return [make(r) if r.seed == seed and fits(r.config) else r for r in records]


def newton_at(scale, rate):
    return lambda c: (c["method"], c["scale"], c["rate"]) == ("gauss-newton", scale, rate)


def descent_at(scale):
    return lambda c: (c["method"], c["scale"]) == ("gradient", scale)


@pytest.mark.parametrize("make", [lost, unfinished])
@pytest.mark.parametrize(
    "case",
    [
        ("C1", GRID, newton_at(0.1, 0.02), (0, 2)),
        ("C1", GRID, newton_at(10, 0.02), (1, 2)),
        ("C2", SPEED, newton_at(0.1, 0.1), (0,)),
        ("C3", GRID, newton_at(10, 0.1), (0,)),
        ("C3", GRID, newton_at(10, 0.02), (0, 1)),
        ("C4", GRID, newton_at(0.01, 0.02), (0, 4)),
        ("C4", GRID, newton_at(0.1, 0.02), (1, 3, 4)),
        ("C4", GRID, newton_at(0.1, 1.0), (1, 2)),
        ("C6", GRID, newton_at(0.01, 0.02), (2,)),
        ("C6", GRID, newton_at(0.01, 1.0), (2,)),
        ("C7", SPEED, newton_at(0.1, 0.02), (0,)),
        ("C8", MNIST, newton_at(0.1, 1.0), (0,)),
        ("C8", MNIST, newton_at(1.0, 0.02), (0, 2)),
        ("C8", MNIST, newton_at(10, 0.1), (1,)),
    ],
    ids=name_of_case,
)
def test_a_run_that_does_not_arrive_fails_what_is_about_its_end(case, make, quick):
    claim, study, fits, failing = case
    found = checks(claim, quick, study, with_one(quick[study.name], make, fits))
    assert {place for place in failing if found[place].holds is False} == set(failing)


@pytest.mark.parametrize(
    "case",
    [
        ("C1", SPEED, newton_at(0.1, 0.02), (3,)),
        ("C1", SPEED, descent_at(0.1), (4,)),
        ("C2", SPEED, newton_at(10, 0.02), (0, 1)),
        ("C2", SPEED, newton_at(10, 0.1), (0, 2)),
        ("C3", SPEED, descent_at(10), (2,)),
        ("C5", GRID, newton_at(0.01, 0.02), (0, 1)),
        ("C6", GRID, newton_at(0.1, 0.02), (0, 1, 2)),
        ("C7", SPEED, descent_at(0.1), (0, 1, 2)),
        ("C7", SPEED, newton_at(0.1, 0.02), (0, 2, 3)),
        ("C8", MNIST, newton_at(1.0, 0.02), (0, 2, 3, 4)),
        ("C8", MNIST, descent_at(1.0), (4,)),
    ],
    ids=name_of_case,
)
def test_a_run_that_diverges_fails_what_is_about_it(case, quick):
    claim, study, fits, failing = case
    found = checks(claim, quick, study, with_one(quick[study.name], lost, fits))
    assert {place for place in failing if found[place].holds is False} == set(failing)


def test_a_full_step_that_diverges_is_an_explosion(quick):
    found = checks("C4", quick, GRID, with_one(quick[GRID.name], lost, newton_at(0.01, 1.0)))
    assert found[5].holds is not False
    assert "1 runs beyond" in found[5].text
    assert found[0].holds is False


def test_a_descent_that_does_not_arrive_counts_with_its_budget(quick):
    """2000 iterations over 100 are 20; the other teachers make the mean 10 or more."""
    slow = {SPEED.name: edited(quick[SPEED.name], factor_of_descent(10, 0.1))}
    gone = [
        replace(r, metrics={k: v for k, v in r.metrics.items() if k != "steps_4"})
        if is_gradient(r.config) and r.seed == 0
        else r
        for r in slow[SPEED.name]
    ]
    found = BY_ID["C2"].measure({SPEED.name: gone})
    assert found.value == pytest.approx(np.mean(np.log10([20, 10, 10])))


@pytest.mark.parametrize("study", [GRID, SPEED, MNIST], ids=lambda study: study.name)
def test_whatever_run_diverges_is_measured_and_proves_nothing(study, quick):
    concerned = [claim for claim in CLAIMS if study in claim.studies]
    before = {claim.id: claim.measure(quick).checks for claim in concerned}
    for config in study.grid("quick"):
        there = [r for r in quick[study.name] if r.seed == 0]
        run = next(r for r in there if all(r.config[k] == v for k, v in vars(config).items()))
        records = {study.name: [lost(r) if r is run else r for r in quick[study.name]]}
        for claim in concerned:
            after = claim.measure(quick | records).checks
            gained = [a.text for a, b in zip(after, before[claim.id], strict=True) if a.holds and not b.holds]
            assert not gained, (claim.id, config)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_nothing_is_reproduced_where_every_run_diverges(claim, quick):
    gone = {name: [lost(r) for r in records] for name, records in quick.items()}
    found = claim.measure(gone)
    assert np.isnan(found.value)
    assert {check.holds for check in found.checks if check.counts} <= (
        {True, False} if claim.id == "C4" else {False}  # full steps that diverge explode
    )
    assert verdict(replace(found, comparable=True)) == ("partly" if claim.id == "C4" else "not reproduced")


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_two_teachers_decide_nothing(claim, quick):
    few = {name: [r for r in records if r.seed < 2] for name, records in quick.items()}
    found = claim.measure(few)
    assert found.n == 2
    assert not any(check.holds for check in found.checks if check.counts)


def test_features_that_stand_still_are_no_trade_off(quick):
    """A frozen hidden layer whose output weights did arrive: the other checks may hold, this one cannot."""
    still = edited(
        quick[SPEED.name],
        lambda r: {"curves": {"unit_distance": [r.curves["unit_distance"][0]] * len(r.curves["step"])}},
    )
    found = BY_ID["C7"].measure({SPEED.name: still})
    assert found.checks[3].holds is False
    assert verdict(found) != "reproduced"
