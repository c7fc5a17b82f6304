"""Running a page through papermill, in a process and a folder of its own."""

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from nbformat import NotebookNode

from startright.book.contents import Page
from startright.book.folders import homes, require_writable, utf8
from startright.book.pair import merged, read, write


class PageError(RuntimeError):
    """A page could not be executed at all: papermill or the kernel died."""


def environment(quiet: bool = True, hide_gpu: bool = True, spare: Path | None = None) -> dict[str, str]:
    """The environment of a page's kernel.

    Args:
        quiet: no progress bars.
        hide_gpu: the quick profile is made for CPUs, and its committed outputs come from one: numbers from
            another device would differ in every random draw.
        spare: where the kernel's libraries keep their caches if the home cannot be written: they would warn
            on stderr, which the gate refuses. Compiled modules go there too where Python may leave none
            beside the sources (``PYTHONDONTWRITEBYTECODE``): compiling those of torch anew takes longer
            than most studies of a page.
    """
    settings = utf8(os.environ) | {"PYTHONHASHSEED": "0", "JUPYTER_PREFER_ENV_PATH": "1"}
    settings |= homes(os.environ, spare) if spare else {}
    if spare and settings.pop("PYTHONDONTWRITEBYTECODE", ""):
        settings.setdefault("PYTHONPYCACHEPREFIX", str(spare / "bytecode"))
    if hide_gpu:  # pages run side by side, and kernels that share cores mostly wait for one another
        settings.setdefault("OMP_NUM_THREADS", "1")
    settings.pop("MPLBACKEND", None)  # another backend than the notebook's own would show no figure
    if quiet:
        settings["TQDM_DISABLE"] = "1"
    if hide_gpu:
        settings["CUDA_VISIBLE_DEVICES"] = ""
    return settings


def execute(
    page: Page, out: Path, parameters: Mapping[str, str] | None = None, cwd: Path | None = None
) -> tuple[NotebookNode, int]:
    """Runs the page's ``.py`` and leaves the executed notebook in ``out``. The pair is not touched.

    Args:
        page: the page.
        out: where to write; the log goes beside it, as ``.log``.
        parameters: values for the cell tagged ``parameters``: without any, papermill adds no cell. With some,
            the run is a throw-away: it may use a GPU, and shows its progress on stderr.
        cwd: the folder to run in, by default the page's.

    Returns:
        The executed notebook, errors included, and the seconds it took.

    Raises:
        PageError: there is no notebook afterwards, or its kernel died.
        PermissionError: ``out`` cannot be written; the message says what to do.
    """
    require_writable(out.parent, page.root)
    started = time.monotonic()
    plan, log = out.with_suffix(".plan.ipynb"), out.with_suffix(".log")
    write(_bare(merged(page)), plan)
    out.unlink(missing_ok=True)
    arguments = [str(plan), str(out), "--cwd", str(cwd or page.py.parent), "-k", "python3"]
    for name, value in (parameters or {}).items():
        arguments += ["-p", name, value]
    arguments += ["--log-output", "--no-progress-bar"] if parameters else ["--no-progress-bar"]
    settings = environment(not parameters, not parameters, page.root / "_build" / "homes")
    command = [sys.executable, "-m", "papermill", *arguments]
    with log.open("w", encoding="utf-8") as stream:
        sink = None if parameters else stream
        code = subprocess.run(command, env=settings, stdout=sink, stderr=sink, check=False).returncode
    plan.unlink()
    if not out.exists() or (code and not _has_error(read(out))):
        last = [line for line in log.read_text("utf-8", "replace").splitlines() if line.strip()][-1:]
        raise PageError(f"{page.docname} did not run to its end: {' '.join(last) or f'exit code {code}'}")
    return read(out), round(time.monotonic() - started)


def _bare(notebook: NotebookNode) -> NotebookNode:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def _has_error(notebook: NotebookNode) -> bool:
    outputs = (output for cell in notebook.cells for output in cell.get("outputs", []))
    return any(output.output_type == "error" for output in outputs)
