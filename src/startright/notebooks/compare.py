"""Whether a page says again what it said before: words exactly, numbers within a tolerance.

The tolerance is there because the last digits depend on the processor, its number of threads and the
version of its libraries. 5 % is below what any sentence of the book rests on; 0.01 absolute covers
printed differences that are zero but for rounding. A number printed with an exponent stands for an
order of magnitude (an error of ``3e-10``) and must agree within a factor of ten.
A cell overrides this in its metadata: ``tolerance={"rel": 0.2, "abs": 0.5}``; one tagged
``nbval-ignore-output`` is not compared. Images are not compared.
"""

import math
import re

from nbformat import NotebookNode

from startright.notebooks.gate import texts
from startright.notebooks.pages import Problem
from startright.notebooks.pair import code_cells

TOLERANCE = {"rel": 0.05, "abs": 0.01}
_NUMBER = r"(?<![\w.])[-+−]?(?:\d+\.\d+|\.\d+|\d+\.?)(?:[eE][-+]?\d+)?(?![\w.]*[A-Za-z_])"
_TOKEN = re.compile(rf"({_NUMBER})|[^\W\d_][\w-]*|\S")


def tokens(text: str) -> list[str]:
    """Words, numbers and signs of ``text``, without the white space.

    >>> tokens("KS 0.12 at width 1e3 (C1)")
    ['KS', '0.12', 'at', 'width', '1e3', '(', 'C1', ')']
    """
    return [match.group() for match in _TOKEN.finditer(text)]


def _number(token: str) -> float | None:
    return float(token.replace("−", "-")) if re.fullmatch(_NUMBER, token) else None


def agree(before: str, after: str, rel: float, absolute: float) -> bool:
    """Whether two tokens say the same.

    >>> agree("0.500", "0.51", rel=0.05, absolute=0), agree("one", "two", rel=1, absolute=1)
    (True, False)
    """
    x, y = _number(before), _number(after)
    if x is None or y is None:
        return before == after
    if "e" in (before + after).lower():
        return x == y or (x * y > 0 and math.fabs(math.log10(x / y)) <= 1)
    return math.isclose(x, y, rel_tol=rel, abs_tol=absolute)


def _tolerance(cell: NotebookNode) -> tuple[float, float]:
    own = cell.metadata.get("tolerance", {})
    limits = TOLERANCE | (dict(own) if isinstance(own, dict) else {"rel": float(own)})
    return limits["rel"], limits["abs"]


def _difference(before: str, after: str, tolerance: tuple[float, float]) -> str | None:
    old, new = tokens(before), tokens(after)
    for left, right in zip(old, new, strict=False):
        if not agree(left, right, *tolerance):
            return f"says {right!r}, the reference says {left!r}"
    return None if len(old) == len(new) else f"shows {len(new)} words, the reference {len(old)}"


def compare(reference: NotebookNode, executed: NotebookNode, name: str) -> list[Problem]:
    """The code cells whose printed results differ between two runs of a page.

    Args:
        reference: the committed page.
        executed: the page run again; cells of the same source are compared.
        name: the page's name in the messages.
    """
    problems = []
    before = {cell.source: cell for _, cell in code_cells(reference)}
    for number, cell in code_cells(executed):
        old = before.get(cell.source)
        if old is None or "nbval-ignore-output" in cell.metadata.get("tags", []):
            continue
        left, right = list(texts(old)), list(texts(cell))
        message = None
        if [kind for kind, _ in left] != [kind for kind, _ in right]:
            message = f"shows {[k for k, _ in right]}, the reference {[k for k, _ in left]}"
        for (_, then), (_, now) in zip(left, right, strict=False):
            message = message or _difference(then, now, _tolerance(cell))
        if message:
            problems.append(Problem(name, message, number, cell.get("id")))
    return problems
