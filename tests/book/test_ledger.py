"""The three stored tables of a paper as one, a row a claim."""

import pytest
from bs4 import BeautifulSoup

from startright import claims
from startright.book import catalogue, ledger

CELL = '<div class="cell"><div class="cell_input">claims.{call}</div><div>{table}</div></div>'


def stored(paper, rows, drop=()):
    """What the notebook of the ledger shows of a paper."""
    tables = {
        f'table(catalogue.rows("{paper}"))': claims.table(rows).drop(columns=list(drop)),
        f'checks_table(catalogue.rows("{paper}"))': claims.checks_table(rows),
        f'changes_table(catalogue.claims("{paper}"))': claims.changes_table([row.claim for row in rows]),
    }
    cells = (CELL.format(call=call, table=table._repr_html_()) for call, table in tables.items())
    return BeautifulSoup("<section>" + "".join(cells) + "</section>", "html.parser")


@pytest.fixture(scope="module")
def rows():
    return catalogue.rows("alrao", "quick")


@pytest.fixture(scope="module")
def page(rows):
    soup = stored("alrao", rows)
    assert ledger.reshape(soup)
    return soup


def test_every_claim_has_an_address(page, rows):
    assert [claim["id"] for claim in page.select("tbody.claim")] == [f"alrao-{row.claim.id}" for row in rows]


def test_a_row_holds_all_its_checks_and_changes(page, rows):
    for row in rows:
        inner = page.find(id=f"alrao-{row.claim.id}").select("table.ledger-inner tbody tr")
        checks = row.measurement.checks if row.measurement else ()
        assert len(inner) == len(checks) + len(row.claim.changes)
        for line, check in zip(inner, checks, strict=False):
            said = " ".join(line.get_text(" ").split())
            assert check.answer in said
            assert (check.control or "no wrong method") in said


def test_nothing_of_a_check_is_lost(page, rows):
    for check in (check for row in rows if row.measurement for check in row.measurement.checks):
        for word in check.text.replace("(", " ").replace(")", " ").replace(";", " ").split():
            assert word.strip(":=") in page.get_text()


def test_a_verdict_is_a_word_and_a_filter(page, rows):
    for row in rows:
        claim = page.find(id=f"alrao-{row.claim.id}")
        assert claim.select_one(".verdict").get_text() == row.outcome
        assert claim["data-verdict"] == row.verdict
        assert (claim["data-paper"], claim["data-profile"]) == ("alrao", "quick")


def test_the_code_stays_and_the_three_tables_go(page):
    assert len(page.select("details.ledger-code .cell_input")) == 3
    assert len(page.select("table.ledger")) == 1
    assert not page.select("table.dataframe")


def test_a_column_that_is_missing_is_an_error(rows):
    with pytest.raises(KeyError, match="quantity"):
        ledger.reshape(stored("alrao", rows, drop=["quantity"]))


def test_another_page_stays_as_it_is():
    text = '<div class="cell"><div class="cell_input">f()</div><table><tr><td>1</td></tr></table></div>'
    page = BeautifulSoup(text, "html.parser")
    assert not ledger.reshape(page)
    assert str(page) == text
