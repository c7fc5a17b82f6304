import json
import math
import os
import random
import signal
import time
import warnings
from collections import Counter
from dataclasses import dataclass, replace

import pytest
import torch

from startright.studies import (
    Outcome,
    Record,
    RecordStore,
    Study,
    complete,
    default_store,
    live,
    recorded,
    run,
)
from startright.studies import store as store_module


@pytest.fixture
def store(tmp_path):
    return RecordStore(tmp_path / "toy.jsonl")


@pytest.fixture
def quick(store):
    """Run a study on the CPU into ``store`` without a bar."""
    return lambda study, **more: run(study, **{"device": "cpu", "store": store, "progress": False, **more})


@pytest.fixture
def counted(study):
    """The study, run singly, and the list of (config, seed) computed so far."""
    calls = []

    def compute(config, seed, device):
        calls.append((config, seed))
        return study.run(config, seed, device)

    return replace(study, run=compute, run_stacked=None), calls


def test_only_missing_runs_are_computed(counted, quick, store):
    study, calls = counted
    first = quick(study)
    assert len(calls) == 8
    assert quick(study) == first == list(store.load().values())
    assert len(calls) == 8
    full = quick(study, profile="full")
    assert len(calls) == 12
    assert [r.key for r in full] == [r.key for r in study.runs("full")]
    assert Counter(r.profile for r in full) == {"quick": 8, "full": 4}


def test_a_new_version_or_seed_is_run_afresh(counted, quick):
    study, calls = counted
    quick(study)
    assert {r.seed for r in quick(study, first_seed=5)} == {5, 6}
    quick(replace(study, version=2))
    assert len(calls) == 24


def test_a_record_carries_its_provenance(study, quick):
    record = quick(study)[0]
    assert record.provenance["torch"] == torch.__version__
    assert record.provenance["device"].startswith("CPU")
    assert record.profile == "quick"
    assert record.seconds > 0
    assert record.peak_memory is None


def test_diverged_runs_are_kept_and_failed_ones_run_again(study, quick, store):
    broken = True

    def compute(config, seed, device):
        if config.rate == 0.5 and broken:
            raise ValueError("bad luck")
        return Outcome({"loss": math.nan if seed else 1.0})

    study = replace(study, run=compute, run_stacked=None)
    with pytest.warns(UserWarning, match=r"4 of 8 runs of toy-descent failed.*ValueError: bad luck"):
        records = quick(study)
    assert Counter(r.status for r in records) == {"ok": 2, "diverged": 2, "failed": 4}
    assert math.isnan(records[1].metrics["loss"])
    broken = False
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        records = quick(study)
    assert Counter(r.status for r in records) == {"ok": 4, "diverged": 4}
    assert len(store.path.read_text().splitlines()) == 12


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"profile": "ful"}, "did you mean 'full'"),
        ({"profile": "paper"}, "no profile 'paper'"),
        ({"device": "gpu"}, "unknown device"),
        ({"engine": "desk"}, "unknown engine 'desk': did you mean 'dask'"),
        ({"engine": "stacked"}, "no stacked form"),
        ({"first_seed": -1}, "non-negative"),
    ],
)
def test_bad_requests_are_refused_at_once(counted, quick, store, arguments, message):
    study, calls = counted
    with pytest.raises(ValueError, match=message):
        quick(study, **arguments)
    assert calls == []
    assert not store.path.exists()


@pytest.mark.skipif(torch.cuda.is_available(), reason="has CUDA")
def test_an_absent_gpu_is_refused(study, quick):
    with pytest.raises(ValueError, match="not present"):
        quick(study, device="cuda")


def test_nothing_is_computed_for_a_place_that_cannot_be_written(counted, quick, tmp_path):
    study, calls = counted
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="cannot write records"):
        quick(study, store=RecordStore(tmp_path / "file" / "toy.jsonl"))
    assert calls == []


def test_a_disk_that_fills_up_stops_the_sweep(counted, quick, store, monkeypatch):
    study, calls = counted
    real, budget = os.write, 3

    def limited(file, content):
        return real(file, content if len(calls) <= budget else content[:5])

    monkeypatch.setattr(store_module.os, "write", limited)
    with pytest.raises(OSError, match="free some space"):
        quick(study)
    assert len(calls) == 4
    assert len(store.load()) == 3
    assert store.problems == []
    budget = 100
    assert len(quick(study)) == 8
    assert len(calls) == 9


@pytest.fixture
def ctrl_c():
    """Python's own answer to SIGINT, also where the tests were started in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: signal.raise_signal(signal.SIGINT)
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_keeps_what_is_done(counted, quick, store, ctrl_c):
    study, calls = counted

    def interrupted(config, seed, device):
        if len(calls) == 3:
            ctrl_c()
        return study.run(config, seed, device)

    with pytest.raises(KeyboardInterrupt) as stop:
        quick(replace(study, run=interrupted))
    assert stop.value.__notes__ == ["toy-descent: 3 of 8 runs finished before the interruption"]
    assert len(store.load()) == 3
    assert store.problems == []
    quick(study)
    assert len(calls) == 8


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        ({"profile": "quick", "progress": True}, True),
        ({"profile": "quick", "progress": None}, False),
        ({"profile": "full", "progress": None}, True),
        ({"profile": "full", "progress": False}, False),
    ],
)
def test_the_bar(study, quick, capsys, arguments, shown):
    quick(study, **arguments)
    assert ("toy-descent" in capsys.readouterr().err) == shown


def test_live_quick_is_computed_every_time_and_written_nowhere(counted, tmp_path, monkeypatch):
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path / "results"))
    study, calls = counted
    assert len(live(study, device="cpu")) == 8
    assert [r.seed for r in live(study, device="cpu", first_seed=3)] == [3, 4] * 4
    assert len(calls) == 16
    assert not (tmp_path / "results").exists()


def test_live_full_is_recorded(counted, tmp_path, monkeypatch):
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path))
    study, calls = counted
    assert recorded(study) == []
    records = live(study, "full", device="cpu")
    assert recorded(study, "full") == live(study, "full", device="cpu") == records
    assert len(calls) == 12
    assert len(recorded(study, "quick")) == 8
    assert [p.name for p in tmp_path.iterdir()] == ["toy-descent.jsonl"]
    assert recorded(replace(study, version=2)) == []


def test_runs_that_were_shipped_are_not_computed_again(counted, tmp_path, monkeypatch):
    monkeypatch.delenv("STARTRIGHT_RESULTS", raising=False)
    monkeypatch.setattr("startright.paths.repository", lambda: None)
    monkeypatch.setattr("startright.studies.known.project_of", lambda code: None)
    monkeypatch.setattr("startright.paths.PACKAGE", tmp_path / "package")
    monkeypatch.chdir(tmp_path)
    study, calls = counted
    shipped = RecordStore(tmp_path / "package" / "results" / "toy-descent.jsonl")
    run(study, device="cpu", store=shipped, progress=False)
    before = shipped.path.read_bytes()
    assert len(recorded(study, "quick")) == len(calls) == 8
    assert len(run(study, "full", device="cpu", progress=False)) == 12
    assert len(calls) == 12
    assert len((tmp_path / "data" / "results" / "toy-descent.jsonl").read_text().splitlines()) == 4
    assert shipped.path.read_bytes() == before
    assert len(recorded(study, "full")) == 12


def test_failed_runs_are_not_among_the_recorded(study, tmp_path, monkeypatch):
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path))

    def compute(config, seed, device):
        return Outcome({}, status="failed", reason="no") if seed else Outcome({"loss": 1.0})

    with pytest.warns(UserWarning, match="failed"):
        run(replace(study, run=compute, run_stacked=None), device="cpu", progress=False)
    assert [r.seed for r in recorded(study, "quick")] == [0] * 4


# --- kills -----------------------------------------------------------------------------------------

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks processes")


def forked(work):
    """Run ``work`` in a child; its process id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    return child


class Diary:
    """A file of words that outlives its writer."""

    def __init__(self, path):
        self.path = path
        self.path.touch()

    def note(self, word):
        file = os.open(self.path, os.O_WRONLY | os.O_APPEND)
        os.write(file, f"{word}\n".encode())
        os.close(file)

    def words(self):
        return self.path.read_text().split()


@dataclass(frozen=True)
class Rate:
    rate: float


def kill_study(compute):
    """300 runs."""

    def grid(profile):
        return [Rate(k / 4) for k in range(30)]

    return Study("toy-kill", 1, "?", grid, lambda profile: range(10), compute)


def sweep(store, started, confirmed):
    """A sweep over runs of about a millisecond, noting each start and each confirmed record."""

    class Noting(RecordStore):
        def append(self, record):
            super().append(record)
            confirmed.note(record.key)

    def compute(config, seed, device):
        started.note(f"{config.rate}/{seed}")
        time.sleep(0.001)
        return Outcome({"loss": config.rate * seed})

    def work():
        run(kill_study(compute), device="cpu", store=Noting(store.path), progress=False)

    return work


@needs_fork
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_sweep_killed_again_and_again_loses_only_the_run_in_flight(store, tmp_path):
    started, confirmed = Diary(tmp_path / "started"), Diary(tmp_path / "confirmed")
    work = sweep(store, started, confirmed)
    chance, kills = random.Random(0), 0
    for _ in range(25):
        child, goal = forked(work), len(started.words()) + chance.randint(0, 4)
        deadline = time.monotonic() + 20
        while len(started.words()) < goal and time.monotonic() < deadline:
            time.sleep(0.0005)
        time.sleep(chance.uniform(0, 0.004))
        os.kill(child, signal.SIGKILL)
        kills += os.WIFSIGNALED(os.waitpid(child, 0)[1])
        assert set(confirmed.words()) <= set(RecordStore(store.path).load())  # nothing confirmed is lost
    assert kills >= 20
    assert 20 < len(set(started.words())) < 300  # the kills fell into the sweep
    assert os.waitpid(forked(work), 0)[1] == 0

    study = kill_study(None)
    lines = [json.loads(line) for line in store.path.read_text().splitlines()]
    assert Counter(line["key"] for line in lines) == Counter(r.key for r in study.runs("quick"))
    assert all(r.metrics["loss"] == r.config["rate"] * r.seed for r in store.load().values())
    repeated = Counter(started.words())
    assert len(repeated) == 300
    assert sum(repeated.values()) <= 300 + kills  # a kill costs one run at most


@needs_fork
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_kill_in_the_middle_of_a_write_costs_that_run_alone(counted, quick, store, monkeypatch):
    study, calls = counted
    real = os.write

    def fatal(file, content):
        if len(calls) == 4:
            real(file, content[: len(content) // 2])
            os.kill(os.getpid(), signal.SIGKILL)
        return real(file, content)

    with monkeypatch.context() as patch:
        patch.setattr(store_module.os, "write", fatal)
        assert os.WIFSIGNALED(os.waitpid(forked(lambda: quick(study)), 0)[1])
    with pytest.warns(UserWarning, match="torn"):
        records = quick(study)
    assert len(calls) == 5  # of eight runs three were on the disk
    assert all(isinstance(r, Record) and r.status == "ok" for r in records)
    with pytest.warns(UserWarning, match="line 4"):
        assert len(store.load()) == 8


def test_an_incomplete_grid_counts_as_none(study, tmp_path, monkeypatch):
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path))
    records = run(study, device="cpu", progress=False)
    assert complete(study, "quick") == records != []
    path = default_store(study).path
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert len(recorded(study, "quick")) == len(records) - 1
    assert complete(study, "quick") == []
