from base64 import b64encode
from io import BytesIO

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output, new_raw_cell
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from startright.book.gate import complete, gate

FIGURE = {"mystnb": {"figure": {"caption": "A line."}, "image": {"alt": "A rising line."}}}


def png(after=b"", **options):
    buffer = BytesIO()
    Image.new("RGB", (4, 3), "red").save(buffer, "PNG", **options)
    return b64encode(buffer.getvalue() + after).decode()


def noted(text):
    note = PngInfo()
    note.add_text("Comment", text)
    return note


PNG = png()


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
        notebook(show("image/png", PNG), metadata=FIGURE),
        notebook(source="\n".join(["x = 1"] * 25)),
        notebook(source="found = 1\nif found:\n    draw(found)", metadata=FIGURE),
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
        (notebook(show("text/html", "<td>file:///x</td>")), "an absolute path"),
        (notebook(stream(" 50%|#####     | 1/2")), "a progress bar"),
        (notebook(show("text/plain", "<Axes at 0x7f92d7ecd080>")), "a memory address"),
        (notebook(show("application/vnd.jupyter.widget-view+json", {})), "a widget"),
        (notebook(source="\n".join(["x = 1"] * 26)), "26 lines"),
        (
            notebook(show("image/png", PNG), metadata={"mystnb": {"figure": {"caption": "A."}}}),
            "alternative text",
        ),
        (notebook(show("image/png", PNG), metadata={"mystnb": {"image": {"alt": "A."}}}), "without caption"),
        (notebook(source="_ = draw()\nplt.show()", metadata=FIGURE), "has a caption but shows no figure"),
    ],
)
def test_an_unfit_page_is_named_with_its_cell(page, message):
    [problem] = gate(page, "page")
    assert message in str(problem)
    assert (problem.cell, problem.cell_id) == (2, page.cells[2].id)


@pytest.mark.parametrize(
    ("mime", "content", "message"),
    [
        ("text/html", "<td>1</td><script>alert(1)</script>", "stores a tag <script> (text/html)"),
        ("text/html", "<td onclick='f()'>1</td>", "an attribute onclick= of <td>"),
        ("text/markdown", "**1** [a](javascript:f)", "a link to javascript:f (text/markdown)"),
        ("text/latex", "$\\href{x}{y}$", "a formula with \\href (text/latex)"),
        ("application/javascript", "f()", "of a kind that no page uses (application/javascript)"),
        ("application/json", {"a": 1}, "of a kind that no page uses (application/json)"),
        ("application/pdf", "aaaa", "of a kind that no page uses (application/pdf)"),
        ("image/gif", "aaaa", "of a kind that no page uses (image/gif)"),
        ("text/HTML", "<script>f()</script>", "of a kind that no page uses (text/HTML)"),
        ("text/x-script", "f()", "of a kind that no page uses (text/x-script)"),
        ("application/vnd.plotly.v1+json", {}, "of a kind that no page uses"),
        ("image/svg+xml", "<svg onload='f()'></svg>", "an attribute onload='f()' of <svg> (image/svg+xml)"),
        ("image/png", "aaaa", "a picture that is no PNG"),
        ("image/png", "a", "a picture that cannot be read"),
        ("image/png", "é", "a picture that cannot be read"),
        ("image/png", png(after=b"<script>"), "a picture that does not end where its file ends"),
        ("image/png", png(pnginfo=noted("hidden")), "a picture with something beside it (b'tEXt')"),
    ],
)
def test_an_output_that_does_or_hides_something_is_refused(mime, content, message):
    problems = gate(notebook(show(mime, content), metadata=FIGURE), "page")
    assert any(message in str(problem) for problem in problems), problems
    assert {problem.cell for problem in problems} == {2}


def test_what_neither_the_source_nor_the_seal_sees_is_refused():
    page = notebook()
    page.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    assert gate(page, "page") == []
    page.metadata["myst"] = {"html_meta": {"http-equiv=refresh": "0;url=x"}}
    page.cells[0]["attachments"] = {"a.png": {"image/png": PNG}}
    page.cells.append(new_raw_cell("<script>f()</script>", metadata={"format": "text/html"}))
    page.cells[2].outputs = [
        new_output("display_data", data={"text/plain": "1"}, metadata={"myst": {"x": 1}})
    ]
    said = [problem.message for problem in gate(page, "page")]
    assert len(said) == 4
    assert "cell 1 of 4" in said[0]
    assert "attachments (['a.png'])" in said[0]
    assert "cell 4 of 4" in said[1]
    assert "is raw" in said[1]
    assert "its metadata has 'myst'" in said[2]
    assert "an output with metadata" in said[3]


def test_a_large_page_is_named():
    [problem] = gate(notebook(show("text/plain", "a" * 1_100_000)), "page")
    assert str(problem) == "page: has 1.1 MB with outputs; a page has at most 1 MB"


def test_a_throw_away_run_need_only_be_complete():
    assert complete(notebook(stream("50%|", "stderr")), "page") == []
    assert complete(notebook(count=None), "page") != []
