"""The cards of the first page."""

import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_notebook, new_output

from startright.book import cards, sections
from startright.book.contents import Page
from startright.book.pair import write
from startright.paths import repository

CARD = (
    '<div class="sd-card"><div class="sd-card-body"><div class="sd-card-title">'
    '<a href="{}">Title</a></div><a href="b.html">another</a></div></div>'
)


def test_a_card_gets_the_picture_of_the_page_that_its_title_leads_to():
    soup = BeautifulSoup(CARD.format("a.html#top") + CARD.format("c.html"), "html.parser")
    cards.illustrate(soup, {"a.html": "../_images/a.png", "b.html": "../_images/b.png"})
    assert [image["src"] for image in soup.find_all("img")] == ["../_images/a.png"]
    assert soup.find(class_="sd-card").img["alt"] == "The first picture of the chapter Title"


def cell(source, text=None, tags=("finding",)):
    made = new_code_cell(source, metadata={"tags": list(tags)})
    made.outputs = [new_output("display_data", data={"text/markdown": text})] if text else []
    return made


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([cell("pages.verdicts('x')", "- chips"), cell("f()", "One, −1.9 ± 3.4 points (n = 5). Two.")],
         "One, −1.9 ± 3.4 points (n = 5)."),
        ([cell("x", "typed", tags=()), cell("f()", "**They win.** It ends at 0.5.")], "**They win.**"),
        ([cell("f()", "It is 1.5 nats")], "It is 1.5 nats"),
        ([cell("f()")], "Not yet run."),
        ([], "Not yet run."),
    ],
)  # fmt: skip
def test_the_headline_is_the_first_sentence_printed(tmp_path, cells, said):
    write(new_notebook(cells=cells), tmp_path / "page.ipynb")
    assert sections.headline(Page(tmp_path, "page")) == said


def test_a_page_that_never_ran_has_no_headline(tmp_path):
    assert sections.headline(Page(tmp_path, "page")) == "Not yet run."


def test_every_chapter_has_a_card_with_its_verdicts():
    from startright.book import catalogue

    text = sections.fill("<!-- generated:cards -->\n<!-- /generated:cards -->\n", repository(), "book")
    for page in {claim.page for claim in catalogue.claims()}:
        assert f"({page}.ipynb)" in text
    assert text.count("::::{grid-item-card}") == len({claim.page for claim in catalogue.claims()})
    assert text.count("verdict verdict-") >= text.count("grid-item-card")
