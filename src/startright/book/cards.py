"""Sphinx extension: the cards of the first page show the first picture of their chapters.

The text of the cards is a generated section (:mod:`startright.book.sections`); their pictures are those that
the chapters show, so nothing is stored twice.
"""

from typing import Any

from bs4 import BeautifulSoup
from docutils import nodes


def first_picture(env: Any, docname: str) -> str | None:
    """The file name of a page's first picture in the built site; None without one."""
    for image in env.get_doctree(docname).findall(nodes.image):
        for path in (*image.get("candidates", {}).values(), image["uri"]):
            if path in env.images:
                return env.images[path][1]
    return None


def illustrate(soup: BeautifulSoup, pictures: dict[str, str]) -> None:
    """Puts its picture at the head of each card.

    Args:
        soup: the first page.
        pictures: address of a chapter, as links have it, → address of its picture.
    """
    for card in soup.select(".sd-card"):
        link = card.select_one(".sd-card-title a[href], .sd-card-header a[href]")
        address = link["href"].partition("#")[0] if link else ""
        if address in pictures:
            says = f"The first picture of the chapter {link.get_text(strip=True)}"
            image = soup.new_tag("img", src=pictures[address], alt=says, loading="lazy")
            image["class"] = ["sd-card-img-top", "chapter-picture"]
            card.insert(0, image)


def add_pictures(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Illustrates the first page."""
    if pagename != app.config.root_doc or "sd-card" not in context.get("body", ""):
        return
    found = {name: first_picture(app.env, name) for name in app.env.found_docs if name != pagename}
    pictures = {
        context["pathto"](name): context["pathto"](f"_images/{picture}", 1)
        for name, picture in found.items()
        if picture
    }
    soup = BeautifulSoup(context["body"], "html.parser")
    illustrate(soup, pictures)
    context["body"] = str(soup)


def setup(app: Any) -> dict[str, bool]:
    """Entry point of Sphinx."""
    app.connect("html-page-context", add_pictures, priority=960)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
