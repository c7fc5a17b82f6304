"""What can be said of looking at the book without a browser: who it is, what is served, the contact sheet."""

import os
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from startright.book import browser
from startright.book.browser import MODES


def test_a_browser_that_is_not_there_is_named_with_the_remedy(monkeypatch, tmp_path):
    monkeypatch.setenv("STARTRIGHT_CHROMIUM", "no-such-program")
    with pytest.raises(FileNotFoundError, match="'no-such-program', which is no program: `apt-get install"):
        browser.chromium()
    monkeypatch.delenv("STARTRIGHT_CHROMIUM")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="there is no Chromium: `apt-get install chromium`"):
        browser.chromium()


def test_the_named_browser_is_taken_before_the_system_s(monkeypatch, tmp_path):
    for name in ("mine", "chromium"):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert browser.chromium() == str(tmp_path / "chromium")
    monkeypatch.setenv("STARTRIGHT_CHROMIUM", str(tmp_path / "mine"))
    assert browser.chromium() == str(tmp_path / "mine")


def test_a_folder_is_served_on_this_machine_alone(tmp_path):
    (tmp_path / "page.html").write_text("here")
    with browser.serving(tmp_path) as base:
        assert base.startswith("http://127.0.0.1:")
        assert urlopen(f"{base}page.html").read() == b"here"
        with pytest.raises(HTTPError):
            urlopen(f"{base}other.html")


def test_the_contact_sheet_names_a_picture_for_every_mode():
    sheet = browser._sheet(["book/a.html"])
    assert [sheet.count(f'src="book-a.{mode}.png"') for mode in MODES] == [1, 1, 1, 1]
