import json
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial

import pytest
import torch

from startright import __version__, paths
from startright.book import catalogue
from startright.paths import project_of, repository
from startright.studies import Study, default_store
from startright.studies import provenance as module
from startright.studies.provenance import code_of, commit_of, processor, provenance

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
    monkeypatch.setattr(module, "commit_of", lambda *_: ("abc", True))
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


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """A git project of somebody else with a module that has a study, and one stands in it."""
    monkeypatch.delenv("STARTRIGHT_RESULTS", raising=False)
    root = tmp_path / "mine"
    root.mkdir()
    (root / "mine.py").write_text("def compute(config, seed, device):\n    pass\n")
    git(tmp_path, "init", "-q", str(root))
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "first")
    monkeypatch.chdir(tmp_path)
    return root


def study_in(path):
    names = {}
    exec(compile(path.read_text(), str(path), "exec"), names)
    return Study("my-study", 1, "?", None, None, names["compute"])


@needs_git
def test_a_study_of_another_project_names_that_project_and_goes_to_its_folder(mine):
    study = study_in(mine / "mine.py")
    note = provenance(torch.device("cpu"), code_of(study))
    assert (note["commit"], note["dirty"]) == (git(mine, "rev-parse", "HEAD"), False)
    assert (note["package_commit"], note["package_dirty"]) == commit_of(repository())
    assert default_store(study).path == mine / "data" / "results" / "my-study.jsonl"
    (mine / "new.py").write_text((mine / "mine.py").read_text())
    note = provenance(torch.device("cpu"), code_of(study_in(mine / "new.py")))
    assert note["dirty"] is True  # no commit has it


@needs_git
def test_code_that_is_in_no_project_is_of_the_current_one(mine, monkeypatch, tmp_path):
    cell = tmp_path / "kernel" / "cell.py"
    assert project_of(cell) is project_of(None) is None  # not the book, wherever it is installed
    (mine / "below").mkdir()
    monkeypatch.chdir(mine / "below")
    assert project_of(cell) == project_of(None) == mine


@needs_git
def test_installed_code_is_of_no_project(mine):
    assert project_of(mine / ".venv" / "lib" / "site-packages" / "other.py") is None


@needs_git
def test_a_script_in_no_checkout_has_no_commit_and_records_where_one_stands(mine, monkeypatch, tmp_path):
    script = tmp_path / "alone" / "script.py"
    script.parent.mkdir()
    script.write_text((mine / "mine.py").read_text())
    study = study_in(script)
    note = provenance(torch.device("cpu"), code_of(study))
    assert (note["commit"], note["dirty"], note["package"]) == (None, None, __version__)
    assert (note["package_commit"], note["package_dirty"]) == commit_of(repository())
    assert default_store(study).path == tmp_path / "data" / "results" / "my-study.jsonl"
    monkeypatch.chdir(mine)  # somebody's project, but not of this script
    assert provenance(torch.device("cpu"), code_of(study))["commit"] is None
    assert default_store(study).path == mine / "data" / "results" / "my-study.jsonl"
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(tmp_path / "there"))
    assert default_store(study).path == tmp_path / "there" / "my-study.jsonl"


@needs_git
def test_a_study_without_code_is_of_the_project_that_one_stands_in(mine, monkeypatch, tmp_path):
    study = Study("my-study", 1, "?", None, None, None)
    assert default_store(study).path == tmp_path / "data" / "results" / "my-study.jsonl"
    monkeypatch.chdir(mine)
    assert provenance(torch.device("cpu"))["commit"] == git(mine, "rev-parse", "HEAD")
    assert default_store(study).path == mine / "data" / "results" / "my-study.jsonl"


@needs_git
def test_a_grid_of_ones_own_over_a_run_of_the_book_is_a_study_of_ones_own(mine):
    (book, *_) = catalogue.STUDIES.values()
    compute = study_in(mine / "mine.py").run
    for changes in ({"grid": compute}, {"seeds": compute}, {"run_stacked": partial(compute, None)}):
        assert code_of(replace(book, **changes)) == mine / "mine.py"
    store = default_store(replace(book, name="my-study", grid=compute))
    assert store.path == mine / "data" / "results" / "my-study.jsonl"
    assert default_store(book).path == repository() / "data" / "results" / f"{book.name}.jsonl"


@needs_git
def test_objects_and_decorated_functions_tell_their_file(mine):
    compute = study_in(mine / "mine.py").run

    class Trained:
        def __call__(self, config, seed, device):
            pass

        def compute(self, config, seed, device):
            pass

    made = Study("my-study", 1, "?", None, None, partial(torch.no_grad()(compute), seed=0))
    assert code_of(made) == mine / "mine.py"
    for function in (Trained(), Trained().compute, partial(Trained())):
        assert str(code_of(replace(made, run=function))) == __file__


@needs_git
def test_worktrees_submodules_and_shallow_clones_name_their_own_commit(mine, tmp_path):
    first = git(mine, "rev-parse", "HEAD")
    git(mine, "commit", "-q", "--allow-empty", "-m", "second")
    worktree, shallow, above = tmp_path / "worktree", tmp_path / "shallow", tmp_path / "above"
    git(mine, "worktree", "add", "-q", "--detach", str(worktree), first)
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{mine}", str(shallow))
    git(tmp_path, "init", "-q", str(above))
    git(above, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(mine), "sub")
    git(above, "commit", "-q", "-m", "third")
    for root, commit in (
        (worktree, first),
        (shallow, git(mine, "rev-parse", "HEAD")),
        (above / "sub", git(mine, "rev-parse", "HEAD")),
    ):
        study = study_in(root / "mine.py")
        note = provenance(torch.device("cpu"), code_of(study))
        assert (note["commit"], note["dirty"]) == (commit, False)
        assert default_store(study).path == root / "data" / "results" / "my-study.jsonl"
    (above / "sub" / "mine.py").write_text("1\n")
    assert commit_of(above)[1] is True  # a submodule that was changed
    link = tmp_path / "link"
    link.symlink_to(mine)
    assert project_of(link / "mine.py") == mine


@needs_git
def test_variables_of_a_hook_do_not_name_another_repository(mine, checkout, monkeypatch):
    own = git(mine, "rev-parse", "HEAD")
    monkeypatch.setenv("GIT_DIR", str(checkout / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(checkout / ".git" / "index"))
    assert commit_of(mine, mine / "mine.py") == (own, False)


@needs_git
def test_records_in_the_folder_that_the_environment_names_are_no_changes(mine, monkeypatch):
    (mine / "runs").mkdir()
    (mine / "runs" / "my-study.jsonl").write_text("{}\n")
    git(mine, "add", ".")
    git(mine, "commit", "-q", "-m", "second")
    (mine / "runs" / "my-study.jsonl").write_text("{}\n{}\n")
    assert commit_of(mine)[1] is True
    monkeypatch.setenv("STARTRIGHT_RESULTS", str(mine / "runs"))
    assert commit_of(mine)[1] is False


@needs_git
def test_a_checkout_whose_commit_cannot_be_had_is_one_sentence(mine, monkeypatch, tmp_path):
    empty, broken = tmp_path / "empty", tmp_path / "broken"
    git(tmp_path, "init", "-q", str(empty))
    (broken / ".git").mkdir(parents=True)
    cases = [(empty, "it has none yet"), (broken, "not a git repository"), (mine, "git is not installed")]
    for root, why in cases:
        if root is mine:
            monkeypatch.setenv("PATH", str(tmp_path))
        module._say_once.cache_clear()
        with pytest.warns(UserWarning, match=f"^records name no commit of {root}: .*{why}") as told:
            assert commit_of(root) == commit_of(root) == (None, None)
        assert len(told) == 1


@needs_git
def test_a_checkout_that_cannot_be_written_is_read(mine):
    own = git(mine, "rev-parse", "HEAD")
    (mine / "mine.py").touch()  # git would refresh its index
    (mine / ".git").chmod(0o555)
    try:
        assert commit_of(mine, mine / "mine.py") == (own, False)
    finally:
        (mine / ".git").chmod(0o755)


@needs_git
def test_from_a_wheel_the_project_and_the_version_are_named(mine, tmp_path):
    site = tmp_path / "venv" / "lib" / "site-packages"
    shutil.copytree(paths.PACKAGE, site / "startright", ignore=shutil.ignore_patterns("__pycache__"))
    (mine / "go.py").write_text(
        "import json, torch\nfrom mine import compute\nfrom startright.studies import Study, default_store\n"
        "from startright.studies.provenance import code_of, provenance\n"
        "study = Study('my-study', 1, '?', None, None, compute)\n"
        "note = provenance(torch.device('cpu'), code_of(study))\n"
        "print(json.dumps([note, str(default_store(study).path)]))\n"
    )
    roots = mine, shutil.copytree(mine, tmp_path / "bare", ignore=shutil.ignore_patterns(".git"))
    both = tmp_path / "both.py"  # in one process: torch is imported once
    both.write_text(
        "import runpy, sys\n"
        "for root in sys.argv[1:]:\n"
        "    sys.modules.pop('mine', None)\n"
        "    sys.path[0] = root\n"
        "    runpy.run_path(f'{root}/go.py', run_name='__main__')\n"
    )
    command = [sys.executable, str(both), *map(str, roots)]
    environment = {**os.environ, "PYTHONPATH": str(site)}
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, check=True)
    (note, path), (bare, elsewhere) = map(json.loads, done.stdout.splitlines())
    assert (note["commit"], note["dirty"]) == (git(mine, "rev-parse", "HEAD"), False)
    assert (note["package"], note["package_commit"]) == (__version__, None)
    assert path == str(mine / "data" / "results" / "my-study.jsonl")
    assert (bare["commit"], bare["package_commit"], bare["package"]) == (None, None, __version__)
    assert elsewhere == str(tmp_path / "data" / "results" / "my-study.jsonl")


def test_the_package_is_of_the_book_wherever_it_is_installed(mine, monkeypatch, tmp_path):
    package = mine / ".venv" / "lib" / "site-packages" / "startright"
    monkeypatch.setattr(paths, "PACKAGE", package)
    for book in (tmp_path / "book", None):  # one stands in a checkout, or not
        monkeypatch.setattr(paths, "repository", lambda book=book: book)
        assert project_of(package / "preact" / "studies.py") == book


def test_the_own_studies_are_of_the_own_checkout(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (study, *_) = catalogue.STUDIES.values()
    assert project_of(code_of(study)) == repository()
    assert "package_commit" not in provenance(torch.device("cpu"), code_of(study))
    assert code_of(replace(study, run=partial(study.run, seed=0))) == code_of(study)
    assert code_of(replace(study, run=print)) is None


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
