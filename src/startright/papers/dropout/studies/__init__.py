"""The experiments as grids of runs, one study a question."""

from startright.papers.dropout.studies.depth import DEPTH
from startright.papers.dropout.studies.metrics import METRICS
from startright.papers.dropout.studies.schedules import SCHEDULES

STUDIES = (METRICS, SCHEDULES, DEPTH)

__all__ = ["DEPTH", "METRICS", "SCHEDULES", "STUDIES"]
