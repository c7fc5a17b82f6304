"""``startright check``: in seconds, without running anything, whether the committed pages can be trusted."""

# ruff: noqa: PLC0415 (the records are imported where they are needed: they bring torch along)

from pathlib import Path

from startright.book import gate, pair, prose, seal, sections
from startright.book.contents import Page, Problem, pages


def check_page(page: Page) -> list[Problem]:
    """Drift of the pair, the gate, typed results, then the seal: it names no cell that was named before."""
    if not page.ipynb.exists():
        return pair.drift(page)
    try:
        notebook = pair.read(page.ipynb)
    except ValueError as error:
        return [Problem(page.docname, str(error))]
    problems = pair.drift(page, notebook)
    problems += gate.gate(notebook, page.docname) + prose.check_prose(notebook, page.docname)
    named = {problem.cell_id for problem in problems if problem.cell_id}
    return problems + [each for each in seal.broken(notebook, page.docname) if each.cell_id not in named]


def check(root: Path) -> list[Problem]:
    """Every problem of the committed pages, of the generated sections and of the records."""
    from startright.studies import manifest

    problems = [problem for page in pages(root) for problem in check_page(page)]
    problems += sections.drift(root)
    records = root / "data" / "results"
    return problems + [Problem(f"data/results/{name}", fault) for name, fault in manifest.check(records)]


def stale_pages(root: Path) -> list[Page]:
    """The pages whose committed outputs were made from other inputs than those of now."""
    return [page for page in pages(root) if page.py.exists() and not seal.is_fresh(page, page.ipynb)]
