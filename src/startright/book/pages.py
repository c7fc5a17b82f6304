"""What the pages of the book call: source listings, the paper-against-ours table, the footer.

Nothing returned here holds the time, a path or the date of today, so a page says the same wherever it is run.
"""

# ruff: noqa: PLC0415 (imports inside functions: the listing of a source needs neither torch nor a paper)

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING

from startright import __version__
from startright.escape import markdown

if TYPE_CHECKING:
    from startright.claims import Claim, Row
    from startright.measured import Fact, Finding
    from startright.studies import Record


class Markdown(str):
    """Text that notebooks show as Markdown."""

    def _repr_markdown_(self) -> str:
        return str(self)

    def __repr__(self) -> str:
        return str(self)


def source(thing: Callable | type, max_lines: int = 25) -> Markdown:
    """The source of a function or class of the package without its docstrings, as a code block.

    Args:
        thing: the function or class.
        max_lines: what a reader takes in at once.

    Returns:
        Markdown with one fenced block, coloured by the theme of the site, and the file it is from.

    Raises:
        ValueError: it is longer than ``max_lines`` lines.
    """
    lines = textwrap.dedent(inspect.getsource(thing)).splitlines()
    docstrings = [
        node.body[0]
        for node in ast.walk(ast.parse("\n".join(lines)))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
        and ast.get_docstring(node) is not None
    ]
    hidden = {n for text in docstrings for n in range(text.lineno, (text.end_lineno or text.lineno) + 1)}
    # a docstring followed by a blank line takes it along
    hidden |= {
        text.end_lineno + 1 for text in docstrings if not "".join(lines[text.end_lineno :][:1]).strip()
    }
    shown = [line for n, line in enumerate(lines, 1) if n not in hidden]
    if len(shown) > max_lines:
        name = getattr(thing, "__qualname__", thing)
        raise ValueError(
            f"{name} has {len(shown)} lines without docstrings; a page shows at most {max_lines}"
        )
    return Markdown("\n".join(["```python", *shown, "```", *_origin(thing)]))


def _origin(thing: Callable | type) -> list[str]:
    """Where in the package a thing is defined, as a line of Markdown; nothing outside of it."""
    module = getattr(inspect.getmodule(thing), "__name__", "")
    if module.partition(".")[0] != "startright":
        return []
    return ["", f"*`{thing.__qualname__}` of `{module.replace('.', '/')}.py`*"]


def provenance(*, profile: str, device: str = "auto") -> Markdown:
    """The footer of a page: the package, torch, the kind of device and the profile.

    Args:
        profile: the profile the page ran in.
        device: the device asked for, as in :func:`startright.devices.pick_device`.

    Raises:
        ValueError: an unknown profile or device.
    """
    from startright.devices import pick_device
    from startright.profiles import check_profile

    torch_version = ".".join(version("torch").split(".")[:2])
    kind = {"cpu": "CPU", "cuda": "CUDA", "mps": "MPS"}[pick_device(device).type]
    return Markdown(
        f"*Made with startright {__version__} and torch {torch_version} on {kind}, "
        f"profile `{check_profile(profile)}`.*"
    )


def claims_table(
    paper: str,
    ids: Sequence[str] | None = None,
    *,
    live: Mapping[str, Sequence["Record"]] | None = None,
    profile: str = "quick",
    seed: int = 0,
) -> "Finding":
    """The paper's numbers beside ours: those this page has just computed, and the recorded ones.

    Args:
        paper: short name of the paper: ``"preact"``.
        ids: which of its claims, e.g. ``["C1", "C4"]``; None: all.
        live: {study name: records made by this page}; others are taken from the results folder.
        profile: the profile of ``live``.
        seed: the first seed of ``live``.

    Returns:
        A table with one row per claim, and below it where the full records come from; what the profile
        ``paper`` gave, where it was run, stands in the same cell. With it the numbers of ``live``, for
        another machine to be compared with.

    Raises:
        ValueError: an unknown paper or claim, or a key of ``live`` that is no study of the paper.
    """
    from startright.measured import Finding

    chosen = _claims(paper, ids)
    if live is not None:
        _check_names(paper, live)
    ours = [(_row(c, profile, live, seed), _row(c, "full", None, 0)) for c in chosen]
    large = [_row(c, "paper", None, 0) for c in chosen]
    cells = [
        [*map(markdown, (c.id, c.statement, c.published)), _cell(now), _recorded_cell(full, paper)]
        for c, (now, full), paper in zip(chosen, ours, large, strict=True)
    ]
    header = ["", "the paper says", "published", f"ours, {markdown(profile)}", "ours, full"]
    lines = ["| " + " | ".join(line) + " |" for line in [header, ["---"] * len(header), *cells]]
    footer = f"\n\nFull records: {markdown(_origins([row for _, row in ours] + large)) or 'none yet'}."
    facts = {name: fact for c, (now, _) in zip(chosen, ours, strict=True) for name, fact in _facts(c, now)}
    return Finding("\n".join(lines) + footer, facts, live=bool(live) and profile == "quick")


def _recorded_cell(full: "Row | None", paper: "Row | None") -> str:
    """The full study, and below it the paper's own set-up as far as it was run."""
    if paper is None or not paper.records:
        return _cell(full)
    return f"{_cell(full)} *Profile paper:* {_cell(paper)}"


def _origins(rows: Iterable["Row | None"]) -> str:
    """Where and when the records were made: each device once, with its days in order."""
    days: dict[str, set[str]] = {}
    for row in rows:
        if row is not None and row.records:
            days.setdefault(str(row.device), set()).add(str(row.date)[:10])
    return "; ".join(f"{device}, {', '.join(sorted(each))}" for device, each in days.items())


def verdicts(paper: str, ids: Sequence[str] | None = None) -> Markdown:
    """What the records say of every claim, by verdict: each from the largest profile that settles it.

    Args:
        paper: short name of the paper: ``"preact"``.
        ids: which of its claims; None: all.

    Returns:
        A list, a verdict an item, with the claims as links to their places.

    Raises:
        ValueError: an unknown paper or claim.
    """
    found: dict[str, list[str]] = {}
    for claim in _claims(paper, ids):
        row = _settled(claim)
        kind = f" ({row.kind})" if row.kind else ""
        found.setdefault(row.outcome, []).append(f"[{claim.id}](#{claim.anchor}){kind}")
    order = sorted(found, key=_rank)
    return Markdown("\n".join(f"- {_chip(outcome)} {', '.join(found[outcome])}" for outcome in order))


def _settled(claim: "Claim") -> "Row":
    """The claim against the largest profile with a verdict that decides, else against the smallest."""
    from startright.claims import evaluate

    rows = [evaluate(claim, profile) for profile in reversed(claim.profiles)]
    open_ = ("undecided", "not yet run", "cannot be measured")
    return next((row for row in rows if not row.outcome.startswith(open_)), rows[-1])


def _rank(outcome: str) -> tuple[int, str]:
    from startright.claims import VERDICTS

    verdict = outcome.partition(":")[0]
    return VERDICTS.index(verdict) if verdict in VERDICTS else len(VERDICTS), outcome


def _chip(outcome: str) -> str:
    """A verdict in words and in a colour."""
    kind = outcome.partition(":")[0].replace(" ", "-")
    return f'<span class="verdict verdict-{kind}">{markdown(outcome)}</span>'


def _facts(claim: "Claim", row: "Row | None") -> "list[tuple[str, Fact]]":
    """The value and the verdict of a claim, by name."""
    from startright.measured import Measured, Word

    if row is None or row.measurement is None:
        return []
    m = row.measurement
    value = Measured(float(m.value), m.spread, m.n, row.ours, machine=m.machine)
    return [(claim.id, value), (f"{claim.id}, verdict", Word(row.outcome))]


def _claims(paper: str, ids: Sequence[str] | None) -> list["Claim"]:
    # by name, not through the catalogue: a page depends on its own paper, not on all of them
    from startright import papers
    from startright.errors import unknown

    ledger = {claim.id: claim for claim in papers.paper(paper).claims}
    if wrong := [name for name in ids or () if name not in ledger]:
        raise unknown("claim", wrong[0], ledger)
    return [ledger[name] for name in ids or ledger]


def _check_names(paper: str, live: Mapping[str, Sequence["Record"]]) -> None:
    from startright import papers
    from startright.errors import unknown

    known = {study.name for study in papers.paper(paper).studies}
    if wrong := [name for name in live if name not in known]:
        raise unknown("study", wrong[0], known)


def _row(
    claim: "Claim", profile: str, live: Mapping[str, Sequence["Record"]] | None, seed: int
) -> "Row | None":
    from startright.claims import evaluate

    if profile not in claim.profiles:
        return None
    covered = live is not None and all(study.name in live for study in claim.studies)
    return evaluate(claim, profile, live, first_seed=seed) if covered else evaluate(claim, profile)


def _cell(row: "Row | None") -> str:
    if row is None:
        return "no study of this size"
    ours, outcome = markdown(row.ours), markdown(row.outcome)
    if row.measurement is None:
        return f"*{outcome}*" + (f" ({ours})" if row.records else "")
    note = f" ({markdown(row.measurement.note)})" if row.measurement.note else ""
    return f"{markdown(row.measurement.quantity)}: {ours}, **{outcome}**{note}."
