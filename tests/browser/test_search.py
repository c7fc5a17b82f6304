"""What a search finds first, and what a page says of itself to those who link to it."""

import re

import pytest
from browser.look import ROOT

from startright.book.browser import addresses

FIRST = {
    "Alrao": "structure/alrao",
    "Gauss-Newton": "curvature/gauss-newton",
    "edge of chaos": "signal/edge-of-chaos",
    "ScaLP": "structure/scalp",
    "Glorot": "starting/initialisation",
    "critical period": "starting/critical-periods",
    "dropout": "starting/dropout",
    "back-propagation": "starting/backpropagation",
    "skips": "starting/residual",
    "penalties": "structure/penalty-prior",
    "Gaussian pre-activations": "signal/gaussian-preact",
    "cold posterior": "depth/cold-posterior",
}


@pytest.mark.parametrize("words", FIRST)
def test_a_search_finds_the_chapter_first(chromium, address, words):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(f"{address}search.html?q={words.replace(' ', '+')}")
    first = page.locator("#search-results ul.search li a").first
    first.wait_for()
    page.wait_for_function(
        "() => document.querySelector('#search-results p.search-summary').textContent.match(/\\d/)"
    )
    assert FIRST[words] in first.get_attribute("href")
    context.close()


def heads(site):
    """Page → its head."""
    return {name: (site / name).read_text(encoding="utf-8").partition("<body")[0] for name in addresses(ROOT)}


def test_every_page_has_its_own_title_and_a_description(site):
    found = heads(site)
    titles = {name: re.search(r"<title>(.+?)</title>", head, re.DOTALL)[1] for name, head in found.items()}
    assert len(set(titles.values())) == len(titles)
    for name, head in found.items():
        assert len(re.findall(r'<meta name="description" content="[^"]{12,}"', head)) == 1, name
        assert len(re.findall('property="og:title" content="[^"]+"', head)) == 1, name
        assert len(re.findall('rel="canonical"', head)) == 1, name


def test_the_address_of_the_book_has_a_title(site):
    entry = (site / "index.html").read_text(encoding="utf-8")
    assert "<title>Starting Right</title>" in entry
    assert "book/index.html" in entry


def test_suggest_edit_opens_the_source(site):
    page = (site / "book" / "structure" / "alrao.html").read_text(encoding="utf-8")
    assert "/edit/main/book/structure/alrao.py" in page
    assert "/edit/main/book/structure/alrao.ipynb" not in page
