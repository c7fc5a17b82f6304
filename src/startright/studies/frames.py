"""Records as tables, as a label, and against other records."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import pandas as pd

from startright.errors import unknown
from startright.studies.record import Record


def _with(record: Record, values: dict[str, object]) -> dict[str, object]:
    """The fields of the config, then ``values``; no name may stand for two things."""
    twice = set(record.config) & set(values)
    if twice:
        raise ValueError(
            f"study {record.study!r}: {sorted(twice)} names both a config field and a column of the table;"
            " rename one"
        )
    return {**record.config, **values}


def frame(records: Sequence[Record]) -> pd.DataFrame:
    """One row a record: the fields of the config, seed, profile, status, the metrics, seconds.

    Raises:
        ValueError: a metric that is called like a config field.
    """

    def row(record: Record) -> dict[str, object]:
        head = {"seed": record.seed, "profile": record.profile, "status": record.status}
        return _with(record, {**head, **record.metrics, "seconds": record.seconds})

    return pd.DataFrame([row(record) for record in records])


def curve_frame(records: Sequence[Record], *names: str) -> pd.DataFrame:
    """Curves in long form: the fields of the config, seed, step, and one column a curve.

    ``step`` counts the points of a curve from 0; a recorded curve of that name, asked for as
    well, takes its place. Records that have none of the curves are left out; a curve that ends
    early is NaN from there on.

    Args:
        records: the records.
        names: which curves; all of them if none is named.

    Raises:
        ValueError: a curve that no record has, or one that is called like a config field.
    """
    known = list(dict.fromkeys(name for r in records for name in r.curves))
    for name in names:
        if records and name not in known:
            raise unknown("curve", name, known)
    parts = []
    for record in records:
        curves = {name: pd.Series(record.curves[name]) for name in names or known if name in record.curves}
        if curves:
            values = pd.DataFrame(curves).rename_axis("step").reset_index(drop="step" in curves)
            parts.append(values.assign(**_with(record, {"seed": record.seed})))
    if not parts:
        return pd.DataFrame(columns=["seed", "step", *names])
    table = pd.concat(parts, ignore_index=True)
    return table[[*records[0].config, "seed", "step", *[n for n in names or known if n != "step"]]]


class Origin(NamedTuple):
    """Where records come from: device, commit (short, ``+`` if files were changed), date of the newest."""

    device: str | None
    commit: str | None
    date: str | None


def _joined(words: Iterable[str]) -> str | None:
    return " and ".join(dict.fromkeys(word for word in words if word)) or None


def _said(note: Mapping[str, object], name: str) -> str:
    """The entry ``name`` of a provenance as text; whatever is neither text nor a whole number says nothing.

    Records may come from elsewhere, and a reader of JSON may take a commit of digits for a number.
    """
    value = note.get(name)
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _short_commit(note: Mapping[str, object]) -> str:
    """Of the study's own code; of the package, which computed it, where that stood in no checkout."""
    whose = "" if _said(note, "commit") else "package_"
    commit = _said(note, f"{whose}commit")[:7]
    return commit and commit + "+" * bool(note.get(f"{whose}dirty"))


def origin(records: Sequence[Record]) -> Origin:
    """The devices, the commits and the newest date of ``records``; None for what they do not say."""
    notes = [record.provenance for record in records]
    dates = (_said(note, "time")[:10] for note in notes)
    return Origin(
        _joined(
            _said(note, "device").replace(", 1 threads", ", 1 thread") for note in notes
        ),  # as old ones have it
        _joined(_short_commit(note) for note in notes),
        max((date for date in dates if re.fullmatch(r"\d{4}-\d\d-\d\d", date)), default=None),
    )


def stamp(records: Sequence[Record]) -> str:
    """The label of a figure: ``"NVIDIA H200, commit 1a2b3c4, 2026-11-21"``.

    A ``+`` after the commit says that files were changed since.

    >>> stamp([])
    'not yet run'
    """
    if not records:
        return "not yet run"
    device, commit, date = origin(records)
    commits = commit and ("commits " if " and " in commit else "commit ") + commit
    return ", ".join(filter(None, [device or "unknown device", commits or "no commit", date]))


def compare(
    records: Sequence[Record], references: Sequence[Record], rel: float = 1e-6, abs: float = 0.0
) -> list[str]:
    r"""How the status and the metrics of ``records`` differ from those of ``references``, run by run.

    Numbers a and b agree when :math:`|a - b| \le \max(rel \cdot \max(|a|, |b|), abs)`, or when both are NaN.

    Args:
        records: fresh records.
        references: the records they are held against.
        rel: relative tolerance.
        abs: absolute tolerance, in the unit of the metric.

    Returns:
        One sentence a difference, none if all agree; a run that only one side has is a difference.
    """
    ours, theirs = ({record.key: record for record in side} for side in (records, references))
    found = [f"{_name(r)}: no reference" for key, r in ours.items() if key not in theirs]
    found += [f"{_name(r)}: not run" for key, r in theirs.items() if key not in ours]
    for key in (key for key in ours if key in theirs):
        found += [f"{_name(ours[key])}: {text}" for text in _differences(ours[key], theirs[key], rel, abs)]
    return found


def _name(record: Record) -> str:
    settings = ", ".join(f"{name}={value}" for name, value in record.config.items())
    return f"{record.study}({settings}, seed={record.seed})"


def _differences(ours: Record, theirs: Record, rel: float, abs: float) -> list[str]:
    if ours.status != theirs.status:
        return [f"status {ours.status}, reference {theirs.status}"]
    found = []
    for name in dict.fromkeys([*ours.metrics, *theirs.metrics]):
        a, b = ours.metrics.get(name), theirs.metrics.get(name)
        if a is None or b is None:
            found.append(f"{name} is {'no longer' if a is None else 'newly'} measured")
        elif not (math.isclose(a, b, rel_tol=rel, abs_tol=abs) or (math.isnan(a) and math.isnan(b))):
            found.append(f"{name} = {a:.6g}, reference {b:.6g}")
    return found


def origin_label(records: Sequence[Record], shown: str = "mean ± standard deviation") -> str:
    """What stands below a figure: computed on the page, or where and when it was recorded; and n.

    Args:
        records: what the figure shows.
        shown: what of the seeds; left out where there is one.
    """
    if not records:
        return "not yet run"
    seeds = len({r.seed for r in records})
    quick = all(r.profile == "quick" for r in records)
    where = "computed on this page, quick profile" if quick else f"recorded: {stamp(records)}"
    spread = f"{shown} over {seeds} seeds" if seeds > 1 else "one seed"
    return f"{where}; {spread}"
