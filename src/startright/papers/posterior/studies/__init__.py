"""The experiments as grids of runs, one study a question."""

from startright.papers.posterior.studies.conjugate import CONJUGATE
from startright.papers.posterior.studies.temperature import TEMPERATURE

STUDIES = (CONJUGATE, TEMPERATURE)

__all__ = ["CONJUGATE", "STUDIES", "TEMPERATURE"]
