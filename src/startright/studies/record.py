"""A record: one run and what it left, as one line of JSON that carries its own checksum."""

import reprlib
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from startright.errors import unknown
from startright.studies.strict_json import digest, dumps, loads, number, plain, setting
from startright.studies.study import STATUSES, Outcome, Run, run_key

CHECKSUM = "sha256"  # the field of a line that vouches for the others


@dataclass(frozen=True)
class Record:
    """What a run leaves behind.

    Args:
        key: 16 hex digits of study, version, config and seed.
        study: name of the study.
        version: version of the study.
        config: the fields of the config, lists as tuples.
        seed: the seed of the run.
        profile: the profile under which it was run.
        status: ``ok``, ``diverged`` or ``failed``.
        reason: why the status is not ``ok``.
        metrics: scalars by name.
        curves: series by name, at most 200 points each.
        seconds: time of the run; a run of a stack has its equal share of the stack's time.
        peak_memory: most bytes held on the GPU during the run or the stack it was in; None on a CPU.
        provenance: commit, versions, device, precision and time, as in :mod:`startright.studies.provenance`.
        extra: fields of the line that this version of the package does not know; kept when rewritten.
    """

    key: str
    study: str
    version: int
    config: Mapping[str, Any]
    seed: int
    profile: str
    status: str
    reason: str | None
    metrics: Mapping[str, float]
    curves: Mapping[str, list[float]]
    seconds: float
    peak_memory: int | None
    provenance: Mapping[str, Any]
    extra: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        run: Run,
        outcome: Outcome,
        *,
        profile: str,
        seconds: float = 0.0,
        peak_memory: int | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> "Record":
        """The record of ``outcome``, the result of ``run``; arguments as the fields of the class."""
        return cls(
            run.key,
            run.study,
            run.version,
            run.settings,
            run.seed,
            profile,
            **asdict(outcome),
            seconds=seconds,
            peak_memory=peak_memory,
            provenance=provenance or {},
        )

    @property
    def present(self) -> bool:
        """Whether the run counts as done: ``ok`` or ``diverged``. A ``failed`` one is run again."""
        return self.status != "failed"

    def to_json(self) -> str:
        """One line of strict JSON with its checksum at the end.

        Floats that are not finite become ``"nan"``, ``"inf"``, ``"-inf"``. The checksum is
        ``strict_json.digest`` of all that stands before it.
        """
        known = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.name != "extra"}
        entries = plain({**self.extra, **known})
        return dumps({**entries, CHECKSUM: digest(entries)})

    @classmethod
    def from_json(cls, line: str | bytes) -> "Record":
        """The record that ``line`` holds.

        Lines of old stores carry no checksum and are read without. Fields that are unknown here come from
        a later version of the package, which writes one; without it they are taken for misspelt ones.

        Raises:
            ValueError: not JSON, a checksum that does not fit, a field missing or of the wrong kind, or a key
                that does not belong to the study, version, config and seed beside it.
        """
        return cls.from_entries(loads(line))

    @classmethod
    def from_entries(cls, line: object) -> "Record":
        """The record of a line that is read already; errors as of :meth:`from_json`."""
        if not isinstance(line, dict):
            raise ValueError("not a JSON object")
        entries = dict(line)
        if CHECKSUM in entries:
            said = entries.pop(CHECKSUM)
            if said != (found := digest(entries)):
                raise ValueError(f"the line was altered: its checksum is {reprlib.repr(said)}, not {found!r}")
        elif unread := sorted(entries.keys() - _READERS.keys()):
            raise ValueError(f"unknown field {unread[0]!r} in a line without a checksum")
        values = {name: _field(entries, name, read) for name, read in _READERS.items()}
        record = cls(**values, extra={name: v for name, v in entries.items() if name not in _READERS})
        if record.key != run_key(record.study, record.version, record.config, record.seed):
            raise ValueError("the key does not belong to the study, version, config and seed beside it")
        return record


def _field(entries: dict[str, Any], name: str, read: Callable[[Any], Any]) -> Any:
    if name not in entries:
        raise ValueError(f"field {name!r} is missing")
    try:
        return read(entries[name])
    except ValueError as error:
        raise ValueError(f"field {name!r}: {error}") from error


def _kind(*kinds: type) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        if type(value) not in kinds:
            raise ValueError(
                f"{reprlib.repr(value)} is not of type {' or '.join(kind.__name__ for kind in kinds)}"
            )
        return value

    return read


def _entries(read: Callable[[Any], Any]) -> Callable[[Any], dict[str, Any]]:
    return lambda value: {name: read(entry) for name, entry in _kind(dict)(value).items()}


def _curve(value: Any) -> list[float]:
    values = _kind(list)(value)
    return values if {*map(type, values)} <= {float} else [number(each) for each in values]


def _status(value: Any) -> str:
    if value not in STATUSES:
        raise unknown("status", value, STATUSES)
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "key": _kind(str),
    "study": _kind(str),
    "version": _kind(int),
    "config": _entries(setting),
    "seed": _kind(int),
    "profile": _kind(str),
    "status": _status,
    "reason": _kind(str, type(None)),
    "metrics": _entries(number),
    "curves": _entries(_curve),
    "seconds": number,
    "peak_memory": _kind(int, type(None)),
    "provenance": _kind(dict),
}
