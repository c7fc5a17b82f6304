"""Honest records agree with their runs made again; what was added to one is found."""

import shutil
from dataclasses import replace

import pytest

from startright.book import catalogue
from startright.paths import repository
from startright.studies import Outcome, RecordStore, run
from startright.studies.agreement import compare
from startright.studies.sample import CLOCKED, Repeated, beyond_chance, draw, repeat, run_again

ACCURATE = "higher-order-choices"  # a quick study of seconds a run, with accuracies


@pytest.fixture(autouse=True)
def results(tmp_path, monkeypatch):
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def repeated(tmp_path_factory):
    """One recorded run of the accurate study, made again."""
    folder = tmp_path_factory.mktemp("results")
    shutil.copy(repository() / "data" / "results" / f"{ACCURATE}.jsonl", folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("STARTRIGHT_RESULTS", str(folder))
        (made,) = repeat(draw([catalogue.study(ACCURATE)], "quick", 1e9, "2026-11-26"), 1, print)
    return made


def tampered(made, **metrics):
    record = made.drawn.record
    false = replace(record, metrics={**record.metrics, **metrics})
    drawn = replace(made.drawn, record=false)
    return Repeated(drawn, made.outcome, compare(false, made.outcome, drawn.records))


def test_an_honest_record_passes(repeated):
    assert {metric.metric for metric in repeated.compared} == set(repeated.drawn.record.metrics)
    assert beyond_chance([repeated]) == []


@pytest.mark.parametrize("points", [6.5, -6.5])
def test_points_added_to_an_accuracy_are_found(repeated, points):
    accuracy = repeated.drawn.record.metrics["test_accuracy"]
    [fault] = beyond_chance([tampered(repeated, test_accuracy=accuracy + points / 100)])
    record, found = repeated.drawn.record, repeated.outcome.metrics["test_accuracy"]
    assert fault.startswith(f"{ACCURATE} {record.key} (seed {record.seed}): test_accuracy is ")
    assert f"{accuracy + points / 100:.6g} in the record and {found:.6g} when run again" in fault


def test_a_changed_count_is_found(repeated):
    updates = repeated.drawn.record.metrics["updates"]
    [fault] = beyond_chance([tampered(repeated, updates=updates + 1)])
    assert "updates" in fault
    assert fault.endswith("(exact)")


def test_what_a_change_of_processor_would_do_passes(repeated):
    """Another seed of the config stands for it: at worst the numbers are as far apart."""
    record = repeated.drawn.record
    mates = [r for r in repeated.drawn.records if r.config == record.config and r.key != record.key]
    assert mates
    for mate in mates:
        outcome = Outcome({name: mate.metrics[name] for name in ("test_accuracy", "test_loss", "train_loss")})
        assert beyond_chance([Repeated(repeated.drawn, outcome, compare(record, outcome, mates))]) == []


def test_another_status_is_found(repeated):
    diverged = Outcome({}, status="diverged", reason="not finite: loss = nan")
    [fault] = beyond_chance([Repeated(repeated.drawn, diverged, [])])
    assert "ok in the record, diverged (not finite: loss = nan) when run again" in fault


def test_a_run_without_its_metrics_is_found(repeated):
    [fault] = beyond_chance([Repeated(repeated.drawn, Outcome({"colour": 1.0}), [])])
    assert "none of the record's metrics" in fault


def test_the_draw_goes_by_the_seed_and_round_the_studies(study):
    other = replace(study, name="toy-other")
    for one in (study, other):
        run(one, "full", device="cpu", engine="serial", progress=False)

    def drawn(seed, seconds=1e9):
        return [one.record.key for one in draw([study, other], "full", seconds, seed)]

    first = drawn("2026-11-26")
    assert len(first) == len(set(first)) == 24
    assert drawn("2026-11-26") == first
    assert drawn("2026-11-27") != first
    order = [one.study.name for one in draw([other, study], "full", 1e9, "2026-11-26")]
    assert all(order[k] != order[k + 1] for k in range(0, 24, 2))
    assert [one.record.key for one in draw([other, study], "full", 1e9, "2026-11-26")] == first
    assert drawn("2026-11-26", seconds=0.0) == []
    assert list(draw([study], "paper", 1e9, "x")) == []


def test_failed_runs_and_studies_of_times_are_not_drawn(study, results):
    records = run(study, "quick", device="cpu", engine="serial", progress=False)
    store = RecordStore(results / "toy-descent.jsonl")
    store.append(replace(records[0], status="failed", reason="?"))
    assert len(list(draw([study], "quick", 1e9, "x"))) == len(records) - 1
    timed = replace(study, name=next(iter(CLOCKED)))
    run(timed, "quick", device="cpu", engine="serial", progress=False)
    assert list(draw([timed], "quick", 1e9, "x")) == []
    assert set(catalogue.STUDIES) >= CLOCKED


def test_a_study_without_its_data_is_passed_over_and_said_once(study):
    run(study, "quick", device="cpu", engine="serial", progress=False)

    def absent(config, seed, device):
        raise FileNotFoundError("dataset 'mnist' is not here; fetch it")

    there = replace(study, name="toy-other")
    run(there, "quick", device="cpu", engine="serial", progress=False)
    told = []
    made = repeat(draw([replace(study, run=absent), there], "quick", 1e9, "x"), 20, told.append)
    assert {one.drawn.study.name for one in made} == {"toy-other"}
    assert len(made) == 8
    assert [line for line in told if "mnist" in line] == [
        "toy-descent: passed over, dataset 'mnist' is not here; fetch it"
    ]
    assert beyond_chance(made) == []


def test_a_run_that_raises_is_a_difference(study):
    run(study, "quick", device="cpu", engine="serial", progress=False)

    def broken(config, seed, device):
        raise ZeroDivisionError("bad luck")

    drawn = next(draw([replace(study, run=broken)], "quick", 1e9, "x"))
    assert run_again(drawn).status == "failed"
    [fault] = beyond_chance(repeat([drawn], 1, print))
    assert "failed (ZeroDivisionError: bad luck) when run again" in fault
