"""Damage: whatever is wrong with a notebook or its source, the check names the page, and the cell too."""

import copy
import json
import random
import re

import pytest

from startright.book import contents, pair, sections, stale
from startright.book.checks import check_page, stale_pages

CASES = 250
ODD = [None, True, -1, 0.5, 1e400, "", "x", "\ud800", [], [None], [[1]], {}, {"x": 1}, {"cells": 3}, 10**30]
OUTPUTS = [
    {"output_type": "stream", "name": "stdout"},
    {"output_type": "stream", "name": 1, "text": "a"},
    {"output_type": "error", "ename": "E"},
    {"output_type": "display_data", "data": {"text/plain": 3}, "metadata": {}},
    {"output_type": "display_data", "data": {"image/png": [1]}, "metadata": {}},
    {"output_type": "display_data", "data": None, "metadata": {}},
    {"output_type": "execute_result", "data": {}, "metadata": {}},
    {"data": {"text/plain": "a"}},
    {"output_type": "nothing"},
    3,
]
MEASURED = "application/vnd.startright.measured+json"
METADATA = {
    "startright": [None, 3, [1, 2], {"cells": 3}, {"cells": {"a": 1}, "seconds": "1"}, {"key": []}],
    "jupytext": [None, 3, []],
    "kernelspec": [None, 3, {}, {"name": 1}],
    "language_info": [None, {"name": 1}],
}
CELL_METADATA = {
    "mystnb": [None, 3, "x", [], {"figure": 3}, {"figure": {"caption": 3}, "image": []}, {"image": None}],
    "tags": [None, 3, "x", [1], ["x", "x"], {}],
    "tolerance": ["x", None, {"rel": "x"}],
}
BYTES = [
    b"",
    b"null",
    b"3",
    b"[]",
    b"{}",
    b'{"nbformat": 4}',
    b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}}',
    b'{"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": []}',
    b'{"nbformat": 99, "nbformat_minor": 5, "metadata": {}, "cells": []}',
    b'{"nbformat": true, "nbformat_minor": 5, "metadata": {}, "cells": []}',
    b'{"nbformat": 4, "nbformat_minor": 99, "metadata": {}, "cells": [{}]}',
    b'{"nbformat": 4, "nbformat_minor": -1, "metadata": {}, "cells": []}',
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf{}",
    b"[" * 100_000,
    b"<<<<<<< ours\n{}\n=======\n{}\n>>>>>>> theirs\n",
    b"9" * 5000,
]


def places(tree, path=()):
    """Every key or index of nested JSON, as a path."""
    keys = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for key, value in keys:
        yield (*path, key)
        yield from places(value, (*path, key))


def damaged(notebook, path, value):
    """A copy with what lies at ``path`` replaced, or deleted for ``...``."""
    result = copy.deepcopy(notebook)
    inner = result
    for key in path[:-1]:
        inner = inner[key]
    if value is ...:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return result


def mutants(notebook):
    """Named kinds of damage one by one, then draws: something odd, or nothing, anywhere."""
    for key, values in METADATA.items():
        yield from ((("metadata", key), damaged(notebook, ("metadata", key), value)) for value in values)
    for position, cell in enumerate(notebook["cells"]):
        at = ("cells", position)
        yield from ((at, damaged(notebook, at, value)) for value in ODD)
        yield from (((*at, key), damaged(notebook, (*at, key), ...)) for key in cell)
        for key, values in CELL_METADATA.items():
            place = (*at, "metadata", key)
            yield from ((place, damaged(notebook, place, value)) for value in values)
        if cell["cell_type"] == "code":
            yield from ((at, damaged(notebook, (*at, "outputs"), [output])) for output in OUTPUTS)
            for value in [*ODD, *([each] for each in ODD)]:
                data = {"text/plain": "a", MEASURED: value}
                output = {"output_type": "display_data", "data": data, "metadata": {}}
                yield at, damaged(notebook, (*at, "outputs"), [output])
    draw, everywhere = random.Random(0), list(places(notebook))
    for _ in range(CASES):
        place = draw.choice(everywhere)
        yield place, damaged(notebook, place, draw.choice([..., *ODD]))


def checked(page):
    """Everything `startright check` does with a page; fails only if something is raised."""
    stale_pages(page.root)
    problems = check_page(page)
    assert all(problem.page == page.docname and "\n" not in str(problem) for problem in problems), problems
    sections.fill("<!-- generated:status -->\n<!-- /generated:status -->", page.root)
    return problems


@pytest.fixture
def quick_check(monkeypatch):
    """Sources do not change here: jupytext reads them once, and their hash is computed once."""
    for module, name in ((pair, "source"), (stale, "key")):
        monkeypatch.setattr(module, name, once(getattr(module, name)))


def once(function):
    kept = {}
    return lambda page: kept.setdefault(page, None) or kept.update({page: function(page)}) or kept[page]


def test_every_damaged_notebook_is_problems_and_no_traceback(executed, quick_check):
    notebook = json.loads(executed.ipynb.read_text(encoding="utf-8"))
    assert checked(executed) == []
    failures, silent, count = [], 0, 0
    for place, mutant in mutants(notebook):
        executed.ipynb.write_text(json.dumps(mutant), encoding="utf-8")
        count += 1
        try:
            problems = checked(executed)
        except Exception as error:
            failures.append((place, repr(error)))
            continue
        silent += not problems
        if place[0] == "cells" and len(place) > 1 and problems:
            assert any(problem.cell or "cell" in problem.message for problem in problems), (place, problems)
    assert failures == []
    assert count > CASES
    assert silent < count / 4  # metadata that nothing reads may be anything


@pytest.mark.parametrize("content", BYTES, ids=range(len(BYTES)))
def test_what_is_no_notebook_at_all_is_one_problem(executed, content):
    executed.ipynb.write_bytes(content)
    [problem] = checked(executed)
    assert "page.ipynb is not a notebook: " in problem.message
    assert len(problem.message) < 500


@pytest.mark.parametrize("part", [0.1, 0.5, 0.99])
def test_a_truncated_notebook_is_one_problem(executed, part):
    content = executed.ipynb.read_bytes()
    executed.ipynb.write_bytes(content[: int(len(content) * part)])
    [problem] = checked(executed)
    assert "is not a notebook" in problem.message


def test_the_cell_is_named_with_its_number_and_id(executed):
    notebook = json.loads(executed.ipynb.read_text(encoding="utf-8"))
    notebook["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout"}]
    executed.ipynb.write_text(json.dumps(notebook), encoding="utf-8")
    [problem] = check_page(executed)
    assert f"code cell 2 [{notebook['cells'][2]['id']}]: " in problem.message
    assert "'text' is a required property" in problem.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.rstrip(b"\n"), r"line 29: the last line does not end"),
        (lambda text: text + b"\n# %%\nx = '\xff'\n", r"line 32: not UTF-8"),
        (lambda text: text.replace(b"#   kernelspec:", b"#  kernelspec: ["), r"cannot be read as a notebook"),
        (lambda text: text.replace(b'{"figure"', b"{figure"), r"the .py and the .ipynb differ"),
        (lambda text: b"", r"line 1: jupytext would write|and 4 cells"),
    ],
)
def test_a_damaged_source_is_named_with_its_line(executed, change, message):
    executed.py.write_bytes(change(executed.py.read_bytes()))
    assert stale_pages(executed.root) == [executed]
    [problem] = checked(executed)
    assert re.search(message, problem.message), problem


@pytest.mark.parametrize(("code", "line"), [("x = (", 32), ("x = '\0'", None), ("return = 1", 32)])
def test_what_python_cannot_read_is_named_with_its_line(executed, code, line):
    executed.py.write_text(f"{executed.py.read_text()}\n# %%\n{code}\n")
    assert stale_pages(executed.root) == [executed]
    assert checked(executed)
    where = rf"book/page\.py(, line {line})?: " if line is None else rf"book/page\.py, line {line}: "
    with pytest.raises(ValueError, match=f"{where}Python cannot read it"):
        stale.key(executed)


def test_a_module_that_python_cannot_read_is_named(executed):
    executed.py.write_text(executed.py.read_text().replace("DEVICE =", "import startright.alone\n\nDEVICE ="))
    (executed.root / "src/startright/alone.py").write_text("x = 1\ny = (\n")
    with pytest.raises(ValueError, match=r"^src/startright/alone\.py, line 2: Python cannot read it"):
        stale.key(executed)


def test_contents_that_are_not_utf8_are_named(book):
    (book.root / "_toc.yml").write_bytes(b"root: caf\xe9\n")
    with pytest.raises(ValueError, match=r"cannot read the table of contents .*_toc\.yml"):
        contents.pages(book.root)
