"""The tampering: whatever is done to a sealed folder of records, the check names the file and the line."""

import json
from dataclasses import replace

import pytest

from startright.studies import Outcome, Record, RecordStore, Run
from startright.studies import manifest as module
from startright.studies.manifest import NAME, check, seal
from startright.studies.strict_json import digest


def make(config, study, seed, loss=0.25):
    run = Run(study, 1, config(0.5), seed)
    return Record.of(run, Outcome({"loss": loss}), profile="full", provenance={"device": "CPU"})


@pytest.fixture
def folder(tmp_path, config):
    """Two studies with three records each, sealed."""
    for study in ("toy-descent", "toy-ascent"):
        for seed in range(3):
            RecordStore(tmp_path / f"{study}.jsonl").append(make(config, study, seed))
    seal(tmp_path)
    return tmp_path


def lines(folder, change, name="toy-descent.jsonl"):
    """Replace the lines of a file by what ``change`` makes of them."""
    path = folder / name
    path.write_bytes(b"".join(line + b"\n" for line in change(path.read_bytes().splitlines())))


def edited(changes, checksum):
    """A function that changes line 2, with a checksum that fits or the old one."""

    def change(found):
        entries = json.loads(found[1])
        old = entries.pop("sha256")
        entries |= changes
        new = json.dumps({**entries, "sha256": digest(entries) if checksum else old}, separators=(",", ":"))
        return [found[0], new.encode(), found[2]]

    return change


def test_what_was_sealed_passes(folder):
    assert check(folder) == []
    assert json.loads((folder / NAME).read_bytes())["toy-descent.jsonl"]["lines"] == 3
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert seal(folder) == []
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


KNOWN = "lines that the manifest knows were changed"


@pytest.mark.parametrize(
    ("change", "line", "others"),
    [
        (edited({"metrics": {"loss": 0.125}}, False), "line 2: the line was altered", [KNOWN]),
        (edited({"seed": 7}, False), "line 2: the line was altered", [KNOWN]),
        (edited({"seed": 7}, True), "line 2: the key does not belong", [KNOWN]),
        (edited({"config": {"rate": 0.25}}, True), "line 2: the key does not belong", [KNOWN]),
        (edited({"metrics": {"loss": 0.125}}, True), KNOWN, []),
        (lambda found: found[:1] + found[2:], f"{KNOWN}, 1 of 3 are gone", []),
        (lambda found: found[:2], f"{KNOWN}, 1 of 3 are gone", []),
        (lambda found: [], f"{KNOWN}, 3 of 3 are gone", []),
        (lambda found: [*found, found[1]], "line 2: line 4 has another record of this run", ["has 1 lines"]),
        (lambda found: [found[1], found[0], found[2]], KNOWN, []),
        (lambda found: [found[0], found[1][:-30], found[2]], "line 2: torn", [KNOWN]),
        (lambda found: [found[0] + found[1], found[2]], "line 1: Extra data", [KNOWN]),
        (lambda found: [found[0], b"", *found[1:]], KNOWN, []),
        (lambda found: [b"garbage", *found], "line 1: Expecting value", [KNOWN]),
    ],
)
def test_tampering_is_named(folder, change, line, others):
    lines(folder, change)
    faults = check(folder)
    assert {name for name, _ in faults} == {"toy-descent.jsonl"}
    texts = [text for _, text in faults]
    assert len(texts) == 1 + len(others)
    for text, start in zip(texts, [line, *others], strict=True):
        assert text.startswith(start)
        assert "restore it" in text or "`startright records" in text
        assert "\n" not in text


def test_a_torn_end_is_named(folder):
    path = folder / "toy-descent.jsonl"
    path.write_bytes(path.read_bytes()[:-30])
    assert [text.partition(",")[0] for _, text in check(folder)] == [
        "line 3: torn",
        f"{KNOWN}: restore it with git",
    ]


def test_swapped_files_are_named(folder):
    one, other = folder / "toy-descent.jsonl", folder / "toy-ascent.jsonl"
    content = one.read_bytes(), other.read_bytes()
    one.write_bytes(content[1])
    other.write_bytes(content[0])
    faults = check(folder)
    assert (
        "toy-ascent.jsonl",
        "line 1: is of the study 'toy-descent': move it to that study's file",
    ) in faults
    assert [name for name, text in faults if text.startswith(KNOWN)] == [other.name, one.name]


def test_files_that_come_and_go_are_named(folder, config):
    (folder / "toy-ascent.jsonl").unlink()
    RecordStore(folder / "toy-new.jsonl").append(make(config, "toy-new", 0))
    assert check(folder) == [
        (
            "toy-new.jsonl",
            "has 1 lines that the manifest does not know: `startright records seal` takes them in",
        ),
        (
            "toy-ascent.jsonl",
            "is gone, with 3 lines: bring it back; if it is to go, `startright records seal`",
        ),
    ]
    assert seal(folder) == [("toy-ascent.jsonl", "is gone"), ("toy-new.jsonl", "1 new lines")]
    assert check(folder) == []


def test_appended_records_are_taken_in(folder, config):
    for seed in (3, 4):
        RecordStore(folder / "toy-descent.jsonl").append(make(config, "toy-descent", seed))
    [(name, text)] = check(folder)
    assert name == "toy-descent.jsonl"
    assert text == "has 2 lines that the manifest does not know: `startright records seal` takes them in"
    assert seal(folder) == [("toy-descent.jsonl", "2 new lines")]
    assert check(folder) == []


def test_an_edit_that_is_sealed_is_told(folder):
    lines(folder, edited({"metrics": {"loss": 0.125}}, True))
    assert seal(folder) == [("toy-descent.jsonl", KNOWN)]
    assert check(folder) == []


@pytest.mark.parametrize(
    "change",
    [
        edited({"metrics": {"loss": 0.125}}, False),
        lambda found: [found[0][:-30], *found[1:]],
        lambda found: [*found, found[0]],
    ],
)
def test_what_is_altered_torn_or_twice_is_not_sealed(folder, change):
    lines(folder, change)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(
        ValueError, match=r"not sealed: toy-descent\.jsonl: line \d: .*records drop toy-descent`"
    ):
        seal(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_old_lines_get_their_checksums(folder):
    def bare(found):
        olds = [{k: v for k, v in json.loads(line).items() if k != "sha256"} for line in found[:2]]
        return [json.dumps(old, separators=(",", ":")).encode() for old in olds] + found[2:]

    sealed = (folder / "toy-descent.jsonl").read_bytes()
    lines(folder, bare)
    faults = [text for _, text in check(folder)]
    assert faults[0] == "line 1 and 1 more: no checksum: `startright records seal` adds it"
    seal(folder)
    assert (folder / "toy-descent.jsonl").read_bytes() == sealed
    assert check(folder) == []


def test_a_folder_of_ones_own_needs_no_manifest(folder, config):
    (folder / NAME).unlink()
    [(name, text)] = check(folder)
    assert (name, text.partition(",")[0]) == (NAME, "is missing")
    assert check(folder, required=False) == []
    lines(folder, edited({"metrics": {"loss": 0.125}}, False))
    assert len(check(folder, required=False)) == 1


def test_no_records_are_no_fault(tmp_path):
    assert check(tmp_path) == []
    assert check(tmp_path / "nowhere") == []


@pytest.mark.parametrize(
    "content",
    [
        "garbage",
        "[]",
        '{"toy-descent.jsonl": 3}',
        '{"toy-descent.jsonl": {"lines": true, "sha256": ""}}',
        '{"a": {"lines": 1, "sha256": ""}, "a": {"lines": 2, "sha256": ""}}',
    ],
)
def test_a_broken_manifest_is_an_error_and_sealed_anew(folder, content):
    (folder / NAME).write_text(content)
    [(name, text)] = check(folder)
    assert name == NAME
    assert text.startswith("cannot be read: ")
    seal(folder)
    assert check(folder) == []


def test_line_ends_of_windows_do_not_matter(folder):
    path = folder / "toy-descent.jsonl"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert check(folder) == []


def test_a_record_that_replaces_a_failed_one_is_tidied(folder, config):
    store = RecordStore(folder / "toy-descent.jsonl")
    store.append(replace(make(config, "toy-descent", 5), status="failed", reason="?"))
    store.append(make(config, "toy-descent", 5))
    with pytest.warns(UserWarning, match="1 superseded"):
        assert store.rewrite() == ["line 4: superseded by line 5"]
    module.seal(folder)
    assert check(folder) == []
