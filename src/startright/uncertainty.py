r"""Whether two runs of one measured number agree within what their spreads and their n allow.

The two means of a number lie

.. math:: t = \frac{|m_1 - m_2|}{s\,\sqrt{1/n_1 + 1/n_2}}

standard errors apart, and chance makes :math:`t` as large by Student's law. Spreads from a few seeds are
uncertain themselves. So :math:`s^2` is moderated: the pooled variance of both runs, with as many degrees of
freedom as it has, is averaged with the one typical of the quantity (the median relative spread of its
column, with :data:`PRIOR` degrees of freedom). Where n is :data:`FEW` or less the typical spread is a floor
as well, and half of the last printed digit always is one. Counts are compared by Fisher's exact test.

Source: the moderated t-statistic is that of Smyth (2004), with fixed prior degrees of freedom.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from scipy.special import ndtri, stdtr

PRIOR = 4  # degrees of freedom of the typical spread
FEW = 3  # repetitions, up to which the typical spread is a floor

Entry = Mapping[str, Any]


def typical_spreads(entries: Iterable[Entry]) -> dict[str, float]:
    """The median relative spread by quantity; a quantity without any spread has none.

    >>> typical_spreads([{"kind": "mean", "quantity": "loss", "mean": 2.0, "spread": 0.1, "n": 5}])
    {'loss': 0.05}
    """
    groups = defaultdict(list)
    for entry in entries:
        if entry["kind"] == "mean" and entry["spread"] and entry["mean"]:
            groups[entry["quantity"]].append(abs(entry["spread"] / entry["mean"]))
    return {quantity: median(values) for quantity, values in groups.items()}


def moderated_spread(ours: Entry, reference: Entry, typical: float) -> tuple[float, int]:
    """The standard deviation by which two means are compared, and its degrees of freedom.

    Args:
        ours: an entry of kind ``mean``.
        reference: the same of the other run.
        typical: the relative spread of the quantity.
    """
    own = [(entry["n"] - 1, entry["spread"]) for entry in (ours, reference) if entry["spread"] is not None]
    freedom = PRIOR + sum(nu for nu, _ in own)
    prior = typical * (abs(ours["mean"]) + abs(reference["mean"])) / 2
    spread = math.sqrt((PRIOR * prior**2 + sum(nu * s**2 for nu, s in own)) / freedom)
    if min(ours["n"], reference["n"]) <= FEW:
        spread = max(spread, prior)
    return max(spread, ours.get("step", 0.0) / 2), freedom


def _between_means(ours: Entry, reference: Entry, typical: float) -> tuple[float, float]:
    spread, freedom = moderated_spread(ours, reference, typical)
    gap, error = abs(ours["mean"] - reference["mean"]), spread * math.sqrt(1 / ours["n"] + 1 / reference["n"])
    if error == 0:  # no spread at all: a number like a count, which rounding alone may move
        return (0.0, 1.0) if gap <= 1e-5 * abs(reference["mean"]) else (math.inf, 0.0)
    return gap / error, float(2 * stdtr(freedom, -gap / error))


def _between_counts(ours: Entry, reference: Entry) -> tuple[float, float]:
    from scipy.stats import fisher_exact  # noqa: PLC0415 (a second to import, and few pages print counts)

    table = [[side["k"], side["n"] - side["k"]] for side in (ours, reference)]
    chance = min(float(fisher_exact(table)[1]), 1.0)
    return abs(float(ndtri(chance / 2))), chance


def distance(ours: Entry, reference: Entry, typical: float = 0.0) -> tuple[float, float]:
    """How far two entries of one name are apart: in standard errors, and the chance of so much or more.

    Args:
        ours: an entry of kind ``mean``, with a finite mean, or ``count``, as
            :meth:`startright.measured.Measured.entry` makes it.
        reference: the same of the other run.
        typical: the relative spread of the quantity, from :func:`typical_spreads`.

    >>> five = {"kind": "mean", "quantity": "loss", "spread": 1.0, "n": 5}
    >>> round(distance({**five, "mean": 10.0}, {**five, "mean": 12.0}, typical=0.1)[0], 2)
    3.06
    """
    if ours["kind"] == "count":
        return _between_counts(ours, reference)
    return _between_means(ours, reference, typical)
