"""The ledger: what a paper states, what we measured, and the verdict that follows from it."""

import html
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import pandas as pd

from startright.studies import Record, Study, origin, recorded
from startright.studies.engines import say
from startright.studies.strict_json import dumps

VERDICTS = ("reproduced", "partly", "not reproduced", "other set-up", "not yet run")


@dataclass(frozen=True)
class Check:
    """One thing a claim says that the records either show or do not.

    Args:
        text: what is checked, with the threshold, in words.
        holds: whether the records show it.
    """

    text: str
    holds: bool

    def __post_init__(self):
        object.__setattr__(self, "holds", bool(self.holds))  # from the booleans of NumPy and torch


@dataclass(frozen=True)
class Measurement:
    """What the records say about a claim. It has no verdict: that follows from the checks.

    Args:
        quantity: what the value is, with its unit: ``"KS distance at width 100"``.
        value: the mean over n repetitions.
        spread: the standard deviation over them; None if there is one or it makes no sense.
        n: how many repetitions.
        checks: what the claim says, point by point.
        comparable: False if our set-up is another one than the paper's, so that the checks settle nothing.
        note: what differs from the paper.
        machine: whether the value is a time or a cost on the machine, which another one need not share.

    Raises:
        ValueError: no checks for a comparable measurement, or n below 1.
    """

    quantity: str
    value: float
    spread: float | None
    n: int
    checks: tuple[Check, ...]
    comparable: bool = True
    note: str = ""
    machine: bool = False

    def __post_init__(self):
        if self.comparable and not self.checks:
            raise ValueError(f"{self.quantity!r} has no checks: add one, or say comparable=False")
        if self.n < 1:
            raise ValueError(f"{self.quantity!r} has n = {self.n!r}: at least one repetition is needed")


@dataclass(frozen=True)
class Claim:
    """A numbered statement of a paper.

    Args:
        paper: short name of the paper: ``"preact"``.
        id: number in the paper's list: ``"C1"``.
        statement: what the paper says.
        published: its number in its words, or ``"none available"``.
        studies: the studies whose records settle it; without any it stays "not yet run".
        measure: {study name: records of the whole grid} → :class:`Measurement`.
        page: page of the book that shows it, below ``book/``, without suffix: ``"signal/gaussian-preact"``.
        anchor: label of the place on that page.
    """

    paper: str
    id: str
    statement: str
    published: str
    studies: tuple[Study, ...]
    measure: Callable[[Mapping[str, list[Record]]], Measurement]
    page: str
    anchor: str

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles that all its studies have, smallest first."""
        first, *others = [study.profiles for study in self.studies] or [()]
        return tuple(profile for profile in first if all(profile in other for other in others))


def verdict(measurement: Measurement | None) -> str:
    """One of :data:`VERDICTS`: from the checks alone, never typed.

    >>> verdict(None)
    'not yet run'
    >>> verdict(Measurement("slope", 0.5, None, 1, (Check("above 0", True), Check("above 1", False))))
    'partly'
    """
    if measurement is None:
        return "not yet run"
    if not measurement.comparable:
        return "other set-up"
    held = [check.holds for check in measurement.checks]
    return "reproduced" if all(held) else "partly" if any(held) else "not reproduced"


@dataclass(frozen=True)
class Row:
    """A claim against the records of one profile.

    Args:
        claim: the claim.
        profile: the size of the grids.
        measurement: what the records say; None while a run is missing, and where they cannot be measured.
        records: how many runs of the grids have a record.
        missing: how many have none.
        device: where they were run, None without records.
        commit: of the code that ran them.
        date: of the newest, ISO 8601.
        reason: why the records cannot be measured although none is missing, None where they can.
    """

    claim: Claim
    profile: str
    measurement: Measurement | None
    records: int
    missing: int
    device: str | None
    commit: str | None
    date: str | None
    reason: str | None = None

    @property
    def verdict(self) -> str:
        """One of :data:`VERDICTS`, or "cannot be measured"."""
        return verdict(self.measurement) if self.reason is None else "cannot be measured"

    @property
    def outcome(self) -> str:
        """The verdict; for another set-up, which settles nothing, also how many of the checks hold in it."""
        checks = self.measurement.checks if self.measurement else ()
        if self.verdict != "other set-up" or not checks:
            return self.verdict
        return f"{self.verdict}: {sum(check.holds for check in checks)} of {len(checks)} checks hold in it"

    @property
    def ours(self) -> str:
        """``"value ± spread (n = …)"``, or why there is none, or how many runs there are."""
        if self.reason is not None:
            return self.reason
        if self.measurement is None:
            return f"{self.records} of {self.records + self.missing} runs"
        m = self.measurement
        return f"{_rounded(m.value, m.spread)} (n = {m.n})"


def _rounded(value: float, spread: float | None) -> str:
    """The value to the digits that its spread leaves, two of the spread; four without one.

    >>> _rounded(0.123456, 0.00789), _rounded(1234.5, 56.7), _rounded(0.123456, None)
    ('0.1235 ± 0.0079', '1234 ± 57', '0.1235')
    """
    if spread is None or not (math.isfinite(value) and math.isfinite(spread)) or spread == 0:
        return f"{value:.4g}" + ("" if spread is None else f" ± {spread:.2g}")
    digits = 1 - math.floor(math.log10(abs(spread)))
    if not 0 <= digits <= 6:  # far from 1: powers of ten read better
        return f"{value:.4g} ± {spread:.2g}" if digits > 6 else f"{value:.0f} ± {spread:.0f}"
    return f"{value:.{digits}f} ± {spread:.{digits}f}"


def evaluate(
    claim: Claim, profile: str, records: Mapping[str, Sequence[Record]] | None = None, *, first_seed: int = 0
) -> Row:
    """Hold a claim against the records of a profile.

    Args:
        claim: the claim.
        profile: ``quick``, ``full`` or ``paper``.
        records: {study name: records}, such as those a page has just made; None: those in the results folder.
        first_seed: with which the given records were made.

    Returns:
        The row of the ledger; not measured while any run of the grids is missing or failed. Where measuring
        raises an error, for a record that lacks what is measured or for a bug, the row has it as reason, and
        other claims stand.

    Raises:
        ValueError: a profile that a study of the claim has not.
    """
    found: dict[str, list[Record]] = {}
    missing = 0
    for study in claim.studies:
        given = recorded(study, profile) if records is None else records.get(study.name, ())
        present = {record.key: record for record in given if record.present}
        keys = [run.key for run in study.runs(profile, first_seed)]
        found[study.name] = [present[key] for key in keys if key in present]
        missing += len(keys) - len(found[study.name])
    everything = [record for group in found.values() for record in group]
    measurement, reason = _measured(claim, found) if everything and not missing else (None, None)
    return Row(claim, profile, measurement, len(everything), missing, *origin(everything), reason)


def _measured(claim: Claim, found: Mapping[str, list[Record]]) -> tuple[Measurement | None, str | None]:
    """The measurement, or why there is none: the claim, the error, how many runs diverged."""
    try:
        return claim.measure(found), None
    except Exception as error:  # a record can lack anything: a diverged run leaves what it had until then
        records = [record for group in found.values() for record in group]
        odd = sum(record.status != "ok" for record in records)
        return None, f"{claim.paper} {claim.id}: {say(error)} ({odd} of {len(records)} runs diverged)"


class Ledger(pd.DataFrame):
    """A table of plain text that notebooks show in full, with the links of its column ``figure``."""

    @property
    def _constructor(self) -> type["Ledger"]:
        return Ledger

    def _repr_html_(self) -> str:
        shown = {name: (str if name == "figure" else lambda cell: html.escape(str(cell))) for name in self}
        with pd.option_context("display.max_colwidth", None):
            return self.to_html(escape=False, index=False, formatters=shown)


_COLUMNS = ["claim", "statement", "published", "quantity", "ours", "profile", "device", "verdict", "figure"]


def table(rows: Iterable[Row], links: bool = True, root: str = "") -> pd.DataFrame:
    """The ledger as a table.

    Args:
        rows: what :func:`evaluate` returns.
        links: the column ``figure`` holds HTML links; without, ``"page#anchor"``.
        root: path from the page that shows the table to the folder of the book: ``"../"``.

    Returns:
        One row a claim: claim, statement, published, quantity, ours, profile, device, verdict, figure.
    """

    def cells(row: Row) -> list[str]:
        claim, m = row.claim, row.measurement
        place = f"{claim.page}#{claim.anchor}"
        if links:
            target = html.escape(f"{root}{claim.page}.html#{claim.anchor}")
            place = f'<a href="{target}">{html.escape(claim.page.rpartition("/")[2])}</a>'
        ours = [m.quantity if m else "", row.ours, row.profile, row.device or "", row.outcome]
        return [claim.id, claim.statement, claim.published, *ours, place]

    return Ledger([cells(row) for row in rows], columns=_COLUMNS)


def checks_table(rows: Iterable[Row]) -> pd.DataFrame:
    """What the verdicts rest on: one row a check, with the claim, the profile and whether it holds."""
    checks = [
        [row.claim.id, row.profile, check.text, "yes" if check.holds else "no"]
        for row in rows
        if row.measurement
        for check in row.measurement.checks
    ]
    return Ledger(checks, columns=["claim", "profile", "check", "holds"])


def to_json(rows: Iterable[Row]) -> str:
    """The ledger as a list in strict JSON, one object a row; what was not measured is null."""
    return dumps([_entry(row) for row in rows], indent=2, separators=(",", ": "), ensure_ascii=False)


def _entry(row: Row) -> dict[str, object]:
    claim, m = row.claim, row.measurement
    return {
        "paper": claim.paper,
        "id": claim.id,
        "statement": claim.statement,
        "published": claim.published,
        "quantity": m and m.quantity,
        "value": m and m.value,
        "spread": m and m.spread,
        "n": m and m.n,
        "profile": row.profile,
        "device": row.device,
        "commit": row.commit,
        "date": row.date,
        "verdict": row.verdict,
        "checks": [asdict(check) for check in m.checks] if m else [],
        "note": m and m.note,
        "page": claim.page,
        "anchor": claim.anchor,
        "runs": row.records,
        "missing": row.missing,
        "reason": row.reason,
    }
