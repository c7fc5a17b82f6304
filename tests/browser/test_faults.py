"""Every search for a fault finds it: a page of the book is broken on purpose, on its way to the browser."""

import pytest
from browser.look import CONTRAST, CUT, HEAVIEST, PAPER, PICTURES, THE_REST, WEIGHT, WIDE, Listener, axe

from startright.book.browser import MODES, settle

NAME = "book/contributing.html"
LONG = "x" * 200
FAULTS = {
    "a word that widens the page": (f"<div style='white-space:nowrap'>{LONG}</div>", WIDE),
    "a table that is cut": (
        f"<div style='overflow:hidden'><table><tr><td>{LONG}</td></tr></table></div>",
        CUT,
    ),
    "code that paper would cut": (
        f"<div><span><pre style='white-space:pre!important'>{LONG}</pre></span></div>",
        PAPER,
    ),
    "a page that is heavy": (f"<!-- {'x' * HEAVIEST} -->", WEIGHT),
    "an image that is missing": ("<img alt='none' src='none.png'>", PICTURES),
    "a header without a word": ("<table><tr><th></th><td>1</td></tr></table>", THE_REST),
    "a summary without a name": ("<details><summary></summary>1</details>", THE_REST),
    "a pale word": ("<p style='color:#ccc;background:#fff'>pale</p>", CONTRAST),
    "a script that fails": ("<script>throw Error('broken')</script>", "broken"),
    "a complaint": ("<script>console.error('a complaint')</script>", "a complaint"),
    "something from elsewhere": (
        "<script src='https://example.org/x.js'></script>",
        "wants https://example.org/x.js",
    ),
    "something that is not there": ("<link rel='stylesheet' href='none.css'>", "404"),
}


@pytest.fixture
def broken(chromium, address):
    """Opens the page with something put into it, and says what is found there."""
    context = chromium.new_context(**MODES[-2].options)
    page = context.new_page()
    listener = Listener(page, address)

    def look(text, how):
        def put(route):
            body = route.fetch().text()
            route.fulfill(body=body.replace("</article>", text + "</article>"), content_type="text/html")

        page.route(address + NAME, put)
        if how == PAPER:
            page.emulate_media(media="print")
        page.goto(address + NAME)
        settle(page)
        if how in (CONTRAST, THE_REST):
            return axe(page, how)
        if how == WEIGHT:
            return page.evaluate(how, HEAVIEST)
        found = page.evaluate(how) if how in (WIDE, CUT, PAPER, PICTURES) else listener.heard()
        return [one for one in found if how in (WIDE, CUT, PAPER, PICTURES) or how in one]

    yield look
    context.close()


@pytest.mark.parametrize("fault", FAULTS)
def test_it_is_found_and_its_absence_is_not(broken, fault):
    text, how = FAULTS[fault]
    assert not broken("", how)
    assert broken(text, how)
