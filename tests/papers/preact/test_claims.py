"""The paper's verdicts follow from the records: a value beside a threshold decides its check."""

from dataclasses import replace
from functools import partial

import pytest
from contract.verdicts import assert_sides, checks_of

from startright.claims import evaluate, verdict
from startright.papers.preact import finite_width, ks, readings, studies
from startright.papers.preact.claims import CLAIMS
from startright.papers.preact.published import AUTHORS_DEPENDENCE, EXPECTED_DEPENDENCE, EXPECTED_DEPTH
from startright.papers.preact.studies.common import KINDS
from startright.studies import recorded

BY_ID = {claim.id: claim for claim in CLAIMS}
DRAWS = {study.name: study.grid("quick")[0].draws for study in (studies.DEPTH, studies.DEPENDENCE)}


def doctored(study, edit, profile="quick"):
    """The committed records with what ``edit(config, seed)`` gives: metrics, and curves as {layer: value}."""
    records = []
    for record in recorded(study, profile):
        changed = edit(record.config, record.seed) or {}
        metrics = {name: value for name, value in changed.items() if not isinstance(value, dict)}
        curves = {
            name: [changed.get(name, {}).get(layer, value) for layer, value in enumerate(curve, 1)]
            if isinstance(changed.get(name), dict)
            else curve
            for name, curve in record.curves.items()
        }
        records.append(replace(record, metrics={**record.metrics, **metrics}, curves=curves))
    return {study.name: records}


def check_of(place, study, edit, size, *, profile="quick"):
    """A check, (claim, number), on records in which something has the given size."""
    claim, number = place
    return checks_of(BY_ID[claim], doctored(study, partial(edit, size), profile), profile)[number]


def sides(place, study, edit, holds, fails, *, profile="quick"):
    assert_sides(partial(check_of, place, study, edit, profile=profile), holds=holds, fails=fails)


# --- the ledger -----------------------------------------------------------------------------


def test_the_ledger_holds_the_ten_claims_in_order():
    assert [claim.id for claim in CLAIMS] == [f"C{k}" for k in range(1, 11)]
    assert all(claim.locator for claim in CLAIMS)


@pytest.mark.parametrize("profile", ["quick", "full"])
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_claim_can_be_measured_on_the_committed_records(claim, profile):
    row = evaluate(claim, profile)
    assert (row.missing, row.reason) == (0, None)
    assert (row.verdict == "other set-up") == (claim.id == "C10")


@pytest.mark.parametrize("claim_id", ["C2", "C3", "C4", "C7", "C9"])
def test_exact_claims_are_reproduced(claim_id):
    assert evaluate(BY_ID[claim_id], "quick").verdict == "reproduced"
    assert evaluate(BY_ID[claim_id], "full").verdict == "reproduced"


def test_an_open_question_has_no_check_that_counts():
    assert not checks_of(BY_ID["C10"])


@pytest.mark.parametrize("claim_id", ["C1", "C4", "C5", "C6", "C8"])
def test_a_single_seed_proves_nothing_that_varies(claim_id):
    claim = BY_ID[claim_id]
    one = {study.name: [r for r in recorded(study, "quick") if r.seed == 0] for study in claim.studies}
    if claim_id == "C4":  # one run of each kind: a seed has many
        one = {name: [r for r in runs if r.config["scheme"] == "odd"] for name, runs in one.items()}
        one = {
            n: [r for r in runs if (r.config["width"], r.config["theta"]) == (1, 10)]
            for n, runs in one.items()
        }
    assert verdict(claim.measure(one)) == "undecided"


# --- C1 -------------------------------------------------------------------------------------


def of_scheme(scheme, make):
    """An edit of the networks of one scheme on a unit input."""

    def edit(size, config, seed):
        if config["scheme"] == scheme and config["inputs"] == "unit":
            return make(size, config)
        return None

    return edit


@pytest.mark.parametrize(("scheme", "place"), [("relu", 0), ("tanh", 2)])
def test_the_distance_grows_with_depth(scheme, place):
    edit = of_scheme(scheme, lambda size, c: {"ks_standardised": {3: 0.1, 50: 0.1 + size}})
    sides(("C1", place), studies.DEPTH, edit, 1e-4, -1e-4)


@pytest.mark.parametrize(("scheme", "place"), [("relu", 1), ("tanh", 3)])
def test_the_distance_shrinks_with_width(scheme, place):
    edit = of_scheme(scheme, lambda size, c: {"ks_standardised": {50: 0.1 - size * (c["width"] == 100)}})
    sides(("C1", place), studies.DEPTH, edit, 1e-4, -1e-4)


def test_more_than_half_of_the_layers_are_rejected():
    line = ks.lilliefors_threshold(DRAWS["preact-depth"])

    def edit(layers, config, seed):
        values = {k: line * (1.01 if k < 3 + layers else 0.99) for k in range(3, 51)}
        return {"ks_standardised": values} if config["inputs"] == "unit" else None

    sides(("C1", 4), studies.DEPTH, edit, 25, 23)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("curve", ["ks", "ks_standardised"])
def test_the_distances_are_those_computed_beforehand(sign, curve):
    def edit(size, config, seed):
        rows = EXPECTED_DEPTH.get((config["scheme"], config["width"]))
        if not rows or config["inputs"] != "unit":
            return None
        values = {
            layer: dict(zip(("ks", "ks_standardised"), row, strict=True)) for layer, row in rows.items()
        }
        return {
            name: {layer: row[name] + sign * size * (name == curve) for layer, row in values.items()}
            for name in ("ks", "ks_standardised")
        }

    sides(("C1", 5), studies.DEPTH, edit, 0.0099, 0.0101)


# --- C2, C3 ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claim_id", "place", "kind"), [("C2", 0, "odd"), ("C3", 0, "odd"), ("C3", 1, "positive")]
)
def test_the_equation_is_solved_to_a_millionth(claim_id, place, kind):
    def edit(size, config, seed):
        return {"ks": size} if (config["kind"], config["theta"]) == (kind, 5.0) else None

    sides((claim_id, place), studies.LAW, edit, 0.99e-6, 1.01e-6)
    assert check_of((claim_id, place), studies.LAW, edit, float("nan")).holds is False


def test_the_second_moment_is_right_to_eight_digits():
    sides(("C2", 1), studies.LAW, lambda size, c, seed: {"second_moment_error": size}, 0.99e-8, 1.01e-8)


def test_one_variant_is_odd_and_the_other_positive():
    def mirror(size, config, seed):
        return {"mirror": size} if config["kind"] == "odd" else None

    def least(size, config, seed):
        return {"least": size} if config["kind"] == "positive" else None

    sides(("C3", 2), studies.LAW, mirror, 0.99e-10, 1.01e-10)
    sides(("C3", 3), studies.LAW, least, 1e-12, 0.0)


# --- C4 -------------------------------------------------------------------------------------

FLOOR = ks.noise_floor(DRAWS["preact-dependence"])
POINT = ks.threshold(DRAWS["preact-dependence"])


def rejecting(chosen):
    """An edit that rejects as many of the chosen runs as asked, and no other of them."""
    seen = []

    def edit(count, config, seed):
        if not chosen(config):
            return None
        seen.append(config)
        return {"ks": POINT * (1.01 if len(seen) <= count else 0.99)}

    return edit


@pytest.mark.parametrize(("count", "holds"), [(9, True), (10, False)])
def test_independent_inputs_are_rejected_as_often_as_chance_allows(count, holds):
    edit = rejecting(lambda c: c["independent"])
    assert check_of(("C4", 0), studies.DEPENDENCE, edit, count).holds is holds


@pytest.mark.parametrize(("holds", "fails"), [(1.149, 1.151), (0.851, 0.849)])
def test_independent_inputs_have_the_distance_of_an_exact_sampler(holds, fails):
    def edit(size, config, seed):
        return {"ks": size * FLOOR} if config["independent"] else None

    sides(("C4", 1), studies.DEPENDENCE, edit, holds, fails)


@pytest.mark.parametrize(("count", "holds"), [(2, True), (3, False)])
def test_one_neuron_a_layer_is_rejected_once_in_twenty(count, holds):
    edit = rejecting(
        lambda c: not c["independent"] and c["width"] == 1 and c["layout"] in "AC" and c["scheme"] in KINDS
    )
    assert check_of(("C4", 2), studies.DEPENDENCE, edit, count).holds is holds


def test_a_run_that_diverged_is_not_gaussian():
    lost = doctored(studies.DEPENDENCE, lambda c, seed: {"ks": float("nan")} if c["independent"] else None)
    assert [check.holds for check in checks_of(BY_ID["C4"], lost)] == [False, False, True]


# --- C5 -------------------------------------------------------------------------------------


def shared(edit):
    """An edit of the networks whose neurons share their inputs."""
    return lambda size, config, seed: None if config["independent"] else edit(size, config)


def test_the_positive_variant_is_nearer():
    edit = shared(lambda size, c: {"ks": 0.1 + size * (c["scheme"] == "odd")} if c["width"] == 2 else None)
    sides(("C5", 0), studies.DEPENDENCE, edit, 1e-4, -1e-4)


def test_a_small_theta_is_nearer():
    edit = shared(lambda size, c: {"ks": 0.1 + size * (c["theta"] == 10)} if c["width"] == 2 else None)
    sides(("C5", 1), studies.DEPENDENCE, edit, 1e-4, -1e-4)


def test_a_wider_previous_layer_halves_the_distance():
    edit = shared(
        lambda size, c: {"ks": {2: 0.1, 10: size}.get(c["width"], 0)} if c["layout"] == "B" else None
    )
    sides(("C5", 2), studies.DEPENDENCE, edit, 0.0499, 0.0501)


def limit_of(config):
    if config["layout"] != "A" or config["width"] != 10 or config["scheme"] not in KINDS:
        return None
    return finite_width.dependence_limit(config["theta"], config["scheme"]).ks


def at_the_limit(make):
    return shared(lambda size, c: None if (limit := limit_of(c)) is None else {"ks": make(limit, size)})


def test_a_wider_current_layer_keeps_four_fifths_of_the_limit():
    sides(("C5", 3), studies.DEPENDENCE, at_the_limit(lambda limit, size: limit * size), 0.801, 0.799)


@pytest.mark.parametrize("sign", [1, -1])
def test_layout_a_reaches_its_limit(sign):
    edit = at_the_limit(lambda limit, size: limit + sign * size)
    sides(("C5", 4), studies.DEPENDENCE, edit, 0.0099, 0.0101)


def beside(table, sign):
    def move(size, config):
        row = table.get((config["layout"], config["scheme"], config["theta"]), {})
        return {"ks": row[config["width"]] + sign * size} if config["width"] in row else None

    return shared(move)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("profile", "tolerance"), [("quick", 0.010), ("full", 0.003)])
def test_the_distances_are_those_of_the_exact_function(profile, tolerance, sign):
    edit = beside(EXPECTED_DEPENDENCE, sign)
    sides(("C5", 5), studies.DEPENDENCE, edit, tolerance - 1e-4, tolerance + 1e-4, profile=profile)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("profile", ["quick", "full"])
def test_the_distances_are_near_the_authors(profile, sign):
    sides(("C5", 6), studies.DEPENDENCE, beside(AUTHORS_DEPENDENCE, sign), 0.0229, 0.0231, profile=profile)
    check = check_of(("C5", 6), studies.DEPENDENCE, beside(AUTHORS_DEPENDENCE, sign), 0.0, profile=profile)
    assert check.kind == "number"


# --- C6 -------------------------------------------------------------------------------------

LATE = range(21, 31)


def late(size_of, when):
    def edit(size, config, seed):
        return {"ks": dict.fromkeys(LATE, size_of(size))} if when(config) else None

    return edit


def test_the_positive_variant_stays_at_the_noise():
    floor = ks.noise_floor(DRAWS["preact-depth"])
    one = late(lambda s: s * floor, lambda c: c["scheme"] == "positive" and c["theta"] == 10)
    sides(("C6", 0), studies.DEPTH, one, 1.149, 1.151)


def test_an_image_stays_below_the_five_percent_point():
    point = ks.threshold(DRAWS["preact-depth"])
    one = late(lambda s: s * point, lambda c: c["scheme"] == "positive" and c["inputs"] != "unit")
    sides(("C6", 1), studies.DEPTH, one, 0.999, 1.001)


@pytest.mark.parametrize("scheme", ["relu", "tanh"])
@pytest.mark.parametrize(("place", "inputs"), [(2, "digits"), (3, "unit")])
def test_relu_and_tanh_drift(place, inputs, scheme):
    point = ks.threshold(DRAWS["preact-depth"])
    one = late(lambda s: s * point, lambda c: c["scheme"] == scheme and c["inputs"] == inputs)
    sides(("C6", place), studies.DEPTH, one, 5.01, 4.99)


def test_a_network_that_diverged_did_not_stay_gaussian():
    records = [
        replace(r, status="diverged", metrics={}, curves={}) if r.config["scheme"] == "positive" else r
        for r in recorded(studies.DEPTH, "quick")
    ]
    checks = checks_of(BY_ID["C6"], {studies.DEPTH.name: records})
    assert [check.holds for check in checks] == [False, False, True, True]


# --- C7, C8, C9 -----------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["stable_per_period", "unstable_per_period"])
@pytest.mark.parametrize("count", [0.8, 1.2])
def test_every_period_has_one_fixed_point_of_either_kind(metric, count):
    assert (
        check_of(("C7", 0), studies.FIXED_POINTS, lambda size, c, seed: {metric: size}, count).holds is False
    )


def test_the_slopes_lie_on_both_sides_of_one():
    sides(("C7", 1), studies.FIXED_POINTS, lambda size, c, seed: {"stable_slope": size}, 0.999, 1.001)
    sides(("C7", 1), studies.FIXED_POINTS, lambda size, c, seed: {"stable_slope": -size}, 0.999, 1.001)
    sides(("C7", 1), studies.FIXED_POINTS, lambda size, c, seed: {"unstable_slope": size}, 1.001, 0.999)


@pytest.mark.parametrize("sign", [1, -1])
def test_the_second_moment_is_exact_within_four_standard_errors(sign):
    def edit(errors, config, seed):
        return {"second": 1 + 0.01 * (seed - 2) + sign * errors * 0.01 * 0.5**0.5}

    sides(("C8", 0), studies.MOMENTS, edit, 3.99, 4.01)


@pytest.mark.parametrize("layer", [1, 2, 3])
@pytest.mark.parametrize(("holds", "fails"), [(1.049, 1.051), (0.951, 0.949)])
def test_the_kurtosis_is_exact_within_five_percent(layer, holds, fails):
    def edit(size, config, seed):
        return {f"kurtosis_{layer}": size * finite_width.relu_kurtosis(config["width"], layer)}

    sides(("C8", layer), studies.MOMENTS, edit, holds, fails)
    sides(("C8", 4 + layer), studies.MOMENTS, edit, holds, fails)


@pytest.mark.parametrize(
    ("place", "principle", "summary", "tolerance"),
    [
        (0, "Glorot", "variance", 1e-9),
        (1, "He", "variance", 1e-9),
        (2, "Edge of Chaos", "slope", 5e-3),
        (3, "Gaussian, odd", "law", 1e-6),
        (4, "Gaussian, positive", "law", 1e-6),
    ],
)
def test_every_principle_keeps_its_summary(place, principle, summary, tolerance):
    def edit(size, config, seed):
        return {summary: size} if config["principle"] == principle else None

    sides(("C9", place), studies.PRINCIPLES, edit, 0.99 * tolerance, 1.01 * tolerance)


@pytest.mark.parametrize("principle", ["Glorot", "He", "Edge of Chaos"])
def test_no_other_principle_keeps_the_law(principle):
    def edit(size, config, seed):
        return {"law": size} if config["principle"] == principle else None

    sides(("C9", 5), studies.PRINCIPLES, edit, 1.01e-2, 0.99e-2)


# --- C10 ------------------------------------------------------------------------------------


def test_the_learning_rate_is_chosen_on_validation_and_not_on_test():
    table = recorded(studies.TRAINING, "quick")
    best = readings.best_by_validation(table)
    worse = readings.best_by_validation(
        [
            replace(r, metrics={**r.metrics, "test_accuracy": 0.0}) if r.config["lr"] == 0.1 else r
            for r in table
        ]
    )
    assert set(best["lr"]) == set(worse["lr"])
