"""Where data and records live: the environment first, then this repository, then the current folder."""

import os
from pathlib import Path


def repository() -> Path | None:
    """The root of the book's checkout that this package was installed from or that one stands in, if any."""
    here = Path.cwd()
    for folder in (Path(__file__).resolve().parents[2], here, *here.parents):
        if (folder / "_toc.yml").is_file() and (folder / "src" / "startright").is_dir():
            return folder
    return None


def _root(variable: str, below: str) -> Path:
    return Path(os.environ.get(variable) or (repository() or Path.cwd()) / below).expanduser()


def data_root() -> Path:
    """The folder of the datasets: ``$STARTRIGHT_DATA``, else ``data/raw``."""
    return _root("STARTRIGHT_DATA", "data/raw")


def results_root() -> Path:
    """The folder of the records: ``$STARTRIGHT_RESULTS``, else ``data/results``."""
    return _root("STARTRIGHT_RESULTS", "data/results")
