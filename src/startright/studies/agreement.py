r"""Whether a run that was made again agrees with its record: to the digits, or within what chance allows.

On another processor rounding differs and training amplifies it, so that a run made again is another draw, at
worst as far from the first as another seed is. The two values of a metric then lie
:math:`t = |x - r| / (s\sqrt 2)` standard errors apart, with *s* the spread over the other seeds of the config
(neither of the two may vouch for itself), and chance makes *t* as large by Student's law. As in
:mod:`startright.uncertainty`, :math:`s^2` is averaged with the square of the spread that is typical
of the metric (the median over the study's configs, with ``PRIOR`` degrees of freedom), which is a floor too.

Positive metrics that range over more than ``WIDE`` in the study are compared by their logarithms. Those
that no seed changes are exact.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean, median, stdev

from scipy.special import stdtr

from startright.studies.record import Outcome, Record
from startright.uncertainty import PRIOR

WIDE = 100.0  # largest over smallest value of a study's metric, above which its logarithm is compared
DIGITS = 1e-6  # relative, of what is exact
NOISE = 1e-14  # rounding in float64: no spread is smaller
ROUNDING = 1e-9  # what is exact and below is rounding: its size counts to a factor of ten


@dataclass(frozen=True)
class Compared:
    """One metric of a run and of its record.

    Args:
        metric: its name.
        recorded: the record's value.
        again: the value found now.
        errors: how many standard errors apart; None of an exact metric.
        chance: of being so far apart or farther; of an exact metric 1 where it agrees, else 0.
    """

    metric: str
    recorded: float
    again: float
    errors: float | None
    chance: float

    @property
    def same(self) -> bool:
        """Whether they agree to the digits, as they do on one processor."""
        return abs(self.recorded - self.again) <= DIGITS * abs(self.recorded)

    def __str__(self) -> str:
        how = "exact" if self.errors is None else f"{self.errors:.1f} standard errors apart"
        return (
            f"{self.metric} is {self.recorded:.6g} in the record and {self.again:.6g} when run again ({how})"
        )


def is_time(metric: str) -> bool:
    """Whether a metric is a time, by its name, and so a property of the machine."""
    return metric.endswith(("seconds", "_time"))


def compare(record: Record, outcome: Outcome, records: Iterable[Record]) -> list[Compared]:
    """Every metric that both have, times left out; none of a run that diverged, whose end is chaos.

    Args:
        record: of the run.
        outcome: of the run made again, of the same status.
        records: of its study, from which the spreads are taken.
    """
    if record.status != "ok":
        return []
    others = [other for other in records if other.status == "ok" and other.key != record.key]
    shared = [name for name in record.metrics if name in outcome.metrics and not is_time(name)]
    spreads = _Spreads(others)
    return [spreads.compare(name, record, outcome.metrics[name]) for name in shared]


class _Spreads:
    """The values of every metric by config, and what follows from them."""

    def __init__(self, records: Iterable[Record]):
        self.values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for record in records:
            for name, value in record.metrics.items():
                self.values[name][_config(record)].append(value)
        self.wide = {name for name, groups in self.values.items() if _is_wide(groups)}
        self.typical = {name: self._typical(name) for name in self.values}

    def _scaled(self, name: str, value: float) -> float:
        return math.log(max(value, NOISE)) if name in self.wide else value

    def _relative(self, name: str, values: list[float]) -> float:
        """The spread of values of one config, relative to their size, as a spread of logarithms is."""
        scaled = [self._scaled(name, value) for value in values]
        size = 1.0 if name in self.wide else fmean(map(abs, scaled))
        return stdev(scaled) / size if size else 0.0

    def _typical(self, name: str) -> float | None:
        """The median over configs that vary; 0 where none does; None where no config was repeated."""
        found = [self._relative(name, values) for values in self.values[name].values() if len(values) > 1]
        varying = [spread for spread in found if spread]
        return median(varying) if varying else 0.0 if found else None

    def _prior(self, name: str) -> float:
        """The typical spread of a metric; where no config was repeated, that of the study's other metrics."""
        own = self.typical.get(name)
        known = [spread for spread in self.typical.values() if spread is not None]
        return own if own is not None else median(known) if known else 0.0

    def compare(self, name: str, record: Record, again: float) -> Compared:
        recorded = record.metrics[name]
        others = self.values[name][_config(record)]
        prior, varies = self._prior(name), len(set(others)) > 1
        if not prior and not varies:
            return Compared(name, recorded, again, None, float(_equal(recorded, again)))
        scaled = [self._scaled(name, value) for value in others]
        own, own_freedom = (stdev(scaled), len(scaled) - 1) if len(scaled) > 1 else (0.0, 0)
        prior *= 1.0 if name in self.wide else fmean(map(abs, [*scaled, again]))
        freedom = PRIOR + own_freedom
        spread = math.sqrt((PRIOR * prior**2 + own_freedom * own**2) / freedom)
        whole = all(value == round(value) for value in (recorded, again, *others))
        step = 0.5 if whole and name not in self.wide else NOISE
        gap = abs(self._scaled(name, recorded) - self._scaled(name, again))
        errors = gap / (max(spread, prior, step) * math.sqrt(2))
        return Compared(name, recorded, again, errors, float(2 * stdtr(freedom, -errors)))


def _config(record: Record) -> str:
    return repr(sorted(record.config.items()))


def _is_wide(groups: Mapping[str, list[float]]) -> bool:
    values = [value for group in groups.values() for value in group]
    return min(values) > 0 and max(values) > WIDE * min(values)


def _equal(recorded: float, again: float) -> bool:
    """Equal to six digits; rounding, whose size differs from machine to machine, to a factor of ten."""
    if max(abs(recorded), abs(again)) < ROUNDING:
        sizes = [max(abs(value), 1e-15) for value in (recorded, again)]
        return max(sizes) <= 10 * min(sizes)
    return abs(recorded - again) <= DIGITS * abs(recorded)
