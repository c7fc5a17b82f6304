"""Running pages: the reader's way leaves the tree alone, the maintainer's writes back, byte by byte."""

from pathlib import Path

import pytest

from startright.book import pair
from startright.book.execute import PageError, environment, execute
from startright.book.full import run_full
from startright.book.refresh import refresh, write_back
from startright.book.rerun import Rerun, _at_once, executed_path, rerun
from startright.book.seal import is_fresh


@pytest.fixture
def lines():
    return []


def snapshot(page):
    files = [path for path in page.root.rglob("*") if path.is_file() and "_build" not in path.parts]
    return {path: path.read_bytes() for path in files}


def test_a_refresh_writes_the_notebook(executed):
    notebook = pair.read(executed.ipynb)
    assert pair.drift(executed) == []
    assert [cell.execution_count for _, cell in pair.code_cells(notebook)] == [1, 2, 3]
    assert "image/png" in notebook.cells[3].outputs[0].data
    assert "papermill" not in executed.ipynb.read_text()


def test_a_fresh_page_is_not_run_again(executed, lines, monkeypatch):
    monkeypatch.setattr("startright.book.rerun.execute", lambda *_: pytest.fail("was run"))
    before = snapshot(executed)
    assert rerun([executed], lines.append) == Rerun()
    assert refresh([executed], lines.append) == []
    assert lines == []
    assert snapshot(executed) == before


def test_the_committed_run_itself_is_executed_again_to_compare_with(executed, lines, monkeypatch):
    ran = []
    monkeypatch.setattr("startright.book.rerun.run", lambda page, out: ran.append(page.docname) or [])
    rerun([executed], lines.append, apart=True)
    assert ran == ["book/page"]
    notebook = pair.read(executed.ipynb)
    notebook.metadata.startright.run = "another"
    pair.write(notebook, executed.ipynb)
    rerun([executed], lines.append, apart=True)
    assert ran == ["book/page"]


def test_a_refresh_takes_over_what_the_reader_ran(executed, lines, monkeypatch):
    monkeypatch.setattr("startright.book.rerun.execute", lambda *_: pytest.fail("was run"))
    before = executed.ipynb.read_text()
    executed.ipynb.unlink()
    assert refresh([executed], lines.append) == []
    assert executed.ipynb.read_text() == before


def test_another_number_is_reported_and_nothing_is_written(executed, lines):
    notebook = pair.read(executed.ipynb)
    notebook.cells[2].outputs[0].text = "mean 0.812 over 3 seeds, quick\n"
    pair.write(notebook, executed.ipynb)
    before = snapshot(executed)
    result = rerun([executed], lines.append)
    [difference] = result.differences
    assert (difference.page, difference.cell, difference.kind) == ("book/page", 2, "exact")
    assert "'0.512' in this run, '0.812' in the reference" in str(difference)
    assert result.problems == []
    assert result.stopping == [difference]
    assert "1 differs" in result.summary()
    assert snapshot(executed) == before


def test_the_first_run_of_a_page_has_nothing_to_compare_with(executed, lines):
    executed.ipynb.unlink()
    assert rerun([executed], lines.append) == Rerun()
    assert any("no committed outputs" in line for line in lines)
    assert not executed.ipynb.exists()


def test_a_failing_page_is_named_and_not_written(book, lines):
    book.py.write_text(
        book.py.read_text().replace('print("mean', 'raise ZeroDivisionError("no")\nprint("mean')
    )
    before = snapshot(book)
    problems = refresh([book], lines.append)
    assert (problems[0].cell, problems[0].message) == (
        2,
        "ends in an error: ZeroDivisionError: no",
    )
    assert (problems[1].cell, problems[1].message) == (3, "was not executed")
    assert snapshot(book) == before
    assert lines[0] == "executing 1 page: book/page"


def test_a_killed_kernel_is_a_problem_of_its_page(book, lines):
    book.py.write_text(book.py.read_text().replace('print("mean', 'import os\n\nos._exit(3)\nprint("mean'))
    [problem] = rerun([book], lines.append).problems
    assert "did not run to its end" in problem.message


def test_a_run_with_parameters_is_a_throw_away(book, lines, capfd):
    before = snapshot(book)
    assert run_full([book], "full", "cpu", lines.append) == []
    copy = pair.read(book.root / "_build/full/book/page.ipynb")
    assert any("mean 0.512 over 3 seeds, full" in str(cell.get("outputs")) for cell in copy.cells)
    assert snapshot(book) == before


def test_a_page_without_parameters_has_no_full_run(book, lines):
    book.py.write_text(book.py.read_text().replace(' tags=["parameters"]', ""))
    assert run_full([book], "full", "cpu", lines.append) == []
    assert lines == []


def test_writing_back_refuses_another_source(executed):
    path = executed_path(executed)
    executed.py.write_text(executed.py.read_text() + "# more\n")
    with pytest.raises(ValueError, match=r"book/page\.py changed while"):
        write_back(executed, path)


def test_papermill_missing_is_said(book, monkeypatch):
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(PageError, match="book/page did not run to its end: exit code 1"):
        execute(book, book.root / "_build/x.ipynb")


def test_the_kernel_sees_no_gpu_and_no_foreign_backend(monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "Agg")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    settings = environment()
    assert "MPLBACKEND" not in settings
    assert settings["CUDA_VISIBLE_DEVICES"] == ""
    assert environment(hide_gpu=False)["CUDA_VISIBLE_DEVICES"] == "1"


@pytest.mark.parametrize(("threads", "pages"), [(None, 8), ("2", 4), ("16", 1), ("odd", 8)])
def test_pages_side_by_side_do_not_share_a_core(monkeypatch, threads, pages):
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if threads is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
    assert _at_once() == pages


def test_a_page_whose_halves_differ_is_named_and_not_run(executed, lines, monkeypatch):
    monkeypatch.setattr("startright.book.rerun.execute", lambda *_: pytest.fail("was run"))
    executed.py.write_text(executed.py.read_text().replace("0.512", "0.513"))
    [problem] = rerun([executed], lines.append).problems
    assert "the .py and the .ipynb differ: `make refresh` brings them in step" in problem.message


def test_a_run_that_was_killed_does_not_pass_for_a_fresh_one(executed, lines, monkeypatch):
    path = executed_path(executed)
    path.unlink()

    def killed(command, **_):  # papermill has saved what it had, and is gone
        plan, out = (Path(command[k]) for k in (3, 4))
        out.write_bytes(plan.read_bytes())
        raise KeyboardInterrupt

    monkeypatch.setattr("subprocess.run", killed)
    with pytest.raises(KeyboardInterrupt):
        rerun([executed], lines.append)
    assert path.exists()
    assert not is_fresh(executed, path)
