"""Which pages the book has: the documents of ``_toc.yml`` that are pairs of ``.py`` and ``.ipynb``."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from startright.errors import unknown


@dataclass(frozen=True)
class Page:
    """A chapter: ``NAME.py`` (py:percent, the source) beside ``NAME.ipynb`` (its pair, with outputs)."""

    root: Path
    docname: str

    @property
    def py(self) -> Path:
        """The source."""
        return self.root / f"{self.docname}.py"

    @property
    def ipynb(self) -> Path:
        """The pair with outputs."""
        return self.root / f"{self.docname}.ipynb"

    def text(self) -> str:
        """The source as it is written.

        Raises:
            ValueError: it is not encoded in UTF-8; the message names the line.
        """
        content = self.py.read_bytes()
        try:
            return content.decode("utf-8").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise ValueError(
                f"{self.docname}.py, line {line}: not UTF-8: save it in that encoding"
            ) from error


@dataclass(frozen=True)
class Problem:
    """What is wrong with a page, and where."""

    page: str
    message: str
    cell: int | None = None  # among the code cells, from 1, as Jupyter numbers them
    cell_id: str | None = None

    def __str__(self) -> str:
        where = f": code cell {self.cell}" if self.cell else ""
        return f"{self.page}{where}{f' [{self.cell_id}]' if self.cell_id else ''}: {self.message}"


def _files(entry: object) -> Iterator[str]:
    if isinstance(entry, dict):
        for key, value in entry.items():
            if key in ("root", "file"):
                yield str(value)
            else:
                yield from _files(value)
    elif isinstance(entry, list):
        for item in entry:
            yield from _files(item)


def documents(root: Path) -> list[str]:
    """Every document of the table of contents, in its order.

    Raises:
        ValueError: ``root`` has no readable ``_toc.yml``.
    """
    toc = root / "_toc.yml"
    try:
        return list(_files(yaml.safe_load(toc.read_text(encoding="utf-8"))))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"cannot read the table of contents {toc}: {error}") from error


def pages(root: Path) -> list[Page]:
    """The executable pages in the order of the table of contents (either half of the pair may be missing)."""
    found = (Page(root, name) for name in documents(root))
    return [page for page in found if page.py.exists() or page.ipynb.exists()]


def select(root: Path, names: Sequence[str] = ()) -> list[Page]:
    """The pages called ``names``, or all.

    Args:
        root: the folder of ``_toc.yml``.
        names: docnames (``book/signal/edge-of-chaos``) or their ends, with or without ``.py`` or ``.ipynb``.

    Raises:
        ValueError: no page of that name; the message suggests the nearest.
    """
    every = pages(root)
    if not names:
        return every
    known = {short: page for page in every for short in _short_names(page.docname)}
    chosen = []
    for name in names:
        short = name.removesuffix(".py").removesuffix(".ipynb").strip("/")
        if short not in known:
            raise unknown("page", name, (page.docname.removeprefix("book/") for page in every))
        chosen.append(known[short])
    return chosen


def _short_names(docname: str) -> list[str]:
    parts = docname.split("/")
    return ["/".join(parts[start:]) for start in range(len(parts))]
