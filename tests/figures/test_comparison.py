"""Marks of the paper and of ours stand where their values are."""

import doctest
import math

import numpy as np
import pytest

from startright import figures
from startright.figures import Beside, comparison


def marks(figure, name):
    return {float(line.get_ydata()[0]): list(line.get_xdata()) for line in _lines(figure, name)}


def _lines(figure, name):
    return [line for line in figure.axes[0].lines if line.get_gid() == name]


def heights(figure):
    ax = figure.axes[0]
    return dict(zip((t.get_text() for t in ax.get_yticklabels()), ax.get_yticks(), strict=True))


def words(figure):
    return [text.get_text() for text in figure.axes[0].texts if text.get_text()]


ROWS = [
    Beside.of("both", [1.0, 2.0, 3.0], 5.0, 0.5),
    Beside.of("single", [4.0], 4.5),
    Beside.of("theirs", [], 6.0),
    Beside.of("ours", [2.0, 2.5]),
    Beside("neither"),
    Beside.of("lost", [math.nan, 1.0], 3.0),
]


def test_examples():
    assert not doctest.testmod(comparison).failed


def test_every_mark_stands_at_its_value():
    figure = figures.beside(ROWS, "loss (nats)")
    y = heights(figure)
    assert list(y) == [row.label for row in ROWS]
    assert marks(figure, "paper") == {y["both"]: [5], y["single"]: [4.5], y["theirs"]: [6], y["lost"]: [3]}
    assert marks(figure, "ours") == {y["both"]: [2], y["single"]: [4], y["ours"]: [2.25]}
    assert marks(figure, "gap") == {y["both"]: [5, 2], y["single"]: [4.5, 4]}
    assert figure.axes[0].get_xlabel() == "loss (nats)"
    assert np.diff(list(y.values())).min() > 0  # from the top, as the axis is turned round:
    assert figure.axes[0].get_ylim()[0] > figure.axes[0].get_ylim()[1]


def test_intervals_are_students_at_95_percent():
    figure = figures.beside(ROWS, "loss (nats)")
    y, found = heights(figure), marks(figure, "interval")
    assert set(found) == {y["both"], y["ours"]}  # none of a single run
    assert found[y["both"]] == pytest.approx([2 - 4.302653 / 3**0.5, 2 + 4.302653 / 3**0.5])
    assert found[y["ours"]] == pytest.approx([2.25 - 12.7062 * 0.25, 2.25 + 12.7062 * 0.25], rel=1e-5)


def test_the_papers_spread_is_drawn_as_printed():
    (bar,) = [c for c in figures.beside(ROWS[:1], "x").axes[0].collections if len(c.get_segments())]
    assert bar.get_segments()[0][:, 0] == pytest.approx([4.5, 5.5])


def test_what_is_missing_is_said_beside_the_mark():
    figure = figures.beside(ROWS, "loss (nats)")
    assert words(figure) == [
        "not yet run here",
        "the paper has no number",
        "the paper has no number, not yet run here",
        "diverged here",
    ]
    assert [row.missing() for row in ROWS[:2]] == ["", ""]


def test_the_legend_names_the_marks_that_are_there_and_no_others():
    def legend(*rows):
        return [text.get_text() for text in figures.beside(rows, "x").legends[0].get_texts()]

    assert legend(ROWS[0]) == ["the paper, ± as printed", "ours, mean and 95 % interval"]
    assert legend(ROWS[1]) == ["the paper", "ours, a single value"]
    assert legend(ROWS[5]) == ["the paper"]
    assert legend(ROWS[3]) == ["ours, mean and 95 % interval"]


def test_the_cross_may_be_another_number_than_the_papers():
    figure = figures.beside([ROWS[1], ROWS[3]], "x", theirs="exact")
    assert figure.legends[0].get_texts()[0].get_text() == "exact"
    assert words(figure) == ["exact has no number"]


def test_groups_are_named_above_their_first_row():
    rows = [
        Beside("a", 1.0, group="first"),
        Beside("b", 1.0, group="first"),
        Beside("c", 1.0, group="second"),
    ]
    figure = figures.beside(rows, "x")
    y = heights(figure)
    names = {text.get_text(): text.get_position()[1] for text in figure.axes[0].texts}
    assert y["a"] > names["first"] > figure.axes[0].get_ylim()[1]
    assert y["b"] < names["second"] < y["c"]


@pytest.mark.parametrize("log", [False, True])
def test_words_stand_inside_the_figure_and_off_the_marks(log):
    figures.use_style()
    figure = figures.beside(ROWS, "loss (nats)", log=log)
    figure.canvas.draw()
    ax = figure.axes[0]
    for text in (text for text in ax.texts if text.get_text()):
        box = text.get_window_extent()
        assert figure.bbox.x0 <= box.x0
        assert box.x1 <= figure.bbox.x1
        for name in ("paper", "ours"):
            for line in _lines(figure, name):
                x, y = ax.transData.transform(line.get_xydata()[0])
                assert not (box.x0 - 2 < x < box.x1 + 2 and box.y0 < y < box.y1)


def test_an_interval_below_zero_is_drawn_on_a_logarithmic_axis():
    figure = figures.beside([Beside.of("wide", [1.0, 3.0], 2.0)], "x", log=True, limits=(0.1, 100))
    (line,) = _lines(figure, "interval")
    shown = figure.axes[0].transData.transform(line.get_xydata())
    assert np.isfinite(shown).all()
    assert figure.axes[0].get_xlim() == (0.1, 100)


def test_no_rows_are_refused():
    with pytest.raises(ValueError, match="a row or more"):
        figures.beside([], "x")
