"""Sphinx extension: beside what an API page documents, the way to its source in the repository.

A listing of every module within the book would be four pages of five.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from startright.aliases import PACKAGE
from startright.book.stale import notice

SOURCE = Path(__file__).parents[2]  # the folder that is ``src`` in the repository


def address(base: str, domain: str, info: Mapping[str, str]) -> str | None:
    """Where the source of an object is shown; None for what is not of the package, or has no lines.

    Args:
        base: of the repository's files: ``"https://github.com/…/blob/main"``.
        domain: of Sphinx, ``"py"``.
        info: of the object, ``module`` and ``fullname``.
    """
    from sphinx.pycode import ModuleAnalyzer  # noqa: PLC0415 (Sphinx comes with the book only)

    module = info.get("module") or ""
    if domain != "py" or module.partition(".")[0] != PACKAGE:
        return None
    analyzer = ModuleAnalyzer.for_module(module)
    if info["fullname"] not in (tags := analyzer.find_tags()):
        return None
    _, first, last = tags[info["fullname"]]
    return f"{base}/src/{Path(analyzer.srcname).relative_to(SOURCE).as_posix()}#L{first}-L{last}"


def aim(app: Any, config: Any) -> None:
    """Takes the repository's address from the book's configuration."""
    options = config.html_theme_options
    base = f"{options['repository_url']}/blob/{options['repository_branch']}"
    config.linkcode_resolve = partial(address, base)


def setup(app: Any) -> dict[str, bool]:
    """Entry point of Sphinx."""
    notice(app, __file__, rebuild="env")
    app.connect("config-inited", aim)
    app.setup_extension("sphinx.ext.linkcode")
    return {"parallel_read_safe": True, "parallel_write_safe": True}
