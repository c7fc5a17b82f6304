"""Messages for what a user got wrong: the value, what was expected, the nearest name."""

from collections.abc import Iterable
from difflib import get_close_matches
from math import nan
from numbers import Real


def unknown(kind: str, name: object, options: Iterable[str]) -> ValueError:
    """The error for a name that is not among the known ones.

    Args:
        kind: what the name stands for, e.g. ``"profile"``.
        name: the name given.
        options: the known names.

    Returns:
        A ``ValueError`` (to be raised by the caller) that names the value, the nearest
        known names and all of them.

    >>> print(unknown("profile", "quik", ["quick", "full"]))
    unknown profile 'quik': did you mean 'quick'? Known: full, quick.
    """
    options = sorted(options)
    near = get_close_matches(str(name), options, n=2, cutoff=0.5)
    hint = f" did you mean {' or '.join(map(repr, near))}?" if near else ""
    known = ", ".join(options) if options else "none"
    return ValueError(f"unknown {kind} {str(name)!r}:{hint} Known: {known}.")


def number(value: object) -> float:
    """A value as a float where it is one real number, and otherwise NaN, which no range contains.

    Booleans and text are no numbers; an array or a tensor is one if it has no axes.

    >>> number(2), number(True), number("2")
    (2.0, nan, nan)
    """
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        value = value.item()
    return float(value) if isinstance(value, Real) and not isinstance(value, bool) else nan


def whole(value: object) -> float:
    """The same of whole numbers: NaN where there is a fraction, or no number.

    >>> whole(3), whole(2.5)
    (3.0, nan)
    """
    found = number(value)
    return found if found.is_integer() else nan
