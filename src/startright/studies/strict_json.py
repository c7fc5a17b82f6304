"""JSON as the standard has it: floats that are not finite travel as ``"nan"``, ``"inf"`` and ``"-inf"``."""

import hashlib
import json
import math
import reprlib
from collections.abc import Mapping

NON_FINITE = ("nan", "inf", "-inf")
_AS_THEY_ARE = {str, int, bool, type(None)}


def plain(value: object) -> object:
    """``value`` with every mapping a dict, every sequence a list, every non-finite float its word.

    >>> plain({"loss": float("inf"), "sizes": (3, 4)})
    {'loss': 'inf', 'sizes': [3, 4]}
    """
    if type(value) in _AS_THEY_ARE:  # most are
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return str(float(value))
    if type(value) is dict or isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value


_COMPACT = {"separators": (",", ":"), "allow_nan": False}


def dumps(value: object, **options: object) -> str:
    """Compact strict JSON of ``value``; ``options`` are those of :func:`json.dumps`."""
    return json.dumps(plain(value), **{**_COMPACT, **options})


def loads(text: str | bytes) -> object:
    """The inverse of :func:`dumps`, with the words for non-finite floats left as they are.

    Raises:
        ValueError: not strict JSON; a bare ``NaN`` or ``Infinity`` is refused, and so is an object that has
            a name twice, of which readers would take either.
    """

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not JSON")

    def once(pairs: list[tuple[str, object]]) -> dict[str, object]:
        entries = dict(pairs)
        if len(entries) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise ValueError(f"the name {reprlib.repr(twice)} stands twice in one object")
        return entries

    return json.loads(text, parse_constant=refuse, object_pairs_hook=once)


def digest(value: object) -> str:
    """The first 16 hex digits of the SHA-256 of :func:`dumps` of a value that is :func:`plain`.

    Spacing and spelling do not matter, content and order do: it is the same before writing and after reading.

    >>> digest({"loss": 1.5}) == digest(loads('{ "loss" : 15e-1 }')) != digest({"loss": 1.6})
    True
    """
    return hashlib.sha256(json.dumps(value, **_COMPACT).encode()).hexdigest()[:16]


def number(value: object) -> float:
    """The float that a JSON value stands for.

    Raises:
        ValueError: neither a number nor one of :data:`NON_FINITE`.

    >>> number("-inf"), number(3)
    (-inf, 3.0)
    """
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number and not (isinstance(value, str) and value in NON_FINITE):
        raise ValueError(f"{reprlib.repr(value)} is not a number")
    try:
        return float(value)
    except OverflowError as error:
        raise ValueError("a number is too large for a float") from error


def setting(value: object) -> object:
    """The value of a config field that a JSON value stands for: lists are tuples, the words are floats."""
    if isinstance(value, list):
        return tuple(setting(entry) for entry in value)
    return float(value) if isinstance(value, str) and value in NON_FINITE else value
