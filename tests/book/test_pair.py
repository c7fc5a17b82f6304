import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from startright.book import pair
from startright.book.contents import Page
from startright.paths import repository


def test_the_template_and_its_header_survive_jupytext():
    assert len(pair.source(Page(repository(), "book/chapter_template")).cells) > 10


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# %%\nprint", "#%%\nprint"),
        ('"caption": "A line.", "name": "fig-line"', '"name": "fig-line", "caption": "A line."'),
        ("#     formats", "#     text_representation: {jupytext_version: 1.19.6}\n#     formats"),
    ],
)
def test_a_page_that_jupytext_would_write_differently_is_refused(book, old, new):
    book.py.write_text(book.py.read_text().replace(old, new))
    with pytest.raises(ValueError, match=r"book/page\.py, line \d+: jupytext would write"):
        pair.source(book)


def test_a_page_without_source(book):
    book.py.unlink()
    with pytest.raises(FileNotFoundError, match=r"book/page has no \.py"):
        pair.source(book)


def test_merging_keeps_cell_ids_and_outputs(executed):
    before = pair.read(executed.ipynb)
    executed.py.write_text(executed.py.read_text() + "\n# %%\nnew = 1\n")
    after = pair.merged(executed)
    assert [cell.id for cell in after.cells[: len(before.cells)]] == [cell.id for cell in before.cells]
    assert after.cells[2].outputs == before.cells[2].outputs != []


def test_a_pair_in_step_has_no_drift(executed):
    assert pair.drift(executed) == []


@pytest.mark.parametrize(
    ("old", "new", "cell"),
    [("0.512", "0.513", 2), ('"A line."', '"Another line."', 3), ('DEVICE = "cpu"', 'DEVICE = "auto"', 1)],
)
def test_drift_names_the_cell(executed, old, new, cell):
    executed.py.write_text(executed.py.read_text().replace(old, new))
    [problem] = pair.drift(executed)
    assert (problem.page, problem.cell) == ("book/page", cell)
    assert "make refresh" in problem.message


def test_a_further_cell_is_drift(executed):
    executed.py.write_text(executed.py.read_text() + "\n# %%\nnew = 1\n")
    [problem] = pair.drift(executed)
    assert "5 and 4 cells" in problem.message


def test_a_missing_notebook_is_drift(book):
    [problem] = pair.drift(book)
    assert "make refresh" in problem.message


def test_what_is_no_notebook_is_named(book):
    book.ipynb.write_text("{}")
    with pytest.raises(ValueError, match=r"page\.ipynb is not a notebook"):
        pair.read(book.ipynb)


def test_nothing_of_the_tools_is_kept():
    ran = new_notebook(cells=[new_code_cell("1")])
    ran.cells[0].metadata["papermill"] = {"duration": 1}
    ran.cells[0].outputs = [new_output("display_data", data={"text/plain": "1"}, metadata={"papermill": 1})]
    kept = pair.with_outputs(new_notebook(cells=[new_code_cell("1")]), ran)
    assert kept.cells[0].metadata == {}
    assert kept.cells[0].outputs[0].metadata == {}


def test_new_outputs_do_not_keep_the_seal_of_the_old(executed):
    from startright.book.seal import facts

    before = pair.read(executed.ipynb)
    assert facts(before)
    assert facts(pair.merged(executed)) == {}
    assert facts(pair.with_outputs(pair.merged(executed), before)) == {}
