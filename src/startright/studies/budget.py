"""Running for a given time: what is missing in order of value, and nothing that would not end in time."""

import statistics
import time
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field

import torch

from startright.devices import describe_device
from startright.studies.engines import Finished, serial
from startright.studies.record import Record, Run
from startright.studies.settings import settings
from startright.studies.study import Study

SLACK = 1.2  # a run may take so much longer than the runs before it


def by_value(runs: Sequence[Run]) -> list[Run]:
    """Every configuration once before any is repeated: a second seed is worth less than a first look."""
    seen: dict[object, int] = {}
    ranks = []
    for run in runs:
        ranks.append(seen.get(run.config, 0))
        seen[run.config] = ranks[-1] + 1
    return [run for _, run in sorted(zip(ranks, runs, strict=True), key=lambda pair: pair[0])]


class Clock:
    """How long runs take, from the records of this kind of device.

    Args:
        study: whose runs they are.
        device: where they are to be run.
        records: of the study; those of other devices say nothing.
    """

    def __init__(self, study: Study, device: torch.device, records: Iterable[Record] = ()):
        self._alike = study.stack_key or (lambda config: config)
        self._same: dict[object, list[float]] = {}
        self._kind: dict[object, list[float]] = {}
        here = describe_device(device)
        configs = [config for profile in study.profiles for config in study.grid(profile)]
        known = {tuple(settings(config).items()): config for config in configs}
        for record in records:
            config = known.get(tuple(record.config.items()))
            if config is not None and record.provenance.get("device") == here:
                self.add(config, record.seconds)

    def add(self, config: object, seconds: float) -> None:
        """Take note of a run that ended."""
        self._same.setdefault(config, []).append(seconds)
        self._kind.setdefault(self._alike(config), []).append(seconds)

    def __call__(self, config: object) -> float | None:
        """Seconds that a run of ``config`` takes: as the same one took, or the longest of the same shape.

        None where no such run was made on this kind of device.
        """
        if config in self._same:
            return statistics.median(self._same[config])
        return max(self._kind.get(self._alike(config), ()), default=None)


@dataclass
class Within:
    """An engine that stops in time: runs one after another, in order of value, and leaves those out that by
    the runs before would not end. A run of a shape never run before is started while there is time.

    Args:
        seconds: how long it may take.
        clock: the seconds of the runs before.
        now: the time in seconds.
    """

    seconds: float
    clock: Clock
    now: Callable[[], float] = field(default_factory=lambda: time.monotonic)
    left_out: list[Run] = field(default_factory=list)
    end: float | None = None  # from the first run on

    def batches(self, study: Study, runs: Sequence[Run]) -> list[list[Run]]:
        """One run after another, in order of value."""
        return [[run] for run in by_value(runs)]

    def __call__(
        self, study: Study, runs: Sequence[Run], device: torch.device
    ) -> Generator[Finished, None, None]:
        """Yields as :func:`startright.studies.engines.serial` does; ``left_out`` then has the others."""
        self.end = self.now() + self.seconds if self.end is None else self.end
        for run in by_value(runs):
            left, expected = self.end - self.now(), self.clock(run.config)
            if left <= 0 or (expected is not None and SLACK * expected > left):
                self.left_out.append(run)
                continue
            for finished in serial(study, [run], device):
                self.clock.add(run.config, finished[2])
                yield finished
