"""The experiments of the paper, one study a question; each is written beside the runs it is made of."""

from startright.papers.alrao.studies.exact import COUNTS, IDENTITY, REGRESSION
from startright.papers.alrao.studies.imagenet import IMAGENET
from startright.papers.alrao.studies.images import INTERVALS, LEARNING, VARIANTS
from startright.papers.alrao.studies.rl import RL
from startright.papers.alrao.studies.selection import SELECTION
from startright.papers.alrao.studies.text import GRANULARITY, TEXT
from startright.papers.alrao.studies.units import UNITS

STUDIES = (
    LEARNING,
    INTERVALS,
    SELECTION,
    VARIANTS,
    UNITS,
    GRANULARITY,
    TEXT,
    REGRESSION,
    COUNTS,
    IDENTITY,
    IMAGENET,
    RL,
)

__all__ = [
    "COUNTS",
    "GRANULARITY",
    "IDENTITY",
    "IMAGENET",
    "INTERVALS",
    "LEARNING",
    "REGRESSION",
    "RL",
    "SELECTION",
    "STUDIES",
    "TEXT",
    "UNITS",
    "VARIANTS",
]
