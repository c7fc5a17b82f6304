"""The built book in a real browser: Chromium without a window, in the four ways in which people read it.

Needs the extra ``browser`` and a Chromium of the system, ``apt-get install chromium``. Nothing but this
machine is reached: the site is served from 127.0.0.1, and every other name is unknown to the browser.
"""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from html import escape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from startright.book.contents import documents

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TALLEST = 12_000  # pixels of a picture; more than that nobody looks at, and Chromium cannot make
GENERATED = ("genindex", "py-modindex", "search")
_NO_NETWORK = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"


@dataclass(frozen=True)
class Mode:
    """How a page is looked at.

    Args:
        width: of the window, in pixels.
        theme: ``light`` or ``dark``, as the system asks for.
    """

    width: int
    theme: str

    def __str__(self) -> str:
        return f"{self.width}-{self.theme}"

    @property
    def options(self) -> dict[str, Any]:
        """What a context of the browser is opened with."""
        size = {"width": self.width, "height": 900}
        return {"viewport": size, "color_scheme": self.theme, "reduced_motion": "reduce"}


MODES = tuple(Mode(width, theme) for width in (1440, 390) for theme in ("light", "dark"))


def chromium() -> str:
    """The path of the system's Chromium, or of the one that ``STARTRIGHT_CHROMIUM`` names.

    Raises:
        FileNotFoundError: there is none; the message has the remedy.
    """
    named = os.environ.get("STARTRIGHT_CHROMIUM")
    found = next(filter(None, map(shutil.which, [named] if named else PROGRAMS)), None)
    if found is None:
        what = f"STARTRIGHT_CHROMIUM is {named!r}, which is no program" if named else "there is no Chromium"
        raise FileNotFoundError(f"{what}: `apt-get install chromium`, or name one in STARTRIGHT_CHROMIUM")
    return found


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        """Says nothing of what it serves."""


@contextmanager
def serving(site: Path) -> Iterator[str]:
    """Serves a folder on a free port of this machine; gives its address, with a slash at the end."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()


@contextmanager
def browsing() -> Iterator[Any]:
    """A Chromium, as Playwright's ``Browser``.

    Raises:
        ModuleNotFoundError: Playwright is not installed; the message has the remedy.
        FileNotFoundError: no Chromium.
    """
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415 (an extra)
    except ModuleNotFoundError:
        raise ModuleNotFoundError("Playwright is not installed: `uv pip install -e '.[browser]'`") from None
    program = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=[_NO_NETWORK, "--disable-dev-shm-usage"]
        )
        try:
            yield browser
        finally:
            browser.close()


def addresses(root: Path) -> list[str]:
    """The pages that a reader sees, below ``_build/html``: those of the contents and the generated ones."""
    return [f"{name}.html" for name in (*documents(root), *GENERATED)]


def settle(page: Any) -> None:
    """Waits until fonts, pictures and formulas of a page are there."""
    page.evaluate(
        """async () => {
            if (window.MathJax && MathJax.startup) await MathJax.startup.promise;
            await document.fonts.ready;
            for (const image of document.images) image.loading = "eager";
            await Promise.all([...document.images].map((image) => image.decode().catch(() => 0)));
        }"""
    )


def screenshots(root: Path, target: Path) -> int:
    """Writes a picture of every page in every mode, and ``index.html`` that shows them side by side.

    Args:
        root: the repository, with ``_build/html``.
        target: a folder; what lies there under the same names is replaced.

    Returns:
        How many pictures.
    """
    names = addresses(root)
    target.mkdir(parents=True, exist_ok=True)
    with serving(root / "_build" / "html") as base, browsing() as browser:
        for mode in MODES:
            context = browser.new_context(**mode.options)
            page = context.new_page()
            for name in names:
                page.goto(base + name)
                settle(page)
                height = page.evaluate("document.documentElement.scrollHeight")
                clip = {"x": 0, "y": 0, "width": mode.width, "height": min(height, TALLEST)}
                page.screenshot(path=target / _picture(name, mode), full_page=True, clip=clip)
            context.close()
    (target / "index.html").write_text(_sheet(names), encoding="utf-8")
    return len(names) * len(MODES)


def _picture(name: str, mode: Mode) -> str:
    return f"{name.removesuffix('.html').replace('/', '-')}.{mode}.png"


_STYLE = "p { display: flex; gap: 1rem } img { width: 20vw; max-height: 70vh; object-fit: cover }"


def _sheet(names: list[str]) -> str:
    """The contact sheet: a line a page, a picture a mode, each a link to the picture at its size."""
    rows = "".join(
        f"<h2>{escape(name)}</h2><p>"
        + "".join(
            f'<a href="{_picture(name, mode)}"><img loading="lazy" alt="{escape(name)}, {mode}" '
            f'src="{_picture(name, mode)}" /></a>'
            for mode in MODES
        )
        + "</p>"
        for name in names
    )
    head = f'<meta charset="utf-8"><title>Every page</title><style>{_STYLE}</style>'
    return f'<!DOCTYPE html><html lang="en"><head>{head}</head><body>{rows}</body></html>'
