"""A study: a grid of runs that answers one question, and what one run leaves."""

import hashlib
import math
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Protocol

import torch

from startright.errors import unknown
from startright.profiles import PROFILES, check_profile
from startright.studies.settings import settings
from startright.studies.strict_json import dumps

STATUSES = ("ok", "diverged", "failed")
CURVE_POINTS = 200


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
class Study:
    """A named grid of runs answering one question.

    Args:
        name: the paper, a dash, the topic: ``"preact-depth"``; it names the file of the records.
        version: raised whenever a change to the code changes the numbers; older records then no longer count.
        question: what the study answers, in a sentence.
        grid: profile → frozen config dataclasses; raises ``ValueError`` for a profile it has not.
        seeds: profile → seeds.
        run: (config, seed, device) → :class:`Outcome`.
        run_stacked: many (config, seed) of one shape computed as one program, outcomes in the same order.
        stack_key: config → what must be equal for runs to be stacked; without it only the seeds
            of one config are.
        max_stack: the most runs in one stack; None for no limit.

    Raises:
        ValueError: a name that is not lower-case words joined by dashes.
    """

    name: str
    version: int
    question: str
    grid: Callable[[str], Sequence[Any]]
    seeds: Callable[[str], Sequence[int]]
    run: Callable[[Any, int, torch.device], Outcome]
    run_stacked: Callable[[Sequence[tuple[Any, int]], torch.device], Sequence[Outcome]] | None = None
    stack_key: Callable[[Any], Hashable] | None = None
    max_stack: int | None = None

    def __post_init__(self):
        if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", self.name):
            raise ValueError(
                f"study name {self.name!r}: use lower-case words joined by dashes,"
                " the paper's first: 'preact-depth'"
            )
        if self.max_stack is not None and self.max_stack < 1:
            raise ValueError(
                f"study {self.name!r}: max_stack must be at least 1 or None, got {self.max_stack!r}"
            )

    @cached_property
    def profiles(self) -> tuple[str, ...]:
        """The profiles this study has a grid for, smallest first."""

        def offers(profile: str) -> bool:
            try:
                return len(self.grid(profile)) > 0
            except ValueError:
                return False

        return tuple(profile for profile in PROFILES if offers(profile))

    def runs(self, profile: str, first_seed: int = 0) -> list[Run]:
        """The runs of the grid of ``profile``, each config with all its seeds.

        Args:
            profile: ``quick``, ``full`` or ``paper``.
            first_seed: added to every seed, for a fresh set of repetitions.

        Raises:
            ValueError: an unknown profile, one the study has not, an empty grid, the same run twice.
        """
        return list(_runs(self, check_profile(profile), first_seed))


@lru_cache(maxsize=256)  # a ledger asks for the same grids for one claim after the other
def _runs(study: Study, profile: str, first_seed: int) -> tuple[Run, ...]:
    seeds = [first_seed + seed for seed in study.seeds(profile)]
    runs = [Run(study.name, study.version, config, seed) for config in study.grid(profile) for seed in seeds]
    if not runs:
        raise ValueError(f"study {study.name!r} has no runs in profile {profile!r}")
    seen: dict[Hashable, Run] = {}
    for run in runs:
        first = seen.setdefault(run.same, run)
        if first is not run:
            also = "" if repr(first) == repr(run) else f", which is equal to {first}"
            raise ValueError(f"study {study.name!r}, profile {profile!r} has a run twice: {run}{also}")
    return tuple(runs)
