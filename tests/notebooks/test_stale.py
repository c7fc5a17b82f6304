import pytest

from startright.notebooks import stale
from startright.notebooks.pages import pages
from startright.paths import repository

PACKAGE = {
    "__init__.py": "",
    "used.py": "from startright import deeper\n",
    "deeper.py": "def f():\n    from .room import method\n",
    "alone.py": "x = 1\n",
    "room/__init__.py": "",
    "room/method.py": "",
    "room/studies.py": "",
    "room/claims.py": "from startright.ledger import Claim\n",
    "room/table.yml": "a: 1\n",
    "other/__init__.py": "",
    "other/studies.py": "",
    "ledger.py": "",
}


@pytest.fixture
def page(book):
    for name, text in PACKAGE.items():
        path = book.root / "src/startright" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    book.py.write_text(book.py.read_text().replace("PROFILE =", "import startright.used\n\nPROFILE ="))
    results = book.root / "data/results"
    results.mkdir(parents=True)
    for name in ("room-depth.jsonl", "other-depth.jsonl"):
        (results / name).write_text("{}\n")
    return book


@pytest.mark.parametrize(
    "name",
    [
        *("used.py", "deeper.py", "__init__.py", "ledger.py"),
        *("room/method.py", "room/studies.py", "room/claims.py", "room/table.yml"),
        *("../../requirements.lock", "../../book/page.py", "../../data/results/room-depth.jsonl"),
    ],
)
def test_what_a_page_reaches_makes_it_stale(page, name):
    before = stale.key(page)
    path = page.root / "src/startright" / name
    path.write_text(path.read_text() + "\n# changed\n")
    assert stale.key(page) != before


@pytest.mark.parametrize("name", ["alone.py", "other/studies.py", "../../data/results/other-depth.jsonl"])
def test_what_it_cannot_reach_does_not(page, name):
    before = stale.key(page)
    path = page.root / "src/startright" / name
    path.write_text(path.read_text() + "\n# changed\n")
    assert stale.key(page) == before


def test_a_new_record_file_of_the_room_makes_it_stale(page):
    before = stale.key(page)
    (page.root / "data/results/room-width.jsonl").write_text("{}\n")
    assert stale.key(page) != before


@pytest.mark.parametrize(
    ("text", "module", "is_package", "expected"),
    [
        ("from . import a", "startright.room.method", False, "startright.room.a"),
        ("from . import a", "startright.room", True, "startright.room.a"),
        ("from ..data import a", "startright.room.method", False, "startright.data"),
        ("def f():\n    import x.y", "", False, "x.y"),
    ],
)
def test_imports_are_resolved(text, module, is_package, expected):
    assert expected in set(stale.imports(text, module, is_package))


def test_a_chapter_of_the_book_reaches_its_room():
    chapters = [page for page in pages(repository()) if page.docname.endswith("gaussian-preact")]
    for page in chapters:
        if page.py.exists():
            names = stale.reached(page)
            assert "startright.preact.studies" in names
            assert not names & {"startright.catalogue", "startright.cli", "startright.notebooks"}
