"""The tampering: whatever is done to a committed page, `startright check` names the cell, or a rerun does."""

from base64 import b64encode
from io import BytesIO

import pytest
from nbformat.v4 import new_output
from PIL import Image

from startright.book import pair
from startright.book.checks import check, stale_pages
from startright.book.rerun import rerun
from startright.book.seal import facts, fingerprint, seal


def tamper(page, change):
    notebook = pair.read(page.ipynb)
    change([cell for cell in notebook.cells if cell.cell_type == "code"])
    pair.write(notebook, page.ipynb)


def number(cells):
    cells[1].outputs[0].text = cells[1].outputs[0].text.replace("0.512", "0.511")


def error(cells):
    cells[1].outputs = [new_output("error", ename="ValueError", evalue="no", traceback=[])]


def unexecuted(cells):
    cells[1].execution_count, cells[1].outputs = None, []


def emptied(cells):
    cells[1].outputs = []


def order(cells):
    cells[1].execution_count = 7


def source(cells):
    cells[1].source += "\nprint(1)"


def alt(cells):
    cells[2].metadata["mystnb"].pop("image")


def image(cells):
    cells[2].outputs[0].data["image/png"] = drawn("red")


def drawn(colour):
    buffer = BytesIO()
    Image.new("RGB", (1, 1), colour).save(buffer, "PNG")
    return b64encode(buffer.getvalue()).decode()


def sealed(page, change):
    """Tampering by someone who knows the seal and renews it."""
    tamper(page, change)
    notebook = pair.read(page.ipynb)
    known = facts(notebook)
    known.pop("cells")
    seal(notebook, **known)
    pair.write(notebook, page.ipynb)


def script(cells):
    cells[1].outputs.append(new_output("display_data", data={"text/html": "<td>1</td><script>f()</script>"}))


def odd(cells):
    cells[1].outputs.append(new_output("display_data", data={"application/x-thing": "1"}))


def beside(cells):
    cells[2].outputs[0].data["text/html"] = "<b>another figure</b>"


def twice(cells):
    cells[2].outputs.append(cells[2].outputs[0])


def none(cells):
    cells[2].outputs = []


def large(cells):
    cells[1].outputs = [new_output("stream", text="a" * 1_100_000)]


def test_an_untouched_page_passes(executed):
    assert check(executed.root) == []
    assert stale_pages(executed.root) == []


@pytest.mark.parametrize(
    ("change", "cell", "message"),
    [
        (number, 2, "changed by hand"),
        (emptied, 2, "changed by hand"),
        (error, 2, "ends in an error: ValueError: no"),
        (unexecuted, 2, "was not executed"),
        (order, 2, "out of order"),
        (source, 2, "differ"),
        (alt, 3, "without alternative text"),
        (image, 3, "changed by hand"),
        (large, None, "1.1 MB"),
    ],
)
def test_tampering_is_found_and_named(executed, change, cell, message):
    tamper(executed, change)
    problems = check(executed.root)
    assert any(message in problem.message and problem.cell == cell for problem in problems), problems
    assert {problem.cell for problem in problems} <= {None, cell, 2}


@pytest.mark.parametrize(
    ("change", "message"),
    [(script, "stores a tag <script> (text/html)"), (odd, "no page uses (application/x-thing)")],
)
def test_what_acts_is_refused_under_a_renewed_seal(executed, change, message):
    sealed(executed, change)
    [problem] = check(executed.root)
    assert message in problem.message
    assert problem.cell == 2


def test_an_attachment_is_refused_under_a_renewed_seal(executed):
    notebook = pair.read(executed.ipynb)
    notebook.cells[0]["attachments"] = {"a.svg": {"image/svg+xml": "<svg/>"}}
    pair.write(notebook, executed.ipynb)
    [problem] = check(executed.root)
    assert "attachments (['a.svg'])" in problem.message


@pytest.mark.parametrize(
    ("change", "kind", "cell"),
    [
        (number, "exact", 2),
        (emptied, "exact", 2),
        (image, "figure", 3),
        (beside, "exact", 3),
        (twice, "exact", 3),
        (none, "exact", 3),
    ],
)
def test_a_renewed_seal_does_not_hide_from_a_rerun(executed, change, kind, cell):
    assert rerun([executed], lambda line: None).stopping == []
    sealed(executed, change)
    found = [problem.message for problem in check(executed.root)]
    assert [message for message in found if "shows no figure" not in message] == []
    [difference] = rerun([executed], lambda line: None).stopping
    assert (difference.kind, difference.cell) == (kind, cell)


def test_a_drifted_source_is_found_and_stale(executed):
    executed.py.write_text(executed.py.read_text().replace("0.512", "0.510"))
    assert [problem.cell for problem in check(executed.root)] == [2]
    assert stale_pages(executed.root) == [executed]


def test_outputs_from_no_recorded_run_are_refused(executed):
    notebook = pair.read(executed.ipynb)
    del notebook.metadata["startright"]
    pair.write(notebook, executed.ipynb)
    [problem] = check(executed.root)
    assert "no recorded run" in problem.message


def test_a_notebook_that_cannot_be_read_is_one_problem(executed):
    executed.ipynb.write_text("{")
    [problem] = check(executed.root)
    assert "is not a notebook" in problem.message


def test_a_missing_notebook_is_one_problem(executed):
    executed.ipynb.unlink()
    [problem] = check(executed.root)
    assert "make refresh" in problem.message


def test_the_seal_holds_what_the_status_page_needs(executed):
    sealed = facts(pair.read(executed.ipynb))
    assert {"key", "seconds", "device", "date", "torch", "startright", "python", "cells", "run"} == set(
        sealed
    )
    assert len(sealed["cells"]) == 3


def test_a_fingerprint_sees_every_output(executed):
    cell = pair.read(executed.ipynb).cells[2]
    before = fingerprint(cell)
    cell.execution_count = 9
    assert fingerprint(cell) == before
    cell.outputs.append(new_output("stream", text=""))
    assert fingerprint(cell) != before
