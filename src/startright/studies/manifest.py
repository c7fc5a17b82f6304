"""The manifest of a folder of records: what each file held when it was sealed, so that a change shows.

A line's own checksum tells of an edit. The manifest tells of lines, or files, that were edited with their
checksums, taken away, added or swapped: it has the number of lines and the SHA-256 of every file.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from startright.studies.lines import Line, read_lines, split, superseded
from startright.studies.store import RecordStore
from startright.studies.strict_json import loads

NAME = "MANIFEST.json"
SEAL = "`startright records seal`"

Fault = tuple[str, str]  # the file, and what is wrong with it


def _digest(lines: Sequence[bytes]) -> str:
    """The SHA-256 of a file of these lines, each with a newline at its end."""
    return hashlib.sha256(b"".join(line + b"\n" for line in lines)).hexdigest()


NOTHING = {"lines": 0, "sha256": _digest([])}  # the entry of a file that the manifest does not know


def _files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.jsonl"))


def read(folder: Path) -> dict[str, dict[str, Any]]:
    """The entries by file: ``lines`` and ``sha256``.

    Raises:
        FileNotFoundError: the folder has no manifest.
        ValueError: it cannot be read.
    """
    entries = loads((folder / NAME).read_bytes())
    kinds = {"lines": int, "sha256": str}
    if not isinstance(entries, dict) or not all(
        isinstance(entry, dict) and {name: type(value) for name, value in entry.items()} == kinds
        for entry in entries.values()
    ):
        raise ValueError("an entry is not as `startright records seal` writes it")
    return entries


def check(folder: Path, required: bool = True) -> list[Fault]:
    """What is wrong with the records of ``folder``, line by line and against its manifest.

    Args:
        folder: of the ``.jsonl`` files.
        required: whether it must have a manifest, and every line its checksum. A manifest that is there is
            held against the files in any case.

    Returns:
        File and fault with the remedy, one line each.
    """
    try:
        known = read(folder)
    except FileNotFoundError:
        known = None
    except ValueError as error:
        return [(NAME, f"cannot be read: {error}; {SEAL} writes it anew")]
    faults: list[Fault] = []
    for path in _files(folder):
        lines = read_lines(path)
        faults += _in_lines(path, lines)
        if known is not None or required:
            faults += _without_checksum(path, lines)
        if known is not None:
            faults += _against(path, known.get(path.name))
    if known is None:
        missing = f"is missing, so nothing tells whether records were changed: {SEAL} makes it"
        return faults + [(NAME, missing)] * (required and bool(_files(folder)))
    gone = sorted(known.keys() - {path.name for path in _files(folder)})
    return faults + [
        (name, f"is gone, with {known[name]['lines']} lines: bring it back; if it is to go, {SEAL}")
        for name in gone
    ]


def _in_lines(path: Path, lines: Sequence[Line]) -> list[Fault]:
    """Lines that hold no record, or one that is not current or not of this study."""
    drop = f"`startright records drop {path.stem}`"
    faults = {line.place: f"{line.fault}: restore it, or {drop} removes it" for line in lines if line.fault}
    for place, last in superseded(lines).items():
        faults[place] = f"line {last} has another record of this run: {drop} removes this one"
    for line in lines:
        if line.record and line.record.study != path.stem:
            faults[line.place] = f"is of the study {line.record.study!r}: move it to that study's file"
    return [(path.name, f"line {place}: {why}") for place, why in sorted(faults.items())]


def _without_checksum(path: Path, lines: Sequence[Line]) -> list[Fault]:
    bare = [line.place for line in lines if line.record and not line.has_checksum]
    if not bare:
        return []
    others = f" and {len(bare) - 1} more" if len(bare) > 1 else ""
    return [(path.name, f"line {bare[0]}{others}: no checksum: {SEAL} adds it")]


def _against(path: Path, entry: Mapping[str, Any] | None) -> list[Fault]:
    """How a file differs from its entry, if it does."""
    added, changed = _difference(path, entry or NOTHING)
    if changed:
        return [(path.name, f"{changed}: restore it with git, or, if it is meant, {SEAL}")]
    if added:
        return [(path.name, f"has {added} lines that the manifest does not know: {SEAL} takes them in")]
    return []


def _difference(path: Path, entry: Mapping[str, Any]) -> tuple[int, str]:
    """How many lines follow those of the entry, and what happened to those if they are not as they were."""
    texts, known = split(path.read_bytes()), entry["lines"]
    gone = known - len(texts)
    if _digest(texts[:known]) == entry["sha256"]:
        return -gone, ""
    shorter = f", {gone} of {known} are gone" if gone > 0 else ""
    return -gone, f"lines that the manifest knows were changed{shorter}"


def seal(folder: Path) -> list[Fault]:
    """Write the manifest of ``folder`` from its files; lines of old stores get their checksums.

    Returns:
        What is new to the manifest, file and change: the lines that were added, and files whose known lines
        were changed or are gone.

    Raises:
        ValueError: a line is unreadable, altered, superseded or of another study; nothing is written then.
    """
    files = {path: read_lines(path) for path in _files(folder)}
    faults = [fault for path, lines in files.items() for fault in _in_lines(path, lines)]
    if faults:
        more = f" (and {len(faults) - 1} more: `startright records check`)" if len(faults) > 1 else ""
        raise ValueError(f"not sealed: {faults[0][0]}: {faults[0][1]}{more}")
    try:
        known = read(folder)
    except (FileNotFoundError, ValueError):
        known = {}
    changes = [(name, "is gone") for name in sorted(known.keys() - {path.name for path in files})]
    entries = {}
    for path, lines in files.items():
        added, changed = _difference(path, known.get(path.name, NOTHING))
        if changed or added:
            changes.append((path.name, changed or f"{added} new lines"))
        if _without_checksum(path, lines):
            RecordStore(path).rewrite()
        texts = split(path.read_bytes())
        entries[path.name] = {"lines": len(texts), "sha256": _digest(texts)}
    temporary = folder / f"{NAME}.new"
    temporary.write_text(json.dumps(entries, indent=1) + "\n", encoding="utf-8")
    os.replace(temporary, folder / NAME)
    return changes
