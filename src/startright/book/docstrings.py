"""Sphinx extension: what the API pages need of docstrings.

Formulas between dollar signs, and names such as ``startright.studies.Study`` that are imported from
where they are defined.
"""

import inspect
import re
from importlib import import_module
from typing import Any

from numpy.typing import ArrayLike

from startright.aliases import full_name
from startright.book.stale import notice

_ALIAS = re.compile(r"(?<![\w.])(ArrayLike|NDArray)\b")
_DISPLAY = re.compile(r"^([ \t]*)\$\$\s*(.+?)\s*\$\$[ \t]*$", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"(?<![\\$`])\$(?![\s$])([^$`]+?)(?<![\s\\])\$(?!\$)(\w?)")
_NDARRAY = re.compile(r"~numpy\.ndarray\[tuple\[~typing\.Any, \.\.\.\], ~numpy\.dtype\[([~\w.]+)\]\]")


def _display(match: re.Match) -> str:
    indent, formula = match.groups()
    body = "\n".join(f"{indent}   {line.strip()}" for line in formula.splitlines())
    return f"\n{indent}.. math::\n\n{body}\n"


def _inline(match: re.Match) -> str:
    formula, after = match.groups()
    formula = " ".join(formula.split())
    return f":math:`{formula}`" + (rf"\ {after}" if after else "")


def to_rst(text: str) -> str:
    r"""The docstring with dollar signs of formulas replaced by what reStructuredText understands.

    Args:
        text: a docstring; ``$…$`` stays within a paragraph, ``$$…$$`` stands on lines of its own.

    >>> print(to_rst(r"the $n$th power of $x$"))
    the :math:`n`\ th power of :math:`x`
    """
    return _INLINE.sub(_inline, _DISPLAY.sub(_display, text))


def keep_colons(*hook: Any) -> None:
    """Sets the text of a constant or property aside: napoleon takes what precedes a colon for a type."""
    app, kind, name, _, _, lines = hook
    if kind in ("attribute", "data", "property"):
        app.env.temp_data["startright:lines", name] = list(lines)


def process_docstring(*hook: Any) -> None:
    """Rewrites the lines of a docstring in place: formulas, and nothing for a constant without a comment.

    Autodoc passes app, kind, name, object, options and lines; for a bare tuple it gives tuple's own.
    """
    app, kind, name, thing, _, lines = hook
    text = "\n".join(app.env.temp_data.pop(("startright:lines", name), lines))
    inherited = kind == "data" and text.strip() == inspect.getdoc(type(thing))
    lines[:] = [] if inherited else to_rst(text).split("\n")


def shorten_types(text: str) -> str:
    """``text`` with the two types of arrays under the names that NumPy documents.

    From Python 3.12 on they are aliases, which Sphinx names without their module; before, it writes out the
    dozen types that they stand for.

    >>> shorten_types("NDArray[~numpy.float64] | None")
    '~numpy.typing.NDArray[~numpy.float64] | None'
    """
    from sphinx.util.typing import stringify_annotation  # noqa: PLC0415 (Sphinx comes with the book only)

    text = text.replace(stringify_annotation(ArrayLike, "smart"), "ArrayLike")
    return _ALIAS.sub(r"~numpy.typing.\1", _NDARRAY.sub(r"NDArray[\1]", text))


def shorten_annotations(app: Any, kind: str, name: str, *_: Any) -> None:
    """Says ``ArrayLike`` and ``NDArray`` in the types of arguments and results."""
    annotations = app.env.temp_data.get("annotations", {}).get(name, {})
    for argument, text in annotations.items():
        annotations[argument] = shorten_types(text)


def _defined(name: str) -> str | None:
    """Where what a module exports is defined; None for what is no class or function."""
    module, _, name = name.rpartition(".")
    try:
        thing = getattr(import_module(module), name)
        return f"{thing.__module__}.{thing.__qualname__}"
    except (ImportError, AttributeError):
        return None


def resolve_reexport(app: Any, env: Any, node: Any, contnode: Any) -> Any | None:
    """Finds what is documented under another name.

    ``startright.studies.Study`` where it is defined, ``startright.alrao`` under the long name of the paper.
    """
    name = str(node.get("reftarget", ""))
    if node.get("refdomain") != "py" or not name.startswith("startright."):
        return None
    known = env.domains["py"].objects
    target = next((full for full in (full_name(name), _defined(name)) if full in known), None)
    if target in (None, name):
        return None
    return env.domains["py"].resolve_xref(
        env, node["refdoc"], app.builder, node["reftype"], target, node, contnode
    )


def setup(app: Any) -> dict[str, bool]:
    """Entry point of Sphinx."""
    notice(app, __file__, rebuild="env")
    app.connect("autodoc-process-docstring", keep_colons, priority=100)  # before napoleon
    app.connect("autodoc-process-docstring", process_docstring, priority=900)  # after napoleon
    app.connect("autodoc-process-signature", shorten_annotations, priority=900)  # after autodoc's own
    app.connect("missing-reference", resolve_reexport)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
