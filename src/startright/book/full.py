"""Computing the large studies: pages run with parameters as throw-away copies, the records stay."""

from collections.abc import Sequence

from startright.book import gate
from startright.book.contents import Page, Problem
from startright.book.execute import PageError, execute
from startright.book.pair import code_cells, source
from startright.book.rerun import Say, say


def has_parameters(page: Page) -> bool:
    """Whether the page has a cell tagged ``parameters``: others have nothing to compute."""
    return any("parameters" in cell.metadata.get("tags", []) for _, cell in code_cells(source(page)))


def run_full(pages: Sequence[Page], profile: str, device: str, report: Say = say) -> list[Problem]:
    """Runs pages in a profile; the copies land in ``_build/full``, the records in ``data/results``.

    Args:
        pages: the pages; those without parameters are left out.
        profile: the profile.
        device: as in :func:`startright.devices.pick_device`.
        report: takes a line of progress at a time.

    Returns:
        Where a page did not run to its end.
    """
    problems: list[Problem] = []
    due = [page for page in pages if has_parameters(page)]
    for number, page in enumerate(due, 1):
        report(f"page {number} of {len(due)}: {page.docname}, profile {profile} …")
        out = page.root / "_build" / "full" / f"{page.docname}.ipynb"
        try:
            notebook, seconds = execute(page, out, {"PROFILE": profile, "DEVICE": device})
        except PageError as error:
            problems.append(Problem(page.docname, str(error)))
            continue
        report(f"    {seconds} s")
        problems += gate.complete(notebook, page.docname)
    return problems
