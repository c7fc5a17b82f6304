"""The two halves of a page: the ``.py`` is the source, the ``.ipynb`` adds cell ids and outputs."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path

import jupytext
import nbformat
from jupytext.combine import combine_inputs_with_outputs
from nbformat import NotebookNode
from nbformat.validator import get_validator
from yaml import YAMLError

from startright.book.contents import Page, Problem

FORMAT = "py:percent"
LANGUAGE = {"name": "python", "pygments_lexer": "ipython3"}  # without the version of whoever ran it
SEAL = "startright"  # the entry in the metadata where `startright.book.seal` writes
LONGEST = 240  # characters of a message
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def read(path: Path) -> NotebookNode:
    """The notebook in ``path``, of the shape that everything here relies on.

    Raises:
        ValueError: it has another shape; the message names the file and the cell.
    """
    return parse(path.read_bytes(), path)


def parse(content: bytes, path: Path) -> NotebookNode:
    """The notebook that these bytes of the file ``path`` are; errors as of :func:`read`."""
    try:
        text = content.decode("utf-8")
        _check_text(text)
        return nbformat.reads(text, as_version=4)
    except (ValueError, RecursionError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{path} is not a notebook: {reason[:LONGEST]}") from error


@lru_cache(maxsize=64)  # a check reads every notebook for several tables
def _check_text(text: str) -> None:
    _check(json.loads(text))


def _check(given: object) -> None:
    if not isinstance(given, dict) or given.get("nbformat") != 4:
        raise ValueError("it is no mapping with nbformat 4")
    cells, minor = given.get("cells"), given.get("nbformat_minor")
    if not isinstance(cells, list) or type(minor) is not int or minor < 0:
        raise ValueError("it has no list of cells or no nbformat_minor")
    check_part = _check_text_of if _fits(given, minor) else _check_part
    check_part({**given, "cells": []}, None, minor)
    _check_mappings(given["metadata"], {"jupytext": ()})
    number = 0
    for position, cell in enumerate(cells, 1):
        kind, name = (cell.get("cell_type"), cell.get("id")) if isinstance(cell, dict) else (None, None)
        number += kind == "code"
        where = f"code cell {number}" if kind == "code" else f"cell {position} of {len(cells)}"
        try:
            if kind not in ("code", "markdown", "raw"):
                raise ValueError(f"its cell_type is {kind!r}, none of code, markdown and raw")
            check_part(cell, f"{kind}_cell", minor)
            _check_mappings(cell["metadata"], {"mystnb": ("figure", "image")})
        except ValueError as error:
            raise ValueError(f"{where}{f' [{name}]' if isinstance(name, str) else ''}: {error}") from error


def _fits(given: dict, minor: int) -> bool:
    """Whether a notebook fits the schema of Jupyter: a compiled one that says little of what does not."""
    try:
        get_validator(4, minor).validate(given)
    except nbformat.ValidationError:
        return False
    return True


def _check_text_of(part: dict, *_: object) -> None:
    json.dumps(part, ensure_ascii=False).encode()  # half a character, spelled "\\ud800", cannot be written


def _check_part(part: dict, kind: str | None, minor: int) -> None:
    """Holds a part of a notebook against the schema of Jupyter, to say what is wrong with it."""
    _check_text_of(part)
    try:
        nbformat.validate(part, ref=kind, version=4, version_minor=minor)
    except nbformat.ValidationError as error:
        path = ".".join(str(step) for step in getattr(error, "relative_path", ()))
        message = " ".join(str(getattr(error, "message", error)).split())
        if len(message) > LONGEST // 2:  # the schema's message begins with all of the value
            message = f"{message[: LONGEST // 4]} … {message[-LONGEST // 4 :]}"
        raise ValueError(f"{path}: {message}" if path else message) from error


def _check_mappings(metadata: dict, names: Mapping[str, Sequence[str]]) -> None:
    """Holds metadata that Jupyter leaves open, but the book reads, to be mappings of mappings."""
    for name, inner in names.items():
        value = metadata.get(name, {})
        if not isinstance(value, dict):
            raise ValueError(f"metadata.{name} is {str(value)[:40]!r}, not a mapping")
        _check_mappings(value, dict.fromkeys(inner, ()))


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
        ValueError: it cannot be read, or rewriting it would change it, so the pair could not stay in step.
    """
    if not page.py.exists():
        raise FileNotFoundError(
            f"{page.docname} has no .py: make one with `jupytext --to py:percent {page.ipynb.name}`"
        )
    text = page.text()
    try:
        notebook = jupytext.reads(text, fmt=FORMAT)
    except (ValueError, SyntaxError, TypeError, AttributeError, KeyError, YAMLError) as error:
        reason = " ".join(str(error).split())[:LONGEST]
        raise ValueError(f"{page.docname}.py cannot be read as a notebook: {reason}") from error
    notebook.metadata.get("jupytext", {}).pop("text_representation", None)
    # what is stored has sorted keys, so what is read back from the .ipynb has them too
    again = jupytext.writes(nbformat.reads(nbformat.writes(notebook), as_version=4), fmt=FORMAT)
    if again != text:
        raise ValueError(f"{page.docname}.py, {_first_difference(text, again)}")
    return notebook


def _first_difference(text: str, again: str) -> str:
    if again == f"{text}\n":
        return f"line {len(text.splitlines())}: the last line does not end; add a newline"
    pairs = zip_longest(text.split("\n"), again.split("\n"), fillvalue="")
    line, theirs = next((n, new) for n, (old, new) in enumerate(pairs, 1) if old != new)
    return (
        f"line {line}: jupytext would write {theirs[:80]!r}… here; header and "
        "cell markers are as in book/chapter_template.py, the keys of a cell's metadata sorted"
    )


def merged(page: Page) -> NotebookNode:
    """The cells of the ``.py`` with the ids and outputs that the ``.ipynb`` holds for them, without its seal.

    What is made of it is another run: one that fails the gate, or is killed, must not pass for a fresh one.
    """
    notebook = source(page)
    if page.ipynb.exists():
        notebook = combine_inputs_with_outputs(notebook, read(page.ipynb), fmt=FORMAT)
    notebook.metadata.pop(SEAL, None)
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


def drift(page: Page, theirs: NotebookNode | None = None) -> list[Problem]:
    """Whether the halves of the pair say the same; names the first cell where they do not.

    Args:
        page: the page.
        theirs: its ``.ipynb``, by whoever has read it.
    """
    if not page.ipynb.exists():
        return [Problem(page.docname, "the .ipynb is missing: `make refresh` makes it from the .py")]
    try:
        ours, theirs = source(page), theirs or read(page.ipynb)
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
