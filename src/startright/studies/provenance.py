"""Where a number comes from: the code, the versions, the device and the precision."""

import platform
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from startright import __version__
from startright.devices import describe_device
from startright.paths import repository


def _git(root: Path, *arguments: str) -> str | None:
    try:
        answer = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):  # no git, no commit yet, not ours to read
        return None
    return answer.stdout


def commit_of(root: Path | None) -> tuple[str | None, bool | None]:
    """The commit of the checkout at ``root`` and whether tracked files differ from it.

    Untracked files and the records themselves do not count as changes, or recording a study
    would spoil the provenance of the next.

    Returns:
        (40 hex digits, changed), or (None, None) without git or where ``root`` is no checkout of its own.
    """
    place = (_git(root, "rev-parse", "--show-toplevel", "HEAD") if root else None) or ""
    top, _, commit = place.strip().partition("\n")
    if not commit or Path(top).resolve() != root.resolve():
        return None, None
    changes = _git(root, "status", "--porcelain", "--untracked-files=no", "--", ".", ":!data/results")
    return commit, None if changes is None else bool(changes.strip())


def provenance(device: torch.device) -> dict[str, Any]:
    """What a record says of the circumstances of its run.

    Args:
        device: where the run is computed.

    Returns:
        commit, dirty, package, torch, python, device, precision (default dtype and float32 modes of
        CUDA products and convolutions), threads of the CPU, time (UTC, ISO 8601).
    """
    commit, dirty = commit_of(repository())
    return {
        "commit": commit,
        "dirty": dirty,
        "package": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "device": describe_device(device),
        "precision": {
            "dtype": str(torch.get_default_dtype()).removeprefix("torch."),
            "matmul": torch.backends.cuda.matmul.fp32_precision,
            "convolution": torch.backends.cudnn.conv.fp32_precision,
        },
        "threads": torch.get_num_threads(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
