"""The API pages name every public module, and no other."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
# What only other modules of the package use, or only Sphinx.
INTERNAL = {
    "startright",
    "startright.__main__",
    "startright.aliases",
    "startright.escape",
    "startright.book.docstrings",
    "startright.book.theme",
    "startright.options",
    "startright.papers.preact.branches",
    "startright.papers.preact.limits",
    "startright.papers.preact.wording",
    "startright.studies.lines",
    "startright.studies.strict_json",
    "startright.terminal",
}


def _modules():
    for path in (SOURCE / "startright").rglob("*.py"):
        parts = path.relative_to(SOURCE).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_every_public_module_is_on_an_api_page():
    pages = "".join(page.read_text() for page in (ROOT / "book" / "api").glob("*.md"))
    named = re.findall(r"automodule:: (\S+)", pages)
    assert sorted(named) == sorted(set(_modules()) - INTERNAL)
