"""Where files can be written: the remedy where the book cannot be, and a home for tools that have none."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

HOMES = {  # of the tools that warn, or die, if theirs cannot be written
    "MPLCONFIGDIR": ".config/matplotlib",
    "XDG_CACHE_HOME": ".cache",
    "IPYTHONDIR": ".ipython",
    "JUPYTER_CONFIG_DIR": ".jupyter",
    "JUPYTER_DATA_DIR": ".local/share/jupyter",
}


def can_write(folder: Path) -> bool:
    """Whether files can be made in ``folder``, or in what there is of the way to it."""
    place = next((each for each in (folder, *folder.parents) if os.path.exists(each)), folder)
    try:
        with tempfile.TemporaryFile(dir=place):
            return True
    except OSError:
        return False


def require_writable(folder: Path, root: Path) -> None:
    """Refuses to build where nothing can be written.

    Args:
        folder: where to write.
        root: the repository.

    Raises:
        PermissionError: ``folder`` cannot be written; the message says what to do instead.
    """
    if not can_write(folder):
        raise PermissionError(
            f"{folder} cannot be written, and what is built goes there: copy the book to a folder of your "
            f"own, such as `cp -r '{root}' ~/starting-right`, and build it there"
        )


def homes(environ: Mapping[str, str], spare: Path) -> dict[str, str]:
    """Folders below ``spare`` for the tools that would write into a home that cannot be written.

    Args:
        environ: the environment; a variable that it sets is respected.
        spare: a folder that can be written.

    Returns:
        The variables to add to the environment, none in most homes.
    """
    home = Path(os.path.expanduser("~"))
    lost = {name for name, place in HOMES.items() if name not in environ and not can_write(home / place)}
    for name in lost:
        (spare / name.lower()).mkdir(parents=True, exist_ok=True)
    return {name: str(spare / name.lower()) for name in lost}


def utf8(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment for a Python that reads and prints UTF-8, whatever the locale."""
    return {**environ, "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8"}
