import json
import os
import platform
import shutil
import subprocess
import sys

import pytest
import torch

from startright import __version__
from startright.studies import provenance as module
from startright.studies.provenance import commit_of, processor, provenance

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


def test_the_processor_is_told():
    note = processor()
    assert provenance(torch.device("cpu"))["processor"] == note
    assert note["instructions"] == torch.backends.cpu.get_cpu_capability()
    assert note["model"]
    assert note["numpy_blas"]
    json.dumps(note, allow_nan=False)


def test_the_numbers_of_a_processor_are_told_where_linux_tells_them(tmp_path):
    table = tmp_path / "cpuinfo"
    table.write_text(
        "processor\t: 0\nmodel name\t: Fast\ncpu family\t: 6\nmodel\t\t: 207\n\nmodel name\t: Slow\n"
    )
    assert module._cpu_model(table) == "Fast, cpu family 6, model 207"
    table.write_text("processor\t: 0\nCPU part\t: 0xd40\n\nHardware\t: none\n")
    assert module._cpu_model(table) == f"{platform.machine()}, CPU part 0xd40"
    assert module._cpu_model(tmp_path / "absent")


@pytest.mark.parametrize(
    ("built", "shown"),
    [
        ("- Intel(R) oneAPI Math Kernel Library Version 2024.2-Product\n - BLAS_INFO=mkl, X=1", "mkl 2024.2"),
        ("BLAS_INFO=open, LAPACK_INFO=open", "open"),
        ("nothing", ""),
    ],
)
def test_the_blas_of_torch_is_read_off_its_build(monkeypatch, built, shown):
    monkeypatch.setattr(torch.__config__, "show", lambda: built)
    assert module._torch_blas() == shown


def test_settings_of_the_arithmetic_are_told(monkeypatch):
    for name in module.ARITHMETIC:
        monkeypatch.delenv(name, raising=False)
    assert processor()["settings"] == {}
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    assert processor()["settings"] == {"MKL_CBWR": "COMPATIBLE"}


def test_no_run_fails_for_want_of_a_name(monkeypatch):
    def broken(*_):
        raise RuntimeError("unknown processor")

    for name in ("_cpu_model", "_torch_blas", "_numpy_blas"):
        monkeypatch.setattr(module, name, broken)
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", broken)
    note = processor()
    assert {note.pop("settings") is not None, *note.values()} == {True, None}


@needs_git
def test_a_checkout_below_umlauts_is_found_in_any_locale(checkout):
    root = checkout.rename(checkout.parent / "Prüfung #1")
    code = "import os, sys; from startright.studies.provenance import commit_of; from pathlib import Path;"
    code += "print(commit_of(Path(os.fsdecode(os.environb[b'ROOT']))))"
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "ROOT": str(root)}
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **plain}, capture_output=True, text=True, check=True
    )
    assert git(root, "rev-parse", "HEAD") in done.stdout


def test_the_precision_of_products_is_told():
    before = torch.backends.cuda.matmul.fp32_precision
    try:
        for mode in ("tf32", "ieee"):
            torch.backends.cuda.matmul.fp32_precision = mode
            assert provenance(torch.device("cpu"))["precision"]["matmul"] == mode
    finally:
        torch.backends.cuda.matmul.fp32_precision = before
