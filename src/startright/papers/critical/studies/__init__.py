"""The experiments as grids of runs, one study a question."""

from startright.papers.critical.studies.decay import DECAY
from startright.papers.critical.studies.fisher import FISHER
from startright.papers.critical.studies.removal import NARROW, PUBLISHED, REMOVAL
from startright.papers.critical.studies.window import WINDOW

STUDIES = (FISHER, REMOVAL, WINDOW, DECAY)

__all__ = ["DECAY", "FISHER", "NARROW", "PUBLISHED", "REMOVAL", "STUDIES", "WINDOW"]
