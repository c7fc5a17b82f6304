"""The API pages name every public module, and no other."""

import re
from pathlib import Path

import pytest

from startright.book import api

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
# What only other modules of the package use, or only Sphinx.
INTERNAL = {
    "startright",
    "startright.__main__",
    "startright.aliases",
    "startright.escape",
    "startright.book.cards",
    "startright.book.docstrings",
    "startright.book.head",
    "startright.book.ledger",
    "startright.book.source_links",
    "startright.book.terms",
    "startright.book.theme",
    "startright.book.tidy",
    "startright.options",
    "startright.studies.lines",
    "startright.studies.strict_json",
    "startright.terminal",
}


def _modules():
    for path in (SOURCE / "startright").rglob("*.py"):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_every_public_module_is_on_an_api_page():
    pages = {f"book/api/{page.name}": page.read_text() for page in (ROOT / "book" / "api").glob("*.md")}
    text = "".join((pages | api.generated(ROOT)).values())
    shown = re.findall(r"automodule:: (\S+)", text)
    assert len(shown) == len(set(shown))
    hidden = api.named(text) - set(shown)
    assert sorted([*shown, *hidden]) == sorted(set(_modules()) - INTERNAL)


@pytest.fixture
def paper(tmp_path):
    """A paper of five modules without a page."""
    folder = tmp_path / "src/startright/papers/coins"
    for name, docstring in {
        "__init__.py": "Coins: what a toss tells (1713).",
        "zinc.py": "Coins of :func:`startright.coins.zinc.press`, and of\nother metals.\n\nMore.",
        "early_claims.py": "C1: fair.",
        "findings.py": "",
        "studies/__init__.py": "Its experiments.",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(f'"""{docstring}"""' if docstring else "")
    return tmp_path


def test_a_paper_without_a_page_gets_one_from_its_modules(paper):
    (page,) = api.generated(paper).items()
    assert page[0] == "book/api/coins.md"
    assert re.findall("^#+ .+", page[1], re.MULTILINE) == [
        "# Coins",
        "## The paper",
        "## Coins of `press`, and of other metals",
        "## Its experiments",
        "## C1",
        "## findings",
    ]
    assert page[1].count("   :members:\n") == 4  # what the package exports is shown where it is defined


def test_what_is_written_by_hand_comes_first_and_is_not_repeated(paper):
    (paper / "book/api").mkdir(parents=True)
    text = "# Tossing\n\n.. automodule:: {0}.zinc\n<!-- internal: {0} -->\n".format("startright.papers.coins")
    (paper / "book/api/coins.md").write_text(text)
    page = api.generated(paper)["book/api/coins.md"]
    assert page.startswith(text)
    names = [
        name.removeprefix("startright.papers.coins.") for name in re.findall(r"automodule:: (\S+)", page)
    ]
    assert names == ["zinc", "studies", "early_claims", "findings"]
