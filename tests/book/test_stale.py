import pytest

from startright.book import stale
from startright.book.contents import pages
from startright.paths import repository

PACKAGE = {
    "__init__.py": "",
    "used.py": "from startright import deeper\n",
    "deeper.py": "def f():\n    from .room import method\n",
    "alone.py": "x = 1\n",
    "papers/__init__.py": "",
    "papers/room/__init__.py": "",
    "papers/room/method.py": "",
    "papers/room/studies.py": "",
    "papers/room/claims.py": "from startright.ledger import Claim\n",
    "papers/room/table.yml": "a: 1\n",
    "papers/other/__init__.py": "",
    "papers/other/studies.py": "",
    "ledger.py": "",
}


@pytest.fixture
def page(book):
    for name, text in PACKAGE.items():
        path = book.root / "src/startright" / name
        path.parent.mkdir(parents=True, exist_ok=True)
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
        *(
            "papers/room/method.py",
            "papers/room/studies.py",
            "papers/room/claims.py",
            "papers/room/table.yml",
        ),
        *("../../requirements.lock", "../../book/page.py", "../../data/results/room-depth.jsonl"),
    ],
)
def test_what_a_page_reaches_makes_it_stale(page, name):
    before = stale.key(page)
    path = page.root / "src/startright" / name
    path.write_text(path.read_text() + "\n# changed\n")
    assert stale.key(page) != before


@pytest.mark.parametrize(
    "name", ["alone.py", "papers/other/studies.py", "../../data/results/other-depth.jsonl"]
)
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
        ("try:\n    pass\nexcept OSError:\n    import x.y", "", False, "x.y"),
        ("match a:\n    case 1:\n        with b:\n            import x.y", "", False, "x.y"),
        ("class A:\n    if b:\n        pass\n    else:\n        import x.y", "", False, "x.y"),
    ],
)
def test_imports_are_resolved(text, module, is_package, expected):
    assert expected in set(stale.imports(text, module, is_package))


def test_the_catalogue_reaches_every_paper(page):
    (page.root / "src/startright/book").mkdir()
    (page.root / "src/startright/book/catalogue.py").write_text("")
    page.py.write_text(page.py.read_text().replace("startright.used", "startright.book.catalogue"))
    assert {f"startright.papers.{name}.studies" for name in ("room", "other")} <= stale.reached(page)


def test_a_chapter_of_the_book_reaches_its_paper():
    chapters = [page for page in pages(repository()) if page.docname.endswith("gaussian-preact")]
    for page in chapters:
        if page.py.exists():
            names = stale.reached(page)
            assert "startright.papers.preact.studies" in names
            assert not names & {"startright.book.catalogue", "startright.cli", "startright.papers.alrao"}
