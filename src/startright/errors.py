"""Messages for what a user got wrong: the value, what was expected, the nearest name."""

from collections.abc import Iterable
from difflib import get_close_matches


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
    return ValueError(f"unknown {kind} {str(name)!r}:{hint} Known: {', '.join(options)}.")
