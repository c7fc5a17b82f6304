"""The page of claims as a reader wants it: a row a claim, with an address of its own and its checks inside.

The notebook stores three tables a paper, the ledger, the checks and the thresholds that were changed. Here
they become one. Everything is there without a script; ``book.js`` adds what chooses and sorts rows.
"""

import re
from collections.abc import Iterable, Mapping
from html import escape

from bs4 import BeautifulSoup, Tag

from startright.claims import VERDICTS

_CALL = re.compile(r'claims\.(table|checks_table|changes_table)\(catalogue\.\w+\("(\w+)"\)\)')
_CHECK = re.compile(
    r"(?P<text>.*): (?P<value>[^:]*?)(?: \((?:(?P<interval>\S+ to [^;]+); )?n = (?P<n>[^)]*)\))?"
)
_COLUMNS = ("claim", "the paper says", "published", "ours", "verdict", "kind", "profile", "chapter")
_CHECKS = ("check, with its threshold", "ours", "95 % interval", "n", "kind", "holds", "control: fails for")
_CHANGES = ("check", "laid down", "now", "why", "date")

Line = Mapping[str, str]


def split_check(text: str) -> tuple[str, str, str, str]:
    """A check's text in parts: what is checked, our value, its interval, the number of repetitions.

    >>> split_check("loss at most 0.1: 0.039 (−0.0591 to 0.137; n = 5)")
    ('loss at most 0.1', '0.039', '−0.0591 to 0.137', '5')
    >>> split_check("no run fails: 2 of 2")
    ('no run fails', '2 of 2', '', '')
    """
    match = _CHECK.fullmatch(text)
    return (
        (match["text"], match["value"], match["interval"] or "", match["n"] or "")
        if match
        else (text, "", "", "")
    )


def _lines(table: Tag) -> list[Line]:
    """The rows of a stored table: column → HTML of the cell."""
    names = [cell.get_text() for cell in table.select("thead tr:first-child > *")]
    rows = ([cell.decode_contents() for cell in row.find_all("td")] for row in table.select("tbody tr"))
    return [dict(zip(names, row, strict=True)) for row in rows]


def _cells(names: Iterable[str], cells: Iterable[str]) -> str:
    """Cells that carry the name of their column, for the narrow layout in which the header is not shown."""
    return "".join(
        f'<td role="cell" data-label="{escape(name)}">{cell}</td>'
        for name, cell in zip(names, cells, strict=True)
    )


def _head(names: Iterable[str]) -> str:
    cells = "".join(f'<th role="columnheader" scope="col">{name}</th>' for name in names)
    return f'<thead role="rowgroup"><tr role="row">{cells}</tr></thead>'


def _inner(title: str, names: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table within a row; nothing without rows."""
    if not rows:
        return ""
    body = "".join(f'<tr role="row">{_cells(names, row)}</tr>' for row in rows)
    return (
        f'<table role="table" class="ledger-inner"><caption>{title}</caption>{_head(names)}'
        f'<tbody role="rowgroup">{body}</tbody></table>'
    )


def _count(n: int, one: str, many: str) -> str:
    return f"{n} {one if n == 1 else many}"


def _aside(*texts: str) -> str:
    """What is said smaller below a cell's main text."""
    return "".join(f' <span class="aside">{text}</span>' for text in texts if text)


def kind_of_verdict(said: str) -> str:
    """Which of the verdicts a row's words are: ``"other set-up: holds here"`` is ``"other set-up"``."""
    first = said.partition(":")[0]
    return first if first in VERDICTS else "not measured"


def _claim(paper: str, line: Line, checks: list[Line], changes: list[Line]) -> str:
    anchor, verdict = f"{paper}-{line['claim']}", kind_of_verdict(line["verdict"])
    data = {"paper": paper, "verdict": verdict, "kind": line["kind"], "profile": line["profile"]}
    attributes = "".join(f' data-{name}="{escape(value)}"' for name, value in data.items())
    badge = f'<span class="verdict verdict-{verdict.replace(" ", "-")}">{line["verdict"]}</span>'
    main = [
        f"{line['statement']}{_aside(line['where'])}",
        line["published"],
        f"{line['ours']}{_aside(line['quantity'])}",
        badge,
        line["kind"],
        f"{line['profile']}{_aside(line['device'])}",
        line["figure"],
    ]
    number = f'<th role="rowheader" scope="row"><a href="#{anchor}">{line["claim"]}</a></th>'
    tested = [(*split_check(c["check"]), c["kind"], c["holds"], c["fails for"]) for c in checks]
    changed = [(c["check"], c["from"], c["to"], c["why"], c["date"]) for c in changes]
    said = [_count(len(tested), "check", "checks")]
    said += [_count(len(changed), "changed threshold", "changed thresholds")] if changed else []
    inner = _inner("Checks", _CHECKS, tested) + _inner("Changed thresholds", _CHANGES, changed)
    more = f"<details><summary>{line['claim']}: {', '.join(said)}</summary>{inner}</details>"
    return (
        f'<tbody role="rowgroup" class="claim" id="{anchor}"{attributes}>'
        f'<tr role="row">{number}{_cells(_COLUMNS[1:], main)}</tr>'
        f'<tr role="row" class="more"><td role="cell" colspan="{len(_COLUMNS)}">'
        f"{more if inner else said[0].replace('0 checks', 'no check yet')}</td></tr></tbody>"
    )


def _table(paper: str, stored: Mapping[str, list[Line]]) -> str:
    def of(claim: str, name: str) -> list[Line]:
        return [line for line in stored.get(name, []) if line["claim"] == claim]

    rows = (
        _claim(paper, line, of(line["claim"], "checks_table"), of(line["claim"], "changes_table"))
        for line in stored["table"]
    )
    return (
        f'<table role="table" class="ledger" aria-label="Claims of {paper}" data-paper="{paper}">'
        f"{_head(_COLUMNS)}{''.join(rows)}</table>"
    )


def reshape(soup: BeautifulSoup) -> bool:
    """Puts one table a paper in the place of the three that the notebook stores.

    Args:
        soup: a page; one without such tables stays as it is.

    Returns:
        Whether it was the ledger.

    Raises:
        KeyError: a stored table lacks a column.
    """
    found: dict[str, dict[str, Tag]] = {}
    for cell in soup.select("div.cell"):
        code, table = cell.select_one(".cell_input"), cell.find("table")
        match = _CALL.search(code.get_text()) if code and table else None
        if match:
            found.setdefault(match[2], {})[match[1]] = cell
    for paper, cells in found.items():
        stored = {name: _lines(cell.find("table")) for name, cell in cells.items()}
        made = BeautifulSoup(_table(paper, stored), "html.parser")
        code = BeautifulSoup('<details class="ledger-code"><summary></summary></details>', "html.parser")
        code.summary.string = f"The code of this table ({paper})"
        cells["table"].insert_before(made, code)
        details = cells["table"].find_previous_sibling("details")
        for cell in cells.values():
            details.append(cell.select_one(".cell_input").extract())
            cell.decompose()
    return bool(found)
