"""Critical learning periods: what a network does not see early in its training, and what that leaves.

A. Achille, M. Rovere and S. Soatto, *Critical learning periods in deep networks* (2019), as the lecture
« Rien ne sert de courir, il faut partir à point » tells it. Deficits of the senses and their schedule:
:func:`~startright.critical.deficits.deficit_schedule`; the trace of the Fisher information of a network of
your own: :func:`~startright.critical.fisher.fisher_trace`.
"""

from startright.papers import Paper
from startright.papers.critical.deficits import Window, deficit_schedule
from startright.papers.critical.fisher import empirical_trace, fisher_trace, sampled_trace

PAPER = Paper(
    __name__,
    title="Critical learning periods",
    citation="achille2019critical",
    part=1,
    rank=2,
    pages=("starting/critical-periods",),
)

__all__ = ["Window", "deficit_schedule", "empirical_trace", "fisher_trace", "sampled_trace"]
