"""The experiments of the paper, one study a question; each is written beside the runs it is made of."""

from startright.papers.gauss_newton.studies.descent import DAMPING, GRID, SPEED
from startright.papers.gauss_newton.studies.mnist import MNIST

STUDIES = (GRID, SPEED, DAMPING, MNIST)

__all__ = ["DAMPING", "GRID", "MNIST", "SPEED", "STUDIES"]
