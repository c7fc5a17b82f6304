"""The experiments of the lecture as grids of runs, one study a question."""

from startright.papers.initialisation.studies.depth import DEPTH
from startright.papers.initialisation.studies.gradients import GRADIENTS
from startright.papers.initialisation.studies.leaky import LEAKY

STUDIES = (GRADIENTS, DEPTH, LEAKY)

__all__ = ["DEPTH", "GRADIENTS", "LEAKY", "STUDIES"]
