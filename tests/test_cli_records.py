import shutil
import sys
from dataclasses import replace

import pytest

from startright import cli
from startright.book import catalogue
from startright.book.checks import check
from startright.paths import repository
from startright.studies import RecordStore, manifest, sample

STUDIES = ("higher-order-choices", "alrao-counts", "preact-law")


@pytest.fixture
def call(monkeypatch, capsys):
    """Calls ``startright records``; returns exit code, stdout and stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["startright", "records", *arguments])
        with pytest.raises(SystemExit) as end:
            cli.main()
        out, err = capsys.readouterr()
        return end.value.code or 0, out, err

    return run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A sealed copy of some records."""
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path))
    for name in STUDIES:
        shutil.copy(repository() / "data" / "results" / f"{name}.jsonl", tmp_path)
        RecordStore(tmp_path / f"{name}.jsonl").rewrite()
    manifest.seal(tmp_path)
    return tmp_path


def tamper(path):
    content = path.read_bytes()
    path.write_bytes(content.replace(b'"all_heads":', b'"all_heads":1', 1))
    assert path.read_bytes() != content


def test_check_and_seal(call, folder):
    assert call("check") == (0, f"every record is whole: {folder}\n", "")
    tamper(folder / "alrao-counts.jsonl")
    code, out, err = call("check")
    assert (code, out) == (1, "")
    assert err.startswith(f"{folder}/alrao-counts.jsonl: line 1: the line was altered: its checksum is ")
    assert err.endswith("2 problems\n")
    code, _, err = call("seal")
    assert code == 2
    assert err.startswith("startright: not sealed: alrao-counts.jsonl: line 1: the line was altered")
    assert err.count("\n") == 1


def test_drop_says_what_it_drops(call, folder):
    path = folder / "alrao-counts.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + lines[1][:-40] + b"\n" + b"".join(lines[2:]) + lines[0])
    code, out, _ = call("drop", "alrao-counts", "preact-law")
    assert code == 0
    assert out.splitlines() == [
        f"alrao-counts: dropped line 1: superseded by line {len(lines) + 1}",
        "alrao-counts: dropped line 2: torn, the write of its record was cut short",
        "alrao-counts: 2 lines dropped; `startright records seal` takes that in",
        "preact-law: 0 lines dropped; `startright records seal` takes that in",
    ]
    assert call("check")[0] == 1  # the manifest is not made to fit by the way
    code, out, _ = call("seal")
    assert code == 0
    changed = f"lines that the manifest knows were changed, 1 of {len(lines)} are gone"
    assert out.splitlines()[0] == f"alrao-counts.jsonl: {changed}"
    assert call("check")[0] == 0


def test_a_study_without_records_is_named(call, folder):
    code, _, err = call("drop", "alrao-count")
    assert code == 2
    assert err.startswith("startright: unknown study with records 'alrao-count': did you mean 'alrao-counts'")


def test_records_of_ones_own_need_no_manifest(call, folder):
    (folder / manifest.NAME).unlink()
    assert call("check")[0] == 0


def test_the_check_of_the_book_has_the_committed_records(folder, tmp_path_factory):
    root = tmp_path_factory.mktemp("book")
    (root / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    shutil.copytree(folder, root / "data" / "results")
    before = check(root)
    tamper(root / "data" / "results" / "alrao-counts.jsonl")
    (root / "data" / "results" / "preact-law.jsonl").unlink()
    found = [str(problem) for problem in check(root) if problem not in before]
    assert [line.partition(", ")[0].partition(" was altered")[0] for line in found] == [
        "data/results/alrao-counts.jsonl: line 1: the line",
        "data/results/alrao-counts.jsonl: lines that the manifest knows were changed: restore it with git",
        "data/results/preact-law.jsonl: is gone",
    ]
    assert not any(problem.page.startswith("data/results") for problem in before)


def test_a_sample_of_exact_runs_agrees(call, folder):
    arguments = ("sample", "--count", "2", "--profile", "quick", "--study", "alrao-counts", "--seed", "x")
    code, out, err = call(*arguments)
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0] == "at most 2 quick runs of 30 s or less, drawn with the seed x"
    assert all("ok, 4 of 4 metrics to six digits" in line for line in lines[1:3])
    assert lines[3] == "2 runs made again agree with their records"


def test_points_added_to_an_accuracy_are_found(call, folder):
    """Checksum and manifest fit; only repeating the run tells."""
    study = catalogue.study("higher-order-choices")
    record = next(sample.draw([study], "quick", 30, "2026-11-26")).record
    store = RecordStore(folder / f"{study.name}.jsonl")
    metrics = {**record.metrics, "test_accuracy": record.metrics["test_accuracy"] + 0.065}
    store.append(replace(record, metrics=metrics))
    with pytest.warns(UserWarning, match="1 superseded"):
        store.rewrite()
    manifest.seal(folder)
    assert call("check")[0] == 0
    arguments = (
        "sample",
        "--count",
        "1",
        "--profile",
        "quick",
        "--study",
        study.name,
        "--seed",
        "2026-11-26",
    )
    code, _, err = call(*arguments)
    assert code == 1
    assert f"{study.name} {record.key} (seed {record.seed}): test_accuracy is" in err
    assert err.endswith("1 problem\n")


def test_nothing_to_sample_is_said(call, folder):
    code, _, err = call("sample", "--seconds", "0", "--study", "preact-law")
    assert code == 2
    assert err == "startright: no full run of at most 0 s has a record and its data here\n"
