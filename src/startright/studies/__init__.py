"""Studies: a grid of frozen configs → runs → records, each with its provenance."""

from startright.studies.cluster import Dask
from startright.studies.engines import ENGINES, Engine, pick_engine
from startright.studies.frames import Origin, compare, curve_frame, frame, origin, origin_label, stamp
from startright.studies.known import complete, default_store, recorded
from startright.studies.record import CURVE_POINTS, STATUSES, Outcome, Record, Run, run_key, thin
from startright.studies.runner import live, run
from startright.studies.store import RecordStore
from startright.studies.study import Study

__all__ = [
    "CURVE_POINTS",
    "ENGINES",
    "STATUSES",
    "Dask",
    "Engine",
    "Origin",
    "Outcome",
    "Record",
    "RecordStore",
    "Run",
    "Study",
    "compare",
    "complete",
    "curve_frame",
    "default_store",
    "frame",
    "live",
    "origin",
    "origin_label",
    "pick_engine",
    "recorded",
    "run",
    "run_key",
    "stamp",
    "thin",
]
