"""The experiments of the paper as grids of runs, one study a question."""

from startright.papers.priors.studies.conditions import CONDITIONS
from startright.papers.priors.studies.recovery import NOISE, RECOVERY
from startright.papers.priors.studies.strengths import STRENGTHS
from startright.papers.priors.studies.training import TRAINING

STUDIES = (RECOVERY, NOISE, CONDITIONS, STRENGTHS, TRAINING)

__all__ = ["CONDITIONS", "NOISE", "RECOVERY", "STRENGTHS", "STUDIES", "TRAINING"]
