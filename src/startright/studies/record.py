"""A run, which is one config and one seed; what it leaves; its record, a line of JSON with a checksum."""

import hashlib
import math
import reprlib
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any, Protocol

from startright.errors import unknown
from startright.studies.settings import settings
from startright.studies.strict_json import digest, dumps, loads, number, plain, setting

STATUSES = ("ok", "diverged", "failed")
CURVE_POINTS = 200
CHECKSUM = "sha256"  # the field of a line that vouches for the others


def thin(curve: Sequence[float], points: int = CURVE_POINTS) -> list[float]:
    """At most ``points`` values of ``curve``, evenly spaced, with the first and the last.

    ``thin(range(len(curve)))`` gives the steps that were kept.

    Args:
        curve: the values, one a step.
        points: how many to keep, at least 2.

    Raises:
        ValueError: ``points`` is below 2.

    >>> thin(range(1001), points=5)
    [0, 250, 500, 750, 1000]
    """
    if points < 2:
        raise ValueError(f"points must be at least 2 (the first and the last), got {points!r}")
    last = len(curve) - 1
    if last < points:
        return list(curve)
    return [curve[round(k * last / (points - 1))] for k in range(points)]


class Course(Protocol):
    """How a training went."""

    curves: Mapping[str, Sequence[float]]
    status: str
    reason: str | None

    @property
    def last(self) -> Mapping[str, float]:
        """The last value of every curve."""


@dataclass(frozen=True)
class Outcome:
    """What one run leaves. An ``ok`` outcome with a metric that is not finite becomes ``diverged``.

    Args:
        metrics: scalars by name.
        curves: series by name, at most 200 points each (see :func:`thin`), kept to six digits.
        status: ``ok``, ``diverged`` or ``failed``.
        reason: why the status is not ``ok``.

    Raises:
        ValueError: an unknown status, a curve that is too long, a value that is not a number.
    """

    metrics: Mapping[str, float]
    curves: Mapping[str, Sequence[float]] = field(default_factory=dict)
    status: str = "ok"
    reason: str | None = None

    def __post_init__(self):
        if self.status not in STATUSES:
            raise unknown("status", self.status, STATUSES)
        for name, curve in self.curves.items():
            if len(curve) > CURVE_POINTS:
                raise ValueError(
                    f"curve {name!r} has {len(curve)} points, a record keeps at most {CURVE_POINTS}:"
                    f" record startright.studies.thin(curve)"
                )
        metrics = {name: float(value) for name, value in self.metrics.items()}
        object.__setattr__(self, "metrics", metrics)
        curves = {name: [float(f"{v:.6g}") for v in c] for name, c in self.curves.items()}  # for a figure
        object.__setattr__(self, "curves", curves)
        wild = [f"{name} = {value}" for name, value in metrics.items() if not math.isfinite(value)]
        if wild and self.status == "ok":
            object.__setattr__(self, "status", "diverged")
            object.__setattr__(self, "reason", f"not finite: {', '.join(wild)}")

    @classmethod
    def of(
        cls,
        course: Course,
        metrics: Mapping[str, float] | None = None,
        curves: Mapping[str, Sequence[float]] | None = None,
    ) -> "Outcome":
        """What a training leaves: its status, with the last values and the curves unless others are given.

        Args:
            course: such as :class:`startright.training.History`.
            metrics: scalars by name; None: the last value of every curve.
            curves: series by name; None: all, thinned.
        """
        if curves is None:
            curves = {name: thin(values) for name, values in course.curves.items()}
        metrics = course.last if metrics is None else metrics
        return cls(metrics, curves, status=course.status, reason=course.reason)


def run_key(study: str, version: int, config: Mapping[str, Any], seed: int) -> str:
    """The name of a run: 16 hex digits that change with its study, version, config or seed."""
    identity = {"study": study, "version": version, "config": config, "seed": seed}
    return hashlib.sha256(dumps(identity, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Run:
    """One config and one seed of a study.

    Raises:
        ValueError: a config that is no frozen dataclass of plain values, or a seed that is no
            non-negative integer.
    """

    study: str
    version: int
    config: Any
    seed: int

    def __post_init__(self):
        _ = self.settings  # refuses what is none
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(
                f"study {self.study!r}: a seed must be a non-negative integer, got {self.seed!r}"
            )

    @cached_property
    def key(self) -> str:
        """The name of this run among all runs of all studies."""
        return run_key(self.study, self.version, self.settings, self.seed)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """The fields of the config as plain values."""
        return settings(self.config)

    @property
    def same(self) -> Hashable:
        """Equal for runs of a study whose settings Python holds to be equal, however they are spelled."""
        return frozenset(self.settings.items()), self.seed


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
