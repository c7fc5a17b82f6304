"""Panels for a slider, in one picture."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from startright import figures


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
