"""The reader's way: execute what is stale here into ``_build``, hold it against the committed pages."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from startright.notebooks import compare, gate, seal, stale
from startright.notebooks.execute import PageError, execute
from startright.notebooks.pages import Page, Problem
from startright.notebooks.pair import code_cells, merged, read, with_outputs, write
from startright.notebooks.seal import is_fresh

Say = Callable[[str], None]
MOST_AT_ONCE = 4  # kernels: each holds a gigabyte


def say(text: str) -> None:
    """Progress for whoever waits, on stderr."""
    print(text, file=sys.stderr, flush=True)


def run(page: Page, out: Path) -> list[Problem]:
    """Executes a page into ``out``, gated and sealed.

    Args:
        page: the page.
        out: where the executed page goes. With problems it is left there unsealed, to be looked at.

    Returns:
        What the gate found, cell by cell.
    """
    key = stale.key(page)
    try:
        executed, seconds = execute(page, out)
    except PageError as error:
        return [Problem(page.docname, str(error))]
    notebook = with_outputs(merged(page), executed)
    problems = gate.gate(notebook, page.docname)
    if not problems:
        seal.seal(notebook, key=key, seconds=seconds, **seal.machine())
    write(notebook, out)
    return problems


def executed_path(page: Page) -> Path:
    """Where the reader's run of a page lies."""
    return page.root / "_build" / "pages" / f"{page.docname}.ipynb"


def run_all(pages: Sequence[Page], report: Say = say) -> Iterator[tuple[Page, list[Problem]]]:
    """Executes pages side by side, one core each, and gives each with its problems as it ends.

    Args:
        pages: the pages.
        report: takes a line of progress at a time.
    """
    if not pages:
        return
    report(f"executing {len(pages)} page{'s' * (len(pages) > 1)}: {', '.join(p.docname for p in pages)}")
    with ThreadPoolExecutor(min(len(pages), os.cpu_count() or 1, MOST_AT_ONCE)) as pool:
        running = {pool.submit(run, page, executed_path(page)): page for page in pages}
        for number, done in enumerate(as_completed(running), 1):
            page, found = running[done], done.result()
            seconds = seal.facts(read(executed_path(page))).get("seconds") if not found else None
            took = "stopped" if found else f"{seconds} s"
            report(f"    {number} of {len(pages)}: {page.docname}, {took}")
            yield page, found


def rerun(pages: Sequence[Page], report: Say = say, force: bool = False) -> list[Problem]:
    """Executes the stale ones among ``pages`` and compares all of them with the committed ones.

    Args:
        pages: the pages.
        report: takes a line of progress at a time.
        force: execute fresh ones as well.

    Returns:
        The problems; the executed pages are in :func:`executed_path`.
    """
    problems: list[Problem] = []
    due = [page for page in pages if force or not is_fresh(page, executed_path(page))]
    for _, found in run_all(due, report):
        problems += found
    failed = {problem.page for problem in problems}
    for page in pages:
        if page.docname not in failed and _has_reference(page):
            problems += compare.compare(read(page.ipynb), read(executed_path(page)), page.docname)
        elif page.docname not in failed:
            report(f"{page.docname} has no committed outputs to compare with: `make refresh` writes them")
    return problems


def _has_reference(page: Page) -> bool:
    return page.ipynb.exists() and any(cell.execution_count for _, cell in code_cells(read(page.ipynb)))
