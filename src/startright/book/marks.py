"""Differences shown where they are: a note below the output, in the copy that the HTML is built from."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from nbformat import NotebookNode
from nbformat.v4 import new_output

from startright.book.compare import Difference
from startright.book.contents import Page
from startright.book.pair import code_cells, read, write
from startright.escape import markdown

TITLE = {
    "exact": "This should be the same everywhere",
    "figure": "Another figure than the reference",
    "measured": "Farther from the reference than chance allows",
    "sign": "The reference says the opposite",
    "finite": "A run diverged on one machine and not on the other",
    "verdict": "Another verdict than in the reference",
}


def marked_path(page: Page) -> Path:
    """Where the copy with notes lies."""
    return page.root / "_build" / "marked" / f"{page.docname}.ipynb"


def note(differences: Sequence[Difference]) -> NotebookNode:
    """An output that says what differs in a cell."""
    lines = [":::{admonition} On this machine", ":class: caution"]
    for kind, title in TITLE.items():
        said = [f"- {markdown(each.said)}" for each in differences if each.kind == kind]
        lines += ["", f"**{title}.**", "", *said] if said else []
    return new_output("display_data", data={"text/markdown": "\n".join([*lines, ":::"])})


def mark(page: Page, executed: Path, differences: Iterable[Difference]) -> Path:
    """Writes the executed page with a note below every cell that differs.

    Args:
        page: the page.
        executed: its run on this machine.
        differences: where it differs; those of other pages are left out.

    Returns:
        The path of the copy; that of the run itself where nothing differs.
    """
    own = [each for each in differences if each.page == page.docname]
    if not own:
        return executed
    notebook = read(executed)
    for number, cell in code_cells(notebook):
        if here := [each for each in own if each.cell == number]:
            cell.outputs.append(note(here))
    write(notebook, marked_path(page))
    return marked_path(page)
