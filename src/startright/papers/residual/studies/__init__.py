"""The experiments on shattered gradients, starts and loss surfaces, one study a question."""

from startright.papers.residual.studies.alignment import ALIGNMENT
from startright.papers.residual.studies.inits import INITS
from startright.papers.residual.studies.shattering import SHATTERING
from startright.papers.residual.studies.surfaces import SURFACES

STUDIES = (SHATTERING, ALIGNMENT, INITS, SURFACES)

__all__ = ["ALIGNMENT", "INITS", "SHATTERING", "STUDIES", "SURFACES"]
