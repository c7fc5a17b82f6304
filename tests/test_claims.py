import json
import math
from dataclasses import dataclass, fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from startright.checks import Check
from startright.claims import (
    HERE,
    VERDICTS,
    Change,
    Claim,
    Measurement,
    Row,
    changes_table,
    checks_table,
    evaluate,
    table,
    to_json,
    verdict,
)
from startright.studies import Outcome, Study, frame, live, run


@dataclass(frozen=True)
class Throw:
    sides: int


def grid(profile):
    if profile == "paper":
        raise ValueError("the study has no profile 'paper'")
    return [Throw(6)] if profile == "quick" else [Throw(6), Throw(20)]


def study_called(name):
    return Study(
        name, 1, "?", grid, lambda profile: range(3), lambda config, seed, device: Outcome({"up": seed})
    )


DICE, COINS = study_called("toy-dice"), study_called("toy-coins")


def measure(records):
    ups = frame(records["toy-dice"])["up"]
    checks = (
        Check("mean above 0", ups.mean() > 0, control="a die of zeros"),
        Check("mean above 9", ups.mean() > 9, control="a die of zeros"),
    )
    return Measurement("mean of the dice", ups.mean(), ups.std(), len(ups), checks)


CHANGE = Change("mean < 9", "8", "9", "a larger die", "2026-01-01")
CLAIM = Claim(
    "toy",
    "C1",
    "Dice < coins & more",
    "3 | 4",
    (DICE, COINS),
    measure,
    "part/toy",
    "fig-toy",
    locator="Table 1",
    changes=(CHANGE,),
)


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path))
    return tmp_path


def record_all(profile, *studies):
    for study in studies or (DICE, COINS):
        run(study, profile, device="cpu", progress=False)


# --- verdicts --------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from([True, False, None]), min_size=1), st.booleans())
def test_the_verdict_follows_from_the_checks(held, comparable):
    checks = tuple(Check("", holds, control="another method") for holds in held)
    measurement = Measurement("x", 1.0, None, 1, checks, comparable=comparable)
    result = verdict(measurement)
    assert result in VERDICTS
    row = Row(CLAIM, "quick", measurement, 6, 0, "CPU", "abc", "2026-01-01")
    if not comparable:
        assert result == "other set-up"
        result = {here: word for word, here in HERE.items()}[row.outcome.removeprefix("other set-up: ")]
    assert (result == "reproduced") == (set(held) == {True})
    assert (result == "not reproduced") == (set(held) == {False})
    assert (result == "partly") == ({True, False} <= set(held))
    assert (result == "undecided") == (None in held and not {True, False} <= set(held))


def test_a_check_without_a_control_does_not_enter_the_verdict():
    checks = (Check("a", True, control="another method"), Check("b", False))
    assert verdict(Measurement("x", 1.0, None, 1, checks)) == "reproduced"
    lone = Measurement("x", 1.0, None, 1, checks[1:], comparable=False)
    assert Row(CLAIM, "quick", lone, 6, 0, "CPU", "abc", "2026-01-01").outcome == "other set-up"


def test_no_measurement_is_not_yet_run():
    assert verdict(None) == "not yet run"


def test_nobody_types_a_verdict():
    for kind in (Measurement, Row, Claim, Check):
        assert "verdict" not in {entry.name for entry in fields(kind)}


def test_a_measurement_needs_checks_and_repetitions():
    with pytest.raises(ValueError, match=r"'slope' has no check that counts.*comparable=False"):
        Measurement("slope", 1.0, None, 1, (Check("no control", True),))
    with pytest.raises(ValueError, match="n = 0"):
        Measurement("slope", 1.0, None, 0, (), comparable=False)
    assert verdict(Measurement("slope", 1.0, None, 1, (), comparable=False)) == "other set-up"


def test_a_measurement_is_of_the_repetitions_that_have_a_value():
    def of(*values):
        m = Measurement.of("x", values, (), comparable=False)
        return m.value, m.spread, m.n

    assert of(1.0, 3.0) == (2.0, pytest.approx(2**0.5), 2)
    assert of(1.0, math.nan, 3.0) == of(1.0, 3.0)
    assert of(1.0, math.inf, 3.0) == (math.inf, pytest.approx(2**0.5), 3)
    assert of(5.0) == (5.0, None, 1)
    for values, n in (((), 1), ((math.nan, math.nan), 2)):
        value, spread, count = of(*values)
        assert math.isnan(value)
        assert (spread, count) == (None, n)


def test_a_check_takes_the_booleans_of_numpy():
    assert Check("", np.bool_(True)).holds is True


# --- evaluating ------------------------------------------------------------------------------------


def test_without_records_nothing_is_measured():
    row = evaluate(CLAIM, "full")
    assert (row.verdict, row.ours, row.records, row.missing) == ("not yet run", "0 of 12 runs", 0, 12)
    assert (row.device, row.commit, row.date) == (None, None, None)


def test_one_missing_run_is_enough_to_wait():
    record_all("full", DICE)
    record_all("quick", COINS)
    row = evaluate(CLAIM, "full")
    assert (row.verdict, row.ours) == ("not yet run", "9 of 12 runs")
    assert row.device.startswith("CPU")
    assert evaluate(CLAIM, "quick").verdict == "partly"


def test_another_setup_says_how_its_checks_went():
    record_all("quick")
    settled, unsettled = (
        evaluate(
            replace(CLAIM, measure=lambda records, c=c: replace(CLAIM.measure(records), comparable=c)),
            "quick",
        )
        for c in (True, False)
    )
    assert settled.outcome == settled.verdict == "partly"
    assert unsettled.verdict == "other set-up"
    assert unsettled.outcome == "other set-up: mixed here"
    assert evaluate(CLAIM, "full").outcome == "not yet run"


def test_the_whole_grid_is_measured():
    record_all("full")
    row = evaluate(CLAIM, "full")
    assert (row.verdict, row.records, row.missing) == ("partly", 12, 0)
    assert (row.measurement.value, row.measurement.n) == (1.0, 6)
    assert row.ours == "1.00 ± 0.89 (n = 6)"
    assert evaluate(CLAIM, "quick").measurement.n == 3  # of the same file


def test_a_partial_claim_is_measured_as_far_as_the_records_reach():
    record_all("full", DICE)
    partial = replace(CLAIM, partial=("full",))
    row = evaluate(partial, "full")
    assert (row.verdict, row.records, row.missing) == ("partly", 6, 6)
    assert row.ours == "1.00 ± 0.89 (n = 6; 6 of 12 runs)"
    assert evaluate(replace(CLAIM, partial=("quick",)), "full").verdict == "not yet run"


def test_a_failed_run_is_missing_and_a_diverged_one_is_not():
    records = {study.name: live(study, device="cpu") for study in (DICE, COINS)}
    assert evaluate(CLAIM, "quick", records).verdict == "partly"
    for status, missing in (("failed", 1), ("diverged", 0)):
        changed = {**records, "toy-coins": [replace(records["toy-coins"][0], status=status)]}
        changed["toy-coins"] += records["toy-coins"][1:]
        assert evaluate(CLAIM, "quick", changed).missing == missing


def bare(records):
    """The records as runs that diverged before they had measured anything."""
    return [replace(r, status="diverged", reason="not finite", metrics={}, curves={}) for r in records]


def test_records_without_what_is_measured_are_the_reason_of_that_claim_alone():
    records = {study.name: live(study, device="cpu") for study in (DICE, COINS)}
    row = evaluate(CLAIM, "quick", {**records, "toy-dice": bare(records["toy-dice"])})
    assert (row.verdict, row.measurement, row.missing) == ("cannot be measured", None, 0)
    assert row.reason == row.ours == "toy C1: KeyError: 'up' (3 of 6 runs diverged)"
    assert row.outcome == row.verdict
    assert table([row], links=False).loc[0, "verdict"] == "cannot be measured"
    assert checks_table([row]).empty
    (entry,) = json.loads(to_json([row]))
    assert (entry["verdict"], entry["reason"], entry["checks"]) == (row.verdict, row.reason, [])


def test_an_interruption_is_not_a_reason():
    def interrupted(records):
        raise KeyboardInterrupt

    record_all("quick")
    with pytest.raises(KeyboardInterrupt):
        evaluate(replace(CLAIM, measure=interrupted), "quick")


@pytest.mark.parametrize("odd", [1234567890, 1.5, True, None, ["a"], {"b": 1}])
def test_odd_provenance_stops_no_table(odd):
    note = dict.fromkeys(("commit", "time", "device", "dirty"), odd)
    records = {
        study.name: [replace(r, provenance=note) for r in live(study, device="cpu")]
        for study in (DICE, COINS)
    }
    row = evaluate(CLAIM, "quick", records)
    assert row.verdict == "partly"
    assert table([row]).loc[0, "device"] == ("1234567890" if odd == 1234567890 else "")
    assert json.loads(to_json([row]))[0]["date"] is None


def test_given_records_are_those_of_their_seeds_and_grid():
    records = {study.name: live(study, "quick", device="cpu", first_seed=4) for study in (DICE, COINS)}
    assert evaluate(CLAIM, "quick", records).missing == 6
    row = evaluate(CLAIM, "quick", records, first_seed=4)
    assert (row.measurement.value, row.measurement.n) == (5.0, 3)
    records["toy-dice"] += live(DICE, "quick", device="cpu")
    assert evaluate(CLAIM, "quick", records, first_seed=4).measurement.n == 3
    assert evaluate(CLAIM, "quick", {}).missing == 6


def test_a_claim_without_studies_is_not_yet_run():
    alone = replace(CLAIM, studies=())
    assert evaluate(alone, "quick").verdict == "not yet run"
    assert alone.profiles == ()


def test_the_profiles_of_a_claim_are_those_of_all_its_studies():
    small = replace(COINS, grid=lambda profile: grid(profile) if profile == "quick" else [])
    assert CLAIM.profiles == ("quick", "full")
    assert replace(CLAIM, studies=(DICE, small)).profiles == ("quick",)
    with pytest.raises(ValueError, match="no profile 'paper'"):
        evaluate(CLAIM, "paper")


# --- showing ---------------------------------------------------------------------------------------


HELD = Check("a < b", True, "number", "another method", (0.5, 1.5))


def row_of(value=1.0, spread=None, n=1, checks=(HELD,), note=""):
    measurement = Measurement("x", value, spread, n, checks, note=note)
    return Row(CLAIM, "quick", measurement, 6, 0, "CPU", "abc", "2026-01-01")


@pytest.mark.parametrize(
    ("value", "spread", "shown"),
    [
        (0.98765, 0.0432, "0.988 ± 0.043 (n = 5)"),
        (98.765, 1.26, "98.8 ± 1.3 (n = 5)"),
        (12345.6, 789.0, "12346 ± 789 (n = 5)"),
        (0.5, 0.0, "0.5 ± 0 (n = 5)"),
        (0.98765, None, "0.9877 (n = 5)"),
        (1.5e-9, 2.25e-10, "1.5e-09 ± 2.2e-10 (n = 5)"),
        (math.nan, 1.0, "nan ± 1 (n = 5)"),
        (1.0, math.inf, "1 ± inf (n = 5)"),
    ],
)
def test_ours_in_words(value, spread, shown):
    assert row_of(value, spread, 5).ours == shown


def test_the_table_with_and_without_links():
    plain, linked = table([row_of()], links=False), table([row_of()], root="../")
    assert plain.loc[0].to_dict() == {
        "claim": "C1",
        "statement": "Dice < coins & more",
        "where": "Table 1",
        "published": "3 | 4",
        "quantity": "x",
        "ours": "1 (n = 1)",
        "profile": "quick",
        "device": "CPU",
        "verdict": "reproduced",
        "kind": "number",
        "figure": "part/toy#fig-toy",
    }
    assert linked.loc[0, "figure"] == '<a href="../part/toy.html#fig-toy">toy</a>'
    assert table([row_of()]).loc[0, "figure"] == '<a href="part/toy.html#fig-toy">toy</a>'
    assert list(table([])) == list(plain)


def test_notebooks_show_the_links_and_escape_the_rest():
    long = replace(CLAIM, statement="a < b " * 40)
    shown = table([replace(row_of(), claim=long)])[["statement", "figure"]]._repr_html_()
    assert '<a href="part/toy.html#fig-toy">toy</a>' in shown
    assert "a &lt; b " * 39 in shown


def test_a_place_without_links_is_escaped_like_any_text():
    odd = replace(CLAIM, page="part/<b>toy", anchor="fig&toy")
    rows = [replace(row_of(), claim=odd)]
    assert "part/&lt;b&gt;toy#fig&amp;toy" in table(rows, links=False)._repr_html_()
    assert '<a href="part/&lt;b&gt;toy.html#fig&amp;toy">&lt;b&gt;toy</a>' in table(rows)._repr_html_()


def test_the_checks_behind_the_verdicts():
    rows = [row_of(checks=(HELD, Check("c", None, more=2), Check("d", False)))]
    rows.append(evaluate(CLAIM, "full"))
    shown = checks_table(rows)
    assert shown.to_numpy().tolist() == [
        ["C1", "quick", "a < b", "number", "yes", "another method"],
        [
            "C1",
            "quick",
            "c",
            "description",
            "undecided: 2 more repetitions would settle it",
            "no wrong method",
        ],
        ["C1", "quick", "d", "description", "no", "no wrong method"],
    ]
    assert "a &lt; b" in shown._repr_html_()


def test_changed_thresholds_are_shown():
    shown = changes_table([CLAIM, replace(CLAIM, changes=())])
    assert shown.to_numpy().tolist() == [["C1", "mean < 9", "8", "9", "a larger die", "2026-01-01"]]
    assert "mean &lt; 9" in shown._repr_html_()


def test_json_is_strict_and_whole():
    rows = [row_of(math.inf, math.nan, note="é"), evaluate(CLAIM, "full")]
    measured, waiting = json.loads(to_json(rows), parse_constant=pytest.fail)
    assert measured == {
        "paper": "toy",
        "id": "C1",
        "statement": "Dice < coins & more",
        "locator": "Table 1",
        "published": "3 | 4",
        "quantity": "x",
        "value": "inf",
        "spread": "nan",
        "n": 1,
        "profile": "quick",
        "device": "CPU",
        "commit": "abc",
        "date": "2026-01-01",
        "verdict": "reproduced",
        "outcome": "reproduced",
        "kind": "number",
        "checks": [
            {
                "text": "a < b",
                "holds": True,
                "kind": "number",
                "control": "another method",
                "interval": [0.5, 1.5],
                "more": None,
                "counts": True,
            }
        ],
        "changes": [
            {"check": "mean < 9", "before": "8", "after": "9", "why": "a larger die", "date": "2026-01-01"}
        ],
        "note": "é",
        "page": "part/toy",
        "anchor": "fig-toy",
        "runs": 6,
        "missing": 0,
        "reason": None,
    }
    assert waiting.keys() == measured.keys()
    assert (waiting["verdict"], waiting["value"], waiting["checks"]) == ("not yet run", None, [])
    assert (waiting["runs"], waiting["missing"]) == (0, 12)


def test_json_takes_the_numbers_of_numpy():
    record_all("quick")
    (entry,) = json.loads(to_json([evaluate(CLAIM, "quick")]))
    assert (entry["value"], entry["spread"], entry["n"]) == (1.0, 1.0, 3)
    assert entry["checks"][1]["text"] == "mean above 9"
    assert entry["checks"][1]["holds"] is False
