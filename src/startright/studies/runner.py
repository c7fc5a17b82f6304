"""Running a study: only what is missing, every finished run on the disk at once."""

import math
import sys
import warnings
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

import torch
from tqdm import tqdm

from startright.devices import pick_device
from startright.studies.budget import Clock, Within
from startright.studies.engines import Engine, batches, pick_engine
from startright.studies.known import Known, default_store
from startright.studies.provenance import code_of, provenance
from startright.studies.record import Record, Run
from startright.studies.sharing import Alone, Shared
from startright.studies.store import RecordStore
from startright.studies.study import Study


def _is_remote(engine: Engine) -> bool:
    return getattr(engine, "remote", False)


def _computed(
    study: Study, runs: Sequence[Run], *, profile: str, device: Any, engine: Engine, origin: Mapping[str, Any]
) -> Generator[Record, None, None]:
    """The records of ``runs`` as they finish."""
    if not runs:
        return
    with closing(engine(study, runs, device)) as finished:  # ends what an engine started, come what may
        for run, outcome, seconds, peak, *elsewhere in finished:
            made = {"seconds": seconds, "peak_memory": peak, "provenance": [origin, *elsewhere][-1]}
            yield Record.of(run, outcome, profile=profile, **made)


def _execute(
    study: Study,
    runs: Sequence[Run],
    *,
    profile: str,
    device: str | torch.device,
    engine: Engine,
    store: RecordStore | None,
    progress: bool | None,
    waits: bool = True,
) -> dict[str, Record]:
    """Compute ``runs``, append every record to ``store`` as soon as it exists; the records by key.

    What other processes compute meanwhile is taken from the store, and waited for where ``waits`` says so.
    """
    origin = {} if _is_remote(engine) else provenance(device, code_of(study))
    if progress is None:
        progress = profile != "quick" or sys.stderr.isatty()
    how = {"profile": profile, "device": device, "engine": engine, "origin": origin}
    records: dict[str, Record] = {}
    try:
        with (
            tqdm(total=len(runs), desc=study.name, unit="run", disable=not progress) as bar,
            Alone() if store is None else Shared(store, waits=waits) as shared,
        ):
            for mine, done in shared.batches(batches(engine, study, runs)):
                records |= {record.key: record for record in done}
                bar.set_postfix_str("" if mine or done else "waiting for another process", refresh=False)
                bar.update(len(done))
                with closing(_computed(study, mine, **how)) as fresh:
                    for record in fresh:
                        if store is not None:
                            store.append(record)
                        shared.leave([record.key])
                        records[record.key] = record
                        bar.update()
    except KeyboardInterrupt as stop:
        stop.add_note(f"{study.name}: {len(records)} of {len(runs)} runs finished before the interruption")
        raise
    failed = [record for record in records.values() if not record.present]
    if failed:
        warnings.warn(
            f"{len(failed)} of {len(runs)} runs of {study.name} failed, the first with"
            f" {failed[0].reason}; they are tried again the next time",
            stacklevel=3,
        )
    return records


def run(
    study: Study,
    profile: str = "quick",
    *,
    device: str | torch.device = "auto",
    engine: str | Engine = "auto",
    store: RecordStore | None = None,
    first_seed: int = 0,
    progress: bool | None = None,
    minutes: float | None = None,
) -> list[Record]:
    """Execute the runs of a grid that have no record yet.

    Every finished run is on the disk before the next is taken up, so that Ctrl-C or a kill loses
    only what is in flight. Runs that diverge or raise are recorded as such without stopping the others;
    those that raised (``failed``) are tried again the next time. Several processes may run one study into one
    store: they share the runs (:mod:`startright.studies.sharing`). Records of a config that had fewer fields
    still count (:mod:`startright.studies.known`).

    Args:
        study: the study.
        profile: ``quick``, ``full`` or ``paper``.
        device: see :func:`startright.devices.pick_device`.
        engine: ``auto``, ``serial``, ``stacked``, ``dask``, or an engine such as
            :class:`startright.studies.cluster.Dask`, whose workers pick the device.
        store: where the records are; by default the study's file in the results folder.
        first_seed: added to every seed.
        progress: show a bar on stderr; None: on a terminal, and for every profile but ``quick``.
        minutes: end in so much time: runs are made singly, every configuration once before any is repeated,
            and none is started that by the runs before would not end (:mod:`startright.studies.budget`);
            those that another process is computing are not waited for.

    Returns:
        One record a run, in the order of the grid; of those that there are, if ``minutes`` are given.

    Raises:
        ValueError: an unknown profile, device or engine, or one that is not to be had; ``minutes`` that are
            not positive, or with an engine that does not run one after another.
        OSError: records cannot be written, or a scheduler cannot be reached; found out before anything is
            computed if it can be.
    """
    runs = study.runs(profile, first_seed)
    compute = pick_engine(study, engine)
    target = device if _is_remote(compute) else pick_device(device)
    store = default_store(study) if store is None else store
    known = Known(study, store, noting=True)
    records = known.records | known.of(runs)
    if minutes is not None:
        compute = _in_time(study, minutes, engine, target, records.values())
    missing = [r for r in runs if r.key not in records or not records[r.key].present]
    if missing:
        store.check_writable()
        records |= _execute(
            study,
            missing,
            profile=profile,
            device=target,
            engine=compute,
            store=store,
            progress=progress,
            waits=minutes is None,
        )
    return [records[r.key] for r in runs if minutes is None or r.key in records]


def _in_time(
    study: Study, minutes: float, engine: object, device: torch.device, records: Iterable[Record]
) -> Within:
    """The engine that ends in time."""
    if not 0 < minutes < math.inf:
        raise ValueError(f"minutes must be positive, got {minutes!r}")
    if engine not in ("auto", "serial"):
        raise ValueError(f"with minutes, runs are made one after another: leave out engine {str(engine)!r}")
    return Within(60 * minutes, Clock(study, device, records))


def live(
    study: Study, profile: str = "quick", *, device: str | torch.device = "auto", first_seed: int = 0
) -> list[Record]:
    """What a page shows: ``quick`` is computed afresh and stays in memory, other profiles are recorded.

    Arguments, results and errors as for :func:`run`.
    """
    if profile != "quick":
        return run(study, profile, device=device, first_seed=first_seed)
    runs = study.runs(profile, first_seed)
    records = _execute(
        study,
        runs,
        profile=profile,
        device=pick_device(device),
        engine=pick_engine(study),
        store=None,
        progress=None,
    )
    return [records[r.key] for r in runs]
