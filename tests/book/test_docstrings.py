"""Docstrings on the API pages: formulas and re-exported names."""

from types import SimpleNamespace

import numpy as np
import pytest
from docutils import nodes
from docutils.core import publish_doctree
from numpy.typing import ArrayLike, NDArray
from sphinx.util.typing import stringify_annotation

from startright.book import docstrings


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("of $x$.", "of :math:`x`."),
        ("$n$th", r":math:`n`\ th"),
        ("$a$ and $b$", ":math:`a` and :math:`b`"),
        ("$a +\n    b$", ":math:`a + b`"),
        ("``$STARTRIGHT_DATA``, else ``$HOME``", "``$STARTRIGHT_DATA``, else ``$HOME``"),
        ("5 $ and 6 $", "5 $ and 6 $"),
        (r"costs \$5, then \$6", r"costs \$5, then \$6"),
    ],
)
def test_inline_formulas(text, expected):
    assert docstrings.to_rst(text) == expected


def test_displayed_formula_becomes_a_block_at_its_indentation():
    tree = publish_doctree(docstrings.to_rst("Here\n\n$$\na = b\n$$\n\nand here."))
    assert [block.astext() for block in tree.findall(nodes.math_block)] == ["a = b"]
    indented = docstrings.to_rst("Args:\n    $$a = b$$\n")
    assert "\n    .. math::\n\n       a = b\n" in indented


def test_bars_inside_formulas_are_no_substitutions():
    tree = publish_doctree(docstrings.to_rst(r"The law of $|G|/|W|$."))
    assert [formula.astext() for formula in tree.findall(nodes.math)] == ["|G|/|W|"]
    assert not list(tree.findall(nodes.system_message))


@pytest.fixture
def app():
    return SimpleNamespace(env=SimpleNamespace(temp_data={}))


def test_the_hook_rewrites_in_place(app):
    lines = ["The law of $x$.", ""]
    docstrings.process_docstring(app, "function", "f", None, None, lines)
    assert lines == ["The law of :math:`x`.", ""]


@pytest.mark.parametrize(
    ("comment", "kept"), [(tuple.__doc__, []), ("The names of $x$.", ["The names of :math:`x`."])]
)
def test_a_constant_shows_its_comment_and_never_that_of_its_type(app, comment, kept):
    lines = comment.splitlines()
    docstrings.process_docstring(app, "data", "NAMES", ("a", "b"), None, lines)
    assert lines == kept


def test_a_colon_in_the_text_of_a_constant_is_no_type(app):
    lines = ["The names: three of them."]
    docstrings.keep_colons(app, "data", "NAMES", (), None, lines)
    lines[:] = ["three of them.", "", ":type: The names"]  # what napoleon makes of it
    docstrings.process_docstring(app, "data", "NAMES", (), None, lines)
    assert lines == ["The names: three of them."]


@pytest.mark.parametrize(
    ("annotation", "shown"),
    [
        (ArrayLike, "~numpy.typing.ArrayLike"),
        (NDArray[np.float64], "~numpy.typing.NDArray[~numpy.float64]"),
        (tuple[NDArray[np.int64], int], "tuple[~numpy.typing.NDArray[~numpy.int64], int]"),
        (np.ndarray, "~numpy.ndarray"),
    ],
)
def test_types_of_arrays_have_their_documented_names(app, annotation, shown):
    hints = {"x": stringify_annotation(annotation, "smart"), "n": "int"}
    app.env.temp_data["annotations"] = {"f": hints}
    docstrings.shorten_annotations(app, "function", "f", None, None, None, None)
    assert hints == {"x": shown, "n": "int"}


@pytest.mark.parametrize("text", ["NDArray[~numpy.float64]", "ArrayLike | None"])  # from Python 3.12 on
def test_an_alias_gets_its_module_once(text):
    assert docstrings.shorten_types(text) == f"~numpy.typing.{text}"
    assert docstrings.shorten_types(f"~numpy.typing.{text}") == f"~numpy.typing.{text}"


def _resolve(target, documented):
    calls = []
    domain = SimpleNamespace(objects=documented, resolve_xref=lambda *call: calls.append(call[4]) or "found")
    env = SimpleNamespace(domains={"py": domain})
    node = {"refdomain": "py", "reftype": "class", "reftarget": target, "refdoc": "page"}
    return docstrings.resolve_reexport(SimpleNamespace(builder=None), env, node, None), calls


def test_reexported_name_finds_its_definition():
    assert _resolve("startright.studies.Study", {"startright.studies.study.Study": 1}) == (
        "found",
        ["startright.studies.study.Study"],
    )


@pytest.mark.parametrize(
    "target", ["startright.studies.Study", "startright.studies.nothing", "torch.Tensor", "x"]
)
def test_what_is_not_documented_stays_unresolved(target):
    assert _resolve(target, {}) == (None, [])
