"""Where a number comes from: the code, the versions, the device, the processor and the precision."""

import inspect
import os
import platform
import re
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch

from startright import __version__
from startright.devices import describe_device
from startright.paths import project_of, repository
from startright.studies.study import Study

# variables that make the libraries compute with other instructions than the processor's best
ARITHMETIC = (
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "MKL_ENABLE_INSTRUCTIONS",
    "MKL_CBWR",
    "OPENBLAS_CORETYPE",
)


def _git(root: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):  # no git, no commit yet, not ours to read
        return None
    return os.fsdecode(answer.stdout)  # a path, which need not be text in the encoding of the terminal


def code_of(study: Study) -> Path | None:
    """The file with the function that computes a run of ``study``; None if Python does not tell."""
    function = study.run
    while isinstance(function, partial):
        function = function.func
    code = getattr(inspect.unwrap(function), "__code__", None)
    return None if code is None else Path(code.co_filename)


def commit_of(root: Path | None, code: Path | None = None) -> tuple[str | None, bool | None]:
    """The commit of the checkout at ``root`` and whether tracked files differ from it.

    Untracked files, but for ``code`` itself, and the records do not count as changes, or recording a study
    would spoil the provenance of the next.

    Returns:
        (40 hex digits, changed), or (None, None) without git or where ``root`` is no checkout of its own.
    """
    place = (_git(root, "rev-parse", "--show-toplevel", "HEAD") if root else None) or ""
    top, _, commit = place.strip().partition("\n")
    if not commit or Path(top).resolve() != root.resolve():
        return None, None
    changes = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!data/results")
    untracked = (
        code is not None
        and root.resolve() in code.resolve().parents
        and _git(root, "ls-files", "--error-unmatch", "--", str(code.resolve())) is None
    )
    return commit, None if changes is None else untracked or bool(changes.strip())


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
        commit and dirty of the project of the code (for another than the book also package_commit), package,
        torch, python, device, processor (see :func:`processor`), precision (default dtype and float32 modes
        of CUDA products and convolutions), threads of the CPU, time (UTC, ISO 8601).
    """
    project, book = project_of(code), repository()
    commit, dirty = commit_of(project, code)
    return {
        "commit": commit,
        "dirty": dirty,
        **({} if project == book else {"package_commit": commit_of(book)[0]}),
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
