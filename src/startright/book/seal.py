"""What the ``.ipynb`` remembers of the run that made its outputs, so that a tampered one is found at once."""

import hashlib
import json
import platform
from datetime import UTC, datetime
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path

from nbformat import NotebookNode

from startright import __version__
from startright.book import stale
from startright.book.contents import Page, Problem
from startright.book.pair import SEAL, code_cells, parse, read


def fingerprint(cell: NotebookNode) -> str:
    """A hash of a code cell's source and of every output it shows."""
    shown = [(output.get("text"), output.get("data"), output.get("ename")) for output in cell.outputs]
    text = json.dumps([cell.source, shown], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def machine() -> dict[str, str]:
    """Where and with what a page runs now; for the status page."""
    return {
        "device": f"{platform.system()} {platform.machine()}, CPU",
        "date": datetime.now(UTC).date().isoformat(),
        "python": platform.python_version(),
        "torch": version("torch").split("+")[0],
        "startright": __version__,
    }


def seal(notebook: NotebookNode, **facts: object) -> None:
    """Writes the fingerprints of all code cells and ``facts`` (key, seconds, …) into the metadata."""
    cells = {cell.id: fingerprint(cell) for _, cell in code_cells(notebook)}
    notebook.metadata[SEAL] = NotebookNode(**facts, cells=NotebookNode(cells))


def facts(notebook: NotebookNode) -> dict:
    """What :func:`seal` wrote, or nothing."""
    found = notebook.metadata.get(SEAL)
    if not isinstance(found, dict) or not isinstance(found.get("cells"), dict):
        return {}
    return dict(found) if isinstance(found.get("seconds", 0), int | float) else {}


def facts_in(path: Path) -> dict:
    """What :func:`seal` wrote into the notebook in ``path``, or nothing.

    Raises:
        ValueError: it is no notebook.
    """
    return dict(_facts_in(path.read_bytes(), path))


@lru_cache(maxsize=64)  # a check asks for those of a page three times
def _facts_in(content: bytes, path: Path) -> dict:
    return facts(parse(content, path))


def is_fresh(page: Page, path: Path) -> bool:
    """Whether ``path`` holds a sealed run of the page from the very inputs of now.

    A notebook or source that cannot be read is not fresh: whoever runs or checks the page says why.
    """
    try:
        return path.exists() and facts_in(path).get("key") == stale.key(page)
    except ValueError:
        return False


def one_run(notebook: NotebookNode, other: NotebookNode) -> bool:
    """Whether two notebooks hold the outputs of one and the same run: they agree, which says nothing."""
    run = facts(notebook).get("run")
    return run is not None and run == facts(other).get("run")


def is_another(path: Path, reference: Path) -> bool:
    """Whether ``path`` holds another run than ``reference``, a notebook that may be missing."""
    return not reference.exists() or not one_run(read(path), read(reference))


def broken(notebook: NotebookNode, name: str) -> list[Problem]:
    """The code cells whose source or output is not what the recorded run left."""
    cells = facts(notebook).get("cells")
    if cells is None:
        return [Problem(name, "its outputs come from no recorded run: `make refresh` executes it")]
    return [
        Problem(
            name,
            "source or output was changed by hand since it ran: `make refresh` runs it again",
            number,
            cell.get("id"),
        )
        for number, cell in code_cells(notebook)
        if cells.get(cell.get("id")) != fingerprint(cell)
    ]
