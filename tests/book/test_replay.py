"""nbval's comparison of executed pages finds what nbval finds; nothing passes for want of outputs."""

import re

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

from startright.book import pair, replay, seal
from startright.book.rerun import executed_path


class Reports:
    """The verdicts of an inner pytest, by the name of the test, with their messages."""

    def __init__(self):
        self.verdicts, self.refused = {}, []

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.failed:
            self.verdicts[report.nodeid.rpartition("::")[2]] = report.outcome, plain(report)

    def pytest_collectreport(self, report):
        self.refused += [plain(report)] if report.failed else []


def plain(report):
    return re.sub(r"\x1b\[\d+m", "", str(report.longrepr or ""))


def judged(path, *options):
    """Cell by cell, what an inner pytest says of a notebook; with the sentences of refused ones."""
    reports = Reports()
    inside = ["-c", "/dev/null", f"--rootdir={path.parent}", "-p", "no:cacheprovider", "-q"]
    code = pytest.main([*inside, *options, str(path)], plugins=[reports])
    failed = [verdict for verdict, _ in reports.verdicts.values() if verdict == "failed"]
    assert (code != 0) == bool(reports.refused or failed)
    return reports.verdicts, reports.refused


REPLAY = ("-p", "startright.book.replay")


@pytest.fixture
def apart(executed):
    """A page with a committed and an executed notebook, of two runs."""
    change(executed.ipynb, lambda notebook: notebook.metadata.startright.update(run="committed"))
    return executed


def change(path, by, sealed=True):
    notebook = pair.read(path)
    by(notebook)
    if sealed:
        seal.seal(notebook, **{name: fact for name, fact in seal.facts(notebook).items() if name != "cells"})
    pair.write(notebook, path)


def print_other(notebook):
    notebook.cells[2].outputs[0].text = "mean 0.812 over 3 seeds, quick\n"


def test_every_cell_is_a_test(apart):
    verdicts, refused = judged(apart.ipynb, *REPLAY)
    assert verdicts == {f"Cell {k}": ("passed", "") for k in range(3)}
    assert refused == []


@pytest.mark.parametrize("side", ["committed", "executed"])
def test_a_tampered_output_is_found_on_either_side(apart, side):
    change(apart.ipynb if side == "committed" else executed_path(apart), print_other)
    verdicts, _ = judged(apart.ipynb, *REPLAY)
    assert [verdicts[f"Cell {k}"][0] for k in range(3)] == ["passed", "failed", "passed"]
    message = verdicts["Cell 1"][1]
    assert "Cell outputs differ" in message
    assert "mismatch 'stdout'" in message
    assert "0.512" in message
    assert "0.812" in message


def drop_outputs(notebook):
    for _, cell in pair.code_cells(notebook):
        cell.outputs, cell.execution_count = [], None


def other_cell(notebook):
    notebook.cells[1].source += "\n# more"


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda page, run: run.unlink(), "was not executed here: `startright book execute` runs it"),
        (lambda page, run: page.py.write_text(page.py.read_text() + "x = 1\n"), "is stale"),
        (lambda page, run: change(run, lambda n: n.metadata.pop("startright"), sealed=False), "is stale"),
        (lambda page, run: change(run, print_other, sealed=False), "executed: code cell 2 .* by hand"),
        (lambda page, run: change(run, drop_outputs), "executed: code cell 1 .*: was not executed"),
        (lambda page, run: change(page.ipynb, drop_outputs), "committed: code cell 1 .*: was not executed"),
        (lambda page, run: change(page.ipynb, other_cell), "executed from other cells than are committed"),
        (lambda page, run: page.ipynb.write_bytes(run.read_bytes()), "are of this very run"),
    ],
)
def test_what_cannot_be_compared_is_refused(apart, break_it, said):
    break_it(apart, executed_path(apart))
    with pytest.raises(ValueError, match=said):
        replay.to_compare(apart)


def test_a_refusal_is_one_sentence_and_no_test(apart):
    executed_path(apart).unlink()
    verdicts, refused = judged(apart.ipynb, *REPLAY)
    assert verdicts == {}
    assert refused == ["book/page was not executed here: `startright book execute` runs it"]


def test_beside_nbval_it_is_refused(apart):
    assert (
        pytest.main([*REPLAY, "--nbval", "-c", "/dev/null", str(apart.ipynb)]) == pytest.ExitCode.USAGE_ERROR
    )


# source, outputs as committed (None: as executed), tags
SHOW = "display({'text/plain': 'shown', 'text/html': '<b>shown</b>'}, raw=True)"
CELLS = [
    ("print('same')", None, ()),
    ("import sys\nprint('a'); print('b', file=sys.stderr); print('c')", None, ()),
    ("print('new')", [new_output("stream", name="stdout", text="old\n")], ()),
    ("print('new')", [new_output("stream", name="stderr", text="new\n")], ()),
    ("print('on torch 2.9')", [new_output("stream", name="stdout", text="on torch 2.11\n")], ()),
    ("1 + 1", None, ()),
    ("1 + 1", [new_output("execute_result", data={"text/plain": "3"}, execution_count=1)], ()),
    ("1 + 1", [], ()),  # an output too many
    (
        "x = 1",
        [new_output("execute_result", data={"text/plain": "1"}, execution_count=1)],
        (),
    ),  # one too few
    (SHOW, None, ()),
    (SHOW, [new_output("display_data", data={"text/plain": "shown", "text/html": "<i>shown</i>"})], ()),
    (SHOW, [new_output("display_data", data={"text/plain": "shown"})], ()),
    ("display(1, 2)", [new_output("display_data", data={"text/plain": "1"})], ()),
    ("print('other')", [new_output("stream", name="stdout", text="old\n")], ("nbval-ignore-output",)),
    ("print('other')", [new_output("stream", name="stdout", text="old\n")], ("nbval-skip",)),
    ("1 / 0", None, ()),
    ("1 / 0", None, ("raises-exception",)),
    ("1 / 0", [new_output("error", ename="ValueError", evalue="no", traceback=[])], ("raises-exception",)),
    ("# NBVAL_IGNORE_OUTPUT\nprint('other')", [], ()),
    ("print('not run')", "unrun", ()),
]


@pytest.fixture(scope="module")
def of_every_kind(tmp_path_factory):
    """A notebook as committed, and as executed, with each kind of difference."""
    from nbclient import NotebookClient

    folder = tmp_path_factory.mktemp("kinds")
    cells = [new_code_cell(source, metadata={"tags": list(tags)}) for source, _, tags in CELLS]
    executed = NotebookClient(new_notebook(cells=cells), allow_errors=True, kernel_name="python3").execute()
    pair.write(executed, folder / "executed.ipynb")
    committed = pair.read(folder / "executed.ipynb")
    for cell, (_, outputs, _) in zip(committed.cells, CELLS, strict=True):
        if outputs == "unrun":
            cell.execution_count, cell.outputs = None, []
        elif outputs is not None:
            cell.outputs = outputs
    pair.write(committed, folder / "page.ipynb")
    (folder / "sanitize.cfg").write_text("[machine]\nregex: torch \\d+\\.\\d+\nreplace: torch X\n")
    return folder


def test_the_verdicts_and_messages_are_those_of_nbval(of_every_kind, monkeypatch):
    sanitize = f"--nbval-sanitize-with={of_every_kind / 'sanitize.cfg'}"
    page = of_every_kind / "page.ipynb"
    theirs, _ = judged(page, "--nbval", sanitize)
    monkeypatch.setattr(replay, "to_compare", lambda _: (None, pair.read(of_every_kind / "executed.ipynb")))
    ours, _ = judged(page, *REPLAY, sanitize)
    assert {name: verdict for name, (verdict, _) in theirs.items()} == {
        name: verdict for name, (verdict, _) in ours.items()
    }
    failed = {k for k in range(len(CELLS)) if theirs[f"Cell {k}"][0] == "failed"}
    assert failed == {2, 3, 6, 7, 8, 10, 11, 12, 15, 17}
    assert theirs["Cell 14"][0] == "skipped"
    for name in theirs:
        if name != "Cell 15":  # a traceback counts the cells that ran before
            assert ours[name] == theirs[name]
