import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from startright.notebooks.gate import complete, gate

FIGURE = {"mystnb": {"figure": {"caption": "A line."}, "image": {"alt": "A rising line."}}}


def notebook(*outputs, source="x", metadata=None, count=2):
    cells = [new_markdown_cell("text"), new_code_cell("1", execution_count=1)]
    cells.append(new_code_cell(source, execution_count=count, outputs=list(outputs), metadata=metadata or {}))
    return new_notebook(cells=cells)


def show(mime, text):
    return new_output("display_data", data={mime: text})


def stream(text, name="stdout"):
    return new_output("stream", name=name, text=text)


@pytest.mark.parametrize(
    "page",
    [
        notebook(stream("mean 0.5 ± 0.1, n/m, 3/5, a/b/c, https://example.org/home/x\n")),
        notebook(show("image/png", "aaaa"), metadata=FIGURE),
        notebook(source="\n".join(["x = 1"] * 25)),
    ],
)
def test_a_fit_page_passes(page):
    assert gate(page, "page") == []


@pytest.mark.parametrize(
    ("page", "message"),
    [
        (notebook(count=None), "was not executed"),
        (notebook(count=5), "out of order"),
        (notebook(new_output("error", ename="NameError", evalue="y", traceback=[])), "error: NameError: y"),
        (notebook(stream("careful", "stderr")), "stderr: careful"),
        (notebook(stream("read /home/me/x.csv")), "an absolute path: '/home/me"),
        (notebook(show("text/html", "<a href='file:///x'>")), "an absolute path"),
        (notebook(stream(" 50%|#####     | 1/2")), "a progress bar"),
        (notebook(show("text/plain", "<Axes at 0x7f92d7ecd080>")), "a memory address"),
        (notebook(show("application/vnd.jupyter.widget-view+json", {})), "a widget"),
        (notebook(source="\n".join(["x = 1"] * 26)), "26 lines"),
        (
            notebook(show("image/png", "aa"), metadata={"mystnb": {"figure": {"caption": "A."}}}),
            "alternative text",
        ),
        (notebook(show("image/png", "aa"), metadata={"mystnb": {"image": {"alt": "A."}}}), "without caption"),
    ],
)
def test_an_unfit_page_is_named_with_its_cell(page, message):
    [problem] = gate(page, "page")
    assert message in str(problem)
    assert (problem.cell, problem.cell_id) == (2, page.cells[2].id)


def test_a_large_page_is_named():
    [problem] = gate(notebook(show("image/png", "a" * 1_100_000), metadata=FIGURE), "page")
    assert str(problem) == "page: has 1.1 MB with outputs; a page has at most 1 MB"


def test_a_throw_away_run_need_only_be_complete():
    assert complete(notebook(stream("50%|", "stderr")), "page") == []
    assert complete(notebook(count=None), "page") != []
