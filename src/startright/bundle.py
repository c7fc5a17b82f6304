"""What an output carries of measured numbers beside its text, as the checks of a page read it."""

from collections.abc import Mapping
from typing import Any

MIME = "application/vnd.startright.measured+json"
_FIELDS = {
    "mean": {"mean": (float, int, type(None)), "spread": (float, int, type(None)), "n": (int,)},
    "count": {"k": (int,), "n": (int,)},
    "word": {"text": (str,)},
    "machine": {},
}


def read_bundle(data: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries that an output carries; none if it carries nothing measured.

    Args:
        data: the output's data by MIME type.

    Raises:
        ValueError: entries that are not as :func:`startright.measured.bundle` writes them; the message names
            the first.
    """
    if MIME not in data:
        return []
    carried = data[MIME]
    entries = carried.get("entries") if isinstance(carried, dict) else None
    if not isinstance(entries, list):
        raise ValueError(f"carries measured numbers without a list of entries ({MIME})")
    for entry in entries:
        if not _is_entry(entry):
            raise ValueError(f"carries a measured number that cannot be read: {str(entry)[:80]}")
    return entries


def _is_entry(entry: Any) -> bool:
    if not isinstance(entry, dict) or entry.get("kind") not in _FIELDS:
        return False
    named = isinstance(entry.get("name"), str) and isinstance(entry.get("quantity"), str)
    fields = _FIELDS[entry["kind"]]
    whole = all(name in entry and type(entry[name]) in kinds for name, kinds in fields.items())
    return named and whole and entry.get("n", 1) >= 0 and type(entry.get("step", 0.0)) in (float, int)
