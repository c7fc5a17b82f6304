"""The settings of a run: the fields of its config as plain values, one spelling for what is equal.

Python holds 1, 1.0 and True to be equal, and so do tables; JSON, and with it the key of a run, does not. So a
number is spelled as its field is declared: in a field of type ``float`` 1 is 1.0, in one of type ``int`` 64.0
is 64. Negative zero is zero, numpy's scalars are Python's, and members of an enum that are text or numbers
are just that. In a field whose type says nothing of numbers, such as ``object``, they stay as they were
written, and runs with equal ones find each other's records nevertheless (:mod:`startright.studies.known`).
"""

import inspect
import math
import sys
import types
import typing
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import numpy as np

from startright.studies.strict_json import NON_FINITE

NUMBERS = (float, int, bool)  # from the widest to the narrowest: each can spell what the next can


def settings(config: Any) -> dict[str, Any]:
    """The fields of a frozen config as a dict; configs that are equal have equal settings, spelled alike.

    Raises:
        ValueError: not a frozen dataclass, or a field that is no int, float (NaN is refused, being
            unequal to itself), str, bool, None or tuple of these.
    """
    if not is_dataclass(config) or isinstance(config, type) or not type(config).__dataclass_params__.frozen:
        raise ValueError(f"a config must be an instance of a frozen dataclass, got {config!r}")
    types_of = declared(type(config))
    values = {name: _spelled(getattr(config, name), kind) for name, kind in types_of.items()}
    for name, value in values.items():
        if not _is_setting(value):
            raise ValueError(
                f"config field {type(config).__name__}.{name} = {value!r}: use int, float, str, bool, None"
                f" or tuples of these (no NaN, and none of the words {', '.join(NON_FINITE)})"
            )
    return values


def defaults(owner: type) -> dict[str, Any]:
    """The defaults of a config class, of the fields that have one, spelled as :func:`settings` does."""
    kinds = declared(owner)
    found = {entry.name: _default(entry) for entry in fields(owner)}
    values = {name: _spelled(value, kinds[name]) for name, value in found.items() if value is not MISSING}
    return {name: value for name, value in values.items() if _is_setting(value)}


def _default(entry: Field) -> Any:
    return entry.default if entry.default_factory is MISSING else entry.default_factory()


@lru_cache(maxsize=256)
def declared(owner: type) -> dict[str, Any]:
    """The type of every field; ``object`` where its annotation is text that cannot be resolved."""
    return {entry.name: _resolved(owner, entry) for entry in fields(owner)}


def _resolved(owner: type, entry: Field) -> Any:
    homes = [base for base in owner.__mro__ if entry.name in inspect.get_annotations(base)]
    module = sys.modules.get((homes or [owner])[0].__module__)
    try:
        hints = SimpleNamespace(__annotations__={entry.name: entry.type})
        return typing.get_type_hints(hints, globalns=vars(module) if module else {})[entry.name]
    except (NameError, TypeError, SyntaxError, AttributeError):
        return object


def _spelled(value: Any, kind: Any) -> Any:
    """``value`` as a field of type ``kind`` spells it; what a setting cannot be stays as it is."""
    if isinstance(value, tuple):
        return tuple(map(_spelled, value, _entries(kind, len(value))))
    if isinstance(value, Enum) and isinstance(value, int | float | str):
        value = value.value
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, str):
        return str.__str__(value)
    return _number(value, kind) if isinstance(value, int | float) else value


def _number(value: float, kind: Any) -> float:
    """A number in the widest type that ``kind`` offers, if that has it."""
    widest = _widest(kind)
    plain = next(number for number in reversed(NUMBERS) if isinstance(value, number))
    for number in [*widest, int, float] if widest else [plain]:
        try:
            spelled = number(value)
        except (OverflowError, ValueError):  # too large, or not finite
            continue
        if spelled == value:
            return spelled + 0.0 if number is float else spelled  # -0.0 is 0.0
    return value


def _widest(kind: Any) -> list[type]:
    """The widest type of numbers that a declared type offers, if any."""
    if kind in NUMBERS:
        return [kind]
    offered = {leaf if isinstance(leaf, type) else type(leaf) for leaf in _leaves(kind)}
    return [number for number in NUMBERS if number in offered][:1]


def _leaves(kind: Any) -> Iterator[Any]:
    """The plain types, and the values of a ``Literal``, that a declared type allows."""
    kind = getattr(kind, "__supertype__", getattr(kind, "__value__", kind))  # NewType, `type X = …`
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated or origin is typing.Final:
        yield from _leaves(inner[0])
    elif origin in (typing.Union, types.UnionType):
        for one in inner:
            yield from _leaves(one)
    elif origin is typing.Literal:
        yield from inner
    else:
        yield kind


def _entries(kind: Any, count: int) -> list[Any]:
    """The types of the ``count`` entries of a tuple in a field of type ``kind``."""
    for leaf in _leaves(kind):
        inner = typing.get_args(leaf)
        if typing.get_origin(leaf) is tuple and len(inner) == 2 and inner[1] is Ellipsis:
            return [inner[0]] * count
        if typing.get_origin(leaf) is tuple and len(inner) == count:
            return list(inner)
        if inner and typing.get_origin(leaf) is not tuple and len(inner) == 1:  # Sequence[float] and the like
            return [inner[0]] * count
    return [object] * count


def _is_setting(value: object) -> bool:
    if isinstance(value, tuple):
        return all(_is_setting(entry) for entry in value)
    if isinstance(value, float):
        return not math.isnan(value)
    return value is None or isinstance(value, int) or (isinstance(value, str) and value not in NON_FINITE)
