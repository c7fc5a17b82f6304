"""Titles and descriptions of pages."""

from types import SimpleNamespace

import pytest
from docutils.core import publish_doctree

from startright.book import head


def test_a_description_is_the_first_paragraph_that_is_text():
    text = "Title\n=====\n\nShort.\n\n.. note:: Not this one, although it is a long paragraph of text.\n\n"
    tree = publish_doctree(
        text + "What the page says first, in a whole sentence of its own.\n",
        settings_overrides={"doctitle_xform": False},
    )
    assert head.describe(tree) == "What the page says first, in a whole sentence of its own."


@pytest.mark.parametrize("base", ["https://example.org/book/", ""])
def test_the_entry_leads_to_the_first_page(tmp_path, base):
    config = SimpleNamespace(
        root_doc="book/index", html_baseurl=base, html_title="A & B", project="p", language="en"
    )
    app = SimpleNamespace(config=config, builder=SimpleNamespace(name="html"), outdir=tmp_path)
    head.write_entry(app, None)
    text = (tmp_path / "index.html").read_text()
    assert "<title>A &amp; B</title>" in text
    assert 'url=book/index.html"' in text
    assert ("canonical" in text) == bool(base)
