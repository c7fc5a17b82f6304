"""The reasons for which thresholds of this paper were changed after they were laid down."""

from startright.claims import Change

FIRST, NOW = "2026-11-25", "2026-11-26"


def unexplained(check: str, before: str, after: str, why: str = "no reason was given") -> Change:
    """A change of the first version."""
    return Change(check, before, after, why, FIRST)


def restored(check: str, before: str, after: str) -> Change:
    """The first threshold again."""
    return Change(check, before, after, "the tolerance laid down before the data is restored", NOW)


def by_interval(check: str, before: str, after: str) -> Change:
    """The interval of a mean in the place of the mean, or of every run."""
    why = "a few teachers in agreement prove little: the interval of their mean is judged"
    return Change(check, before, after, why, NOW)


def changed(check: str, before: str, after: str, why: str) -> Change:
    """Another change."""
    return Change(check, before, after, why, NOW)
