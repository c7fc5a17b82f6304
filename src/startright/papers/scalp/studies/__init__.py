"""The experiments of the paper as grids of runs, one study a question."""

from startright.papers.scalp.studies.exact import EXACT
from startright.papers.scalp.studies.pareto import PARETO
from startright.papers.scalp.studies.stability import STABILITY
from startright.papers.scalp.studies.variance import VARIANCE
from startright.papers.scalp.studies.width import WIDTH

STUDIES = (EXACT, VARIANCE, WIDTH, STABILITY, PARETO)

__all__ = ["EXACT", "PARETO", "STABILITY", "STUDIES", "VARIANCE", "WIDTH"]
