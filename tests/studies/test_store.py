import json
import os
import sys
import warnings
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from startright.studies import Outcome, Record, RecordStore, Run
from startright.studies import store as module
from startright.studies.strict_json import digest

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks processes")


@pytest.fixture
def record(config):
    """A function seed → record."""

    def make(seed, loss=1.0):
        run = Run("toy-descent", 1, config(0.5), seed)
        return Record.of(run, Outcome({"loss": loss}), profile="quick", provenance={"device": "CPU"})

    return make


@pytest.fixture
def store(tmp_path):
    return RecordStore(tmp_path / "results" / "toy-descent.jsonl")


@contextmanager
def hushed():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def test_no_file_is_no_records(store):
    assert store.load() == {}
    assert store.problems == []
    assert not store.path.exists()


def test_what_is_appended_is_loaded(store, record):
    for seed in range(3):
        store.append(record(seed))
    assert store.load() == {record(seed).key: record(seed) for seed in range(3)}
    assert store.path.read_bytes().count(b"\n") == 3


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_a_file_cut_anywhere_keeps_its_whole_lines(tmp_path_factory, any_record, same, data):
    records = data.draw(st.lists(any_record, min_size=1, max_size=3, unique_by=lambda r: r.key))
    last = data.draw(any_record.filter(lambda r: r.key not in {known.key for known in records}))
    lines = [r.to_json().encode() + b"\n" for r in records]
    cut = data.draw(st.integers(0, sum(map(len, lines))))
    store = RecordStore(tmp_path_factory.mktemp("cut") / "study.jsonl")
    store.path.write_bytes(b"".join(lines)[:cut])
    ends = [sum(map(len, lines[: k + 1])) for k in range(len(lines))]
    whole = [r for r, end in zip(records, ends, strict=True) if cut >= end - 1]  # the newline may be missing
    with hushed():
        assert same(store.load(), {r.key: r for r in whole})
        assert len(store.problems) == (cut not in {0, *ends, *(end - 1 for end in ends)})
        store.append(last)
        assert same(store.load(), {r.key: r for r in [*whole, last]})


def test_every_cut_of_one_file(store, record):
    for seed in range(2):
        store.append(record(seed))
    content = store.path.read_bytes()
    first = content.index(b"\n")
    for cut in range(len(content) + 1):
        store.path.write_bytes(content[:cut])
        with hushed():
            store.append(record(9))
            found = {r.seed for r in store.load().values()}
        assert found == {9, *([0] if cut >= first else []), *([1] if cut >= len(content) - 1 else [])}


def test_a_torn_line_is_reported_once_and_skipped(store, record):
    store.append(record(0))
    store.append(record(1))
    store.path.write_bytes(store.path.read_bytes()[:-9])
    with pytest.warns(UserWarning, match=r"toy-descent\.jsonl: line 2: torn") as caught:
        assert list(store.load()) == [record(0).key]
    assert len(caught) == 1
    assert len(store.problems) == 1


@pytest.mark.parametrize(
    "garbage",
    [b"garbage", b"\xff\xfe\x00", b"[]", b"{}", b"null", b"NaN", b"[" * 100_000, b'{"key": 1}', b"1" * 5000],
)
def test_garbage_between_records_is_skipped(store, record, garbage):
    store.append(record(0))
    with open(store.path, "ab") as file:
        file.write(garbage + b"\n\n  \n")
    store.append(record(1))
    with pytest.warns(UserWarning, match="line 2"):
        assert [r.seed for r in store.load().values()] == [0, 1]
    assert len(store.problems) == 1


def test_problems_are_those_of_the_last_load(store, record):
    store.check_writable()
    store.path.write_bytes(b"garbage\n")
    with pytest.warns(UserWarning, match="line 1"):
        store.load()
    store.path.write_bytes(b"")
    store.load()
    assert store.problems == []


def test_later_lines_win(store, record):
    for loss in (3.0, 2.0, 1.0):
        store.append(record(0, loss))
    assert [r.metrics["loss"] for r in store.load().values()] == [1.0]


def test_rewriting_keeps_the_current_records_with_unknown_fields(store, record):
    strange = replace(record(1), extra={"colour": ["red", {"deep": None}]})
    store.append(record(0, 2.0))
    store.append(strange)
    with open(store.path, "ab") as file:
        file.write(b"garbage\n")
    store.append(record(0, 1.0))
    with pytest.warns(UserWarning, match="dropping 1 superseded and 1 unreadable"):
        dropped = store.rewrite()
    assert [line.partition(": ")[0] for line in dropped] == ["line 1", "line 3"]
    assert dropped[0] == "line 1: superseded by line 4"
    assert store.path.read_bytes().count(b"\n") == 2
    assert store.load() == {record(0).key: record(0, 1.0), strange.key: strange}
    before = store.path.read_bytes()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert store.rewrite() == []
    assert store.path.read_bytes() == before
    assert os.listdir(store.path.parent) == [store.path.name]


def test_rewriting_leaves_a_line_that_vouches_for_itself_as_it_stands(store, record):
    newer = json.loads(replace(record(0), extra={"colour": 1.50}).to_json())
    newer = {name: newer[name] for name in sorted(newer) if name != "sha256"}  # a version of another order
    line = json.dumps({**newer, "sha256": digest(newer)}, indent=None).encode()
    old = json.loads(record(1).to_json())
    del old["sha256"]
    store.check_writable()
    store.path.write_bytes(line + b"\n" + json.dumps(old).encode() + b"\n")
    assert store.rewrite() == []
    assert store.path.read_bytes().splitlines() == [line, record(1).to_json().encode()]


def test_an_altered_line_is_skipped_and_said(store, record):
    store.append(record(0, 0.25))
    store.append(record(1))
    store.path.write_bytes(store.path.read_bytes().replace(b"0.25", b"0.15"))
    with pytest.warns(UserWarning, match="line 1: the line was altered"):
        assert [r.seed for r in store.load().values()] == [1]


@pytest.mark.parametrize("missing", [2, 20, 29, 30, 31, 60, 90, 200])
def test_a_line_torn_before_another_append_is_dropped_and_said(store, record, missing):
    store.append(record(0))
    store.path.write_bytes(store.path.read_bytes()[:-missing])
    store.append(record(1))
    with pytest.warns(UserWarning, match="line 1: torn"):
        store.load()
    with pytest.warns(UserWarning, match="0 superseded and 1 unreadable"):
        dropped = store.rewrite()
    assert dropped == ["line 1: torn, the write of its record was cut short"]
    assert [r.seed for r in store.load().values()] == [1]
    assert store.problems == []


def test_a_short_write_is_undone_and_explained(store, record, monkeypatch):
    store.append(record(0))
    before, real = store.path.read_bytes(), os.write
    with monkeypatch.context() as patch:
        patch.setattr(module.os, "write", lambda file, content: real(file, content[:20]))
        with pytest.raises(OSError, match=r"toy-descent\.jsonl: No space.*; free some space.*RESULTS"):
            store.append(record(1))
        with pytest.raises(OSError, match="free some space"):
            store.rewrite()
    assert store.path.read_bytes() == before
    assert os.listdir(store.path.parent) == [store.path.name]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="has no /dev/full")
def test_a_full_disk_is_explained(record):
    with pytest.raises(OSError, match=r"/dev/full: No space left on device; free some space"):
        RecordStore("/dev/full").append(record(0))


def test_an_unwritable_place_is_explained(tmp_path, record):
    (tmp_path / "file").write_text("in the way")
    store = RecordStore(tmp_path / "file" / "below" / "toy.jsonl")
    for attempt in (store.check_writable, lambda: store.append(record(0)), store.rewrite):
        with pytest.raises(OSError, match=r"toy\.jsonl: .*set STARTRIGHT_RESULTS"):
            attempt()


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_folder_is_explained(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="make it writable"):
        RecordStore(tmp_path / "toy.jsonl").check_writable()


@pytest.mark.parametrize("broken", ["absent", "refused"])
def test_a_system_without_locks_will_do(store, record, monkeypatch, broken):
    class Refusing:
        LOCK_EX = 2

        @staticmethod
        def flock(file, how):
            raise OSError("no locks here")

    monkeypatch.setattr(module, "fcntl", None if broken == "absent" else Refusing)
    store.append(record(0))
    store.rewrite()
    store.append(record(1))
    assert len(store.load()) == 2


def test_a_record_goes_to_the_disk_before_append_returns(store, record, monkeypatch):
    events = []
    monkeypatch.setattr(module.os, "fsync", lambda file: events.append(os.fstat(file).st_size))
    store.append(record(0))
    assert events == [store.path.stat().st_size]


@needs_fork
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_writers_and_rewriters_do_not_lose_each_others_records(store, record):
    def write(first):
        for seed in range(first, first + 20):
            store.append(record(seed))

    def tidy():
        for _ in range(20):
            store.rewrite()

    children = []
    for work in (lambda: write(0), lambda: write(100), lambda: write(200), tidy):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                work()
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
    assert {r.seed for r in store.load().values()} == {f + k for f in (0, 100, 200) for k in range(20)}
    assert store.problems == []


def test_loading_never_unpickles(store, record):
    store.append(record(0))
    before = set(sys.modules)
    reader = RecordStore(store.path)
    reader.load()
    assert not {"dill", "cloudpickle"} & (set(sys.modules) - before)
    assert "pickle" not in vars(module)


def test_records_beneath_are_read_and_never_written(tmp_path, record):
    beneath = RecordStore(tmp_path / "shipped" / "toy.jsonl")
    for seed in (0, 1):
        beneath.append(record(seed, 2.0))
    before = beneath.path.read_bytes()
    store = RecordStore(tmp_path / "own" / "toy.jsonl", beneath=beneath.path)
    assert store.load() == beneath.load()
    assert not store.path.exists()
    store.append(record(1, 1.0))
    store.append(record(2, 1.0))
    assert [(r.seed, r.metrics["loss"]) for r in store.load().values()] == [(0, 2.0), (1, 1.0), (2, 1.0)]
    store.rewrite()
    assert len(store.path.read_bytes().splitlines()) == 2
    assert beneath.path.read_bytes() == before


def test_problems_of_both_files_are_told(tmp_path):
    for name in ("shipped", "own"):
        (tmp_path / name).write_bytes(b"garbage\n")
    store = RecordStore(tmp_path / "own", beneath=tmp_path / "shipped")
    with pytest.warns(UserWarning, match="line 1") as caught:
        assert store.load() == {}
    assert [str(one.message).partition(": ")[0] for one in caught] == [
        str(tmp_path / name) for name in ("shipped", "own")
    ]
    assert len(store.problems) == 2
