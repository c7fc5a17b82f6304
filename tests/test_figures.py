"""The shared look of the figures."""

from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from startright import figures


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_a_small_picture_looks_like_the_full_one():
    figures.use_style()
    figure, ax = figures.panels()
    ax.plot([0, 1], [0, 1])
    figures.source_label(figure, "from here")
    full = BytesIO()
    figure.savefig(full, format="png")
    small = figures.png(figure)
    pictures = [
        np.asarray(Image.open(BytesIO(data)).convert("RGB"), float) for data in (full.getvalue(), small)
    ]
    assert np.abs(pictures[0] - pictures[1]).mean() < 1
    assert len(small) < 0.6 * len(full.getvalue())


def test_panels_have_the_width_of_the_book():
    figure, axes = figures.panels(2, 3, height=2.0)
    assert axes.shape == (2, 3)
    assert tuple(figure.get_size_inches()) == (figures.WIDTH, 4.0)


def _line(figure, height):
    ax = figure.subplots()
    ax.plot([0, 1], [0, height])
    ax.set(ylim=(0, 3), ylabel="a label as wide as its numbers", title=f"{10**height:g}")


def test_a_sheet_has_panels_of_one_size_two_in_a_row():
    figures.use_style()
    whole = figures.sheet(_line, (1, 2, 3))
    assert whole.count == 3
    assert repr(whole) == "<Sheet of 3 panels>"
    picture = Image.open(BytesIO(whole._repr_png_())).convert("RGB")
    width, height = picture.size[0] // 2, picture.size[1] // 2
    assert picture.size == (2 * width, 2 * height)
    for index, value in enumerate((1, 2, 3)):
        row, column = divmod(index, 2)
        box = (column * width, row * height, (column + 1) * width, (row + 1) * height)
        alone = Image.open(BytesIO(figures.sheet(_line, (value, value)).picture)).convert("RGB")
        alone = alone.crop((0, 0, width, height))
        difference = np.asarray(picture.crop(box), float) - np.asarray(alone, float)
        assert np.abs(difference).mean() < 1
    assert np.asarray(picture.crop((width, height, 2 * width, 2 * height))).min() == 255  # nothing is there


def test_a_slider_of_one_value_is_refused():
    with pytest.raises(ValueError, match="two values or more"):
        figures.sheet(_line, (1,))


@pytest.mark.parametrize("log", [False, True])
def test_a_band_is_the_mean_and_a_standard_deviation_on_both_sides(log):
    runs = np.array([[1.0, 10.0], [4.0, 1000.0], [7.0, 100.0]])
    _, ax = figures.panels()
    figures.band(ax, [1, 2], np.vstack([runs, [np.nan, np.nan]]), log=log, color="red", marker="o")
    values = np.log10(runs) if log else runs
    mean, std = values.mean(0), values.std(0, ddof=1)
    back = (lambda y: 10**y) if log else (lambda y: y)
    assert ax.lines[0].get_ydata() == pytest.approx(back(mean))
    assert ax.lines[0].get_marker() == "o"
    edge = ax.collections[0].get_paths()[0].vertices
    for x, m, s in zip((1, 2), mean, std, strict=True):
        heights = edge[edge[:, 0] == x, 1]
        assert (heights.min(), heights.max()) == pytest.approx((back(m - s), back(m + s)))


def test_one_run_has_a_band_of_no_height():
    _, ax = figures.panels()
    figures.band(ax, [1, 2], np.array([[3.0, 5.0]]), color="red")
    edge = ax.collections[0].get_paths()[0].vertices
    assert set(edge[edge[:, 0] == 1, 1]) == {3.0}
