import shutil
import subprocess

import pytest
import torch

from startright import __version__
from startright.studies import provenance as module
from startright.studies.provenance import commit_of, provenance

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(root, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "checkout"
    (root / "data" / "results").mkdir(parents=True)
    (root / "code.py").write_text("1\n")
    (root / "data" / "results" / "study.jsonl").write_text("{}\n")
    git(tmp_path, "init", "-q", str(root))
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    return root


@needs_git
def test_the_commit_and_its_changes(checkout):
    commit = git(checkout, "rev-parse", "HEAD")
    assert commit_of(checkout) == (commit, False)
    (checkout / "code.py").write_text("2\n")
    assert commit_of(checkout) == (commit, True)


@needs_git
def test_records_and_untracked_files_are_no_changes(checkout):
    with open(checkout / "data" / "results" / "study.jsonl", "a") as file:
        file.write("{}\n")
    (checkout / "notes.txt").write_text("new")
    assert commit_of(checkout)[1] is False
    git(checkout, "add", "notes.txt")
    assert commit_of(checkout)[1] is True


@needs_git
def test_outside_a_checkout_there_is_no_commit(checkout, tmp_path):
    (checkout / "below").mkdir()
    assert commit_of(None) == (None, None)
    assert commit_of(tmp_path) == (None, None)
    assert commit_of(checkout / "below") == (None, None)  # a copy inside another project is not that project
    empty = tmp_path / "empty"
    git(tmp_path, "init", "-q", str(empty))
    assert commit_of(empty) == (None, None)


def test_without_git_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(tmp_path) == (None, None)


def test_the_circumstances_of_a_run(monkeypatch):
    monkeypatch.setattr(module, "commit_of", lambda root: ("abc", True))
    default = torch.get_default_dtype()
    try:
        torch.set_default_dtype(torch.float64)
        note = provenance(torch.device("cpu"))
    finally:
        torch.set_default_dtype(default)
    assert (note["commit"], note["dirty"]) == ("abc", True)
    assert (note["package"], note["torch"]) == (__version__, torch.__version__)
    assert note["device"].startswith("CPU")
    assert note["precision"]["dtype"] == "float64"
    assert note["threads"] == torch.get_num_threads()
    assert note["time"].endswith("+00:00")


def test_the_precision_of_products_is_told():
    before = torch.backends.cuda.matmul.fp32_precision
    try:
        for mode in ("tf32", "ieee"):
            torch.backends.cuda.matmul.fp32_precision = mode
            assert provenance(torch.device("cpu"))["precision"]["matmul"] == mode
    finally:
        torch.backends.cuda.matmul.fp32_precision = before
