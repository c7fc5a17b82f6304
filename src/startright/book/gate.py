"""What an executed page must be before it is shown: complete, in order, small, portable, described, inert."""

import re
from base64 import b64decode
from collections.abc import Iterator

import nbformat
from nbformat import NotebookNode

from startright.book import pictures
from startright.book.active import ACTIVE
from startright.book.contents import Problem
from startright.book.pair import SEAL, code_cells
from startright.bundle import MIME, read_bundle

MAX_BYTES = 1_000_000
MAX_LINES = 25
MEASURED = "nbval-ignore-output"  # the tag of cells that print what was measured: nbval leaves them to us
PICTURE = "image/png"
KINDS = (*ACTIVE, PICTURE, MIME)  # the MIME types of outputs: what the pages use, and no more
FACTS = {"jupytext", "kernelspec", "language_info", SEAL}  # of the notebook: MyST would make tags of others
VOLATILE = {
    "an absolute path": re.compile(
        r"(?<![\w./:~-])/(?:home|root|Users|tmp|var|opt|usr|mnt|private|work|content|builds)/[\w.-]+"
        r"|file:/|\b[A-Za-z]:\\\\?\w"
    ),
    "a progress bar": re.compile(r"\d+%\||\bit/s\]|\r(?!\n)"),
    "a memory address": re.compile(r"\bat 0x[0-9a-f]{6,}"),
}


def texts(cell: NotebookNode) -> Iterator[tuple[str, str]]:
    """Kind and text of everything a code cell shows in words: ``stdout``, ``stderr`` or a MIME type."""
    for output in cell.outputs:
        if output.output_type == "stream":
            yield output.name, output.text
        for mime, value in output.get("data", {}).items():
            if mime in ACTIVE:
                yield mime, "".join(value)


def images(cell: NotebookNode) -> Iterator[bytes]:
    """The pictures that a code cell shows.

    Raises:
        ValueError: one is not in base64.
    """
    for output in cell.outputs:
        if PICTURE in output.get("data", {}):
            yield b64decode("".join("".join(output.data[PICTURE]).split()), validate=True)


def _execution(number: int, cell: NotebookNode) -> Iterator[str]:
    if cell.execution_count is None:
        yield "was not executed"
    elif cell.execution_count != number:
        yield f"was executed out of order: In [{cell.execution_count}] where [{number}] was expected"
    for output in cell.outputs:
        if output.output_type == "error":
            yield f"ends in an error: {output.ename}: {output.evalue}"


def _contents(cell: NotebookNode) -> Iterator[str]:
    lines = len(cell.source.splitlines())
    if lines > MAX_LINES:
        yield f"has {lines} lines; move code into the package, a cell has at most {MAX_LINES}"
    for kind, text in texts(cell):
        if kind == "stderr":
            yield f"writes to stderr: {text.strip().splitlines()[-1][:100] if text.strip() else ''}"
        for what, pattern in VOLATILE.items():
            if match := pattern.search(text):
                yield f"stores {what}: {match.group()!r}"


def _passive(cell: NotebookNode) -> Iterator[str]:
    """An output shows text, tables and pictures: it does nothing where it is shown, and hides nothing."""
    for mime in sorted({mime for output in cell.outputs for mime in output.get("data", {})} - {*KINDS}):
        kind = "a widget" if "widget" in mime else "an output of a kind that no page uses"
        yield f"stores {kind} ({mime})"
    for kind, text in texts(cell):
        for what in ACTIVE[kind](text) if kind in ACTIVE else ():
            yield f"stores {' '.join(what.split())} ({kind})"
    if any(output.get("metadata") for output in cell.outputs):
        yield "stores an output with metadata, which no page needs"
    try:
        found = [pictures.problem(image) for image in images(cell)]
    except ValueError as error:
        found = [f"a picture that cannot be read: {error}"]
    yield from (f"stores {' '.join(what.split())}" for what in found if what)


def _hidden(notebook: NotebookNode) -> Iterator[str]:
    """What a notebook can carry outside of its code cells, where neither the .py nor the seal sees it."""
    for number, cell in enumerate(notebook.cells, 1):
        where = f"cell {number} of {len(notebook.cells)}{f' [{name}]' if (name := cell.get('id')) else ''}"
        if cell.cell_type == "raw":
            yield f"{where} is raw: a page shows it unseen; write Markdown"
        if cell.get("attachments"):
            yield f"{where} has attachments ({str(sorted(cell.attachments))[:80]}), which no page needs"
    for name in sorted({*notebook.metadata} - FACTS):
        yield f"its metadata has {name!r}, which no page needs"


def entries(cell: NotebookNode) -> list[dict]:
    """What a code cell's outputs carry as measured.

    Raises:
        ValueError: numbers that are not as :mod:`startright.measured` writes them.
    """
    return [entry for output in cell.outputs for entry in read_bundle(output.get("data", {}))]


def _measured(cell: NotebookNode) -> Iterator[str]:
    """Every cell is compared with something: an exact one by nbval, a measured one by its numbers."""
    try:
        carried = entries(cell)
    except ValueError as error:
        yield str(error)
        return
    tagged = MEASURED in cell.metadata.get("tags", [])
    if carried and not tagged:
        yield f"shows measured numbers: give it the tag {MEASURED!r}, they differ from machine to machine"
    if tagged and not carried and list(texts(cell)):
        yield f"is tagged {MEASURED!r} but carries no numbers to compare: return a measured.table or finding"


def _figures(cell: NotebookNode) -> Iterator[str]:
    """A picture has its words, and words have their picture, unless the cell asks first for its records."""
    options = cell.metadata.get("mystnb", {})
    caption = str(options.get("figure", {}).get("caption", "")).strip()
    if any(mime.startswith("image/") for output in cell.outputs for mime in output.get("data", {})):
        if not caption:
            yield "shows a figure without caption (mystnb.figure.caption in the cell's metadata)"
        if not str(options.get("image", {}).get("alt", "")).strip():
            yield "shows a figure without alternative text (mystnb.image.alt in the cell's metadata)"
    elif caption and cell.execution_count is not None and not re.search(r"^if ", cell.source, re.M):
        yield "has a caption but shows no figure: `plt.show()` shows only what pyplot has made"


def complete(notebook: NotebookNode, name: str) -> list[Problem]:
    """Whether every code cell ran, in order and without error; nothing about what it shows."""
    return [
        Problem(name, message, number, cell.get("id"))
        for number, cell in code_cells(notebook)
        for message in _execution(number, cell)
    ]


def gate(notebook: NotebookNode, name: str) -> list[Problem]:
    """Everything that keeps an executed page from being shown.

    Args:
        notebook: the page with its outputs.
        name: the page's name in the messages.

    Returns:
        The problems, none if the page is fit.
    """
    size = len(nbformat.writes(notebook).encode())
    large = f"has {size / 1e6:.1f} MB with outputs; a page has at most {MAX_BYTES / 1e6:.0f} MB"
    problems = [Problem(name, large)] if size > MAX_BYTES else []
    problems += [Problem(name, message) for message in _hidden(notebook)]
    for number, cell in code_cells(notebook):
        checks = (_execution(number, cell), _contents(cell), _passive(cell), _measured(cell), _figures(cell))
        for check in checks:
            problems += [Problem(name, message, number, cell.get("id")) for message in check]
    return problems
