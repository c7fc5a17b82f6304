"""The lines of a file of records: each holds a record, or there is a reason why it holds none."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from startright.studies.record import CHECKSUM, Record
from startright.studies.strict_json import loads

TORN = "torn, the write of its record was cut short"


@dataclass(frozen=True)
class Line:
    """One line that is not blank.

    Args:
        place: its number in the file, from 1.
        text: as it stands, without its end.
        record: what it holds; None where ``fault`` says why it holds nothing.
        fault: why it cannot be read.
        has_checksum: whether a line that can be read vouches for itself.
    """

    place: int
    text: bytes
    record: Record | None = None
    fault: str | None = None
    has_checksum: bool = False

    @classmethod
    def of(cls, place: int, text: bytes, ended: bool = True) -> "Line":
        """Read ``text``; a line that has not ``ended`` is the last one, and may be half written."""
        try:
            entries = loads(text)
            return cls(place, text, Record.from_entries(entries), has_checksum=CHECKSUM in entries)
        except (ValueError, RecursionError) as error:
            # after a kill the next append begins on a line of its own, so that torn ones are found anywhere
            early = getattr(error, "pos", 0) >= len(text.rstrip()) or not text.rstrip().endswith(b"}")
            torn = not ended or (text.startswith(b"{") and early)
            return cls(place, text, fault=TORN if torn else str(error))


def split(content: bytes) -> list[bytes]:
    """The physical lines of a file, blank ones included, without their ends."""
    lines = [line.removesuffix(b"\r") for line in content.split(b"\n")]
    return lines if lines[-1] else lines[:-1]


def read_lines(path: Path) -> list[Line]:
    """The lines of the file ``path`` that are not blank; none if there is no such file.

    Raises:
        OSError: the file exists and cannot be read.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return []
    return list(_parsed(content))


@lru_cache(maxsize=256)  # a ledger reads the same files for one claim after the other
def _parsed(content: bytes) -> tuple[Line, ...]:
    texts = split(content)
    whole = len(texts) - (not content.endswith(b"\n"))
    return tuple(Line.of(k, text, k <= whole) for k, text in enumerate(texts, 1) if text.strip())


def superseded(lines: Iterable[Line]) -> dict[int, int]:
    """Places of the lines whose run has a later record → the place of the last one of that run."""
    last = {line.record.key: line.place for line in lines if line.record}
    return {
        line.place: last[line.record.key]
        for line in lines
        if line.record and line.place != last[line.record.key]
    }
