"""Two panels in a row at most, one legend for all."""

import matplotlib.pyplot as plt
import pytest

from startright import figures


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.mark.parametrize(("count", "rows", "columns"), [(1, 1, 1), (2, 1, 2), (3, 2, 2), (6, 3, 2)])
def test_panels_come_in_reading_order_two_in_a_row(count, rows, columns):
    figure, axes = figures.pairs(count, height=2.0)
    assert len(axes) == count
    assert tuple(figure.get_size_inches()) == (figures.WIDTH, 2.0 * rows)
    places = [(ax.get_subplotspec().rowspan.start, ax.get_subplotspec().colspan.start) for ax in axes]
    assert places == [divmod(k, columns) for k in range(count)]
    assert axes[0].get_gridspec().ncols == columns


def test_no_panel_is_refused():
    with pytest.raises(ValueError, match="one panel or more, got 0"):
        figures.pairs(0)


def test_the_legend_takes_the_free_place():
    figure, axes = figures.pairs(3, sharex=True)
    axes[0].plot([0, 1], label="a curve")
    (more,) = plt.plot([], [], label="a mark")
    figures.key(figure, axes[0], more=[more])
    free = next(ax for ax in figure.axes if not ax.axison)
    assert [text.get_text() for text in free.get_legend().get_texts()] == ["a curve", "a mark"]
    assert not figure.legends
    assert axes[1].xaxis.get_tick_params()["labelbottom"]  # nothing stands below it


def test_the_legend_stands_above_where_no_place_is_free():
    figures.use_style()
    figure, axes = figures.pairs(2)
    axes[0].plot([0, 1], label="a curve")
    figures.key(figure, axes[0])
    figure.canvas.draw()
    (legend,) = figure.legends
    assert legend.get_window_extent().y0 >= axes[0].bbox.y1
