"""Every cell can be read, and says where runs diverged."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from startright import figures
from startright.figures.colours import luminance


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


@pytest.mark.parametrize("cmap", ["viridis", "magma_r", "Greys"])
def test_the_words_of_a_cell_have_contrast(cmap):
    _, ax = plt.subplots()
    values = np.linspace(0, 1, 30).reshape(5, 6)
    image = figures.heat(ax, values, "{:.2f}".format, cmap=cmap)
    assert len(ax.texts) == 30
    for text, value in zip(ax.texts, values.flat, strict=True):
        assert text.get_text() == f"{value:.2f}"
        column, row = text.get_position()
        assert values[row, column] == value
        ground, words = luminance(image.to_rgba(value)[:3]), luminance(text.get_color())
        assert (max(ground, words) + 0.05) / (min(ground, words) + 0.05) >= 4.5


def test_blank_and_diverged_cells_differ():
    _, ax = plt.subplots()
    values = np.array([[1.0, np.nan, np.nan]])
    figures.heat(ax, values, str, diverged=np.array([[False, True, False]]))
    assert [(text.get_text(), text.get_position()) for text in ax.texts] == [
        ("1.0", (0, 0)),
        ("diverged", (1, 0)),
    ]
    (patch,) = ax.patches
    assert patch.get_hatch()
    assert patch.get_xy() == (0.5, -0.5)
