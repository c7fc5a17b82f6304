import pytest

from startright.book import sections


@pytest.fixture
def status(executed):
    path = executed.root / "book/status.md"
    path.write_text("# Status\n\n<!-- generated:status -->\nold\n<!-- /generated:status -->\nend\n")
    return path


def test_regions_are_filled_and_the_rest_stays(executed, status):
    assert sections.write(executed.root) == [status]
    text = status.read_text()
    assert text.startswith("# Status\n\n<!-- generated:status -->\n")
    assert text.endswith("<!-- /generated:status -->\nend\n")
    assert "| [A small page](page.ipynb) | 20" in text
    assert "old" not in text
    assert sections.write(executed.root) == []
    assert sections.drift(executed.root) == []


def test_a_region_out_of_date_is_named(executed, status):
    [problem] = sections.drift(executed.root)
    assert problem.page == "book/status.md"
    assert "make refresh" in problem.message


def test_links_are_relative_to_the_file(executed):
    text = "<!-- generated:status -->\n<!-- /generated:status -->"
    assert "(book/page.ipynb)" in sections.fill(text, executed.root)


def test_an_unknown_region_is_refused(executed):
    with pytest.raises(ValueError, match="unknown generated section 'statsu': did you mean 'status'"):
        sections.fill("<!-- generated:statsu -->\n<!-- /generated:statsu -->", executed.root)


def test_a_page_that_never_ran_says_so(book):
    text = sections.fill("<!-- generated:status -->\n<!-- /generated:status -->", book.root)
    assert "| not yet run |" in text


def test_ledger_and_chapters_come_from_the_catalogue():
    from startright.book import catalogue
    from startright.paths import repository

    names = ("scoreboard", "chapters")
    text = "".join(f"<!-- generated:{name} -->\n<!-- /generated:{name} -->\n" for name in names)
    text = sections.fill(text, repository())
    for paper in catalogue.PAPERS:
        assert f"| {paper.title} | full |" in text
    for page in {claim.page for claim in catalogue.claims()}:
        assert f"(book/{page}.ipynb)" in text


def test_tally_counts_in_the_order_of_the_verdicts_with_kinds_and_outcomes():
    class Row:
        def __init__(self, verdict, outcome="", kind=""):
            self.verdict, self.outcome, self.kind = verdict, outcome or verdict, kind

    rows = [Row("not yet run"), Row("reproduced", kind="number"), Row("reproduced", kind="trend")]
    rows.append(Row("reproduced", kind="trend"))
    rows += [Row("other set-up", f"other set-up: {word} here") for word in ("holds", "fails", "fails")]
    assert sections.tally(rows) == (
        "3 reproduced (1 number, 2 trends), 3 other set-up (1 holds, 2 fails), 1 not yet run"
    )
    assert sections.tally([Row("other set-up")]) == "1 other set-up"
    assert sections.tally([Row("cannot be measured")]) == "1 cannot be measured"
    assert sections.tally([]) == "none"
