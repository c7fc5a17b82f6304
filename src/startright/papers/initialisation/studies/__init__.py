"""The experiments of the lecture as grids of runs, one study a question."""

from startright.papers.initialisation.studies.depth import DEPTH
from startright.papers.initialisation.studies.gradients import GRADIENTS
from startright.papers.initialisation.studies.leaky import LEAKY
from startright.papers.initialisation.studies.recursion import RECURSION

STUDIES = (GRADIENTS, DEPTH, RECURSION, LEAKY)

__all__ = ["DEPTH", "GRADIENTS", "LEAKY", "RECURSION", "STUDIES"]
