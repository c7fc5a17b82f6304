"""When a page must be run again: a hash over everything its outputs can depend on."""

import ast
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from startright.aliases import PACKAGE, PAPERS
from startright.book.contents import Page

_HOLDERS = (ast.stmt, ast.excepthandler, ast.match_case)  # nodes that are or hold statements
CATALOGUE = f"{PACKAGE}.book.catalogue"


def _modules(root: Path) -> dict[str, Path]:
    source = root / "src"
    names = {}
    for path in (source / PACKAGE).rglob("*.py"):
        parts = path.relative_to(source).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement, however deep; expressions, the many, hold none."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += (child for child in ast.iter_child_nodes(node) if isinstance(child, _HOLDERS))


def imports(text: str | bytes, module: str = "", is_package: bool = False) -> Iterator[str]:
    r"""Every name that Python source may import as a module, lazily or not.

    Args:
        text: the source.
        module: its own dotted name, against which relative imports resolve.
        is_package: whether it is an ``__init__``.

    >>> sorted(set(imports("from startright import pages\nimport torch.nn")))
    ['startright', 'startright.pages', 'torch.nn']
    """
    for node in _statements(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            here = module.split(".")[: len(module.split(".")) - node.level + is_package] if node.level else []
            base = ".".join([*here, *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


@lru_cache(maxsize=1024)  # pages reach the same modules
def _named(text: str | bytes, module: str, is_package: bool) -> tuple[str, ...]:
    return tuple(imports(text, module, is_package))


def _imports(path: Path, text: str | bytes, root: Path, module: str = "") -> list[str]:
    try:
        return list(_named(text, module, path.name == "__init__.py"))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = f"{path.relative_to(root).as_posix()}{f', line {line}' if line else ''}"
        raise ValueError(f"{where}: Python cannot read it: {getattr(error, 'msg', error)}") from error


def reached(page: Page) -> set[str]:
    """The modules of the package that the page can reach through imports, with the packages around them.

    Two things are reached by name: a paper brings its studies and claims along, the catalogue all papers.

    Raises:
        ValueError: Python cannot read the page or a module; the message names file and line.
    """
    modules = _modules(page.root)
    seen: set[str] = set()
    waiting = _imports(page.py, page.text(), page.root)
    while waiting:
        name = _long(waiting.pop(), modules)
        if name not in modules or name in seen:
            continue
        seen.add(name)
        path = modules[name]
        waiting += _imports(path, path.read_bytes(), page.root, name)
        waiting += [name.rpartition(".")[0]]
        waiting += [f"{name}.studies", f"{name}.claims"] if _is_paper(name) else []
        waiting += filter(_is_paper, modules) if name == CATALOGUE else []
    return seen


def _is_paper(name: str) -> bool:
    return name.rpartition(".")[0] == PAPERS


def _long(name: str, modules: Mapping[str, Path]) -> str:
    """The module that a short name such as ``startright.alrao`` stands for; any other name as it is."""
    long = f"{PAPERS}{name.removeprefix(PACKAGE)}"
    return long if name not in modules and long in modules else name


def inputs(page: Page) -> list[Path]:
    """Every file the page's outputs can depend on, sorted: source, code, package data, records, lock."""
    modules, names = _modules(page.root), reached(page)
    files = {page.py, page.root / "requirements.lock"} | {modules[name] for name in names}
    for name in names:
        folder = modules[name].parent
        if modules[name].name == "__init__.py":
            files |= {path for path in folder.iterdir() if path.suffix in {".yml", ".json", ".npz"}}
        if _is_paper(name):
            records = f"{name.rpartition('.')[2].replace('_', '-')}-*.*"
            files |= set((page.root / "data" / "results").glob(records))
    return sorted(path for path in files if path.is_file())


def digest(files: Iterable[Path], root: Path) -> str:
    """A hash over the names below ``root`` and the contents of ``files``."""
    total = hashlib.sha256()
    for path in files:
        total.update(f"{path.relative_to(root).as_posix()}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def key(page: Page) -> str:
    """The hash of the page's inputs: outputs made under another key are stale."""
    return digest(inputs(page), page.root)


def notice(app: Any, *files: str, rebuild: str) -> None:
    """Lets Sphinx make pages again when an extension of ours has changed.

    Args:
        app: of Sphinx.
        files: what the extension consists of; the first names it.
        rebuild: what it has a hand in: ``"env"``, how pages are read; ``"html"``, how they are written.
    """
    paths = [Path(file) for file in files]
    app.add_config_value(f"startright_{paths[0].stem}", digest(paths, paths[0].parent), rebuild, str)
