"""The shared look of the figures."""

from io import BytesIO

import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from startright import figures
from startright.figures import style


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
    assert np.abs(pictures[0] - pictures[1]).max() <= 24  # of 255: no colour is taken for another
    assert pictures[1].max(-1).max() == 255  # paper stays white


def test_the_ends_of_a_scale_keep_their_colour():
    figures.use_style()
    figure, ax = figures.panels()
    image = ax.imshow(np.linspace(0.3, 0.7, 900).reshape(30, 30), cmap="RdBu_r", vmin=0, vmax=1)
    figure.colorbar(image)
    small = np.asarray(Image.open(BytesIO(figures.png(figure))).convert("RGB"), int)
    for end in (0.0, 1.0):  # seen at the end of the colour bar alone
        colour = np.array(image.cmap(end)[:3]) * 255
        assert (np.abs(small - colour).max(-1) < 20).sum() > 50


def test_panels_have_the_width_of_the_book():
    figure, axes = figures.panels(2, 3, height=2.0)
    assert axes.shape == (2, 3)
    assert tuple(figure.get_size_inches()) == (figures.WIDTH, 4.0)


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


def test_a_band_ends_where_its_values_must():
    _, ax = figures.panels()
    figures.band(ax, [1, 2], np.array([[99.0, 40.0], [81.0, 60.0]]), limits=(0, 100), color="red")
    edge = ax.collections[0].get_paths()[0].vertices
    heights = edge[edge[:, 0] == 1, 1]
    assert heights.max() == 100
    assert heights.min() == pytest.approx(90 - 18 / 2**0.5)


def test_a_long_source_is_written_in_lines():
    figure, _ = figures.panels()
    figures.source_label(figure, "so many words " * 12)
    assert max(map(len, figure.get_supxlabel().splitlines())) <= 100
    assert len(figure.get_supxlabel().splitlines()) == 2


def test_a_figure_drawn_twice_is_the_same_bytes():
    def draw():
        figures.use_style()
        figure, ax = figures.panels()
        ax.plot([0, 1], [0, 1], label="a curve")
        figures.name_curves(ax)
        return figures.png(figure)

    assert draw() == draw()


def test_pictures_have_two_dots_a_pixel():
    figures.use_style()
    figure, ax = figures.panels(height=3.0)
    ax.plot([0, 1], [0, 1])
    ax.set(xlabel="x", ylabel="y")
    width, _ = Image.open(BytesIO(figures.png(figure))).size
    assert abs(width / (220 * figures.WIDTH) - 1) < 0.05


def test_white_stays_white_beside_the_palest_tint():
    picture = np.full((200, 200, 3), 255, np.uint8)
    picture[20:] = (250, 250, 253)
    shown = np.asarray(Image.open(BytesIO(style.small(Image.fromarray(picture)))).convert("RGB"))
    assert (shown[:20] == 255).all()


def test_letters_can_be_read_on_a_phone():
    figures.use_style()
    sizes = [plt.rcParams[name] for name in ("xtick.labelsize", "ytick.labelsize", "legend.fontsize")]
    assert min(sizes) / 72 * 350 / figures.WIDTH >= 7.5  # pixels, where the figure is 350 wide


def test_the_grid_is_unbroken_on_a_screen_and_on_a_phone():
    figures.use_style()
    figure, ax = figures.panels()
    ax.plot([0, 1], [0, 1], alpha=0)
    picture = Image.open(BytesIO(figures.png(figure))).convert("L")
    for width in (picture.width // style.SHARP, 3 * 350):  # the dots of one, and of the other
        height = round(picture.height * width / picture.width)
        shown = np.asarray(picture.resize((width, height), Image.Resampling.BOX))
        dark = shown[height // 10 : height * 7 // 10, width // 4 : width * 9 // 10] < 235
        assert dark.all(axis=0).sum() >= 3
        assert dark.all(axis=1).sum() >= 3
