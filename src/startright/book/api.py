"""The API pages of the papers: what is written by hand, then every module of the package that is not on it.

A paper needs no page in ``book/api/``: the site is built from what its package holds. A page that is there
introduces, groups and orders modules; those that it does not name follow, under the first words of their
docstrings. It leaves modules out by naming them in a comment, ``<!-- internal: MODULE … -->``.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from startright.aliases import PACKAGE, PAPERS

TELLING = ("studies", "readings", "claims", "reference", "figures", "tables", "findings")  # after the methods
_NAMED = re.compile(r"automodule:: (\S+)|<!-- internal: (.*?) -->", re.DOTALL)
_CLAUSE = re.compile(r"[:;.](?=\s|$)|\s\(")
_ROLE = re.compile(r":\w+:`~?(?:[\w.]*\.)?(\w+)`")


def papers(root: Path) -> list[str]:
    """The short names of the papers of a checkout; imports none of them."""
    return sorted(path.parent.name for path in (root / "src" / PACKAGE / "papers").glob("*/__init__.py"))


def modules(root: Path, paper: str) -> dict[str, Path]:
    """Name → file of every module of a paper: the package, its methods, then what tells of them."""
    source = root / "src"
    found = {}
    for path in (source / PACKAGE / "papers" / paper).rglob("*.py"):
        parts = path.relative_to(source).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return dict(sorted(found.items(), key=lambda item: (_rank(item[0]), item[0])))


def _rank(name: str) -> int:
    """Where a module stands: ``learning_claims`` with ``claims``, ``studies.text`` with ``studies``."""
    _, _, *below = name.split(".")
    word = below[1].rpartition("_")[2] if below[1:] else ""
    return TELLING.index(word) + 1 if word in TELLING else 0


def named(text: str) -> set[str]:
    """The modules that the text of an API page shows, or leaves out by name.

    >>> sorted(named(".. automodule:: a.b and <!-- internal: a.c a.d -->"))
    ['a.b', 'a.c', 'a.d']
    """
    return {name for shown, hidden in _NAMED.findall(text) for name in (shown or hidden).split()}


def summary(path: Path) -> str:
    """The first paragraph of a module's docstring, on a line; its name if it has none."""
    docstring = ast.get_docstring(ast.parse(path.read_bytes())) or path.stem
    return " ".join(docstring.partition("\n\n")[0].split())


def heading(text: str) -> str:
    """The first clause of a summary.

    >>> heading("Models of :func:`a.wrap`: all at once."), heading("The law (Theorem 2) of A.")
    ('Models of `wrap`', 'The law')
    """
    return _CLAUSE.split(_ROLE.sub(r"`\1`", text), maxsplit=1)[0].strip()


def described(root: Path, paper: str) -> str:
    """What a paper's package says of itself in a line."""
    return summary(root / "src" / PACKAGE / "papers" / paper / "__init__.py")


def _sections(root: Path, paper: str, known: set[str]) -> Iterator[str]:
    for name, path in modules(root, paper).items():
        if name not in known:
            options = "" if name == f"{PAPERS}.{paper}" else "   :members:\n"
            title = "The paper" if not options else heading(summary(path))
            yield f"\n## {title}\n\n```{{eval-rst}}\n.. automodule:: {name}\n{options}```\n"


def page(root: Path, paper: str) -> str:
    """The Markdown of a paper's API page.

    Args:
        root: the folder of ``_toc.yml``.
        paper: its short name.
    """
    by_hand = root / "book" / "api" / f"{paper}.md"
    if by_hand.is_file():
        text = by_hand.read_text(encoding="utf-8")
    else:
        text = f"# {heading(described(root, paper))}\n"
    return text + "".join(_sections(root, paper, named(text)))


def generated(root: Path) -> dict[str, str]:
    """Path below ``root`` → Markdown of the API page of every paper."""
    return {f"book/api/{paper}.md": page(root, paper) for paper in papers(root)}
