"""The experiments of the paper, one study a question; each is written beside the runs it is made of."""

from startright.papers.higher_order.studies.cost import COST
from startright.papers.higher_order.studies.exact import EXACTNESS, INVARIANCE, MERGING
from startright.papers.higher_order.studies.step import INDEFINITE, LARGE_STEP, ONE_STEP
from startright.papers.higher_order.studies.toy import ROSENBROCK
from startright.papers.higher_order.studies.training import CHOICES, LEARNING, NETWORKS, PEER

STUDIES = (
    EXACTNESS,
    MERGING,
    INVARIANCE,
    COST,
    ROSENBROCK,
    ONE_STEP,
    LARGE_STEP,
    INDEFINITE,
    LEARNING,
    PEER,
    CHOICES,
    NETWORKS,
)

__all__ = [
    "CHOICES",
    "COST",
    "EXACTNESS",
    "INDEFINITE",
    "INVARIANCE",
    "LARGE_STEP",
    "LEARNING",
    "MERGING",
    "NETWORKS",
    "ONE_STEP",
    "PEER",
    "ROSENBROCK",
    "STUDIES",
]
