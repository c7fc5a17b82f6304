r"""Sphinx extension: what a word of the glossary or a symbol of the notation means, where it is met.

A link to a term, or to a symbol (``[$\tau_0$](#notation-gauss-newton)``), says it as its ``title``: a browser
shows it on hover, without a script, and a notebook shows the plain link.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from bs4 import BeautifulSoup
from docutils import nodes

GLOSSARY, NOTATION = "book/glossary", "book/notation"
LONGEST = 320  # characters of a hover text
_SIGNS = {"lambda": "λ", "le": "≤", "ge": "≥", "in": "∈", "to": "→", "times": "×", "cdot": "·", "sum": "Σ"}
_SIGNS |= {"sqrt": "√", "top": "ᵀ", "nabla": "∇", "partial": "∂", "sim": "∼", "circ": "°", "leftarrow": "←"}
_SIGNS |= {"int": "∫"}
_SIGNS |= {"lVert": "‖", "rVert": "‖", "lvert": "|", "rvert": "|"}
_SIGNS |= dict.fromkeys(["mathbb", "mathcal", "mathrm", "operatorname", "hat", "bigl", "bigr"], "")
_FRACTION = re.compile(r"\\[td]?frac\s*(?:\{([^{}]*)\}|(\w))\s*(?:\{([^{}]*)\}|(\w))")


def plain(latex: str) -> str:
    r"""A short formula in letters.

    >>> plain(r"\lambda_\mathrm{eff} = \lambda/N"), plain(r"\bar H_{st}"), plain(r"\tfrac{\lambda}{6}")
    ('λ_eff = λ/N', 'H̄_st', 'λ/6')
    """
    text = latex.removeprefix(r"\(").removesuffix(r"\)")
    text = re.sub(r"\\(?:mathrm|mathbb|mathcal|operatorname|text)\s*\{([^{}]*)\}", r"\1", text)
    text = re.sub(r"([_^])\{([^{}]*)\}", r"\1\2", text)
    text = _FRACTION.sub(lambda m: f"{m[1] or m[2]}/{m[3] or m[4]}", text)
    text = re.sub(r"\\bar\s*\{?(\w)\}?", "\\1\N{COMBINING MACRON}", text)
    text = re.sub(r"\\tilde\s*\{?(\w)\}?", "\\1\N{COMBINING TILDE}", text)
    text = re.sub(r"\\check\s*\{?(\\?\w+)\}?", "\\1\N{COMBINING CARON}", text)
    text = re.sub(r"\\[,;:! ]", " ", text)
    text = re.sub(r"\\([A-Za-z]+)\s*", lambda m: _sign(m[1]), text)
    return " ".join(re.sub(r"[{}\\]", "", text).split())


def _sign(command: str) -> str:
    """What stands for a command of LaTeX: a sign, a Greek letter, nothing, or its name as it is."""
    greek = f"GREEK {'CAPITAL' if command[0].isupper() else 'SMALL'} LETTER "
    try:
        return _SIGNS.get(command) or unicodedata.lookup(greek + command.removeprefix("var").upper())
    except KeyError:
        return _SIGNS.get(command, command)


def words(node: Any) -> str:
    """The text of a part of a page, formulas in letters, cut at a word."""
    text = "".join(
        plain(part.parent.astext()) if isinstance(part.parent, nodes.math) else part.astext()
        for part in node.findall(nodes.Text)
    )
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else text[:LONGEST].rpartition(" ")[0] + "…"


def definitions(doctree: Any) -> dict[str, str]:
    """Address of a term → what the glossary says."""
    return {
        name: words(item.next_node(nodes.definition))
        for item in doctree.findall(nodes.definition_list_item)
        for term in item.findall(nodes.term)
        for name in term["ids"]
    }


def symbols(doctree: Any) -> dict[tuple[str, str], str]:
    """(address of a section, formula) → what the tables of the notation say."""
    found = {}
    for row in doctree.findall(nodes.row):
        section = row.parent
        while not isinstance(section, nodes.section):
            section = section.parent
        names, *meaning = row.findall(nodes.entry)
        for formula in names.findall(nodes.math):
            found |= {(name, formula.astext()): words(meaning[0]) for name in section["ids"]}
    return found


def explain(soup: BeautifulSoup, terms: Mapping[str, str], formulas: Mapping[tuple[str, str], str]) -> None:
    """Gives the links of a page to terms and symbols their hover texts."""
    for link in soup.select("a.reference.internal[href*='#']"):
        address = link["href"].rpartition("#")[2]
        formula = link.select_one("span.math")
        said = terms.get(address)
        if said is None and formula is not None:
            latex = formula.get_text().removeprefix(r"\(").removesuffix(r"\)")
            said = formulas.get((address, latex))
        if said:
            link["title"] = said


def add_titles(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Explains the links of a page, once its text stands."""
    found = app.env.found_docs
    if pagename not in found or not context.get("body") or not {GLOSSARY, NOTATION} <= set(found):
        return
    if not hasattr(app, "startright_terms"):
        trees = (app.env.get_doctree(name) for name in (GLOSSARY, NOTATION))
        app.startright_terms = definitions(next(trees)), symbols(next(trees))
    soup = BeautifulSoup(context["body"], "html.parser")
    explain(soup, *app.startright_terms)
    context["body"] = str(soup)


def setup(app: Any) -> dict[str, bool]:
    """Entry point of Sphinx."""
    app.connect("html-page-context", add_titles, priority=960)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
