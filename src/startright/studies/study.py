"""A study: a grid of runs that answers one question."""

import re
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import torch

from startright.profiles import PROFILES, check_profile
from startright.studies.record import Outcome, Run


@dataclass(frozen=True)
class Study:
    """A named grid of runs answering one question.

    Args:
        name: the paper, a dash, the topic: ``"preact-depth"``; it names the file of the records.
        version: raised whenever a change to the code changes the numbers; older records then no longer count.
        question: what the study answers, in a sentence.
        grid: profile → frozen config dataclasses; raises ``ValueError`` for a profile it has not.
        seeds: profile → seeds.
        run: (config, seed, device) → :class:`~startright.studies.record.Outcome`.
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
