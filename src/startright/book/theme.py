"""Sphinx extension: what the book's theme lacks.

The percent-format ``.py`` of a page under its download button, beside the ``.ipynb``; and no scripts
of thebe (live cells), which Jupyter Book loads twice, an error in the browser's console.
"""

import shutil
from pathlib import Path
from typing import Any


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
    app.connect("html-page-context", add_button, priority=900)
    app.connect("html-page-context", drop_thebe, priority=900)
    app.connect("build-finished", copy_scripts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
