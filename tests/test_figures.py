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
