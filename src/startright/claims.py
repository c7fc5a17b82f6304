"""The ledger: what a paper states, what we measured, and the verdict that follows from it."""

import html
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from startright.checks import Check, kind_of, outcome
from startright.studies import Record, Study, origin, recorded
from startright.studies.engines import say
from startright.studies.strict_json import dumps
from startright.summary import mean_std, rounded

VERDICTS = ("reproduced", "partly", "not reproduced", "undecided", "other set-up", "not yet run")
HERE = {
    "reproduced": "holds here",
    "partly": "mixed here",
    "not reproduced": "fails here",
    "undecided": "undecided here",
}


@dataclass(frozen=True)
class Measurement:
    """What the records say about a claim. It has no verdict: that follows from the checks.

    Args:
        quantity: what the value is, with its unit: ``"KS distance at width 100"``.
        value: the mean over n repetitions.
        spread: the standard deviation over them; None if there is one or it makes no sense.
        n: how many repetitions.
        checks: what the claim says, point by point.
        comparable: False if our set-up is another one than the paper's: what the checks say then holds,
            is mixed or fails *here*, and is no verdict on the paper.
        note: what differs from the paper.
        machine: whether the value is a time or a cost on the machine, which another one need not share.

    Raises:
        ValueError: a comparable measurement without a check that counts, or n below 1.
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
        if self.comparable and not any(check.counts for check in self.checks):
            raise ValueError(
                f"{self.quantity!r} has no check that counts: name its control, or say comparable=False"
            )
        if self.n < 1:
            raise ValueError(f"{self.quantity!r} has n = {self.n!r}: at least one repetition is needed")

    @classmethod
    def of(
        cls, quantity: str, values: Iterable[float], checks: Iterable[Check], **rest: str | bool
    ) -> "Measurement":
        """The mean of one value a repetition, and the standard deviation of those that are finite.

        Args:
            quantity: what they are, with their unit.
            values: one a repetition; NaN where it has none. Without any, the value is not a number.
            checks: what the claim says.
            rest: ``comparable``, ``note``, ``machine``.

        >>> Measurement.of("points", [1.0, 2.0], [], comparable=False).value
        1.5
        """
        data = np.asarray(list(values), dtype=float)
        mean, _, n = mean_std(data[~np.isnan(data)])
        _, spread, _ = mean_std(data[np.isfinite(data)])
        return cls(quantity, mean, spread, n or len(data) or 1, tuple(checks), **rest)


@dataclass(frozen=True)
class Change:
    """A threshold that is not the one laid down before the data.

    Args:
        check: which check, in a word or two.
        before: what was laid down.
        after: what is checked now.
        why: the reason.
        date: of the change, ISO 8601.
    """

    check: str
    before: str
    after: str
    why: str
    date: str


Measure = Callable[[Mapping[str, list[Record]]], Measurement]


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
        locator: where in the paper it stands: ``"Table 1"``, ``"Section 4"``, as far as is known.
        changes: thresholds that were changed after they were laid down, with the reason.
        partial: profiles whose grids are judged as far as they are recorded, such as a cluster's.
    """

    paper: str
    id: str
    statement: str
    published: str
    studies: tuple[Study, ...]
    measure: Measure
    page: str
    anchor: str
    locator: str = ""
    changes: tuple[Change, ...] = ()
    partial: tuple[str, ...] = ()

    @property
    def profiles(self) -> tuple[str, ...]:
        """The profiles that all its studies have, smallest first."""
        first, *others = [study.profiles for study in self.studies] or [()]
        return tuple(profile for profile in first if all(profile in other for other in others))


def verdict(measurement: Measurement | None) -> str:
    """One of :data:`VERDICTS`: from the checks that count alone, never typed.

    >>> checks = (Check("above 0", True, control="no slope"), Check("above 1", False, control="no slope"))
    >>> verdict(Measurement("slope", 0.5, None, 1, checks)), verdict(None)
    ('partly', 'not yet run')
    """
    if measurement is None:
        return "not yet run"
    return outcome(measurement.checks) if measurement.comparable else "other set-up"


@dataclass(frozen=True)
class Row:
    """A claim against the records of one profile.

    Args:
        claim: the claim.
        profile: the size of the grids.
        measurement: what the records say; None while a run is missing, unless the claim is judged as far as
            its records reach, and where they cannot be measured.
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
        """The verdict; for another set-up with what the checks say there, such as "fails here"."""
        checks = self.measurement.checks if self.measurement else ()
        if self.verdict != "other set-up" or not any(check.counts for check in checks):
            return self.verdict
        return f"{self.verdict}: {HERE[outcome(checks)]}"

    @property
    def kind(self) -> str:
        """The kind of agreement that its checks give (:mod:`startright.checks`), empty where none counts."""
        checks = self.measurement.checks if self.measurement else ()
        return kind_of(checks) if any(check.counts for check in checks) else ""

    @property
    def ours(self) -> str:
        """``"value ± spread (n = …)"``, or why there is none, or how many runs there are."""
        if self.reason is not None:
            return self.reason
        if self.measurement is None:
            return f"{self.records} of {self.records + self.missing} runs"
        m, runs = self.measurement, f"{self.records} of {self.records + self.missing} runs"
        if self.missing and math.isnan(m.value):  # judged in part, without the runs that have the value
            return runs
        return f"{rounded(m.value, m.spread)} (n = {m.n}{f'; {runs}' if self.missing else ''})"


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
        The row of the ledger; not measured while any run of the grids is missing or failed, unless the claim
        is judged as far as the records of this profile reach. Where measuring
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
    enough = everything and (not missing or profile in claim.partial)
    measurement, reason = _measured(claim, found) if enough else (None, None)
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
    """A table of plain text that notebooks show in full; with ``links`` its column ``figure`` is HTML."""

    _metadata = ["links"]  # noqa: RUF012 (pandas reads this name from the class)

    @property
    def _constructor(self) -> type["Ledger"]:
        return Ledger

    def _repr_html_(self) -> str:
        linked = "figure" if getattr(self, "links", False) else None
        shown = {name: (str if name == linked else lambda cell: html.escape(str(cell))) for name in self}
        with pd.option_context("display.max_colwidth", None):
            return self.to_html(escape=False, index=False, formatters=shown)


_COLUMNS = ["claim", "statement", "where", "published", "ours", "verdict"]
_COLUMNS += ["kind", "quantity", "profile", "device", "figure"]


def table(rows: Iterable[Row], links: bool = True, root: str = "") -> pd.DataFrame:
    """The ledger as a table.

    Args:
        rows: what :func:`evaluate` returns.
        links: the column ``figure`` holds HTML links; without, ``"page#anchor"``.
        root: path from the page that shows the table to the folder of the book: ``"../"``.

    Returns:
        One row a claim: claim, statement, where (in the paper), published, ours, verdict, kind (of
        agreement), quantity, profile, device, figure.
    """

    def cells(row: Row) -> list[str]:
        claim, m = row.claim, row.measurement
        place = f"{claim.page}#{claim.anchor}"
        if links:
            target = html.escape(f"{root}{claim.page}.html#{claim.anchor}")
            place = f'<a href="{target}">{html.escape(claim.page.rpartition("/")[2])}</a>'
        ours = [row.ours, row.outcome, row.kind, m.quantity if m else ""]
        ours += [row.profile, row.device or ""]
        return [claim.id, claim.statement, claim.locator, claim.published, *ours, place]

    made = Ledger([cells(row) for row in rows], columns=_COLUMNS)
    made.links = links
    return made


def checks_table(rows: Iterable[Row]) -> pd.DataFrame:
    """What the verdicts rest on, one row a check.

    Columns: claim, profile, check (with the interval that was held against the threshold), kind, holds, and
    the wrong method that fails it (``fails for``). A check without one describes and does not count.
    """
    checks = [
        [
            row.claim.id,
            row.profile,
            check.text,
            check.kind if check.counts else "description",
            check.answer,
            check.control or "no wrong method",
        ]
        for row in rows
        if row.measurement
        for check in row.measurement.checks
    ]
    return Ledger(checks, columns=["claim", "profile", "check", "kind", "holds", "fails for"])


def changes_table(claims: Iterable[Claim]) -> pd.DataFrame:
    """Every threshold that was changed after it was laid down: claim, check, from, to, why, date."""
    changes = [
        [claim.id, change.check, change.before, change.after, change.why, change.date]
        for claim in claims
        for change in claim.changes
    ]
    return Ledger(changes, columns=["claim", "check", "from", "to", "why", "date"])


def to_json(rows: Iterable[Row]) -> str:
    """The ledger as a list in strict JSON, one object a row; what was not measured is null."""
    return dumps([_entry(row) for row in rows], indent=2, separators=(",", ": "), ensure_ascii=False)


def _entry(row: Row) -> dict[str, object]:
    claim, m = row.claim, row.measurement
    return {
        "paper": claim.paper,
        "id": claim.id,
        "statement": claim.statement,
        "locator": claim.locator,
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
        "outcome": row.outcome,
        "kind": row.kind,
        "checks": [asdict(check) | {"counts": check.counts} for check in m.checks] if m else [],
        "changes": [asdict(change) for change in claim.changes],
        "note": m and m.note,
        "page": claim.page,
        "anchor": claim.anchor,
        "runs": row.records,
        "missing": row.missing,
        "reason": row.reason,
    }
