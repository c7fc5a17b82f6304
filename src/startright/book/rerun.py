"""The reader's way: execute what is stale here into ``_build``, hold it against the committed pages."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from startright.book import compare, gate, seal, stale
from startright.book.compare import Difference
from startright.book.contents import Page, Problem
from startright.book.execute import PageError, execute
from startright.book.pair import code_cells, drift, merged, read, with_outputs, write
from startright.book.seal import is_fresh

Say = Callable[[str], None]
MOST_AT_ONCE = 4  # kernels: each holds a gigabyte


@dataclass(frozen=True)
class Rerun:
    """What came of executing pages here.

    Args:
        problems: what keeps a page from being shown: errors, cells that did not run, a drift of the pair.
        differences: where a page says another thing than the committed one.
        numbers: how many measured numbers were compared.
    """

    problems: list[Problem] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    numbers: int = 0

    @property
    def stopping(self) -> list[Difference]:
        """The differences that stop a strict build."""
        return [each for each in self.differences if each.stops(self.numbers)]

    def summary(self) -> str:
        """What differs, line by line, and what was compared."""
        level = f"chance sets one of a page so far apart in {compare.FAMILY_LEVEL:.0%} of comparisons"
        found = len(self.differences)
        head = f"{self.numbers} measured numbers compared with the reference, and every exact cell: "
        if not found:
            return f"{head}they agree"
        return "\n".join([f"{head}{found} differ{'s' * (found == 1)} ({level})", *map(str, self.differences)])


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
    try:
        key = stale.key(page)
        executed, seconds = execute(page, out)
    except (PageError, ValueError) as error:
        return [Problem(page.docname, str(error))]
    notebook = with_outputs(merged(page), executed)
    problems = gate.gate(notebook, page.docname)
    if not problems:
        seal.seal(notebook, key=key, seconds=seconds, run=uuid4().hex[:16], **seal.machine())
    write(notebook, out)
    return problems


def executed_path(page: Page) -> Path:
    """Where the reader's run of a page lies."""
    return page.root / "_build" / "pages" / f"{page.docname}.ipynb"


def _at_once() -> int:
    """How many pages the cores allow: kernels whose threads share a core mostly wait for one another."""
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    return max((os.cpu_count() or 1) // (int(threads) if threads.isdigit() and int(threads) else 1), 1)


def run_all(
    pages: Sequence[Page], report: Say = say, place: Callable[[Page], Path] = executed_path
) -> Iterator[tuple[Page, list[Problem]]]:
    """Executes pages side by side, as the cores allow, and gives each with its problems as it ends.

    Args:
        pages: the pages.
        report: takes a line of progress at a time.
        place: where the executed page goes.
    """
    if not pages:
        return
    report(f"executing {len(pages)} page{'s' * (len(pages) > 1)}: {', '.join(p.docname for p in pages)}")
    with ThreadPoolExecutor(min(len(pages), _at_once(), MOST_AT_ONCE)) as pool:
        running = {pool.submit(run, page, place(page)): page for page in pages}
        for number, done in enumerate(as_completed(running), 1):
            page, found = running[done], done.result()
            seconds = seal.facts(read(place(page))).get("seconds") if not found else None
            took = "stopped" if found else f"{seconds} s"
            report(f"    {number} of {len(pages)}: {page.docname}, {took}")
            yield page, found


def rerun(
    pages: Sequence[Page],
    report: Say = say,
    force: bool = False,
    place: Callable[[Page], Path] = executed_path,
    apart: bool = False,
) -> Rerun:
    """Executes the stale ones among ``pages`` and compares all of them with the committed ones.

    Args:
        pages: the pages.
        report: takes a line of progress at a time.
        force: execute fresh ones as well.
        place: where the executed pages go.
        apart: execute those as well whose run at ``place`` is the committed one: it agrees with itself.
    """
    differences: list[Difference] = []
    numbers = 0
    problems = [found for page in pages if page.ipynb.exists() for found in drift(page)]
    drifted = {problem.page for problem in problems}
    sound = [page for page in pages if page.docname not in drifted]
    due = [page for page in sound if force or _is_due(page, place(page), apart)]
    for _, found in run_all(due, report, place):
        problems += found
    failed = {problem.page for problem in problems}
    for page in (page for page in pages if page.docname not in failed):
        if not _has_reference(page):
            report(f"{page.docname} has no committed outputs to compare with: `make refresh` writes them")
            continue
        try:
            reference = read(page.ipynb)
            differences += compare.compare(reference, read(place(page)), page.docname)
            numbers += compare.count_numbers(reference)
        except ValueError as error:
            problems.append(Problem(page.docname, f"cannot be compared: {error}"))
    return Rerun(problems, differences, numbers)


def _is_due(page: Page, path: Path, apart: bool) -> bool:
    return not is_fresh(page, path) or (apart and not seal.is_another(path, page.ipynb))


def _has_reference(page: Page) -> bool:
    return page.ipynb.exists() and any(cell.execution_count for _, cell in code_cells(read(page.ipynb)))
