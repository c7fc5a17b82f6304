"""Short names of papers: ``startright.alrao`` is ``startright.papers.alrao``, one module under two names."""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_loader
from pathlib import Path
from types import ModuleType

PACKAGE, PAPERS = "startright", "startright.papers"


def full_name(name: str) -> str:
    """The module that a short name stands for; any other name as it is.

    >>> full_name("startright.alrao.optim"), full_name("startright.studies")
    ('startright.papers.alrao.optim', 'startright.studies')
    """
    head, _, rest = name.partition(".")
    paper = rest.partition(".")[0]
    known = head == PACKAGE and paper and (Path(__file__).parent / "papers" / paper / "__init__.py").is_file()
    return f"{PAPERS}.{rest}" if known else name


class ShortNames(MetaPathFinder, Loader):
    """Finds a short name, and puts the paper's own module in its place."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """A specification of what a short name stands for; None for other names."""
        full = full_name(fullname)
        if full == fullname or find_spec(full) is None:
            return None
        return spec_from_loader(fullname, self)

    def exec_module(self, module: ModuleType) -> None:
        """Imports the module, and lets both names mean it."""
        sys.modules[module.__name__] = import_module(full_name(module.__name__))


def install() -> None:
    """Makes the short names known to ``import``, first of all.

    The finder of files would find ``startright.alrao.optim`` in the folder of its package, and load it twice.
    """
    if not any(isinstance(finder, ShortNames) for finder in sys.meta_path):
        sys.meta_path.insert(0, ShortNames())
