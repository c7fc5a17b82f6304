"""The built book, served on this machine, and a Chromium to look at it with."""

from pathlib import Path

import pytest
from browser.look import ROOT

from startright.book import browser as looking

SITE = ROOT / "_build" / "html"


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def site():
    """The folder of the built book; a test that needs it is skipped where there is none."""
    if not (SITE / "book" / "index.html").is_file():
        pytest.skip("no built book in _build/html: run `make html` first")
    return SITE


@pytest.fixture(scope="session")
def chromium(site):
    """One browser for all tests."""
    pytest.importorskip("playwright", reason="the extra `browser` is not installed")
    try:
        looking.chromium()
    except FileNotFoundError as error:
        pytest.skip(str(error))
    with looking.browsing() as browser:
        yield browser


@pytest.fixture(scope="session")
def address(site):
    """Where the book is served, with a slash at the end."""
    with looking.serving(site) as base:
        yield base
