"""Records with other numbers than were measured: what is said and judged must follow them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from startright.studies import Record

New = float | Callable[[float, Record], float]


def changed(
    records: Iterable[Record], when: Callable[[Mapping[str, Any]], bool] = lambda config: True, **new: New
) -> list[Record]:
    """The records with other values of some metrics, and in the curves of the same names.

    Args:
        records: which may lack a metric, and stay without it.
        when: config → whether its records are changed.
        new: metric → its value, or a function of the old value and the record.
    """

    def value(name: str, old: float, record: Record) -> float:
        return new[name](old, record) if callable(new[name]) else new[name]

    def change(record: Record) -> Record:
        metrics = {k: value(k, v, record) for k, v in record.metrics.items() if k in new}
        curves = {k: [value(k, v, record) for v in c] for k, c in record.curves.items() if k in new}
        return replace(record, metrics=record.metrics | metrics, curves=record.curves | curves)

    return [change(record) if when(record.config) else record for record in records]


def times(factor: float) -> Callable[[float, Record], float]:
    """So many times what it was."""
    return lambda old, record: factor * old
