"""Every page in a browser, wide and narrow, light and dark: it loads, fits, and can be read by all."""

import pytest
from browser.look import CONTRAST, CUT, HEAVIEST, PICTURES, ROOT, THE_REST, WEIGHT, WIDE, Listener, axe

from startright.book.browser import MODES, addresses, settle

PAGES = addresses(ROOT)
# Colours are measured word by word, which takes long: of the pages of functions and of the indices one stands
# for all, and code is measured on one.
ALIKE = [name for name in PAGES if "/api/" in name or name == "genindex.html"]
COLOURED = [name for name in PAGES if name not in ALIKE or name == "book/api/data.html"]
CODE = ("book/contributing.html",)


@pytest.fixture(scope="module", params=MODES, ids=str)
def view(request, chromium, address):
    """A page of the browser in one mode, and who listens to it."""
    context = chromium.new_context(**request.param.options)
    page = context.new_page()
    yield page, Listener(page, address)
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_it_loads_and_fits(view, address, name):
    page, listener = view
    page.goto(address + name)
    settle(page)
    assert not listener.heard() + page.evaluate(WIDE) + page.evaluate(CUT) + page.evaluate(PICTURES)


@pytest.mark.parametrize("name", PAGES)
def test_it_is_light(chromium, address, name):
    context = chromium.new_context(**MODES[0].options)
    page = context.new_page()
    page.goto(address + name)
    settle(page)
    assert not page.evaluate(WEIGHT, HEAVIEST)
    context.close()


def look(chromium, url, theme, options, *without):
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, color_scheme=theme)
    page = context.new_page()
    page.goto(url)
    page.add_style_tag(content="* { transition: none !important }")  # half a change of theme is no colour
    settle(page)
    found = axe(page, options, *without)
    context.close()
    return found


@pytest.mark.parametrize("name", PAGES)
def test_it_can_be_read_by_all(chromium, address, name):
    assert not look(chromium, address + name, "light", THE_REST)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", COLOURED)
def test_its_colours_can_be_told_apart(chromium, address, name, theme):
    without = () if name in CODE else (".highlight",)
    assert not look(chromium, address + name, theme, CONTRAST, *without)
