"""The ledger as a reader uses it: filters by keyboard, addresses of claims, cards, and without a script."""

import pytest

NAME = "book/claims.html"
SHOWN = (
    "() => [...document.querySelectorAll('tbody.claim')].filter((c) => c.checkVisibility()).map((c) => c.id)"
)


def open_page(chromium, address, name=NAME, **options):
    context = chromium.new_context(reduced_motion="reduce", **options)
    page = context.new_page()
    page.goto(address + name)
    return page


@pytest.fixture
def page(chromium, address):
    page = open_page(chromium, address, viewport={"width": 1440, "height": 900})
    yield page
    page.context.close()


def choose(page, name, text):
    """Goes to a field by the tabulator and types the first letters of what is wanted."""
    page.evaluate("document.querySelector('.ledger-filter').setAttribute('tabindex', -1)")
    page.evaluate("document.querySelector('.ledger-filter').focus()")
    for _ in range(8):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == name:
            page.keyboard.type(text)
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"the tabulator does not reach {name}")


def test_the_keyboard_filters_and_clears(page):
    every = page.evaluate(SHOWN)
    assert len(every) == len(set(every)) > 30
    choose(page, "verdict", "reproduced")
    shown = page.evaluate(SHOWN)
    assert 0 < len(shown) < len(every)
    verdicts = page.locator("tbody.claim:visible .verdict").all_inner_texts()
    assert set(verdicts) == {"reproduced"}
    assert page.locator(".ledger-filter output").inner_text() == f"{len(shown)} of {len(every)} claims"
    choose(page, "paper", "preact")
    assert {name.split("-")[0] for name in page.evaluate(SHOWN)} == {"preact"}
    assert "verdict=reproduced" in page.url
    assert "paper=preact" in page.url
    page.keyboard.press("Tab")
    page.locator(".ledger-filter button").focus()
    page.keyboard.press("Enter")
    page.wait_for_function(
        f"() => document.querySelector('output').textContent.startsWith('{len(every)} of')"
    )
    assert page.evaluate(SHOWN) == every


def test_an_order_moves_claims_with_their_checks(page):
    before = page.evaluate(SHOWN)
    choose(page, "order", "verdict")
    after = page.evaluate(SHOWN)
    assert after != before
    assert sorted(after) == sorted(before)
    first = page.locator("table.ledger").first.locator("tbody.claim")
    verdicts = [one.get_attribute("data-verdict") for one in first.all()]
    assert verdicts == sorted(verdicts)


def test_a_row_unfolds_its_checks_by_the_keyboard(page):
    summary = page.locator("#alrao-C1 summary")
    summary.focus()
    page.keyboard.press("Enter")
    inner = page.locator("#alrao-C1 table.ledger-inner")
    assert inner.first.is_visible()
    said = inner.first.inner_text()
    assert "control" in said
    assert "interval" in said


def test_a_claim_in_a_chapter_leads_to_its_row_and_back(chromium, address):
    page = open_page(chromium, address, "book/structure/alrao.html")
    page.locator("article a.claim-number", has_text="C11").first.click()
    page.wait_for_url("**/book/claims.html#alrao-C11")
    assert page.locator("#alrao-C11 details").get_attribute("open") is not None
    page.locator("#alrao-C11 a[href*='structure/alrao']").click()
    page.wait_for_url("**/book/structure/alrao.html#*")
    page.context.close()


def test_a_link_to_a_claim_that_is_filtered_away_shows_it(chromium, address):
    page = open_page(chromium, address, f"{NAME}?paper=preact#alrao-C1")
    assert page.locator("#alrao-C1").is_visible()
    page.context.close()


def test_on_a_telephone_a_row_is_a_card(chromium, address):
    page = open_page(chromium, address, viewport={"width": 390, "height": 800})
    cells = page.locator("#alrao-C1 > tr:first-child > td")
    boxes = [cell.bounding_box() for cell in cells.all()]
    tops = [box["y"] for box in boxes if box]
    assert tops == sorted(set(tops))
    assert all(box["x"] >= 0 and box["x"] + box["width"] <= 390 for box in boxes if box)
    page.context.close()


def test_on_a_telephone_a_sub_or_superscript_leaves_its_text_whole(chromium, address):
    page = open_page(chromium, address, viewport={"width": 390, "height": 800})
    parted = page.evaluate(
        """() => [...document.querySelectorAll("table.ledger > tbody > tr:first-child > td")]
        .filter((cell) => {
          const range = document.createRange();
          range.selectNodeContents(cell);
          const start = cell.getBoundingClientRect().left + 100; // what is left of it is the column's name
          return [...range.getClientRects()].some((box) => box.width && box.left < start);
        }).map((cell) => cell.textContent)"""
    )
    assert parted == []
    page.context.close()


def test_without_a_script_the_table_is_whole(chromium, address):
    page = open_page(chromium, address, java_script_enabled=False)
    assert page.locator(".ledger-filter").count() == 0
    assert page.locator("tbody.claim").count() > 30
    page.locator("#alrao-C1 summary").click()
    assert page.locator("#alrao-C1 table.ledger-inner").first.is_visible()
    page.context.close()
