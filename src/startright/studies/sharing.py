"""Several processes at one study: each claims the runs that it takes up, and gets the records of the others'.

A claim is the lock of one byte, whose place is the key of the run, in a file beside the records,
``.STUDY.jsonl.claims``. The system frees the locks of a process that ends in whatever way, so no claim
outlives its process, and none has to be recognised as stale. The file stays empty; the last one removes it.

Claims hold between all processes that reach one file system from one machine, containers included. Across
machines they hold as far as its locks do (NFS with its lock service, but not when mounted with ``nolock`` or
``local_lock``). Where there are no locks, on Windows for instance, a warning says that runs may be made
twice; records are whole in any case. The threads of one process are not told apart.
"""

import contextlib
import os
import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from startright.studies.record import Record, Run
from startright.studies.store import RecordStore

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

POLL_SECONDS = (0.02, 1.0)  # how soon to look again at what others are computing: at first, and at last


def _byte(key: str) -> int:
    return int(key[:15], 16)  # within what an offset holds


class Claims:
    """The claims of this process on runs of one store.

    Args:
        records: the path of the records.
    """

    def __init__(self, records: Path):
        self.path = records.with_name(f".{records.name}.claims")
        self._file: int | None = None
        self._locks = True

    def take(self, key: str) -> bool:
        """Claim the run of ``key``; False if another process has it. Without locks everything is ours."""
        if not self._locks:
            return True
        if fcntl is None:
            return self._without("the system has none")
        try:
            while True:
                if self._file is None:
                    self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
                try:
                    fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, _byte(key))
                except (BlockingIOError, PermissionError):  # as POSIX has it, either says: locked
                    return False
                if self._is_current():
                    return True
                self._close()  # the last process before us has just removed it
        except OSError as error:
            return self._without(os.strerror(error.errno or 0))

    def leave(self, key: str) -> None:
        """Give the run of ``key`` free."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                fcntl.lockf(self._file, fcntl.LOCK_UN, 1, _byte(key))

    def close(self) -> None:
        """Give all free, and remove the file unless another process has claims."""
        if self._file is None:
            return
        with contextlib.suppress(OSError):
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # all of it: nobody else has any
            if self._is_current():
                self.path.unlink()
        self._close()

    def _close(self) -> None:
        os.close(self._file)
        self._file = None

    def _is_current(self) -> bool:
        try:
            return os.path.samestat(os.fstat(self._file), os.stat(self.path))
        except FileNotFoundError:
            return False

    def _without(self, why: str) -> bool:
        self._locks = False
        warnings.warn(
            f"no locks at {self.path} ({why}): another process at this study would make the same runs",
            stacklevel=2,
        )
        return True


class Alone:
    """The runs of a sweep that leaves nothing on the disk: they are all ours."""

    def __enter__(self) -> "Alone":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def batches(self, todo: Sequence[list[Run]]) -> Iterator[tuple[list[Run], list[Record]]]:
        """The runs to be computed next, and the records of those that others have made meanwhile."""
        yield from ((batch, []) for batch in todo)

    def leave(self, keys: Iterable[str]) -> None:
        """Nobody waits for them."""


class Shared(Alone):
    """The runs of a sweep, shared with other processes at the same store; a context manager.

    Args:
        store: of the records.
        waits: whether runs that others have are waited for, and taken over should these end without a record.
    """

    def __init__(self, store: RecordStore, waits: bool = True):
        self.store, self.claims, self.waits = store, Claims(store.path), waits
        self.made: dict[str, Record] = {}  # by others, since this sweep began
        self._pause = POLL_SECONDS[0]

    def __enter__(self) -> "Shared":
        self.made = {key: record for key, record in self.store.news().items() if record.present}
        return self

    def __exit__(self, *_: object) -> None:
        self.claims.close()

    def _take(self, runs: Sequence[Run]) -> tuple[list[Run], list[Run], list[Record]]:
        """Claim what can be had of ``runs``.

        Returns:
            The runs to be computed here; those that another process has; the records of those that are done.
        """
        ours = {run.key for run in runs if run.key not in self.made and self.claims.take(run.key)}
        self.made |= self.store.news()  # after claiming: what was claimed before us is recorded by now
        self.leave(ours & self.made.keys())
        left = [run for run in runs if run.key not in self.made]
        mine = [run for run in left if run.key in ours]
        theirs = [run for run in left if run.key not in ours]
        return mine, theirs, [self.made[run.key] for run in runs if run.key in self.made]

    def batches(self, todo: Sequence[list[Run]]) -> Iterator[tuple[list[Run], list[Record]]]:
        """As above; a batch of others' runs comes as nothing, and again later."""
        while todo:
            left, idle = [], True
            for batch in todo:
                mine, theirs, done = self._take(batch)
                yield mine, done
                self.leave(run.key for run in mine)  # what the engine left out as well
                idle = idle and not mine
                left += [theirs] if theirs else []
            todo = left if self.waits else []
            if todo and idle:
                self._wait()

    def leave(self, keys: Iterable[str]) -> None:
        """Give the runs of ``keys`` free, recorded or not."""
        for key in keys:
            self.claims.leave(key)

    def _wait(self) -> None:
        """Let others go on for a moment, longer from time to time."""
        time.sleep(self._pause)
        self._pause = min(1.2 * self._pause, POLL_SECONDS[1])
