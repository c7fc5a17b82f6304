r"""What an output must not carry: anything that acts, loads or hides something where a page is shown.

Browsers read broken markup kindly, and a list of what is dangerous is never complete. So this lists what the
pages need, and refuses the rest: a few tags with a few attributes, links that stay on the web, no ``<`` that
is not the beginning of such a tag.
"""

import re
from collections.abc import Callable, Iterator
from html import unescape
from html.parser import HTMLParser

_TABLE = "table thead tbody tfoot tr th td caption"
_TEXT = "div span p br hr b strong i em code pre sub sup ul ol li a"
_HTML = {*f"{_TABLE} {_TEXT} style".split()}
_HTML_ATTRIBUTES = {"class", "style", "scoped", "border", "rowspan", "colspan", "align", "halign", "valign"}
_HTML_ATTRIBUTES |= {"scope", "href", "title"}
_SHAPES = "path rect circle ellipse line polyline polygon marker clippath lineargradient radialgradient stop"
_SVG = {*f"svg g defs symbol use title desc text tspan {_SHAPES}".split()}
#: The look that pandas gives its tables: nothing but the alignment of cells.
_ALIGN = r"(?:\s*(?:text|vertical)-align:\s*\w+;?)*\s*"
_STYLE = re.compile(rf"(?:\s*\.dataframe [\w\s:-]+\{{{_ALIGN}\}})*\s*")
_SCHEME = re.compile(r"[^/?#]*?:|//")
_LINK = re.compile(r"\]\(\s*([^\s)]*)|^[\s>*+\d.-]*\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
_NUMBER = re.compile(r"<(?=[\s\d=])")  # "p < 0.05": no browser takes it for a tag
_MATHS = re.compile(
    r"\\(?:href|cssId|class|style|data|html\w*|require|unicode|def|let|\w*command)(?![a-zA-Z])"
)
_PASSIVE_ROLES = "(?:numref|ref|eq|cite|cite:t|cite:p|term|doc)"
_MYST = {
    "a role": re.compile(rf"\{{(?!{_PASSIVE_ROLES}\}})[^{{}}\s]+\}}`[^`]*"),
    "a directive or block of code": re.compile(r"^[\s>*+\d.-]*(?:```|~~~|:::).*", re.MULTILINE),
    "a substitution": re.compile(r"\{\{.*|\{%.*"),
    "a picture from elsewhere": re.compile(r"!\[.*"),
}
_URL = re.compile(r"(?:java|vb)script:|data:(?:text|image|application)/", re.IGNORECASE)
_LISTING = re.compile(
    r"```python\n(?:(?!\s*```).*\n)*```\s*"
    r"(?:\*`[\w.<>]+` of `[\w/]+\.py`\*\s*)?"
)  # as `pages.source` makes it: all of the output


def _leads(url: str) -> str | None:
    """Where a link leads that must not: another scheme than the web's, however it is spelled."""
    plain = "".join(char for char in unescape(url).replace("\\", "") if char.isprintable() and char != " ")
    scheme = _SCHEME.match(plain)
    return None if scheme is None or scheme[0].lower() in ("http:", "https:") else plain


class _Tags(HTMLParser):
    """Collects what is not listed; counts the tags, for those that it did not see."""

    def __init__(self, tags: set[str], refused: Callable[[str, str, str | None], str | None]):
        super().__init__(convert_charrefs=False)
        self.tags, self.refused = tags, refused
        self.seen, self.found = 0, []
        self.in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen += 1
        self.in_style = tag == "style"
        if tag not in self.tags:
            self.found.append(f"a tag <{tag}>")
        for name, value in attrs:
            if reason := self.refused(tag, name, value):
                self.found.append(reason)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.in_style = False

    def handle_endtag(self, tag: str) -> None:
        self.seen += 1
        self.in_style = False

    def handle_data(self, data: str) -> None:
        if self.in_style and not _STYLE.fullmatch(data):
            self.found.append(f"a style that is not of a table: {' '.join(data.split())[:60]}")


def _html_attribute(tag: str, name: str, value: str | None) -> str | None:
    text = value or ""
    if name not in _HTML_ATTRIBUTES or (name == "href") > (tag == "a"):
        return f"an attribute {name}= of <{tag}>"
    if name == "style" and not re.fullmatch(_ALIGN, text):
        return f"a style of <{tag}>: {text[:60]}"
    return f"a link to {_leads(text)}" if name == "href" and _leads(text) else None


def _svg_attribute(tag: str, name: str, value: str | None) -> str | None:
    text = value or ""
    if name.startswith("on") or (name in ("href", "xlink:href") and not text.startswith("#")):
        return f"an attribute {name}={text[:40]!r} of <{tag}>"
    outside = re.search(r"url\(\s*(?!#)|\\|@import|expression", text, re.IGNORECASE)
    return f"a reference in {name}= of <{tag}>: {text[:40]}" if outside else None


def _tags(text: str, tags: set[str], refused: Callable[[str, str, str | None], str | None]) -> Iterator[str]:
    parser = _Tags(tags, refused)
    parser.feed(text)
    parser.close()
    if parser.in_style:
        parser.found.append("a style that does not end")
    yield from dict.fromkeys(parser.found)
    # comments, declarations, tags that are left open or stand in a style: whatever is no whole tag
    if not parser.found and text.count("<") != parser.seen + len(_NUMBER.findall(text)):
        yield "a < that is neither a tag nor between numbers"


def _anywhere(text: str) -> Iterator[str]:
    """MathJax makes links and styles of formulas, in tables and sentences too."""
    if match := _MATHS.search(text):
        yield f"a formula with {match[0]}"
    if match := _URL.search(re.sub(r"[\s\\\0]", "", unescape(text))):
        yield f"a link to {match[0].lower()}"


def in_html(text: str) -> list[str]:
    """What a piece of HTML carries beyond tables and text.

    >>> in_html("<td>1</td>"), in_html("<td onclick='f()'>1</td>")
    ([], ['an attribute onclick= of <td>'])
    """
    return [*_tags(text, _HTML, _html_attribute), *_anywhere(text)]


def in_svg(text: str) -> list[str]:
    """What a drawing carries beyond shapes and text, scripts, links and files from elsewhere for example.

    >>> in_svg("<svg><path d='M0 0'/></svg>"), in_svg("<svg><image href='x.png'/></svg>")
    ([], ['a tag <image>', "an attribute href='x.png' of <image>"])
    """
    return [*_tags(text, _SVG, _svg_attribute), *_anywhere(text)]


def in_markdown(text: str) -> list[str]:
    """What sentences and tables in Markdown carry beyond themselves; a listing of Python may say anything.

    >>> in_markdown("**Below** 0.1 if $n < 3$."), in_markdown("[here](JavaScript&colon;f)")
    ([], ['a link to JavaScript:f', 'a link to javascript:'])
    """
    if _LISTING.fullmatch(text):
        return []
    found = [f"{what}: {match[0][:60]}" for what, form in _MYST.items() if (match := form.search(text))]
    links = (match[1] or match[2] or "" for match in _LINK.finditer(text))
    found += [f"a link to {leads}" for link in links if (leads := _leads(link.strip("<>")))]
    return [*found, *_tags(text, _HTML - {"style"}, _html_attribute), *_anywhere(text)]


def in_latex(text: str) -> list[str]:
    r"""What a formula carries that makes a link or a style of it.

    >>> in_latex("$x^2$"), in_latex(r"$\href{x}{y}$")
    ([], ['a formula with \\href'])
    """
    return list(_anywhere(text))


#: What outputs may be of, with what is refused in them.
ACTIVE: dict[str, Callable[[str], list[str]]] = {
    "text/plain": lambda text: [],  # shown as it stands
    "text/html": in_html,
    "text/markdown": in_markdown,
    "text/latex": in_latex,
    "image/svg+xml": in_svg,
}
