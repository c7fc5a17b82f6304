"""The two halves of a page: the ``.py`` is the source, the ``.ipynb`` adds cell ids and outputs."""

from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

import jupytext
import nbformat
from jupytext.combine import combine_inputs_with_outputs
from nbformat import NotebookNode

from startright.notebooks.pages import Page, Problem

FORMAT = "py:percent"
LANGUAGE = {"name": "python", "pygments_lexer": "ipython3"}  # without the version of whoever ran it
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def read(path: Path) -> NotebookNode:
    """The notebook in ``path``.

    Raises:
        ValueError: it is not a notebook.
    """
    try:
        return nbformat.read(path, as_version=4)
    except (ValueError, KeyError, AttributeError, nbformat.ValidationError) as error:
        raise ValueError(f"{path} is not a notebook: {str(error).splitlines()[0]}") from error


def write(notebook: NotebookNode, path: Path) -> None:
    """Writes ``notebook`` to ``path``, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(nbformat.writes(notebook, version=4) + "\n", encoding="utf-8")


def code_cells(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """The code cells, numbered from 1."""
    return enumerate((cell for cell in notebook.cells if cell.cell_type == "code"), 1)


def source(page: Page) -> NotebookNode:
    """The page's ``.py`` as a notebook without outputs.

    Raises:
        FileNotFoundError: the ``.py`` is missing.
        ValueError: rewriting it would change it, so the pair could not stay in step.
    """
    if not page.py.exists():
        raise FileNotFoundError(
            f"{page.docname} has no .py: make one with `jupytext --to py:percent {page.ipynb.name}`"
        )
    text = page.py.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt=FORMAT)
    notebook.metadata.get("jupytext", {}).pop("text_representation", None)
    # what is stored has sorted keys, so what is read back from the .ipynb has them too
    again = jupytext.writes(nbformat.reads(nbformat.writes(notebook), as_version=4), fmt=FORMAT)
    if again != text:
        pairs = zip_longest(text.splitlines(), again.splitlines(), fillvalue="")
        line, theirs = next((n, new) for n, (old, new) in enumerate(pairs, 1) if old != new)
        raise ValueError(
            f"{page.docname}.py, line {line}: jupytext would write {theirs[:80]!r}… here; header and "
            "cell markers are as in book/chapter_template.py, the keys of a cell's metadata sorted"
        )
    return notebook


def merged(page: Page) -> NotebookNode:
    """The cells of the ``.py`` with the ids and outputs that the ``.ipynb`` holds for them."""
    notebook = source(page)
    if page.ipynb.exists():
        notebook = combine_inputs_with_outputs(notebook, read(page.ipynb), fmt=FORMAT)
    notebook.metadata.setdefault("kernelspec", NotebookNode(KERNEL))
    notebook.metadata["language_info"] = NotebookNode(LANGUAGE)
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def with_outputs(notebook: NotebookNode, executed: NotebookNode) -> NotebookNode:
    """``notebook`` with the outputs of ``executed`` and nothing else of it: no tool's metadata."""
    for (_, cell), (_, ran) in zip(code_cells(notebook), code_cells(executed), strict=True):
        cell.outputs, cell.execution_count = ran.outputs, ran.execution_count
        for output in cell.outputs:
            if "metadata" in output:
                output.metadata = NotebookNode()
    return notebook


def drift(page: Page) -> list[Problem]:
    """Whether the halves of the pair say the same; names the first cell where they do not."""
    if not page.ipynb.exists():
        return [Problem(page.docname, "the .ipynb is missing: `make refresh` makes it from the .py")]
    try:
        ours, theirs = source(page), read(page.ipynb)
    except (OSError, ValueError) as error:
        return [Problem(page.docname, str(error))]
    remedy = "the .py and the .ipynb differ: `make refresh` brings them in step"
    number = 0
    for left, right in zip(ours.cells, theirs.cells, strict=False):
        number += left.cell_type == "code"
        if (left.cell_type, left.source, _metadata(left)) != (
            right.cell_type,
            right.source,
            _metadata(right),
        ):
            return [Problem(page.docname, remedy, max(number, 1), right.get("id"))]
    if len(ours.cells) != len(theirs.cells):
        return [Problem(page.docname, f"{remedy} ({len(ours.cells)} and {len(theirs.cells)} cells)")]
    return []


def _metadata(cell: NotebookNode) -> dict:
    return {key: value for key, value in cell.metadata.items() if value not in ([], {})}
