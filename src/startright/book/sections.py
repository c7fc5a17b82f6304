"""The parts of README and pages that are computed: ``<!-- generated:NAME -->`` regions."""

# ruff: noqa: PLC0415 (the ledger is imported where it is needed: it brings torch along)

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from startright.book import api, seal
from startright.book.contents import Page, Problem, pages
from startright.book.pair import read
from startright.errors import unknown
from startright.escape import markdown
from startright.profiles import PROFILES

if TYPE_CHECKING:
    from startright.claims import Row

FILES = ("README.md", "book/index.md", "book/status.md", "book/claims.py", "book/api/index.md")
COLAB = "https://colab.research.google.com/github/starting-right/starting-right/blob/main"
_REGION = re.compile(r"(<!-- generated:([\w-]+) -->\n).*?(<!-- /generated:\2 -->)", re.DOTALL)


def _markdown(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n" + "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines) + "\n"


def _link(page: Page, folder: str) -> str:
    target = f"{page.docname}.ipynb"
    return f"[{title(page)}]({target.removeprefix(f'{folder}/') if folder else target})"


def title(page: Page) -> str:
    """The first heading of the page; its name if there is none, or no source that can be read."""
    try:
        match = re.search(r"^# # (.+)$", page.text(), re.MULTILINE)
    except (OSError, ValueError):  # the check of the page says what is wrong with it
        match = None
    return match[1].strip() if match else page.docname.rsplit("/", 1)[-1]


def _parts(rows: list["Row"], verdict: str) -> str:
    """Of what the rows of one verdict consist: kinds of what is reproduced, what another set-up says."""
    found = [row for row in rows if row.verdict == verdict]
    if verdict == "reproduced":
        return ", ".join(
            f"{n} {kind}{'s' * (n > 1)}" for kind, n in Counter(row.kind for row in found).items()
        )
    outcomes = Counter(row.outcome.partition(": ")[2] for row in found)
    return ", ".join(f"{n} {outcome.removesuffix(' here')}" for outcome, n in outcomes.items() if outcome)


def tally(rows: Iterable["Row"]) -> str:
    """Verdicts counted in words: ``"7 reproduced (2 numbers, 5 trends), 2 partly"``."""
    rows = list(rows)
    shown = [
        f"{n} {verdict}" + (f" ({said})" if (said := _parts(rows, verdict)) else "")
        for verdict, n in _counted(rows)
    ]
    return ", ".join(shown) or "none"


Rows = Callable[..., list["Row"]]


def _judged_once() -> Rows:
    """The catalogue's rows by paper and profile, each claim judged once a profile."""
    from startright.book import catalogue
    from startright.claims import evaluate

    return partial(catalogue.rows, judge=cache(evaluate))


def scoreboard(root: Path, folder: str, rows_of: Rows) -> str:
    """One line a paper and profile: how many of its claims have which verdict, of which kind."""
    from startright.book import catalogue
    from startright.claims import VERDICTS

    lines = []
    for paper in catalogue.PAPERS:
        for profile in PROFILES:
            rows = rows_of(paper.name, profile)
            if any(row.records for row in rows) or (profile == "full" and rows):
                counts = Counter(row.verdict for row in rows)
                lines.append([paper.title, profile, *(_cell(rows, verdict, counts) for verdict in VERDICTS)])
    return _markdown(["paper", "profile", *VERDICTS], lines)


def _cell(rows: list["Row"], verdict: str, counts: Counter) -> str:
    return _parts(rows, verdict) or str(counts[verdict] or "·")


def chapters(root: Path, folder: str, rows_of: Rows) -> str:
    """One line a chapter with claims: scale, time of the quick run, verdicts."""
    lines = []
    for page, rows in _judged(root, rows_of):
        scales = [profile for profile in PROFILES if any(r.profile == profile and r.records for r in rows)]
        scale = ", ".join(scales) or "none yet"
        colab = f"[run it]({COLAB}/{page.docname}.ipynb)"
        lines.append([_link(page, folder), scale, _seconds(page), tally(rows), colab])
    return _markdown(["chapter", "recorded", "quick run", "claims", "in Colab"], lines)


def _judged(root: Path, rows_of: Rows) -> Iterable[tuple[Page, list["Row"]]]:
    """The pages with claims, each with the rows of the ledger that are about it."""
    every = rows_of()
    for page in pages(root):
        rows = [row for row in every if f"book/{row.claim.page}" == page.docname]
        if rows:
            yield page, rows


_CARD = """::::{{grid-item-card}} {link}
{finding}

:::{{card-footer}}
{counts}

{facts}
:::
::::
"""
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")  # of a chapter: its address is none from here
_BEFORE = re.compile(r"^# \*Before you start:\* (.+)$", re.MULTILINE)


def cards(root: Path, folder: str, rows_of: Rows) -> str:
    """A card per chapter with claims: what was found, the verdicts counted, how long it runs, what it needs.

    The pictures are put in when the site is built (``startright.book.cards``).
    """
    made = []
    for page, rows in _judged(root, rows_of):
        before = _LINK.sub(r"\1", found[1]) if (found := _BEFORE.search(page.text())) else ""
        facts = f"**Quick run:** {_seconds(page)}" + (f" · **Before:** {before}" if before else "")
        counts = " ".join(_chip(verdict, n) for verdict, n in _counted(rows))
        made.append(
            _CARD.format(link=_link(page, folder), finding=headline(page), counts=counts, facts=facts)
        )
    return "\n:::::{grid} 1 1 2 2\n:gutter: 3\n\n" + "\n".join(made) + ":::::\n\n"


def _counted(rows: list["Row"]) -> list[tuple[str, int]]:
    """How many rows have which verdict, in the order of the verdicts."""
    from startright.claims import VERDICTS

    counts = Counter(row.verdict for row in rows)
    return [(verdict, counts[verdict]) for verdict in (*VERDICTS, "cannot be measured") if counts[verdict]]


def _chip(verdict: str, n: int) -> str:
    kind = verdict.replace(" ", "-")
    return f'<span class="verdict verdict-{kind}">{n} {verdict}</span>'


def headline(page: Page) -> str:
    """The first sentence that the page prints from records; that it has not run, where there is none."""
    try:
        cells = read(page.ipynb).cells if page.ipynb.exists() else []
    except ValueError:  # the check of the page says what is wrong with it
        cells = []
    for cell in cells:
        if "finding" in cell.metadata.get("tags", []) and "pages.verdicts" not in cell.source:
            said = "".join(
                out.data["text/markdown"] for out in cell.outputs if "text/markdown" in out.get("data", {})
            )
            return _SENTENCE.split(said, maxsplit=1)[0] if said else "Not yet run."
    return "Not yet run."


_SENTENCE = re.compile(r"(?:(?<=[.!?])|(?<=[.!?]\*\*)) (?=[*A-Z$])")


_PAPER = """
# %% [markdown]
# ## {title}
#
# {{cite:t}}`{citation}`; {chapters}.

# %%
claims.table(catalogue.rows("{name}"))

# %% tags=["hide-output"]
claims.checks_table(catalogue.rows("{name}"))

# %% tags=["hide-output"]
claims.changes_table(catalogue.claims("{name}"))
"""


def ledger(root: Path, folder: str, rows_of: Rows) -> str:
    """Cells of the page of claims: a heading and three tables a paper."""
    from startright import papers

    def cells(paper: papers.Paper) -> str:
        links = [f"[{title(Page(root, f'{folder}/{name}'))}]({name}.ipynb)" for name in paper.pages]
        chapters = f"chapter{'s' * (len(links) > 1)} {' and '.join(links)}"
        return _PAPER.format(title=paper.title, citation=paper.citation, chapters=chapters, name=paper.name)

    return "".join(map(cells, papers.every())) + "\n# %% [markdown]\n# "


def _facts(page: Page) -> dict:
    try:
        return seal.facts_in(page.ipynb) if page.ipynb.exists() else {}
    except ValueError:  # the check of the page says what is wrong with it
        return {}


def _seconds(page: Page) -> str:
    seconds = _facts(page).get("seconds")
    return "not yet run" if seconds is None else f"{max(5, 5 * round(seconds / 5))} s"


def status(root: Path, folder: str, rows_of: Rows) -> str:
    """One line a page: when, where, with what and how long it ran."""
    lines = []
    for page in pages(root):
        facts = _facts(page)
        cells = len(facts.get("cells", {}))
        rest = [facts.get(name, "not yet run") for name in ("date", "device", "startright", "torch")]
        lines.append([_link(page, folder), *map(markdown, rest), cells, _seconds(page)])
    return _markdown(["page", "executed", "on", "startright", "torch", "code cells", "time"], lines)


def packages(root: Path, folder: str, rows_of: Rows) -> str:
    """One line a paper: its package, what it says of itself, with a link to its API page."""
    from startright import papers

    lines = [(paper.package, paper.name, api.described(root, paper.name)) for paper in papers.every()]
    return "\n" + "".join(f"- [`{package}`]({name}.md): {said}\n" for package, name, said in lines) + "\n"


SECTIONS = {
    "scoreboard": scoreboard,
    "cards": cards,
    "chapters": chapters,
    "status": status,
    "ledger": ledger,
    "packages": packages,
}


def fill(text: str, root: Path, folder: str = "", rows_of: Rows | None = None) -> str:
    """``text`` with every generated region as it should be now.

    Args:
        text: Markdown with regions ``<!-- generated:NAME -->`` to ``<!-- /generated:NAME -->``.
        root: the folder of ``_toc.yml``.
        folder: where the text lies below it; links are relative to it.
        rows_of: the rows of the ledger by paper and profile; None: the catalogue's.

    Raises:
        ValueError: a region of an unknown name.
    """
    rows_of = rows_of or _judged_once()

    def render(match: re.Match) -> str:
        if match[2] not in SECTIONS:
            raise unknown("generated section", match[2], SECTIONS)
        return match[1] + SECTIONS[match[2]](root, folder, rows_of) + match[3]

    return _REGION.sub(render, text)


def _rendered(root: Path, suffix: str = "") -> Iterable[tuple[Path, str, str]]:
    rows_of = _judged_once()
    for name in (name for name in FILES if name.endswith(suffix)):
        path = root / name
        if path.exists():
            text = path.read_text(encoding="utf-8")
            folder = path.parent.relative_to(root).as_posix()
            yield path, text, fill(text, root, "" if folder == "." else folder, rows_of)


def write(root: Path, suffix: str = "") -> list[Path]:
    """Renews the regions in all files; returns those that changed.

    Args:
        root: the folder of ``_toc.yml``.
        suffix: only of files that end so: ``".py"`` for the sources of pages, before they are executed.
    """
    changed = [(path, new) for path, old, new in _rendered(root, suffix) if old != new]
    for path, new in changed:
        path.write_text(new, encoding="utf-8")
    return [path for path, _ in changed]


def drift(root: Path) -> list[Problem]:
    """The files whose regions are not what records and pages say now."""
    message = "a generated section is out of date: `make refresh` renews it"
    return [
        Problem(path.relative_to(root).as_posix(), message)
        for path, old, new in _rendered(root)
        if old != new
    ]
