import os
import time

import pytest

from startright.book import htmlcheck, site
from startright.book.htmlcheck import check_html
from startright.book.rerun import executed_path


@pytest.mark.parametrize("version", ["2.0.0", "3.1"])
def test_jupyter_book_two_is_refused_with_the_remedy(book, monkeypatch, version):
    monkeypatch.setattr(site, "version", lambda name: version)
    with pytest.raises(
        site.SiteError, match=rf'{version} cannot build this book: run `uv pip install "jupyter-book>=1'
    ):
        site.build(book.root)
    assert not (book.root / "_build").exists()


def test_a_page_that_was_never_executed_is_named(book):
    with pytest.raises(FileNotFoundError, match=r"book/page\.ipynb is missing: `make book` executes"):
        site.build(book.root)


def test_staging_touches_only_what_differs(executed):
    staged = site.stage(executed.root, {})
    index, page = staged / "book/index.md", staged / "book/page.ipynb"
    os.utime(index, (1, 1))
    (staged / "book/gone.md").write_text("x")
    overlay = executed_path(executed)
    overlay.write_text(overlay.read_text().replace("0.512", "0.511"))
    site.stage(executed.root, {"book/page.ipynb": overlay})
    assert index.stat().st_mtime == 1
    assert "0.511" in page.read_text()
    assert not (staged / "book/gone.md").exists()
    assert "0.511" not in executed.ipynb.read_text()


@pytest.fixture(scope="module")
def built(executed_folder, tmp_path_factory):
    import shutil

    root = tmp_path_factory.mktemp("site") / "book"
    shutil.copytree(executed_folder, root)
    site.build(root)
    return root


def test_the_site_is_built_without_git_and_passes_its_checks(built):
    assert check_html(built) == []
    html = (built / "_build/html/book/page.html").read_text()
    assert "Fig. 1" in html
    assert 'alt="A rising line."' in html
    assert "_sources/book/page.py" in html
    assert (built / "_build/html/_sources/book/page.py").is_file()
    assert "THEBE_JS_URL" not in html
    assert "mybinder" not in html
    assert "colab.research.google.com/github/starting-right/starting-right/blob/main/book/page.ipynb" in html


def test_nothing_is_built_twice(built):
    before = (built / "_build/html/book/page.html").stat().st_mtime
    started = time.monotonic()
    site.build(built)
    assert time.monotonic() - started < 2
    assert (built / "_build/html/book/page.html").stat().st_mtime == before


def test_a_site_that_passed_is_read_again_once_anything_of_it_changes(built, monkeypatch):
    assert check_html(built) == []
    monkeypatch.setattr(htmlcheck, "_problems", lambda root: ["read"])
    assert check_html(built) == []
    page, picture = built / "_build/html/book/page.html", next((built / "_build/html/_images").iterdir())
    for path in (page, picture, built / "_toc.yml"):
        content = path.read_bytes()
        path.write_bytes(content + b"\n") if path.suffix != picture.suffix else path.unlink()
        assert check_html(built) == ["read"]
        path.write_bytes(content)
        assert check_html(built) == []


@pytest.mark.parametrize(
    ("html", "message"),
    [
        ('<a href="nowhere.html">x</a>', "links to nowhere.html, which does not exist"),
        ('<a href="index.html#nowhere">x</a>', "no such anchor"),
        ('<img src="../_static/favicon.svg" alt="">', "without alternative text"),
        ('<img src="none.png" alt="a">', "does not exist"),
        ('<script src="https://cdn.example.org/x.js"></script>', "loads https://cdn.example.org/x.js"),
        ('<link rel="stylesheet" href="//cdn.example.org/x.css">', "from the network"),
        ("<p>see {numref}`fig-x`</p>", "was not rendered"),
        ("<p>so $$x$$</p>", "was not rendered"),
        ('<span class="problematic">x</span>', "shows an error"),
        ('<div class="output traceback">NameError</div>', "shows an error"),
    ],
)
def test_faults_of_the_html_are_named(built, html, message):
    page = built / "_build/html/book/bad.html"
    page.write_text(f"<html><body><article>{html}</article></body></html>")
    try:
        [problem] = check_html(built)
    finally:
        page.unlink()
    assert problem.page == "book/bad.html"
    assert message in problem.message


def test_a_page_missing_from_the_site_is_named(built, tmp_path):
    (tmp_path / "_toc.yml").write_text("root: book/other\n")
    [problem] = check_html(tmp_path)
    assert str(problem) == "book/other: is in the table of contents but not in _build/html"


def test_warnings_are_picked_from_the_log():
    log = "reading\n\x1b[91mbook/x.md:3: WARNING: odd\x1b[0m\ndone\n"
    assert site.warnings_of(log) == ["book/x.md:3: WARNING: odd"]


def test_a_warning_fails_the_build_and_leaves_nothing_to_build_on(built):
    index = built / "book/index.md"
    text = index.read_text()
    index.write_text(text + "\n[nowhere](nowhere.md)\n")
    try:
        with pytest.raises(site.SiteError, match=r"(?s)_build/html\.log.*book/index\.md:.*nowhere"):
            site.build(built)
    finally:
        index.write_text(text)
    assert not (built / "_build/.doctrees").exists()
    assert not (built / "_build/html.key").exists()
