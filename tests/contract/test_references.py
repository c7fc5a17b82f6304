"""A reference form is read on a page: short, and without questions."""

import importlib.util
import inspect
from importlib import import_module

import pytest

from startright import papers
from startright.book import pages

NAMES = [f"startright.papers.{paper}.reference" for paper in papers.names()]


def forms():
    for name in NAMES:
        if importlib.util.find_spec(name):
            for _, function in inspect.getmembers(import_module(name), inspect.isfunction):
                if function.__module__ == name:
                    yield pytest.param(function, id=f"{name}.{function.__name__}")


@pytest.mark.parametrize("form", list(forms()))
def test_it_is_short_and_asks_nothing(form):
    listing = pages.source(form, max_lines=15)
    assert "raise" not in listing
    assert "try:" not in listing
