"""Studies: a grid of frozen configs → runs → records, each with its provenance."""

from startright.studies.cluster import Dask
from startright.studies.engines import ENGINES, Engine, pick_engine
from startright.studies.frames import Origin, compare, curve_frame, frame, origin, origin_label, stamp
from startright.studies.record import Record
from startright.studies.runner import complete, default_store, live, recorded, run
from startright.studies.store import RecordStore
from startright.studies.study import CURVE_POINTS, STATUSES, Outcome, Run, Study, run_key, thin

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
