"""Sphinx extension: what search engines and messengers show of a page, its title and description.

Sphinx writes neither a description nor the cards of Open Graph, and the address of the book itself is a page
without a title.
"""

import re
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

from docutils import nodes

from startright.book.stale import notice

PICTURE = "_static/screenshot.png"
LONGEST = 200  # characters of a description
_GENERATED = {
    "genindex": "Every name of the package",
    "search": "Search the book",
    "py-modindex": "Every module",
}


def shorten(text: str, longest: int = LONGEST) -> str:
    """``text`` up to the end of a sentence within ``longest`` characters, else of a word.

    >>> shorten("One. Two words.", 8), shorten("Only one long sentence", 12)
    ('One.', 'Only one…')
    """
    text = " ".join(text.split())
    if len(text) <= longest:
        return text
    sentences = re.match(rf"(.{{1,{longest - 1}}}[.?!])(?=\s)", text)
    return sentences[1] if sentences else text[:longest].rpartition(" ")[0].rstrip(",;:") + "…"


def describe(doctree: Any) -> str:
    """The first paragraph of a page that is text: no citation alone, no admonition, nothing of a table."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = " ".join(paragraph.astext().split())
        if isinstance(paragraph.parent, nodes.section) and len(text) >= 40 and "\\" not in text:
            return shorten(text)
    return ""


def add_cards(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Adds description and Open Graph to the head of the page, and gives the first page the book's title."""
    book = app.config.html_title or app.config.project
    title = re.sub(r"<[^>]*>", "", str(context.get("title") or "")) or _GENERATED.get(pagename, pagename)
    description = (describe(doctree) if doctree else "") or f"{_GENERATED.get(pagename, title)}: {book}"
    if pagename == app.config.root_doc:
        context["title"], context["docstitle"] = f"{book}: executable papers", ""
    base = app.config.html_baseurl
    cards = {
        "og:title": title,
        "og:type": "website" if pagename == app.config.root_doc else "article",
        "og:site_name": book,
        "og:description": description,
        "og:url": urljoin(base, f"{pagename}.html") if base else "",
        "og:image": urljoin(base, PICTURE) if base else "",
    }
    lines = [f'<meta name="description" content="{escape(description)}" />']
    lines += [f'<meta property="{key}" content="{escape(value)}" />' for key, value in cards.items() if value]
    context["metatags"] = "\n".join([context.get("metatags", ""), *lines])


_ENTRY = """<!DOCTYPE html>
<html lang="{language}">
<head>
<meta charset="utf-8" />
<title>{title}</title>
<meta http-equiv="refresh" content="0; url={first}" />{canonical}
</head>
<body><main><p><a href="{first}">{title}</a></p></main></body>
</html>
"""


def write_entry(app: Any, error: Exception | None) -> None:
    """Writes the page at the book's own address, which leads on to the first one, with a title."""
    root = app.config.root_doc
    if error or app.builder.name != "html" or root == "index":
        return
    base, first = app.config.html_baseurl, f"{root}.html"
    canonical = f'\n<link rel="canonical" href="{escape(urljoin(base, first))}" />' if base else ""
    title = escape(app.config.html_title or app.config.project)
    text = _ENTRY.format(language=app.config.language, title=title, first=first, canonical=canonical)
    Path(app.outdir, "index.html").write_text(text, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Entry point of Sphinx."""
    notice(app, __file__, rebuild="html")
    app.connect("html-page-context", add_cards, priority=900)
    app.connect("build-finished", write_entry, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
