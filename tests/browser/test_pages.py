"""Every page in a browser, wide and narrow, light and dark: it loads, fits, and can be read by all."""

import pytest
from browser.look import CUT, PICTURES, ROOT, WIDE, Listener, axe

from startright.book.browser import MODES, addresses, settle

PAGES = [*addresses(ROOT), "_modules/startright/claims.html"]  # of the listings one stands for all
AXE_WIDTH = 1440  # what a screen reader reads does not depend on the width


@pytest.fixture(scope="module", params=MODES, ids=str)
def view(request, chromium, address):
    """A page of the browser in one mode, and who listens to it."""
    context = chromium.new_context(**request.param.options)
    page = context.new_page()
    yield request.param, page, Listener(page, address)
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_page(view, address, name):
    mode, page, listener = view
    page.goto(address + name)
    settle(page)
    wrong = listener.heard() + page.evaluate(WIDE) + page.evaluate(CUT) + page.evaluate(PICTURES)
    assert not wrong
    if mode.width == AXE_WIDTH:
        assert not axe(page)
