"""The maintainer's way: execute stale pages and write the outputs back into the pairs."""

from collections.abc import Sequence
from pathlib import Path

import jupytext

from startright.book import sections
from startright.book.contents import Page, Problem
from startright.book.pair import FORMAT, drift, read, write
from startright.book.rerun import Say, executed_path, run_all, say
from startright.book.seal import is_fresh


def write_back(page: Page, executed: Path) -> None:
    """Puts an executed page over the ``.ipynb``, leaving the ``.py`` as it is.

    Raises:
        ValueError: the ``.py`` would not come out of the new notebook byte by byte; nothing is written.
    """
    notebook = read(executed)
    if jupytext.writes(notebook, fmt=FORMAT) != page.py.read_text(encoding="utf-8"):
        raise ValueError(f"{page.docname}.py changed while the page was executed: run the refresh again")
    write(notebook, page.ipynb)


def refresh(pages: Sequence[Page], report: Say = say, force: bool = False) -> list[Problem]:
    """Executes the stale ones among ``pages``, writes them back and renews the generated sections.

    Sections within the source of a page are renewed before it is executed. A page that does not pass the gate
    is not written.

    Args:
        pages: the pages.
        report: takes a line of progress at a time.
        force: execute fresh ones as well.
    """
    problems: list[Problem] = []
    for path in sections.write(pages[0].root, ".py") if pages else ():
        report(f"    written: {path.relative_to(pages[0].root)}")
    due = [page for page in pages if force or drift(page) or not is_fresh(page, page.ipynb)]
    stale = [page for page in due if force or not is_fresh(page, executed_path(page))]
    failed = set()
    for page, found in run_all(stale, report):
        problems += found
        failed |= {page.docname} if found else set()
    for page in due:
        if page.docname not in failed:
            write_back(page, executed_path(page))
            report(f"    written: {page.docname}.ipynb")
    if pages:
        for path in sections.write(pages[0].root):
            report(f"    written: {path.relative_to(pages[0].root)}")
    return problems
