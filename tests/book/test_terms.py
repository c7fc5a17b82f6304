"""What links to terms and symbols say on hover."""

import re

import pytest
from bs4 import BeautifulSoup
from docutils.core import publish_doctree

from startright.book import terms
from startright.paths import repository


@pytest.mark.parametrize("name", [terms.GLOSSARY, terms.NOTATION])
def test_every_formula_of_the_pages_reads_without_latex(name):
    text = (repository() / f"{name}.md").read_text(encoding="utf-8")
    formulas = re.findall(r"(?<!\$)\$([^$\n]+)\$(?!\$)", text)
    assert len(formulas) > 20
    for formula in formulas:
        said = terms.plain(formula)
        assert said, formula
        assert not re.search(r"[\\{}]", said), (formula, said)
        assert not re.search(r"[a-z]{5,}", re.sub("independent", "", said)), (formula, said)


def test_a_fraction_and_a_bar_are_read():
    assert terms.plain(r"\(\bar H_{st} = u_s^\top \nabla^2 L\, u_t\)") == "H\u0304_st = u_s^ᵀ∇^2 L u_t"
    assert terms.plain(r"\frac{1}{2N} \sum_n") == "1/2N Σ_n"


PAGE = """
<a class="reference internal" href="../glossary.html#term-unit"><span>units</span></a>
<a class="reference internal" href="../notation.html#rates"><span class="math">\\(\\eta\\)</span></a>
<a class="reference internal" href="../notation.html#rates">notation</a>
<a class="reference internal" href="#rates"><span class="math">\\(x\\)</span></a>
"""


def test_links_to_terms_and_symbols_get_titles_and_others_do_not():
    soup = BeautifulSoup(PAGE, "html.parser")
    terms.explain(soup, {"term-unit": "a neuron"}, {("rates", r"\eta"): "learning rate"})
    assert [link.get("title") for link in soup.find_all("a")] == ["a neuron", "learning rate", None, None]


TABLES = """
Rates
=====

+-----------------+-----------------------+
| symbol          | meaning               |
+=================+=======================+
| :math:`a`, |b|  | learning rate of a    |
+-----------------+-----------------------+

.. |b| replace:: :math:`b`
"""


def test_symbols_are_found_in_the_tables_by_their_section():
    found = terms.symbols(publish_doctree(TABLES, settings_overrides={"doctitle_xform": False}))
    assert found["rates", "a"] == "learning rate of a"
    assert ("rates", "learning") not in found


def test_long_texts_end_at_a_word():
    tree = publish_doctree("word " * 200)
    said = terms.words(tree)
    assert len(said) <= terms.LONGEST + 1
    assert said.endswith("word…")


def links():
    """Every link to a symbol that the pages have: (page, section, formula)."""
    for path in sorted((repository() / "book").rglob("*.py")):
        text = path.read_text(encoding="utf-8").replace("\n# ", " ")
        for formula, section in re.findall(r"\[\$([^$]+)\$\]\(#(notation-[\w-]+)\)", text):
            yield path.name, section, formula


def test_every_symbol_that_is_linked_stands_in_the_notation():
    text = (repository() / f"{terms.NOTATION}.md").read_text(encoding="utf-8")
    sections = dict(re.findall(r"\((notation-[\w-]+)\)=\n(.+?)(?=\n\(|\Z)", text, re.DOTALL))
    found = list(links())
    assert len(found) > 10
    for page, section, formula in found:
        first = re.findall(r"^\| (.+?) \|", sections[section], re.MULTILINE)
        assert any(formula in re.findall(r"\$([^$]+)\$", cell) for cell in first), (page, formula)
