from nbformat.v4 import new_code_cell, new_notebook, new_output

from startright.book.compare import Difference
from startright.book.contents import Page
from startright.book.marks import mark, marked_path, note
from startright.book.pair import read, write

FAR = Difference("book/page", 2, None, "measured", "Alrao, loss", "0.31 ± 0.1 (n = 5)", "0.08", 6.2)
OTHER = Difference("book/other", 1, None, "exact", "printed", "1", "2")


def executed(tmp_path):
    cells = [new_code_cell(str(k), outputs=[new_output("stream", text=f"{k}\n")]) for k in (1, 2, 3)]
    path = tmp_path / "_build/pages/book/page.ipynb"
    write(new_notebook(cells=cells), path)
    return Page(tmp_path, "book/page"), path


def test_a_difference_is_noted_below_its_cell_in_a_copy(tmp_path):
    page, path = executed(tmp_path)
    before = path.read_bytes()
    copy = mark(page, path, [FAR, OTHER])
    assert copy == marked_path(page)
    assert path.read_bytes() == before
    notes = [[o.data["text/markdown"] for o in cell.outputs if "data" in o] for cell in read(copy).cells]
    assert [len(each) for each in notes] == [0, 1, 0]
    assert (
        "Alrao, loss: 0.31 ± 0.1 (n = 5) in this run, 0.08 in the reference (6.2 standard errors)"
        in notes[1][0]
    )
    assert "Farther from the reference than chance allows" in notes[1][0]


def test_a_page_that_agrees_is_not_copied(tmp_path):
    page, path = executed(tmp_path)
    assert mark(page, path, [OTHER]) == path
    assert not marked_path(page).exists()


def test_a_figure_is_named_and_what_others_wrote_does_nothing():
    figure = Difference("book/page", 1, None, "figure", "figure", "2.0 times as far from it", "another")
    assert "Another figure than the reference" in note([figure]).data["text/markdown"]
    hostile = Difference(
        "book/page", 3, None, "exact", "<script>", "{raw}`html`", "a\n:::\n[b](javascript:c)"
    )
    text = note([hostile]).data["text/markdown"]
    assert "&lt;script&gt;: \\{raw\\}\\`html\\` in this run, a \\:\\:\\: \\[b\\](javascript:c) in" in text
    assert [line for line in text.splitlines() if ":::" in line] == [":::{admonition} On this machine", ":::"]
