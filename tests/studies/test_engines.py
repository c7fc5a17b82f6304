import weakref
from dataclasses import replace

import pytest
import torch

from startright.studies import ENGINES, Outcome, RecordStore, compare, pick_engine, run

CPU = torch.device("cpu")
HERE = ("serial", "stacked")  # the engines that compute in this process


def finished(study, engine, profile="quick"):
    return list(ENGINES[engine](study, study.runs(profile), CPU))


def test_serial_and_stacked_leave_the_same_records(study, tmp_path):
    by_engine = [
        run(study, "full", device="cpu", engine=engine, store=RecordStore(tmp_path / engine), progress=False)
        for engine in HERE
    ]
    assert len(by_engine[0]) == 12
    assert compare(*by_engine, rel=1e-6) == []
    for one, other in zip(*by_engine, strict=True):
        assert one.curves["loss"] == pytest.approx(other.curves["loss"], rel=1e-6)


@pytest.mark.parametrize(
    ("changes", "sizes"),
    [
        ({}, [4, 4]),
        ({"max_stack": 3}, [3, 1, 3, 1]),
        ({"stack_key": lambda config: "one"}, [8]),
        ({"stack_key": None}, [2, 2, 2, 2]),
    ],
)
def test_runs_are_stacked_by_key_up_to_a_size(study, changes, sizes):
    seen = []

    def watched(stack, device):
        seen.append(stack)
        return [Outcome({"seed": seed, "rate": config.rate}) for config, seed in stack]

    done = finished(replace(study, run_stacked=watched, **changes), "stacked")
    assert [len(stack) for stack in seen] == sizes
    assert {run.key for run, *_ in done} == {run.key for run in study.runs("quick")}
    for run_, outcome, _, _ in done:
        assert outcome.metrics == {"seed": run_.seed, "rate": run_.config.rate}


def test_a_run_that_raises_does_not_stop_the_others(study):
    def fragile(config, seed, device):
        if seed == 1:
            raise ZeroDivisionError("by zero")
        return Outcome({"loss": 1.0})

    done = finished(replace(study, run=fragile), "serial")
    assert [(o.status, o.reason) for _, o, _, _ in done[:2]] == [
        ("ok", None),
        ("failed", "ZeroDivisionError: by zero"),
    ]
    assert [o.status for _, o, _, _ in done].count("ok") == 4


def test_a_run_must_leave_an_outcome(study):
    done = finished(replace(study, run=lambda *_: {"loss": 1.0}), "serial")
    assert {outcome.status for _, outcome, _, _ in done} == {"failed"}
    assert "must return an Outcome" in done[0][1].reason


def _raise(stack, device):
    raise RuntimeError("out of memory")


def _one_for_all(stack, device):
    return [Outcome({"loss": 1.0})]


def _numbers(stack, device):
    return [1.0] * len(stack)


@pytest.mark.parametrize("bad", [_raise, _one_for_all, _numbers])
def test_a_stack_that_fails_is_run_singly(study, bad):
    def half(stack, device):
        return study.run_stacked(stack, device) if stack[0][0].width == 2 else bad(stack, device)

    with pytest.warns(UserWarning, match=r"4 stacked runs of toy-descent raised .*running them singly"):
        done = finished(replace(study, run_stacked=half), "stacked")
    assert [outcome.status for _, outcome, _, _ in done] == ["ok"] * 8
    assert len({run.key for run, *_ in done}) == 8


def test_a_failed_stack_lets_go_of_its_memory(study):
    held = []

    class Large:
        pass

    def raising(stack, device):
        large = Large()
        held.append(weakref.ref(large))
        raise RuntimeError("out of memory")

    def single(config, seed, device):
        return Outcome({"held": held[-1]() is not None})

    with pytest.warns(UserWarning, match="out of memory"):
        done = finished(replace(study, run=single, run_stacked=raising), "stacked")
    assert [outcome.metrics["held"] for _, outcome, _, _ in done] == [0.0] * 8


def test_the_time_of_a_stack_is_shared(study, monkeypatch):
    ticks = iter([0.0, 8.0, 10.0, 18.0])
    monkeypatch.setattr("startright.studies.engines.time.perf_counter", lambda: next(ticks))
    assert [(seconds, peak) for _, _, seconds, peak in finished(study, "stacked")] == [(2.0, None)] * 8


def test_the_engine_is_chosen_by_name(study):
    single = replace(study, run_stacked=None)
    assert pick_engine(study) is ENGINES["stacked"]
    assert pick_engine(single) is ENGINES["serial"]
    assert pick_engine(study, "serial") is ENGINES["serial"]
    with pytest.raises(ValueError, match="'toy-descent' has no stacked form"):
        pick_engine(single, "stacked")
    with pytest.raises(ValueError, match="did you mean 'serial'"):
        pick_engine(study, "seral")


def test_an_engine_is_one_entry(study, tmp_path, monkeypatch):
    def backwards(study, runs, device):
        yield from ENGINES["serial"](study, runs[::-1], device)

    monkeypatch.setitem(ENGINES, "backwards", backwards)
    store = RecordStore(tmp_path / "records")
    records = run(study, device="cpu", engine="backwards", store=store, progress=False)
    assert [r.key for r in records] == [r.key for r in study.runs("quick")]
    assert list(store.load()) == [r.key for r in records][::-1]


def test_an_engine_that_computes_elsewhere_picks_the_device_and_says_where(study, tmp_path):
    class Remote:
        remote = True

        def __call__(self, study, runs, device):
            asked.append(device)
            for run_, outcome, seconds, peak in ENGINES["serial"](study, runs, CPU):
                yield run_, outcome, seconds, peak, {"device": "a far one"}

    asked, store = [], RecordStore(tmp_path / "records")
    records = run(study, device="cuda:7", engine=Remote(), store=store, progress=False)
    assert asked == ["cuda:7"]
    assert {record.provenance["device"] for record in records} == {"a far one"}


def test_what_an_engine_holds_is_let_go_when_a_record_cannot_be_kept(study, tmp_path):
    ended = []

    def engine(study, runs, device):
        try:
            yield from ENGINES["serial"](study, runs, device)
        finally:
            ended.append(True)

    class Full(RecordStore):
        def append(self, record):
            assert not ended
            raise OSError("full")

    with pytest.raises(OSError, match="full") as kept:
        run(study, device="cpu", engine=engine, store=Full(tmp_path / "records"), progress=False)
    assert ended
    del kept


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("engine", HERE)
def test_the_memory_of_a_run_is_told(study, engine):
    def hungry(stack, device):
        torch.empty(2**20, device=device)
        return [Outcome({}) for _ in stack]

    greedy = replace(study, run=lambda c, s, d: hungry([c], d)[0], run_stacked=hungry)
    done = list(ENGINES[engine](greedy, greedy.runs("quick"), torch.device("cuda")))
    assert all(peak >= 2**22 for _, _, _, peak in done)
