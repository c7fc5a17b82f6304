"""Every figure of the book at a glance, as readers meet it: on a light page, a dark one, and a phone."""

from collections.abc import Iterator
from html import escape
from pathlib import Path

from startright.book.contents import pages
from startright.book.gate import images
from startright.book.pair import code_cells, read

_STYLE = """
body { font: 16px/1.4 sans-serif; margin: 1rem }
section { display: grid; grid-template-columns: 1fr 1fr 350px; gap: 1rem; margin: 0 0 2rem }
h2, p { grid-column: 1 / -1; margin: 0 }
div { padding: 1rem; background: #fff }
div.dark { background: #121212 }
div.phone { padding: 0 }
img { max-width: min(100%, 616px) }
div.dark img { background: #fff; border-radius: 4px; padding: 4px }
"""


def figures(root: Path) -> Iterator[tuple[str, str, str, bytes]]:
    """Page, name, caption and picture of every figure in the committed notebooks.

    Args:
        root: the repository.
    """
    for page in pages(root):
        if not page.ipynb.exists():
            continue
        for number, cell in code_cells(read(page.ipynb)):
            figure = cell.metadata.get("mystnb", {}).get("figure", {})
            name = figure.get("name", f"cell-{number}")
            for k, picture in enumerate(images(cell)):
                yield page.docname, f"{name}-{k + 1}" if k else name, figure.get("caption", ""), picture


def contact_sheet(root: Path, target: Path) -> int:
    """Writes the pictures of all figures, and ``index.html`` that shows each in three ways.

    Args:
        root: the repository.
        target: a folder; what lies there under the same names is replaced.

    Returns:
        How many figures.
    """
    target.mkdir(parents=True, exist_ok=True)
    sections = []
    for page, name, caption, picture in figures(root):
        file = f"{page.replace('/', '-')}-{name}.png"
        (target / file).write_bytes(picture)
        sections.append(_section(f"{page}: {name}", f"{caption} ({len(picture) / 1000:.0f} kB)", file))
    head = f'<meta charset="utf-8"><title>Every figure</title><style>{_STYLE}</style>'
    body = "\n".join(sections)
    html = f'<!DOCTYPE html><html lang="en"><head>{head}</head><body>{body}</body></html>'
    (target / "index.html").write_text(html, encoding="utf-8")
    return len(sections)


def _section(title: str, caption: str, file: str) -> str:
    ways = "".join(
        f'<div class="{way}"><img loading="lazy" alt="{escape(title)}, {way}" src="{escape(file)}"></div>'
        for way in ("light", "dark", "phone")
    )
    return f"<section><h2>{escape(title)}</h2><p>{escape(caption)}</p>{ways}</section>"
