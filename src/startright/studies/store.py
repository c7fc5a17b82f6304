"""Records in a file, one JSON line each, safe against kills, full disks and other writers."""

import contextlib
import errno
import os
import warnings
from collections.abc import Iterator
from pathlib import Path

from startright.studies.lines import Line, read_lines, split, superseded
from startright.studies.record import Record
from startright.studies.strict_json import dumps, loads, setting

try:
    import fcntl
except ImportError:  # Windows: one writer at a time is then up to the user
    fcntl = None


@contextlib.contextmanager
def _explained(failure: str) -> Iterator[None]:
    """Turn an ``OSError`` into one of the same class that says what failed and what helps."""
    try:
        yield
    except OSError as error:
        code = error.errno or errno.EIO
        remedy = "free some space" if code in (errno.ENOSPC, errno.EDQUOT) else "make it writable"
        raise OSError(
            code, f"{failure}: {os.strerror(code)}; {remedy}, or set STARTRIGHT_RESULTS to another folder"
        ) from error


class RecordStore:
    """The records of a study in the file ``path``.

    An append is one write under a lock, flushed to the disk before it returns; a kill loses only
    the runs in flight. Later lines win over earlier ones of the same key.

    Args:
        path: the file, which need not exist yet.
        beneath: a file whose records are loaded as well, unless ``path`` has others of the same key;
            it is only read.
    """

    def __init__(self, path: str | os.PathLike[str], beneath: str | os.PathLike[str] | None = None):
        self.path = Path(path)
        self.beneath = None if beneath is None else Path(beneath)
        self.problems: list[str] = []  # what the last load could not read
        self._read: tuple[tuple[int, int], int] | None = None  # of the file that `news` read: which, how far

    def load(self) -> dict[str, Record]:
        """The records by key; lines that hold none are skipped, listed in ``problems`` and warned of once.

        Raises:
            OSError: a file exists and cannot be read.
        """
        records: dict[str, Record] = {}
        self.problems = []
        for path in filter(None, (self.beneath, self.path)):
            lines = read_lines(path)
            records |= {line.record.key: line.record for line in lines if line.record}
            problems = [f"line {line.place}: {line.fault}" for line in lines if line.fault]
            self.problems += problems
            if problems:
                more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
                warnings.warn(f"{path}: {problems[0]}{more}; skipped", stacklevel=2)
        return records

    def news(self) -> dict[str, Record]:
        """The records in ``path`` that others appended since the last call; the first call gives all.

        Lines that cannot be read are left to :meth:`load`.
        """
        try:
            with open(self.path, "rb") as file:
                now = os.fstat(file.fileno())
                which, start = self._read or (None, 0)
                if which != (now.st_dev, now.st_ino) or now.st_size < start:  # rewritten meanwhile
                    start = 0
                file.seek(start)
                whole = file.read().rpartition(b"\n")[0]  # what has no end yet is being written
        except (FileNotFoundError, NotADirectoryError):
            return {}
        self._read = (now.st_dev, now.st_ino), start + len(whole) + bool(whole)
        lines = (Line.of(place, text) for place, text in enumerate(split(whole), 1) if text.strip())
        return {line.record.key: line.record for line in lines if line.record}

    def meanings(self, study: str, version: int) -> dict[str, object]:
        """What older records of a study, which lack a field of its config, are known to have had there.

        Raises:
            OSError: the file of these notes exists and cannot be read.
            ValueError: it does not hold what :meth:`note` writes.
        """
        found: dict[str, object] = {}
        for path in filter(None, (self.beneath, self.path)):
            found |= _notes(path).get(f"{study} {version}", {})
        return {name: setting(value) for name, value in found.items()}

    def note(self, study: str, version: int, meanings: dict[str, object]) -> dict[str, object]:
        """Lay down what records that lack these fields had there, for good: what is laid down already stays.

        It goes to a file beside ``path``, ``STUDY.defaults.json``, which belongs to the records.

        Returns:
            All that is laid down for the study.

        Raises:
            OSError: it cannot be written.
        """
        path, name = _notes_of(self.path), f"{study} {version}"
        temporary = path.with_name(path.name + ".new")
        with _explained(f"cannot write {path}"), self._locked():
            notes = _notes(self.path)
            notes[name] = {**meanings, **self.meanings(study, version)}
            with open(temporary, "wb", buffering=0) as file:
                _write(file.fileno(), dumps(notes, indent=1, separators=(",", ": ")).encode() + b"\n")
            os.replace(temporary, path)
        return self.meanings(study, version)

    def check_writable(self) -> None:
        """Make the folder and the file, so that a run is not computed in vain.

        Raises:
            OSError: records cannot be written here; the message names the path and the remedy.
        """
        with _explained(f"cannot write records to {self.path}"), self._locked():
            pass

    def append(self, record: Record) -> None:
        """Add ``record``; when this returns it is on the disk.

        Raises:
            OSError: the disk is full or the file cannot be written; the file is as it was before.
        """
        line = record.to_json().encode() + b"\n"
        with _explained(f"cannot record run {record.key} in {self.path}"), self._locked() as file:
            size = os.lseek(file, 0, os.SEEK_END)
            line = line if _ends_a_line(file, size) else b"\n" + line
            try:
                _write(file, line)
            except OSError:
                with contextlib.suppress(OSError):  # a device cannot be cut
                    os.ftruncate(file, size)
                raise
            now = os.fstat(file)
            if self._read == ((now.st_dev, now.st_ino), size):  # its own lines are no news to it
                self._read = self._read[0], size + len(line)

    def rewrite(self) -> list[str]:
        """Replace the file by its current records, without superseded and unreadable lines.

        A line that carries its checksum stays as it stands, unknown fields and all; older ones get theirs.
        The file is replaced in one step or not at all.

        Returns:
            What was dropped: number of the line, and why. A warning counts them.

        Raises:
            OSError: the new file could not be written; the old one is untouched.
        """
        temporary = self.path.with_name(self.path.name + ".new")
        with _explained(f"cannot rewrite {self.path}"), self._locked():
            lines = read_lines(self.path)
            later = superseded(lines)
            self.problems = [f"line {line.place}: {line.fault}" for line in lines if line.fault]
            if self.problems or later:
                dropped = f"{len(later)} superseded and {len(self.problems)} unreadable lines"
                warnings.warn(f"{self.path}: dropping {dropped}", stacklevel=2)
            current = [line for line in lines if line.record and line.place not in later]
            texts = [ln.text.strip() if ln.has_checksum else ln.record.to_json().encode() for ln in current]
            try:
                with open(temporary, "wb", buffering=0) as file:
                    _write(file.fileno(), b"".join(text + b"\n" for text in texts))
                os.replace(temporary, self.path)
            except OSError:
                temporary.unlink(missing_ok=True)
                raise
        gone = {line.place: line.fault for line in lines if line.fault}
        gone |= {place: f"superseded by line {last}" for place, last in later.items()}
        return [f"line {place}: {why}" for place, why in sorted(gone.items())]

    @contextlib.contextmanager
    def _locked(self) -> Iterator[int]:
        """The open file, made if need be and locked against other processes where the system can."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        while True:
            file = os.open(self.path, flags, 0o644)
            try:
                if fcntl is not None:
                    with contextlib.suppress(OSError):  # some network file systems have no locks
                        fcntl.flock(file, fcntl.LOCK_EX)
                if fcntl is None or self._is_current(file):
                    yield file
                    return
            finally:
                os.close(file)

    def _is_current(self, file: int) -> bool:
        """Whether ``path`` still names the open file: a rewrite may have replaced it while we waited."""
        try:
            return os.path.samestat(os.fstat(file), os.stat(self.path))
        except FileNotFoundError:
            return False


def _notes_of(path: Path) -> Path:
    return path.with_suffix(".defaults.json")


def _notes(path: Path) -> dict[str, dict[str, object]]:
    """The notes beside the records at ``path``."""
    try:
        notes = loads(_notes_of(path).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except ValueError as error:
        raise ValueError(f"{_notes_of(path)}: cannot be read ({error}); restore it with git") from error
    if not isinstance(notes, dict) or not all(isinstance(entry, dict) for entry in notes.values()):
        raise ValueError(f"{_notes_of(path)}: is not what `startright run` writes; restore it with git")
    return notes


def _ends_a_line(file: int, size: int) -> bool:
    if size == 0:
        return True
    os.lseek(file, size - 1, os.SEEK_SET)
    return os.read(file, 1) == b"\n"


def _write(file: int, content: bytes) -> None:
    """Write all of ``content`` in one call and force it to the disk."""
    if os.write(file, content) != len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    os.fsync(file)
