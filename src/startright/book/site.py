"""Building the HTML from a staging folder: the repository's pages with what is made of them laid over.

Laid over are the pages that were executed and the API pages of the papers (:mod:`startright.book.api`).

The staging folder keeps the working tree clean and the times of unchanged files, so that Sphinx reads
again only what changed. Warnings are errors.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from startright.book import api
from startright.book.contents import pages
from startright.book.folders import homes, require_writable, utf8

CONTEXT = ("_config.yml", "_toc.yml", "*.md", "CITATION.cff", "book/**/*")
_NOISE = re.compile(r"\x1b\[[0-9;]*m")


class SiteError(RuntimeError):
    """The site could not be built, or was built with warnings."""


def require_jupyter_book() -> None:
    """Refuses Jupyter Book 2, which would convert the configuration away and build nothing.

    Raises:
        SiteError: no Jupyter Book 1.x; the message has the remedy.
    """
    remedy = 'run `uv pip install "jupyter-book>=1.0.4.post1,<2"`'
    try:
        found = version("jupyter-book")
    except PackageNotFoundError:
        raise SiteError(f"jupyter-book is not installed: {remedy}") from None
    if int(found.split(".")[0]) >= 2:
        raise SiteError(f"jupyter-book {found} cannot build this book: {remedy}")


def sources(root: Path) -> Iterator[Path]:
    """The files of the repository that the site is made of."""
    for pattern in CONTEXT:
        for path in sorted(root.glob(pattern)):
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(root).parts):
                yield path


def stage(root: Path, overlay: Mapping[str, Path]) -> Path:
    """Brings the staging folder up to date, touching only what differs.

    Args:
        root: the repository.
        overlay: notebooks to take instead of the committed ones, by their path below ``root``.

    Returns:
        The staging folder.

    Raises:
        FileNotFoundError: a page has a ``.py`` alone and was not executed.
    """
    target = root / "_build" / "stage"
    for page in pages(root):
        name = f"{page.docname}.ipynb"
        if name not in overlay and not page.ipynb.exists():
            raise FileNotFoundError(
                f"{name} is missing: `make book` executes the page, `make refresh` writes it"
            )
    files = {path.relative_to(root).as_posix(): path for path in sources(root)} | dict(overlay)
    wanted = {name: path.read_bytes() for name, path in files.items()}
    wanted |= {name: text.encode() for name, text in api.generated(root).items()}
    for name, content in wanted.items():
        copy = target / name
        if not copy.is_file() or copy.read_bytes() != content:
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(content)
    for path in target.rglob("*"):
        if path.is_file() and path.relative_to(target).as_posix() not in wanted:
            path.unlink()
    return target


def _key(root: Path, staged: Path) -> str:
    """A hash over everything the HTML depends on, the dates of the commits included."""
    total = hashlib.sha256(_git(root, "log", "-1", "--format=%H", "--", "book").encode())
    code = (root / "src").rglob("*.py")
    for path in sorted([*staged.rglob("*"), *code, root / "requirements.lock"]):
        if path.is_file():
            total.update(f"{path.relative_to(root)}\0".encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def _git(root: Path, *arguments: str) -> str:
    try:
        command = ["git", "-C", str(root), *arguments]
        return os.fsdecode(subprocess.run(command, capture_output=True, check=True).stdout).strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _environment(root: Path, staged: Path) -> dict[str, str]:
    """Lets the dates of the staged pages be found in the repository's history, whatever locale and home."""
    folder = _git(root, "rev-parse", "--absolute-git-dir")
    top = _git(root, "rev-parse", "--show-toplevel")
    inside = top and Path(top).resolve() == root.resolve()
    own = {"GIT_DIR": folder, "GIT_WORK_TREE": str(staged)} if inside else {"GIT_CEILING_DIRECTORIES": "/"}
    return utf8(os.environ) | homes(os.environ, root / "_build" / "homes") | {"PYTHONHASHSEED": "0"} | own


def warnings_of(log: str) -> list[str]:
    """The lines of a build's log that say what is wrong."""
    lines = (_NOISE.sub("", line) for line in log.splitlines())
    return [
        line for line in lines if re.search(r"\b(WARNING|ERROR|CRITICAL)\b|^\S*(Error|Exception)\b", line)
    ]


def _sphinx(root: Path, staged: Path, builder: str) -> subprocess.CompletedProcess[str]:
    program = "from jupyter_book.cli.main import main; main()"
    options = ["-W", "-n", "--keep-going", "--builder", builder, "--path-output", str(root)]
    done = subprocess.run(
        [sys.executable, "-c", program, "build", str(staged), *options],
        env=_environment(root, staged),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="replace",
        check=False,
    )
    (root / "_build" / f"{builder}.log").write_text(done.stdout, encoding="utf-8")
    return done


def build(root: Path, overlay: Mapping[str, Path] | None = None, builder: str = "html") -> Path:
    """Builds the site into ``_build/html``; does nothing if it is up to date.

    Args:
        root: the repository.
        overlay: executed notebooks in place of committed ones, by path below ``root``.
        builder: ``html`` or ``linkcheck``.

    Returns:
        The first page of the site.

    Raises:
        SiteError: the build failed or warned. What Sphinx had kept is dropped: a second build would
            not read the faulty pages again, and so not warn.
        PermissionError: the folder ``_build`` cannot be written; the message says what to do.
    """
    require_jupyter_book()
    require_writable(root / "_build", root)
    staged = stage(root, overlay or {})
    made, stamp = root / "_build" / "html", root / "_build" / "html.key"
    key = _key(root, staged)
    if (
        builder == "html"
        and stamp.exists()
        and stamp.read_text("ascii") == key
        and (made / "index.html").exists()
    ):
        return made / "index.html"
    stamp.unlink(missing_ok=True)
    done = _sphinx(root, staged, builder)
    if done.returncode:
        shutil.rmtree(root / "_build" / ".doctrees", ignore_errors=True)
        found = warnings_of(done.stdout.replace(f"{staged}/", "")) or done.stdout.splitlines()[-5:]
        raise SiteError("\n  ".join([f"the {builder} build failed (_build/{builder}.log):", *found]))
    if builder == "html":
        stamp.write_text(key, "ascii")
    return made / "index.html"
