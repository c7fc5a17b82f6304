"""What can be wrong with built HTML although it was built: links, anchors, images, leftovers, the network."""

import hashlib
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import bs4
from bs4 import BeautifulSoup

from startright.book.contents import Problem, documents
from startright.book.stale import digest

MAX_BYTES = 2_000_000
_LEFTOVER = re.compile(r"\{[a-z]+(?::[a-z]+)?\}`|(?<!\\)\$\$|^:::|\[\?\?\]|<!-- generated", re.MULTILINE)


@cache
def _parse(path: Path) -> BeautifulSoup:
    return BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")


@cache
def _anchors(path: Path) -> frozenset[str]:
    return frozenset(tag["id"] for tag in _parse(path).find_all(id=True))


def _links(site: Path, path: Path) -> Iterator[str]:
    for tag in _parse(path).find_all("a", href=True):
        link = urlsplit(tag["href"])
        if link.scheme or link.netloc:
            continue
        target = (path.parent / unquote(link.path)).resolve() if link.path else path
        target = target / "index.html" if target.is_dir() else target
        if not target.is_file() or not target.is_relative_to(site.resolve()):
            yield f"links to {tag['href']}, which does not exist"
        elif link.fragment and target.suffix == ".html" and unquote(link.fragment) not in _anchors(target):
            yield f"links to {tag['href']}: no such anchor"


def _images(path: Path) -> Iterator[str]:
    for tag in _parse(path).find_all("img"):
        if not tag.get("alt", "").strip():
            yield f"shows an image without alternative text: {str(tag.get('src'))[:80]}"
        source = urlsplit(tag.get("src", ""))
        if not source.scheme and not (path.parent / unquote(source.path)).is_file():
            yield f"shows an image that does not exist: {tag.get('src')}"


def _network(path: Path) -> Iterator[str]:
    for tag in _parse(path).find_all(["script", "link", "img", "iframe"]):
        if tag.name == "link" and "stylesheet" not in tag.get("rel", []) and tag.get("as") is None:
            continue
        address = tag.get("src") or tag.get("href") or ""
        if re.match(r"(https?:)?//", address):
            yield f"loads {address} from the network"


def _leftovers(path: Path) -> Iterator[str]:
    article = _parse(path).find("article") or _parse(path)
    for tag in article.select(".problematic, .output.traceback, .output.stderr"):
        yield f"shows an error: {tag.get_text()[:80]!r}"
    for string in article.find_all(string=_LEFTOVER):
        if not string.find_parent(["pre", "code", "script", "style"]):
            yield f"shows markup that was not rendered: {string.strip()[:60]!r}"


def check_html(root: Path) -> list[Problem]:
    """Everything that is wrong with ``_build/html``.

    A site without a problem leaves a stamp, and is not read again until one of its files differs, or the
    contents, or this module, or what reads HTML for it.

    Args:
        root: the repository.

    Returns:
        The problems: a page that is missing or above 2 MB, a link or anchor that leads
        nowhere, an image without alternative text, anything loaded from the network, text left unrendered.
    """
    stamp, key = root / "_build" / "html.checked", _key(root)
    if stamp.is_file() and stamp.read_text("ascii") == key:
        return []
    problems = _problems(root)
    if not problems and stamp.parent.is_dir():
        stamp.write_text(key, "ascii")
    return problems


def _key(root: Path) -> str:
    """A hash over all that the check reads: the names of the site's files, its pages, the check itself."""
    site, ours = root / "_build" / "html", Path(__file__)
    names = sorted(path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file())
    read = [*(site / name for name in names if name.endswith(".html")), root / "_toc.yml"]
    code = [ours, ours.with_name("contents.py"), ours.with_name("stale.py")]
    versions = sys.version, bs4.__version__
    return hashlib.sha256(
        repr((versions, names, digest(read, root), digest(code, ours.parent))).encode()
    ).hexdigest()


def _problems(root: Path) -> list[Problem]:
    site = root / "_build" / "html"
    problems = [
        Problem(name, "is in the table of contents but not in _build/html")
        for name in documents(root)
        if not (site / f"{name}.html").is_file()
    ]
    for path in sorted(site.rglob("*.html")):
        if "_static" in path.parts:
            continue
        name = path.relative_to(site).as_posix()
        if path.stat().st_size > MAX_BYTES:
            problems.append(Problem(name, f"has {path.stat().st_size / 1e6:.1f} MB"))
        for check in (_links(site, path), _images(path), _network(path), _leftovers(path)):
            problems += [Problem(name, message) for message in dict.fromkeys(check)]
    _parse.cache_clear()
    _anchors.cache_clear()
    return problems
