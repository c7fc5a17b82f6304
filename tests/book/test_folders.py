"""Homes and checkouts that cannot be written. A path below a file cannot be, not even by root."""

import os
import subprocess
import sys

import pytest

from startright.book import execute, folders, site


@pytest.fixture
def nowhere(tmp_path):
    (tmp_path / "file").write_text("")
    return tmp_path / "file" / "home"


def test_what_can_be_written(tmp_path, nowhere):
    assert folders.can_write(tmp_path)
    assert folders.can_write(tmp_path / "new" / "deeper")
    assert not folders.can_write(nowhere / ".config")
    assert not (tmp_path / "new").exists()
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_without_the_right_to_write(tmp_path):
    tmp_path.chmod(0o555)
    assert not folders.can_write(tmp_path)


def test_a_home_that_cannot_be_written_gets_spare_folders(tmp_path, nowhere, monkeypatch):
    monkeypatch.setenv("HOME", str(nowhere))
    given = folders.homes({"IPYTHONDIR": "x"}, tmp_path / "spare")
    assert set(given) == set(folders.HOMES) - {"IPYTHONDIR"}
    assert all(os.path.isdir(folder) for folder in given.values())


def test_a_usual_home_is_left_alone(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert folders.homes({}, tmp_path / "spare") == {}
    assert list(tmp_path.iterdir()) == []


def test_a_kernel_without_a_home_writes_nothing_to_stderr(tmp_path, nowhere, monkeypatch):
    monkeypatch.setenv("HOME", str(nowhere))
    for name in ("XDG_CONFIG_HOME", *folders.HOMES):
        monkeypatch.delenv(name, raising=False)
    command = [
        sys.executable,
        "-c",
        "import matplotlib.font_manager; from IPython.paths import get_ipython_dir as d; d()",
    ]
    settings = execute.environment(spare=tmp_path / "spare")
    done = subprocess.run(command, env=settings, capture_output=True, check=True, encoding="utf-8")
    assert done.stderr == ""


def test_pages_are_read_and_printed_in_utf8_whatever_the_locale(monkeypatch):
    for name, value in {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}.items():
        monkeypatch.setenv(name, value)
    command = [sys.executable, "-c", "import sys; print(sys.flags.utf8_mode, 'ü')"]
    done = subprocess.run(command, env=execute.environment(), capture_output=True, check=True)
    assert done.stdout.decode("utf-8").split() == ["1", "ü"]


@pytest.fixture
def sealed_off(book):
    (book.root / "_build").write_text("a file where the folder should be")
    return book


def test_a_checkout_that_cannot_be_written_is_refused_with_the_remedy(sealed_off):
    for build in (
        lambda: site.build(sealed_off.root),
        lambda: execute.execute(sealed_off, sealed_off.root / "_build/pages/book/page.ipynb"),
    ):
        with pytest.raises(PermissionError, match=r"_build.* cannot be written.*copy the book .*`cp -r '"):
            build()


def test_compiled_modules_have_a_place_where_none_may_lie_beside_the_sources(tmp_path, monkeypatch):
    monkeypatch.delenv("PYTHONPYCACHEPREFIX", raising=False)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    settings = execute.environment(spare=tmp_path)
    assert "PYTHONDONTWRITEBYTECODE" not in settings
    assert settings["PYTHONPYCACHEPREFIX"] == str(tmp_path / "bytecode")
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE")
    assert "PYTHONPYCACHEPREFIX" not in execute.environment(spare=tmp_path)
