"""The experiments of the room, one study a question; each is written beside the runs it is made of."""

from startright.papers.alrao.exact_study import COUNTS, IDENTITY, REGRESSION
from startright.papers.alrao.image_study import INTERVALS, LEARNING, VARIANTS
from startright.papers.alrao.imagenet_study import IMAGENET
from startright.papers.alrao.rl_study import RL
from startright.papers.alrao.selection_study import SELECTION
from startright.papers.alrao.text_study import GRANULARITY, TEXT
from startright.papers.alrao.unit_study import UNITS

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
