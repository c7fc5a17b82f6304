"""What pages need once they are rendered: tables that read well, numbers that stay together, links.

A stored output is HTML that pandas wrote: its header is two or three rows, the last nearly empty, its numbers
start at the left, and its minus is a hyphen. All of that is mended in the page, so that no notebook has to be
executed again for its looks.
"""

import re
from collections.abc import Collection

from bs4 import BeautifulSoup, NavigableString, Tag

_NUMBER = r"[−+]?(?:\d[\d,]*(?:\.\d+)?(?:e[−+-]?\d+)?|∞|inf)"
_VALUE = re.compile(
    rf"{_NUMBER}(?: ± {_NUMBER})?(?: \({_NUMBER} to {_NUMBER}\))?(?: \(n = \d+\))? ?%?|\d+ of \d+"
)
_RANGE = re.compile(rf"({_NUMBER}) (\({_NUMBER} to {_NUMBER}\))")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_NOTHING = {"", "–", "nan", "NaN"}
_HYPHEN = re.compile(r"(?<![\w.)\]−-])-(?=\d|inf\b)|(?<=\de)-(?=\d)")
_PROSE = 150  # characters of a row, from which on a table of four columns or more is read as cards
_CLAIM = re.compile(r"\bC\d+\b(?![.\w])|\bC\d+\b(?=\.(?!\d))")
_VERBATIM = ("pre", "code", "script", "style", "textarea", "option")
_SUBSCRIPTS = "w|b|L|l|θ|σ|Th|eff|int|in|out|jk|kj|max|min"
_TYPED = re.compile(  # 1e−12 and 2.5e+08; σ_w, ηmax and λmin; γ^(L−l) and 10^0.5
    r"(?<![\w.])(?P<factor>\d+(?:\.\d+)?)e(?P<sign>[−+-]?)0*(?P<power>\d+)(?![\w.]*\w)"
    rf"|(?<![A-Za-z0-9_])(?:(?P<letter>[A-Za-zα-ωΑ-Ω])_|(?P<eta>[ηλ])_?)(?P<sub>{_SUBSCRIPTS})(?![A-Za-z_])"
    r"|(?<=[\w)])\^(?:\((?P<inner>[^()]+)\)|(?P<sup>[−-]?\d+(?:\.\d+)?|[A-Za-zα-ω](?!\w)))"
)
_LONG_NAME = 20  # characters
_MOST_RANGES = 4  # in a row; more of them, each on a line, are wider than the page


def _rows(table: Tag, part: str) -> list[Tag]:
    """The rows of ``thead`` or ``tbody``, without those of a table within."""
    return [row for row in table.select(f"{part} > tr") if row.find_parent("table") is table]


def _cells(row: Tag) -> list[Tag]:
    return row.find_all(["th", "td"], recursive=False)


def _text(tag: Tag) -> str:
    return " ".join(tag.get_text().split())


def name_index(table: Tag) -> None:
    """Moves the names of a data frame's index, which pandas puts below its columns' names, beside them.

    Where the columns have a name of their own, it stands over them, and those of the index over two rows. Of
    two levels of columns the groups of the upper one say both names: ``width = 10, depth``.
    """
    head = _rows(table, "thead")
    if len(head) < 2:
        return
    above, below = _cells(head[-2]), _cells(head[-1])
    names = [cell for cell in below if _text(cell)]
    if len(above) != len(below) or not names or names != below[: len(names)]:
        return
    *free, corner = above[: len(names)]
    if any(map(_text, free)):
        return
    if not _text(corner):
        for cell, name in zip([*free, corner], names, strict=True):
            cell.replace_with(name)
        head[-1].decompose()
    elif len(head) == 2 and len(above) > len(names):
        corner["scope"], corner["colspan"] = "colgroup", str(len(above) - len(names))
        _name_columns(head, names, [corner], above[len(names) :])
    elif len(head) == 3:
        *_, upper = (_text(cell) for cell in _cells(head[0])[: len(names)])
        groups = _cells(head[0])[len(names) :]
        for group in groups:
            group.insert(0, f"{upper} = " if upper else "")
            group.append(f", {_text(corner)}")
            group["scope"] = "colgroup" if group.has_attr("colspan") else "col"
        _name_columns(head, names, groups, above[len(names) :])


def _name_columns(head: list[Tag], names: list[Tag], groups: list[Tag], columns: list[Tag]) -> None:
    """Fills two rows: the names of the index, as high as both, and groups of columns; then the columns."""
    for name in names:
        name["rowspan"] = "2"
    for row, cells in zip(head, ([*names, *groups], columns, []), strict=False):
        kept = [cell.extract() for cell in cells]
        row.clear()
        row.extend(kept)
        if not kept:
            row.decompose()


def drop_empty_headers(table: Tag) -> None:
    """Makes header cells without a word plain cells: a reader of headers would stop at nothing."""
    for row in _rows(table, "thead") + _rows(table, "tbody"):
        for cell in _cells(row):
            if cell.name == "th" and not _text(cell):
                cell.name = "td"
                cell.attrs.pop("scope", None)


def align_numbers(table: Tag) -> None:
    """Marks the columns of numbers, header and all; counted from the right, where no cell spans rows."""
    body = [_cells(row) for row in _rows(table, "tbody")]
    for k in range(1, min(map(len, body), default=0) + 1):
        column = [row[-k] for row in body]
        words = [_text(cell) for cell in column]
        shown = [word for word in words if word not in _NOTHING]
        if shown and all(_VALUE.fullmatch(word) for word in shown):
            heads = [_cells(row) for row in _rows(table, "thead") if not row.select("[colspan]")]
            for cell in column + [row[-k] for row in heads if len(row) >= k]:
                cell["class"] = [*cell.get("class", []), "number"]


def name_cells(table: Tag) -> None:
    """Lets a table of long texts be shown as cards on a narrow screen: each cell carries its column's name.

    The roles say again what the layout of a card would take from the elements.
    """
    head, body = _rows(table, "thead"), _rows(table, "tbody")
    names = [_text(cell) for cell in _cells(head[0])] if len(head) == 1 else []
    longest = max((len(_text(row)) for row in body), default=0)
    if (
        len(names) < 4
        or longest < _PROSE
        or table.select("[rowspan], [colspan], table")
        or table.has_attr("role")
    ):
        return
    table["class"] = [*table.get("class", []), "cards"]
    roles = {"table": "table", "thead": "rowgroup", "tbody": "rowgroup", "tr": "row", "td": "cell"}
    for tag in [table, *table.select("thead, tbody, tr, td, th")]:
        tag["role"] = roles.get(tag.name) or ("columnheader" if tag.find_parent("thead") else "rowheader")
    for row in body:
        for name, cell in zip(names[1:], _cells(row)[1:], strict=True):
            cell["data-label"] = name


def let_ranges_break(table: Tag) -> None:
    """A median with its range, "1.40 (1.22 to 1.80)", may end a line before the range, and nowhere else.

    But a table of many ranges may end a line behind a "to", or it would be wider than the page.
    """
    for cell in (cell for row in _rows(table, "tbody") for cell in _cells(row)):
        found = _RANGE.fullmatch(_text(cell))
        if found and len(cell.find_all(string=True)) == 1:
            string = cell.find(string=True)
            range_ = BeautifulSoup("", "html.parser").new_tag("span", attrs={"class": "range"})
            range_.string = found[2]
            string.replace_with(NavigableString(f"{found[1]} "), range_)
    if any(len(row.select(".range")) > _MOST_RANGES for row in _rows(table, "tbody")):
        table["class"] = [*table.get("class", []), "ranges"]
        for range_ in table.select(".range"):
            range_.string = range_.string.replace(" to ", "\N{NO-BREAK SPACE}to ")


def mark_long_names(table: Tag) -> None:
    """Marks the names of rows that a narrow screen would set a word a line."""
    for cell in (cell for row in _rows(table, "tbody") for cell in _cells(row)):
        if cell.name == "th" and len(_text(cell)) > _LONG_NAME:
            cell["class"] = [*cell.get("class", []), "long"]


def mark_dates(table: Tag) -> None:
    """Marks the cells that hold a date, which no line end should tear."""
    for cell in (cell for row in _rows(table, "tbody") for cell in _cells(row)):
        if _DATE.fullmatch(_text(cell)):
            cell["class"] = [*cell.get("class", []), "date"]


def _strings(root: Tag) -> list[NavigableString]:
    """The text that is read as text: no code, no signature, no formula."""

    def verbatim(tag: Tag) -> bool:
        return tag.name in _VERBATIM or not {"math", "sig"}.isdisjoint(tag.get("class", []))

    return [
        string
        for string in root.find_all(string=True)
        if type(string) is NavigableString and not any(map(verbatim, string.parents))
    ]


def keep_together(soup: BeautifulSoup) -> None:
    """Lets no line end within "0.040 ± 0.008", "784 × 300", "5 %", "< 1" or "n = 5"; one minus in tables."""
    for string in _strings(soup):
        text = string.replace(" ± ", "\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}")
        text = re.sub(r"(?<=\d) × (?=\d)", "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}", text)
        text = re.sub(r"(?<=\d) %", "\N{NO-BREAK SPACE}%", text)
        text = re.sub(r"(?<=[<≤>≥]) (?=\d)", "\N{NO-BREAK SPACE}", text)
        text = re.sub(r"\bn = (?=\d)", "n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}", text)
        if string.find_parent("table") or string.find_parent(class_="tag_finding"):
            text = _HYPHEN.sub("−", text)
        if text != string:
            string.replace_with(text)


def set_symbols(soup: BeautifulSoup) -> None:
    """Sets as print does what a line of text types: powers of ten, subscripts, exponents."""
    for string in _strings(soup):
        parts, at = [], 0
        for match in _TYPED.finditer(string):
            parts += [NavigableString(string[at : match.start()]), *_set(soup, match)]
            at = match.end()
        if parts:
            string.replace_with(*parts, NavigableString(string[at:]))


def _set(soup: BeautifulSoup, match: re.Match) -> list[NavigableString | Tag]:
    """What stands for one of :data:`_TYPED`."""

    def raised(name: str, text: str) -> Tag:
        tag = soup.new_tag(name)
        tag.string = text
        return tag

    if match["factor"]:
        ten = "10" if match["factor"] == "1" else f"{match['factor']}\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10"
        return [
            NavigableString(ten),
            raised("sup", match["sign"].strip("+").replace("-", "−") + match["power"]),
        ]
    if match["sub"]:
        return [NavigableString(match["letter"] or match["eta"]), raised("sub", match["sub"])]
    return [raised("sup", (match["inner"] or match["sup"]).replace("-", "−"))]


def keep_points(soup: BeautifulSoup) -> None:
    """Lets no line begin with the full stop or the comma that follows a formula."""
    for formula in soup.select("span.math"):
        last = formula.parent if formula.parent.name == "a" and not formula.next_sibling else formula
        after = last.next_sibling
        found = re.match(r"[.,;:)?]+", after) if type(after) is NavigableString else None
        if found:
            rest = NavigableString(after[found.end() :])
            after.replace_with(rest)
            last.wrap(soup.new_tag("span", attrs={"class": "keep"})).append(NavigableString(found[0]))


def link_claims(soup: BeautifulSoup, known: Collection[str], target: str) -> None:
    """Makes every number of a claim in the text a link.

    Args:
        soup: a page.
        known: the claims there are, ``"C1"``; another number stays text.
        target: what the link is with the number behind it: ``"../claims.html#alrao-"``.
    """
    for string in _strings(soup):
        if string.find_parent(["a", "h1", "h2", "h3", "h4", "summary", "button"]):
            continue
        parts, at = [], 0
        for match in _CLAIM.finditer(string):
            if match[0] in known:
                link = soup.new_tag("a", href=f"{target}{match[0]}", attrs={"class": "claim-number"})
                link.string = match[0]
                parts += [NavigableString(string[at : match.start()]), link]
                at = match.end()
        if parts:
            string.replace_with(*parts, NavigableString(string[at:]))


def mend_lists(soup: BeautifulSoup) -> None:
    """Makes lists of what claims to be one: an inner list belongs to an item, and a role needs its items."""
    for inner in soup.select("ul > ul"):
        item = inner.find_previous_sibling("li")
        if item:
            item.append(inner.extract())
    for tag in soup.select("div[role=list]:not(:has([role=listitem]))"):
        del tag["role"]


def tidy_tables(soup: BeautifulSoup) -> None:
    """Every table of a page: names beside names, no empty header, numbers at the right; symbols set."""
    for table in soup.find_all("table"):
        name_index(table)
        drop_empty_headers(table)
        for cell in table.select("thead th:not([scope])"):
            cell["scope"] = "col"
    keep_together(soup)
    for table in soup.find_all("table"):
        align_numbers(table)
        let_ranges_break(table)
        mark_dates(table)
        mark_long_names(table)
        name_cells(table)
    set_symbols(soup)
    keep_points(soup)
