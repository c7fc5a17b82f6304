"""Sweeps of a study on one or two workers: what the benchmarks of the engine ``dask`` share.

Not a benchmark itself.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from startright.studies import Dask, Engine, RecordStore, Study, run


@contextmanager
def workers(count: int) -> Iterator[tuple[Dask, float]]:
    """An engine of so many workers, processes of one thread, and the seconds in which they started."""
    begin = time.perf_counter()
    with Dask(workers=count).start() as cluster:
        yield Dask(cluster.scheduler_address), time.perf_counter() - begin


def sweep(study: Study, engine: str | Engine) -> None:
    """One sweep of the quick profile, recorded on the disk like any other.

    Raises:
        RuntimeError: a run failed.
    """
    with tempfile.TemporaryDirectory() as folder:
        store = RecordStore(Path(folder) / "records")
        records = run(study, device="cpu", engine=engine, store=store, progress=False)
    if any(record.status == "failed" for record in records):
        raise RuntimeError(next(record.reason for record in records if record.status == "failed"))
