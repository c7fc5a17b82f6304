"""A random sample of recorded runs, to be run again: what stays hidden to checksums is found by repeating.

The sample goes round the studies: a study with many runs is not drawn more often than one with few.
"""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import torch

from startright.studies.agreement import Compared, compare
from startright.studies.engines import say
from startright.studies.known import Known, default_store
from startright.studies.record import Outcome, Record, Run
from startright.studies.study import Study

LEVEL = 0.01  # the chance that an honest sample raises an alarm
CLOCKED = {"higher-order-cost"}  # studies all of whose metrics are times on the machine, or ratios of such


@dataclass(frozen=True)
class Drawn:
    """A run, its record, and all records of its study, of which some have other seeds of its config."""

    study: Study
    run: Run
    record: Record
    records: list[Record]


def draw(studies: Iterable[Study], profile: str, seconds: float, seed: str) -> Iterator[Drawn]:
    """The recorded runs of a profile that took at most ``seconds``, in random order, one of a study in turn.

    Runs that ``failed`` have no result, and studies of times none that another machine could repeat.

    Args:
        studies: from which to draw.
        profile: whose grids.
        seconds: the most that a record says its run took.
        seed: of the order.
    """
    chooser = random.Random(seed)
    piles: list[list[Drawn]] = []
    for study in sorted(studies, key=lambda study: study.name):
        if study.name in CLOCKED or profile not in study.profiles:
            continue
        known, grid = Known(study, default_store(study)), study.runs(profile)
        records = known.records | known.of(grid)
        done = {
            key: record for key, record in records.items() if record.present and record.seconds <= seconds
        }
        runs = sorted((run for run in grid if run.key in done), key=lambda run: run.key)
        chooser.shuffle(runs)
        if runs:
            piles.append([Drawn(study, run, done[run.key], list(records.values())) for run in runs])
    chooser.shuffle(piles)
    while piles:
        for pile in piles:
            yield pile.pop()
        piles = [pile for pile in piles if pile]


def run_again(drawn: Drawn) -> Outcome:
    """The outcome of the run on the CPU, by itself whatever engine recorded it.

    Raises:
        FileNotFoundError: its dataset is not here.
        ImportError: a library that it needs is not here.
    """
    try:
        return drawn.study.run(drawn.run.config, drawn.run.seed, torch.device("cpu"))
    except (FileNotFoundError, ImportError):
        raise
    except Exception as error:
        return Outcome({}, status="failed", reason=say(error))


@dataclass(frozen=True)
class Repeated:
    """A drawn run, its outcome now, and what both have in common."""

    drawn: Drawn
    outcome: Outcome
    compared: list[Compared]

    def __str__(self) -> str:
        record = self.drawn.record
        return f"{record.study} {record.key} (seed {record.seed})"


def repeat(drawn: Iterable[Drawn], count: int, tell: Callable[[str], object]) -> list[Repeated]:
    """Run the first ``count`` again that can be run here.

    Args:
        drawn: in the order of the draw.
        count: how many.
        tell: takes a line a run: how it compares, or why it was passed over (once a study).
    """
    done: list[Repeated] = []
    absent: set[str] = set()
    for one in drawn:
        if len(done) == count:
            break
        start = time.perf_counter()
        try:
            outcome = run_again(one)
        except (FileNotFoundError, ImportError) as error:
            if one.study.name not in absent:
                tell(f"{one.study.name}: passed over, {error}")
            absent.add(one.study.name)
            continue
        compared = compare(one.record, outcome, one.records) if outcome.status == one.record.status else []
        done.append(Repeated(one, outcome, compared))
        same = sum(metric.same for metric in compared)
        took = f"{time.perf_counter() - start:.1f} s, {one.record.seconds:.1f} s recorded"
        tell(f"{done[-1]}: {outcome.status}, {same} of {len(compared)} metrics to six digits; {took}")
        for metric in compared:
            if not metric.same and metric.errors is not None:
                tell(f"  {metric}")
    return done


def beyond_chance(repeated: Sequence[Repeated]) -> list[str]:
    """The differences that chance does not explain, at the level of ``LEVEL`` over the whole sample."""
    level = LEVEL / max(1, sum(len(one.compared) for one in repeated))
    faults = []
    for one in repeated:
        said, found = one.drawn.record.status, one.outcome
        if said != found.status:
            why = f" ({found.reason})" if found.reason else ""
            faults.append(f"{one}: {said} in the record, {found.status}{why} when run again")
        elif said == "ok" and one.drawn.record.metrics and not one.compared:
            faults.append(f"{one}: none of the record's metrics is found when run again")
        faults += [f"{one}: {metric}" for metric in one.compared if metric.chance < level]
    return faults
