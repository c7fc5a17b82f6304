"""Sphinx extension: what the book's theme lacks.

The percent-format ``.py`` of a page under its download button, beside the ``.ipynb``, and as what "Suggest
edit" opens; names for the arrows of the side bar; no scripts of thebe (live cells), which Jupyter Book loads
twice, an error in the browser's console; and the pages themselves tidied.
"""

import shutil
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup

from startright.book import ledger, tidy
from startright.book.stale import notice

LEDGER = "book/claims"


def _script(app: Any, pagename: str) -> Path | None:
    if pagename not in app.env.found_docs:
        return None
    page = Path(app.env.doc2path(pagename))
    script = page.with_suffix(".py")
    return script if page.suffix == ".ipynb" and script.is_file() else None


def add_button(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Adds the link to the page's download menu (the theme has made the menu by then)."""
    if not _script(app, pagename):
        return
    button = {
        "type": "link",
        "url": f"{context['pathto']('_sources', 1)}/{pagename}.py",
        "text": ".py",
        "icon": "fab fa-python",
        "tooltip": "Download the page as a Python script",
        "label": "download-script-button",
    }
    for group in context.get("header_buttons", []):
        if group.get("label") == "download-buttons":
            group["buttons"].insert(1, button)


def _buttons(groups: Iterable[dict]) -> Iterator[dict]:
    """The buttons of a page's header, those in menus too."""
    for button in groups:
        yield button
        yield from _buttons(button.get("buttons", []))


def edit_script(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Lets "Suggest edit" open the source of a page, not the notebook that is made from it."""
    if _script(app, pagename):
        for button in _buttons(context.get("header_buttons", [])):
            if button.get("label") == "source-edit-button":
                button["url"] = button["url"].removesuffix(".ipynb") + ".py"


def name_arrows(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Names the arrows that unfold a part of the side bar, for who cannot see them."""
    make = context.get("generate_toctree_html")
    if make is None:
        return

    def named(*arguments: Any, **options: Any) -> Any:
        made = make(*arguments, **options)
        for summary in made.select("summary") if hasattr(made, "select") else ():
            link = summary.parent.find_previous_sibling("a")
            summary["aria-label"] = f"Pages below {link.get_text(strip=True)}" if link else "More pages"
        return made

    context["generate_toctree_html"] = named


@cache
def _claims_of() -> dict[str, tuple[str, frozenset[str]]]:
    """Page → the paper it is about, with the numbers of that paper's claims."""
    from startright import papers  # noqa: PLC0415 (brings torch along)

    return {
        f"book/{page}": (paper.name, frozenset(claim.id for claim in paper.claims))
        for paper in papers.every()
        for page in paper.pages
    }


def tidy_body(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Tidies what Sphinx made of a page, and links the numbers of claims to the ledger."""
    if pagename not in app.env.found_docs or not context.get("body"):
        return
    soup = BeautifulSoup(context["body"], "html.parser")
    tidy.mend_lists(soup)
    if pagename == LEDGER:
        ledger.reshape(soup)
    tidy.tidy_tables(soup)
    if pagename in _claims_of():
        paper, known = _claims_of()[pagename]
        tidy.link_claims(soup, known, f"{context['pathto'](LEDGER)}#{paper}-")
    context["body"] = str(soup)


def drop_thebe(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Takes thebe's scripts off the page."""
    scripts = context.get("script_files", [])
    context["script_files"] = [
        script
        for script in scripts
        if "thebe" not in f"{getattr(script, 'filename', script)} {getattr(script, 'attributes', '')}".lower()
    ]


def copy_scripts(app: Any, error: Exception | None) -> None:
    """Puts the scripts beside the notebooks in the built site."""
    if error is None and app.builder.format == "html":
        for pagename in app.env.found_docs:
            if script := _script(app, pagename):
                target = Path(app.outdir, "_sources", pagename).with_suffix(".py")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(script, target)


def setup(app: Any) -> dict[str, bool]:
    """Entry point of Sphinx."""
    notice(app, __file__, tidy.__file__, ledger.__file__, rebuild="html")
    app.connect("html-page-context", add_button, priority=900)
    app.connect("html-page-context", edit_script, priority=900)
    app.connect("html-page-context", name_arrows, priority=900)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("html-page-context", tidy_body, priority=950)
    app.connect("build-finished", copy_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
