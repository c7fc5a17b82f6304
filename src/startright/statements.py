"""The claims of a paper, each stated by a decorator of the function that measures it."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from startright.claims import Claim, Measure
from startright.studies import Study


class Claims(dict[str, Claim]):
    """The claims of a paper by their ids, each stated beside its measurement.

    Args:
        paper: short name of the paper.
        shared: parts of a :class:`startright.claims.Claim` that all share, unless one says otherwise.

    >>> claim = Claims("dice", page="part/dice", locator="Table 1")
    >>> @claim("C1", "Dice are fair.", "3.5", anchor="fig-dice")
    ... def measure_mean(records):
    ...     return records["dice"]
    >>> claim["C1"].statement, claim["C1"].measure is measure_mean
    ('Dice are fair.', True)
    """

    def __init__(self, paper: str, **shared: Any):
        self.paper, self.shared = paper, shared

    def __call__(
        self, id: str, statement: str, published: str, *studies: Study, **parts: Any
    ) -> Callable[[Measure], Measure]:
        """A decorator that adds a claim and leaves the function that measures it as it is.

        Args:
            id: as in :class:`startright.claims.Claim`, like all that follow.
            statement: what the paper says.
            published: its number.
            studies: whose records settle it.
            parts: the others, such as ``anchor``.

        Raises:
            ValueError: the paper has a claim of this id.
        """

        def state(measure: Measure) -> Measure:
            if id in self:
                raise ValueError(f"{self.paper} {id} is stated twice: number one of the two anew")
            given = self.shared | parts
            self[id] = Claim(self.paper, id, statement, published, studies, measure, **given)
            return measure

        return state


def in_order(*stated: Claims) -> tuple[Claim, ...]:
    """All claims by number, whatever modules they are stated in.

    Raises:
        ValueError: two modules state claims of one id.

    >>> [claim.id for claim in in_order(Claims("dice"))]
    []
    """
    found = sorted((claim for part in stated for claim in part.values()), key=lambda c: (len(c.id), c.id))
    for one, other in pairwise(found):
        if one.id == other.id:
            raise ValueError(f"{one.paper} {one.id} is stated twice: number one of the two anew")
    return tuple(found)
