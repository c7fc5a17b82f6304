"""How runs are computed: one after another, or many of one shape as one program.

An engine is a generator function: it takes a study, runs and a device and yields (run, outcome, seconds,
peak memory) as they finish. One that computes elsewhere has an attribute ``remote = True``: it gets the
device as it was asked for, to be picked there, and adds the provenance of that place as a fifth entry.
One that is to share a study with other processes has an attribute ``batches``, (study, runs) → lists of
runs, and is called once a list; without it one call gets all runs.
A further engine is a further entry of :data:`ENGINES`.
"""

import math
import reprlib
import time
import warnings
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import torch

from startright.errors import unknown
from startright.studies.record import Outcome, Run
from startright.studies.study import Study

Finished = tuple[Run, Outcome, float, int | None] | tuple[Run, Outcome, float, int | None, Mapping[str, Any]]
Engine = Callable[[Study, Sequence[Run], Any], Generator[Finished, None, None]]


def _measured(compute: Callable[[], Any], device: torch.device) -> tuple[Any, float, int | None]:
    """What ``compute`` returns, its seconds, and the most bytes it held on a GPU (None elsewhere)."""
    on_gpu = device.type == "cuda"
    if on_gpu:
        torch.cuda.reset_peak_memory_stats(device)
    start = time.perf_counter()
    result = compute()
    if on_gpu:
        torch.cuda.synchronize(device)
    seconds = time.perf_counter() - start
    return result, seconds, torch.cuda.max_memory_allocated(device) if on_gpu else None


def say(error: Exception) -> str:
    """An error as the reason of a failed run: its class and what it says."""
    return f"{type(error).__name__}: {error}".rstrip(": ")


def serial(study: Study, runs: Sequence[Run], device: torch.device) -> Generator[Finished, None, None]:
    """One run after another. A run that raises is ``failed``; the others go on."""

    def attempt(run: Run) -> Outcome:
        try:
            outcome = study.run(run.config, run.seed, device)
            if not isinstance(outcome, Outcome):
                raise TypeError(f"a run must return an Outcome, got {reprlib.repr(outcome)}")
        except Exception as error:
            return Outcome({}, status="failed", reason=say(error))
        return outcome

    for run in runs:
        yield (run, *_measured(lambda run=run: attempt(run), device))


def stacks(study: Study, runs: Sequence[Run], workers: int = 1) -> list[list[Run]]:
    """The runs in groups of equal ``stack_key``, none larger than ``max_stack`` or its share of all runs.

    Args:
        study: the study.
        runs: its runs.
        workers: among how many the stacks are to be shared.
    """
    groups: dict[Any, list[Run]] = {}
    for run in runs:
        key = study.stack_key(run.config) if study.stack_key else run.config
        groups.setdefault(key, []).append(run)
    size = min(study.max_stack or len(runs), math.ceil(len(runs) / max(workers, 1)))
    return [group[k : k + size] for group in groups.values() for k in range(0, len(group), size)]


def stacked(study: Study, runs: Sequence[Run], device: torch.device) -> Generator[Finished, None, None]:
    """Runs of one shape as one program; where that raises, its runs are computed one by one."""

    def attempt(stack: list[Run]) -> list[Outcome] | None:
        try:
            outcomes = list(study.run_stacked([(run.config, run.seed) for run in stack], device))
            if [type(outcome) for outcome in outcomes] != [Outcome] * len(stack):
                raise TypeError(f"{len(stack)} runs must give as many Outcomes, got {reprlib.repr(outcomes)}")
        except Exception as error:
            message = f"{len(stack)} stacked runs of {study.name} raised {say(error)}; running them singly"
            warnings.warn(message, stacklevel=2)
            return None
        return outcomes

    for stack in stacks(study, runs):
        outcomes, seconds, peak = _measured(lambda stack=stack: attempt(stack), device)
        if outcomes is None:  # out of the except clause, so that the failed stack's memory is free again
            yield from serial(study, stack, device)
        else:
            for run, outcome in zip(stack, outcomes, strict=True):
                yield run, outcome, seconds / len(stack), peak


serial.batches = lambda study, runs: [[run] for run in runs]
stacked.batches = stacks


def batches(engine: Engine, study: Study, runs: Sequence[Run]) -> list[list[Run]]:
    """The runs as ``engine`` takes them up: those of one list are claimed, and computed, at once."""
    return getattr(engine, "batches", lambda study, runs: [list(runs)])(study, runs)


ENGINES: dict[str, Engine] = {"serial": serial, "stacked": stacked}


def pick_engine(study: Study, name: str | Engine = "auto") -> Engine:
    """The engine called ``name``; ``"auto"`` is ``stacked`` where the study offers it, else ``serial``.

    An engine itself, such as ``Dask(cluster="slurm")``, is taken as it is.

    Raises:
        ValueError: an unknown name, or ``stacked`` for a study that has no stacked form.
    """
    if callable(name):
        return name
    if name == "auto":
        name = "stacked" if study.run_stacked else "serial"
    if name not in ENGINES:
        raise unknown("engine", name, ("auto", *ENGINES))
    if name == "stacked" and study.run_stacked is None:
        raise ValueError(f"study {study.name!r} has no stacked form; use engine 'serial' or 'auto'")
    return ENGINES[name]
