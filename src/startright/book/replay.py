"""nbval's own comparison of the runs that papermill has made: no kernel computes a page a second time.

``pytest -p startright.book.replay book/PAGE.ipynb`` makes each code cell a test, as ``pytest --nbval`` does.
Markers, sanitising, comparison and messages are nbval's; only its kernel is another: :class:`Recording`
answers with what the cell put out when ``startright book execute`` ran the page.
"""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell, IPyNbFile

from startright.book import gate, pair, seal
from startright.book.contents import Page
from startright.book.rerun import executed_path

_EXECUTE = "`startright book execute` runs it"


def to_compare(page: Page) -> tuple[NotebookNode, NotebookNode]:
    """The committed notebook of a page and a run of the same source, made here and apart from it.

    Args:
        page: the page.

    Returns:
        Both; every code cell of both has run.

    Raises:
        ValueError: there is nothing to compare; the message says which side lacks what, and the remedy.
    """
    path, name = executed_path(page), page.docname
    if not path.exists():
        raise ValueError(f"{name} was not executed here: {_EXECUTE}")
    if not seal.is_fresh(page, path):
        raise ValueError(f"what was executed of {name} is stale, or did not pass the gate: {_EXECUTE} again")
    committed, executed = pair.read(page.ipynb), pair.read(path)
    if seal.one_run(committed, executed):
        raise ValueError(f"the committed outputs of {name} are of this very run: {_EXECUTE} again")
    problems = [
        *gate.complete(committed, f"{name}, committed"),
        *gate.complete(executed, f"{name}, executed"),
        *seal.broken(executed, f"{name}, executed"),
    ]
    if problems:
        raise ValueError("\n".join(map(str, problems)))
    if _sources(committed) != _sources(executed):
        raise ValueError(f"{name} was executed from other cells than are committed: `make refresh` mends it")
    return committed, executed


def _sources(notebook: NotebookNode) -> list[tuple[str | None, str]]:
    return [(cell.get("id"), cell.source) for _, cell in pair.code_cells(notebook)]


class Recording:
    """In place of nbval's kernel: gives the messages that a kernel sent when a cell was executed.

    Args:
        cells: the code cells as they were executed.
    """

    def __init__(self, cells: list[NotebookNode]) -> None:
        self.cells = cells
        self.next = 0
        self._ids = count()
        self._waiting: Iterator[dict] = iter(())

    def is_alive(self) -> bool:
        """Always: there is nothing to die."""
        return True

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> str:
        """Takes up the cell numbered ``next``, whatever is asked for; gives the id of the request."""
        request = str(next(self._ids))
        self._waiting = _messages(self.cells[self.next], request)
        return request

    def get_message(self, stream: str, timeout: float | None = None) -> dict:
        """The next of the messages."""
        return next(self._waiting)

    def await_reply(self, msg_id: str, timeout: float | None = None) -> None:
        """Nothing to wait for."""

    def await_idle(self, parent_id: str, timeout: float | None = None) -> None:
        """Nothing to wait for."""

    def stop(self) -> None:
        """Nothing to stop."""


def _messages(cell: NotebookNode, request: str) -> Iterator[dict]:
    """What a kernel sends for a cell: its outputs, whose fields are those of the messages, then "idle"."""
    ends = NotebookNode(output_type="status", execution_state="idle")
    for output in [*cell.outputs, ends]:
        yield {"msg_type": output.output_type, "content": output, "parent_header": {"msg_id": request}}


class ReplayedPage(IPyNbFile):
    """A committed notebook, held against its executed copy."""

    def collect(self) -> Iterator["ReplayedCell"]:
        """A test for each code cell.

        Raises:
            CollectError: there is nothing to compare it with.
        """
        try:
            _, executed = to_compare(_page(self.path))
        except ValueError as error:
            raise self.CollectError(str(error)) from error
        self.kernel = Recording([cell for _, cell in pair.code_cells(executed)])
        for item in super().collect():
            yield ReplayedCell.from_parent(
                self, name=item.name, cell_num=item.cell_num, cell=item.cell, options=item.options
            )

    def setup(self) -> None:
        """What nbval does before the first cell, without the kernel."""
        self.setup_sanitize_files()


class ReplayedCell(IPyNbCell):
    """A code cell; nbval runs it as ever."""

    def runtest(self) -> None:
        """Compares what was committed with what the cell of the same number put out."""
        self.parent.kernel.next = self.cell_num
        super().runtest()


def _page(path: Path) -> Page:
    root = next((folder for folder in path.parents if (folder / "_toc.yml").is_file()), path.parent)
    return Page(root, path.relative_to(root).with_suffix("").as_posix())


def pytest_configure(config: pytest.Config) -> None:
    """Refuses ``--nbval`` beside it: each page would be collected twice over.

    Raises:
        UsageError: it is given.
    """
    if config.option.nbval or config.option.nbval_lax:
        raise pytest.UsageError("startright.book.replay compares without kernels: leave --nbval away")


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ReplayedPage | None:
    """Takes up notebooks."""
    return ReplayedPage.from_parent(parent, path=file_path) if file_path.suffix == ".ipynb" else None
