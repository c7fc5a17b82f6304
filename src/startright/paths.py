"""Where data and records live: the environment first, then this repository, then the current folder.

Records are read from one more place: an installed package brings along those of its release.
"""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def repository() -> Path | None:
    """The root of the book's checkout that this package was installed from or that one stands in, if any."""
    here = Path.cwd()
    for folder in (PACKAGE.parents[1], here, *here.parents):
        if (folder / "_toc.yml").is_file() and (folder / "src" / "startright").is_dir():
            return folder
    return None


def _given(variable: str) -> str:
    """What the environment says, if anything: an empty variable counts as none."""
    return os.environ.get(variable, "")


def _root(variable: str, below: str) -> Path:
    return Path(_given(variable) or (repository() or Path.cwd()) / below).expanduser()


def data_root() -> Path:
    """The folder of the datasets: ``$STARTRIGHT_DATA``, else ``data/raw``."""
    return _root("STARTRIGHT_DATA", "data/raw")


def is_ours(code: Path | None) -> bool:
    """Whether a file of code is the package's own."""
    return code is not None and PACKAGE in code.resolve().parents


def project_of(code: Path | None) -> Path | None:
    """The root of the project that a file of code belongs to: the nearest checkout around it.

    Args:
        code: the file. For None, and for one that is on no disk, such as a cell of a notebook, the
            current folder decides.

    Returns:
        For the package's own code the book's checkout, if any. None outside of any checkout, and for what
        was installed: the project around the environment is not its own.
    """
    book = repository()
    if is_ours(code):
        return book
    if code is None or not code.is_file():
        inside = Path.cwd() / "cell"
    elif {"site-packages", "dist-packages"} & set(code.parts):
        return None
    else:
        inside = code.resolve()
    return next((f for f in inside.parents if f == book or (f / ".git").exists()), None)


def results_root(project: Path | None = None) -> Path:
    """The folder where records are written and read: ``$STARTRIGHT_RESULTS``, else ``data/results``.

    Args:
        project: below which; None: the book's checkout, else the current folder.
    """
    if project is not None and not _given("STARTRIGHT_RESULTS"):
        return project / "data" / "results"
    return _root("STARTRIGHT_RESULTS", "data/results")


def shipped_results() -> Path | None:
    """The folder of the records that the package brings along, read beneath those of :func:`results_root`.

    Returns:
        None where the environment names a folder, and in a checkout, which holds the records itself.
    """
    return None if _given("STARTRIGHT_RESULTS") or repository() else PACKAGE / "results"


def recorded_in() -> list[Path]:
    """The folders that records are read from.

    Raises:
        FileNotFoundError: none of them holds a record; the message names them.
    """
    folders = [folder for folder in (shipped_results(), results_root()) if folder is not None]
    if not any(path for folder in folders for path in folder.glob("*.jsonl")):
        raise FileNotFoundError(
            f"no records in {' or '.join(map(str, folders))}: set STARTRIGHT_RESULTS to a folder that holds"
            " some, or make them with `startright run`"
        )
    return folders
