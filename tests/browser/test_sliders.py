"""A slider as a reader uses it: by keyboard, a panel at a time or all; without a script all are there."""

import pytest

PAGES = {
    "book/signal/gaussian-preact.html": ("θ =", ["2.05", "2.5", "3", "4", "6", "10"]),
    "book/signal/edge-of-chaos.html": ("σw =", ["0.8", "1", "1.2", "1.5", "2", "3"]),
    "book/curvature/gauss-newton.html": ("λ/N =", ["1", "0.1", "0.02"]),
}
VIEW = """() => {
  const style = document.querySelector('.slider-view').style;
  const numbers = (text) => text.split(' ').map(parseFloat);
  return {position: numbers(style.backgroundPosition), size: numbers(style.backgroundSize)};
}"""
SHAPE = """() => {
  const image = document.querySelector('.slider-image'), view = document.querySelector('.slider-view');
  const box = view.getBoundingClientRect();
  return (box.width / box.height) / (image.naturalWidth / image.naturalHeight);
}"""


def opened(chromium, address, name, **options):
    page = chromium.new_context(**options).new_page()
    page.goto(address + name)
    page.wait_for_load_state("networkidle")
    return page


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize("name", PAGES)
def test_the_arrow_keys_bring_panel_after_panel(chromium, address, name, width):
    symbol, values = PAGES[name]
    page = opened(chromium, address, name, viewport={"width": width, "height": 900})
    knob = page.get_by_role("slider").first
    assert page.locator(".slider-bar label").first.inner_text().startswith(symbol)
    rows = (len(values) + 1) // 2
    assert page.evaluate(SHAPE) == pytest.approx(rows / 2, rel=0.02)
    knob.focus()
    knob.press("Home")
    for index, value in enumerate(values):
        assert page.locator(".slider-bar output").first.inner_text() == value
        assert knob.get_attribute("aria-valuetext").endswith(f"= {value}")
        row, column = divmod(index, 2)
        view = page.evaluate(VIEW)
        assert view["position"] == pytest.approx([100 * column, 100 * row / (rows - 1)], abs=0.01)
        assert view["size"] == [200, 100 * rows]
        knob.press("ArrowRight")
    page.context.close()


def test_all_panels_can_be_seen_at_once(chromium, address):
    page = opened(chromium, address, next(iter(PAGES)), viewport={"width": 1440, "height": 900})
    button = page.get_by_role("button", name="all at once")
    button.focus()
    page.keyboard.press("Enter")
    assert button.get_attribute("aria-pressed") == "true"
    assert page.locator(".slider-image").first.is_visible()
    assert not page.locator(".slider-view").first.is_visible()
    page.context.close()


def test_on_paper_all_panels_are_there(chromium, address):
    page = opened(chromium, address, next(iter(PAGES)))
    assert not page.locator(".slider-image").first.is_visible()
    page.emulate_media(media="print")
    assert page.locator(".slider-image").first.is_visible()
    assert not page.locator(".slider-bar").first.is_visible()
    page.context.close()


def test_without_a_script_the_picture_stands_as_it_is(chromium, address):
    page = opened(chromium, address, next(iter(PAGES)), java_script_enabled=False)
    assert page.locator(".slider-view").count() == 0
    assert page.locator(".tag_slider img").first.is_visible()
    page.context.close()
