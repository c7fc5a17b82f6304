"""The experiments of the paper as grids of runs, one study a question.

The number of draws of a run is written ``draws``; ``seeds`` are independent repetitions, so that every number
of the chapters is a mean and a standard deviation over them.
"""

from startright.papers.preact.studies.correlation import CORRELATION
from startright.papers.preact.studies.dependence import DEPENDENCE
from startright.papers.preact.studies.depth import DEPTH
from startright.papers.preact.studies.fixed_points import FIXED_POINTS
from startright.papers.preact.studies.law import LAW
from startright.papers.preact.studies.moments import MOMENTS
from startright.papers.preact.studies.principles import PRINCIPLES
from startright.papers.preact.studies.training import TRAINING

STUDIES = (LAW, DEPENDENCE, DEPTH, CORRELATION, FIXED_POINTS, PRINCIPLES, MOMENTS, TRAINING)

__all__ = [
    "CORRELATION",
    "DEPENDENCE",
    "DEPTH",
    "FIXED_POINTS",
    "LAW",
    "MOMENTS",
    "PRINCIPLES",
    "STUDIES",
    "TRAINING",
]
