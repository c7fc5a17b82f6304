"""A book of one small page in a temporary folder, with the package of this checkout."""

import shutil
from pathlib import Path

import pytest

from startright.book.contents import Page, pages

REPOSITORY = Path(__file__).parents[2]
HEADER = """\
# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     notebook_metadata_filter: kernelspec,jupytext.formats,jupytext.notebook_metadata_filter
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A small page
#
# With $x^2$.

"""
CELLS = """\
# %% tags=["parameters"]
PROFILE = "quick"
DEVICE = "cpu"

# %%
print("mean 0.512 over 3 seeds,", PROFILE)

# %% mystnb={"figure": {"caption": "A line.", "name": "fig-line"}, "image": {"alt": "A rising line."}}
from base64 import b64decode

from IPython.display import Image

Image(b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="))
"""
TEXT = CELLS.split("# %% mystnb", maxsplit=1)[0] + "# %%\nx = 1\n"  # starts faster without a figure


def make_book(root: Path, cells: str = CELLS) -> Page:
    """A repository in small: contents, configuration, lock, a package and one page without outputs."""
    (root / "book").mkdir(parents=True)
    (root / "book/index.md").write_text("# Landing\n\n[A page](page.ipynb) and {numref}`fig-line`.\n")
    (root / "book/references.bib").write_text("")
    (root / "book/page.py").write_text(HEADER + cells)
    (root / "_toc.yml").write_text("format: jb-book\nroot: book/index\nchapters:\n  - file: book/page\n")
    (root / "requirements.lock").write_text("torch==2\n")
    shutil.copy(REPOSITORY / "_config.yml", root)
    shutil.copytree(REPOSITORY / "book/_static", root / "book/_static")
    room = root / "src/startright/room"
    room.mkdir(parents=True)
    (root / "src/startright/__init__.py").write_text("")
    (root / "src/startright/alone.py").write_text("x = 1\n")
    (room / "__init__.py").write_text("")
    return pages(root)[0]


@pytest.fixture
def book(tmp_path):
    return make_book(tmp_path)


@pytest.fixture(scope="session")
def executed_folder(tmp_path_factory):
    """The book after a refresh; not to be changed. Executing takes a few seconds, so once for all tests."""
    from startright.book.refresh import refresh

    page = make_book(tmp_path_factory.mktemp("book") / "small")
    source = page.py.read_bytes()
    assert refresh([page], report=lambda line: None) == []
    assert page.py.read_bytes() == source
    return page.root


@pytest.fixture
def executed(executed_folder, tmp_path):
    """A copy of the refreshed book, free to be tampered with."""
    shutil.copytree(executed_folder, tmp_path / "copy")
    return pages(tmp_path / "copy")[0]
