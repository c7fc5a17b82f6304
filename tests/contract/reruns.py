"""A run made afresh gives the committed numbers: what is asked of a study of every paper."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from startright.studies import RecordStore, Study, compare, recorded, run


def assert_reproduces(
    study: Study,
    folder: Path,
    *,
    config: Any,
    seeds: Sequence[int] | None = None,
    engine: str = "serial",
    **tolerance: float,
) -> None:
    """Runs one config of the quick grid on the CPU and compares the records with the committed ones.

    Args:
        study: the study.
        folder: where the fresh records are written.
        config: one of its grid.
        seeds: of the runs; None: all of the study's.
        engine: that makes the runs.
        tolerance: ``rel`` and ``abs`` of :func:`startright.studies.compare`.
    """
    committed = {record.key: record for record in recorded(study, "quick")}
    chosen = study.seeds("quick") if seeds is None else seeds
    small = replace(study, grid=lambda profile: [config], seeds=lambda profile: chosen)
    store = RecordStore(folder / "fresh.jsonl")
    fresh = run(small, "quick", device="cpu", engine=engine, store=store, progress=False)
    assert len(fresh) == len(chosen)
    assert compare(fresh, [committed[record.key] for record in fresh], **tolerance) == []
