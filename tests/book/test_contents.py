import re

import pytest
import yaml

from startright.book.contents import Problem, documents, pages, select
from startright.paths import repository


def test_the_contents_are_read_in_order(book):
    assert documents(book.root) == ["book/index", "book/page"]
    assert [page.docname for page in pages(book.root)] == ["book/page"]


@pytest.mark.parametrize("name", ["page", "book/page", "book/page.py", "page.ipynb"])
def test_a_page_is_found_by_any_of_its_names(book, name):
    assert select(book.root, [name]) == [book]


def test_an_unknown_page_is_named_with_its_neighbours(book):
    with pytest.raises(ValueError, match=r"unknown page 'pgae': did you mean 'page'\?"):
        select(book.root, ["pgae"])


@pytest.mark.parametrize("toc", [None, "a: [b"])
def test_contents_that_cannot_be_read(tmp_path, toc):
    if toc:
        (tmp_path / "_toc.yml").write_text(toc)
    with pytest.raises(ValueError, match=r"cannot read the table of contents .*_toc\.yml"):
        pages(tmp_path)


def test_a_problem_names_page_and_cell():
    assert str(Problem("book/page", "is odd", 3, "ab")) == "book/page: code cell 3 [ab]: is odd"
    assert str(Problem("book/page", "is odd")) == "book/page: is odd"


def test_every_chapter_starts_with_the_same_guard():
    root = repository()
    url = yaml.safe_load((root / "_config.yml").read_text())["repository"]["url"]
    scripts = [root / "book/chapter_template.py", *(page.py for page in pages(root) if page.py.exists())]
    for script in scripts:
        if 'tags=["parameters"]' not in script.read_text():
            continue  # a page without parameters has nothing to run on Colab
        cells = re.split(r"^# %%.*\n", script.read_text(), flags=re.MULTILINE)
        guard = next(cell for cell in cells if "import importlib" in cell)
        assert f'url = "{url}"' in guard, script
