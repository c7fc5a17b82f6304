"""Where a number comes from: the code, the versions, the device, the processor and the precision."""

import inspect
import os
import platform
import re
import subprocess
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch

from startright import __version__
from startright.devices import describe_device
from startright.paths import is_ours, project_of, repository, results_root
from startright.studies.study import Study

# variables that make the libraries compute with other instructions than the processor's best
ARITHMETIC = (
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_CBWR",
    "OPENBLAS_CORETYPE",
)


# variables by which a hook of git points to a repository, which need not be the one of the code
REPOSITORY = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR", "GIT_NAMESPACE")


def _git(root: Path, *arguments: str) -> tuple[str | None, str]:
    """What git answers, None if it fails; and why, in its words."""
    plain = {name: value for name, value in os.environ.items() if name not in REPOSITORY}
    command = ["git", "--no-optional-locks", "-C", str(root), *arguments]
    try:
        answer = subprocess.run(
            command, capture_output=True, timeout=30, check=True, env={**plain, "LC_ALL": "C"}
        )
    except subprocess.CalledProcessError as error:
        said = os.fsdecode(error.stderr).strip().splitlines()
        return None, said[0] if said else f"git ended with {error.returncode}"
    except (OSError, subprocess.SubprocessError) as error:
        return None, "git is not installed" if isinstance(error, FileNotFoundError) else f"git: {error}"
    return os.fsdecode(answer.stdout), ""  # a path, which need not be text in the encoding of the terminal


def _code(function: object) -> Path | None:
    """The file that a function was defined in; None if Python does not tell."""
    while isinstance(function, partial):
        function = function.func
    function = inspect.unwrap(function) if callable(function) else function
    if callable(function) and not hasattr(function, "__code__"):  # an object that can be called
        function = type(function).__call__
    code = getattr(function, "__code__", None)
    return None if code is None else Path(code.co_filename)


def code_of(study: Study) -> Path | None:
    """The file of code that a study belongs to; None if Python does not tell.

    It is that of the function that computes a run; where that is the package's, of the study's first other
    function that is not: a grid of one's own over a run of the book is a study of one's own.
    """
    functions = (study.run, study.run_stacked, study.grid, study.seeds)
    files = [file for file in map(_code, functions) if file is not None]
    return next((file for file in files if not is_ours(file)), _code(study.run))


def commit_of(root: Path | None, code: Path | None = None) -> tuple[str | None, bool | None]:
    """The commit of the checkout at ``root`` and whether tracked files differ from it.

    Untracked files, but for ``code`` itself, and the records do not count as changes, or recording a study
    would spoil the provenance of the next. Where a checkout has no commit to name, a warning says why.

    Returns:
        (40 hex digits, changed), or (None, None) without git or where ``root`` is no checkout of its own.
    """
    if root is None:
        return None, None
    place, why = _git(root, "rev-parse", "--show-toplevel", "HEAD")
    top, _, commit = (place or "").strip().partition("\n")
    if not commit or Path(top).resolve() != root.resolve():
        if (root / ".git").exists():
            why = "it has none yet" if "HEAD" in why else why or "git does not know it as a checkout"
            _say_once(f"records name no commit of {root}: {why}")
        return None, None
    records = [f":(exclude){folder}" for folder in _records_in(root)]
    changes, _ = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", *records)
    file = None if code is None else code.resolve()
    if file is not None and root.resolve() in file.parents and file.is_file():
        untracked = _git(root, "ls-files", "--error-unmatch", "--", str(file))[0] is None
    else:
        untracked = False
    return commit, None if changes is None else untracked or bool(changes.strip())


def _records_in(root: Path) -> list[str]:
    """The folders of records in a checkout: its own, and the one that the environment names."""
    named = results_root().resolve()
    inside = [named.relative_to(root.resolve()).as_posix()] if root.resolve() in named.parents else []
    return sorted({"data/results", *inside})


@cache
def _say_once(sentence: str) -> None:
    warnings.warn(sentence, stacklevel=4)


def _cpu_model(table: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's own name, and its numbers: virtual machines call many of them alike."""
    if not table.exists():  # macOS, Windows
        return platform.processor() or platform.machine()
    first, _, _ = table.read_text(encoding="utf-8", errors="replace").partition("\n\n")
    entries = {key.strip(): value.strip() for key, _, value in (x.partition(":") for x in first.splitlines())}
    name = entries.get("model name") or entries.get("Hardware") or platform.machine()
    numbers = (f"{key} {entries[key]}" for key in ("cpu family", "model", "CPU part") if key in entries)
    return ", ".join([name, *numbers])


def _torch_blas() -> str:
    """``"mkl 2024.2"``: the library that torch was built with."""
    built = torch.__config__.show()
    kind = re.search(r"\bBLAS_INFO=(\w+)", built)
    version = re.search(r"(?:Math Kernel Library Version|OpenBLAS) ([\w.]+)", built)
    return " ".join(match[1] for match in (kind, version) if match)


def _numpy_blas() -> str:
    """``"openblas 0.3.31 SkylakeX"``: the libraries loaded beside torch, and the processor they suit."""
    from threadpoolctl import threadpool_info  # noqa: PLC0415 (comes with scikit-learn)

    found = (
        " ".join(str(one[key]) for key in ("internal_api", "version", "architecture") if one.get(key))
        for one in threadpool_info()
        if one.get("user_api") == "blas"
    )
    return ", ".join(sorted(set(found)))


def processor() -> dict[str, Any]:
    """What decides the last digits: the processor and the libraries that compute on it.

    Returns:
        model, instructions (the set that torch uses), blas (of torch), numpy_blas, each None if it cannot be
        found out, and settings: the environment variables of :data:`ARITHMETIC` that are set.
    """

    def found(ask: Callable[[], str]) -> str | None:
        try:
            return ask() or None
        except Exception:  # no run is to fail for want of a name
            return None

    return {
        "model": found(_cpu_model),
        "instructions": found(torch.backends.cpu.get_cpu_capability),
        "blas": found(_torch_blas),
        "numpy_blas": found(_numpy_blas),
        "settings": {name: os.environ[name] for name in ARITHMETIC if name in os.environ},
    }


def provenance(device: torch.device, code: Path | None = None) -> dict[str, Any]:
    """What a record says of the circumstances of its run.

    Args:
        device: where the run is computed.
        code: the file of the code that is run; None: that of the project that one stands in.

    Returns:
        commit and dirty of the project of the code (for another than the book also package_commit and
        package_dirty, of the book's checkout, None where the package was installed), package (its version),
        torch, python, device, processor (see :func:`processor`), precision (default dtype and float32 modes
        of CUDA products and convolutions), threads of the CPU, time (UTC, ISO 8601).
    """
    project, book = project_of(code), repository()
    of_the_book = is_ours(code) or (book is not None and project == book)
    commit, dirty = commit_of(project, code)
    own, changed = (None, None) if of_the_book else commit_of(book)
    return {
        "commit": commit,
        "dirty": dirty,
        **({} if of_the_book else {"package_commit": own, "package_dirty": changed}),
        "package": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": describe_device(device),
        "processor": processor(),
        "precision": {
            "dtype": str(torch.get_default_dtype()).removeprefix("torch."),
            "matmul": torch.backends.cuda.matmul.fp32_precision,
            "convolution": torch.backends.cudnn.conv.fp32_precision,
        },
        "threads": torch.get_num_threads(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
