"""The table of what each method does with other people's networks: every cell of it is a test's own word."""

import importlib.util
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "book" / "api" / "situations.md"
METHODS = {
    "alrao": "Alrao",
    "priors": "Penalty of a prior",
    "scalp": "Scaling and pruning",
    "preact": "Gaussian activations",
    "gauss_newton": "Gauss-Newton",
    "higher_order": "Grouped derivatives",
    "posterior": "Variational layers",
}


def situations(paper):
    """Row → what the method does there, as the paper's tests have it."""
    path = TESTS / "papers" / paper / "test_situations.py"
    spec = importlib.util.spec_from_file_location(f"situations_of_{paper}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.SITUATIONS


def table():
    """The table of the page."""
    columns = {name: situations(paper) for paper, name in METHODS.items()}
    first, *_ = columns.values()
    lines = [f"| | {' | '.join(columns)} |", "|---" * (1 + len(columns)) + "|"]
    lines += [f"| {row} | {' | '.join(column[row] for column in columns.values())} |" for row in first]
    return "\n".join(lines)


@pytest.mark.parametrize("paper", METHODS)
def test_the_words_are_those_of_the_table(paper):
    for row, answer in situations(paper).items():
        assert re.match(r"(works|refused)\b", answer), (row, answer)
        assert "|" not in answer


def test_every_method_answers_for_the_same_situations():
    rows = [list(situations(paper)) for paper in METHODS]
    assert all(sorted(row) == sorted(rows[0]) for row in rows)


def test_the_page_shows_what_the_tests_hold():
    wanted = table()
    assert wanted in PAGE.read_text("utf-8"), f"{PAGE.name} must have:\n{wanted}"
