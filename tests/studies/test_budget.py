from dataclasses import dataclass, replace

import pytest
import torch

from startright.studies import Outcome, RecordStore, Study, run
from startright.studies import budget as budgets
from startright.studies.budget import Clock, Within, by_value

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Job:
    size: int
    rate: float = 0.1


class Now:
    """A clock that moves only while a run runs."""

    def __init__(self):
        self.time = 0.0

    def __call__(self):
        return self.time


@pytest.fixture
def now(monkeypatch):
    clock = Now()
    monkeypatch.setattr("startright.studies.engines.time.perf_counter", clock)
    monkeypatch.setattr(budgets.time, "monotonic", clock)
    return clock


def study_of(now, jobs, seeds=2, failing=()):
    def work(job, seed, device):
        now.time += job.size
        if (job.size, seed) in failing:
            raise RuntimeError("out of memory")
        return Outcome({"size": job.size})

    return Study(
        "toy-jobs",
        1,
        "?",
        lambda profile: jobs,
        lambda profile: range(seeds),
        work,
        stack_key=lambda job: replace(job, rate=0.0),
    )


def made(records):
    return [(record.config["size"], record.seed) for record in records]


def test_every_configuration_once_before_any_is_repeated(now):
    runs = study_of(now, [Job(1), Job(2)], seeds=3).runs("quick")
    assert [(r.config.size, r.seed) for r in by_value(runs)] == [
        (1, 0),
        (2, 0),
        (1, 1),
        (2, 1),
        (1, 2),
        (2, 2),
    ]


def within(study, seconds, now, records=()):
    engine = Within(seconds, Clock(study, CPU, records), now)
    done = [(run.config.size, run.seed) for run, *_ in engine(study, study.runs("quick"), CPU)]
    return done, [(run.config.size, run.seed) for run in engine.left_out]


def test_nothing_is_started_that_would_not_end(now):
    study = study_of(now, [Job(10), Job(100)])
    done, left = within(study, 200, now)
    assert done == [(10, 0), (100, 0), (10, 1)]  # a second run of 100 seconds would end after 220
    assert left == [(100, 1)]
    assert now.time == 120


@pytest.mark.parametrize(("seconds", "fits"), [(121, True), (119, False)])
def test_a_run_may_take_a_fifth_longer_than_those_before(now, tmp_path, seconds, fits):
    study = study_of(now, [Job(100)], seeds=1)
    records = run(study, device="cpu", store=RecordStore(tmp_path / "a.jsonl"), progress=False)
    done, _ = within(study, seconds, now, records)
    assert bool(done) == fits


def test_runs_of_another_device_say_nothing(now, tmp_path):
    study = study_of(now, [Job(100)], seeds=1)
    (record,) = run(study, device="cpu", store=RecordStore(tmp_path / "a.jsonl"), progress=False)
    other = replace(record, provenance=dict(record.provenance) | {"device": "NVIDIA H200"})
    assert within(study, 10, now, [other])[0] == [(100, 0)]
    assert within(study, 10, now, [record])[0] == []


def test_a_run_of_the_same_shape_stands_for_one_never_made(now, tmp_path):
    study = study_of(now, [Job(100), Job(100, rate=1.0)], seeds=1)
    done, left = within(study, 150, now)
    assert (len(done), len(left)) == (1, 1)


def test_what_was_made_is_recorded_and_the_next_call_goes_on(now, tmp_path):
    study, store = study_of(now, [Job(10), Job(100)]), RecordStore(tmp_path / "a.jsonl")
    first = run(study, device="cpu", store=store, progress=False, minutes=2.5)
    assert made(first) == [(10, 0), (10, 1), (100, 0)]
    again = run(study, device="cpu", store=store, progress=False, minutes=2.5)
    assert made(again) == [*made(first), (100, 1)]
    assert made(store.load().values())[-1] == (100, 1)


def test_a_failed_run_is_among_the_records_and_stops_nothing(now, tmp_path):
    study = study_of(now, [Job(10), Job(20)], seeds=1, failing=[(10, 0)])
    with pytest.warns(UserWarning, match="out of memory"):
        records = run(study, device="cpu", store=RecordStore(tmp_path / "a.jsonl"), progress=False, minutes=5)
    assert [record.status for record in records] == ["failed", "ok"]


@pytest.mark.parametrize("minutes", [0, -1, float("inf"), float("nan")])
def test_minutes_are_positive(now, tmp_path, minutes):
    store = RecordStore(tmp_path / "a.jsonl")
    with pytest.raises(ValueError, match="minutes must be positive"):
        run(study_of(now, [Job(1)]), device="cpu", store=store, minutes=minutes)


def test_only_one_after_another(now, tmp_path):
    study = replace(study_of(now, [Job(1)]), run_stacked=lambda runs, device: [])
    with pytest.raises(ValueError, match="leave out engine 'stacked'"):
        run(study, device="cpu", engine="stacked", store=RecordStore(tmp_path / "a.jsonl"), minutes=1)
