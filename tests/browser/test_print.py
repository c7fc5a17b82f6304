"""The pages on paper: nothing scrolls there, so nothing may be wider than the page."""

import re

import pytest
from browser.look import PAPER, ROOT

from startright.book.browser import addresses, settle

A4 = {"width": 703, "height": 1050}  # pixels between margins of 12 mm, at 96 an inch
PAGES = [name for name in addresses(ROOT) if name.startswith("book/")]


@pytest.fixture
def paper(chromium, address):
    """A page of the browser as a printer sees it."""
    context = chromium.new_context(viewport=A4, reduced_motion="reduce")
    page = context.new_page()
    page.emulate_media(media="print", color_scheme="light")
    yield page
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_in_print(paper, address, name):
    paper.goto(address + name)
    settle(paper)
    assert not paper.evaluate(PAPER)


def test_a_chapter_becomes_a_pdf(paper, address):
    paper.goto(f"{address}book/structure/alrao.html")
    settle(paper)
    pdf = paper.pdf(format="A4", margin=dict.fromkeys(("top", "right", "bottom", "left"), "12mm"))
    assert pdf.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) >= 10
