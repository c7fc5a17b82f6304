"""The papers of the book, a package each: a folder here with a ``PAPER`` is found, and listed nowhere else.

A paper's package exports its methods; ``reference`` has them as the equations say it, to read and to test
against. Beside them ``studies`` holds its experiments as ``STUDIES`` and ``claims`` what it states as
``CLAIMS``; ``readings``, ``tables``, ``figures`` and ``findings`` say what the records show. Papers never
import each other: what two of them need lies below them. Each has a short name as well, ``startright.alrao``
for ``startright.papers.alrao`` (``startright.aliases``).
"""

import pkgutil
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from startright.errors import unknown

if TYPE_CHECKING:
    from startright.claims import Claim
    from startright.studies import Study


@dataclass(frozen=True)
class Paper:
    """A paper and its place in the book.

    Args:
        package: the name of its package, ``__name__`` there.
        title: of its chapter.
        citation: its key in ``book/references.bib``.
        part: of the book, from 1, in which it stands.
        pages: the pages that are about it, below ``book/``, without suffix.
        rank: its place in the part; papers of one rank stand by name.
    """

    package: str
    title: str
    citation: str
    part: int
    pages: tuple[str, ...]
    rank: int = 1

    @property
    def name(self) -> str:
        """Its short name: ``"alrao"``."""
        return self.package.rpartition(".")[2]

    @property
    def studies(self) -> "tuple[Study, ...]":
        """Its experiments."""
        return import_module(f"{self.package}.studies").STUDIES

    @property
    def claims(self) -> "tuple[Claim, ...]":
        """What it states."""
        return import_module(f"{self.package}.claims").CLAIMS


def names() -> list[str]:
    """The short names of the papers, sorted; imports none of them."""
    return sorted(found.name for found in pkgutil.iter_modules(__path__) if found.ispkg)


def paper(name: str) -> Paper:
    """The paper called ``name``.

    Raises:
        ValueError: there is none; the message has the nearest names.
        AttributeError: its package has no ``PAPER``.
    """
    if name not in names():
        raise unknown("paper", name, names())
    package = import_module(f"{__name__}.{name}")
    try:
        return package.PAPER
    except AttributeError as error:
        raise AttributeError(
            f"{package.__name__} has no PAPER: describe it there, as other papers do"
        ) from error


def every() -> list[Paper]:
    """All papers in the order of the book: by part, rank, name."""
    return sorted(map(paper, names()), key=lambda found: (found.part, found.rank, found.name))
