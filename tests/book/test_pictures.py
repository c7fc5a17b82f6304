"""The same figure, drawn elsewhere, passes; another one does not."""

import re
from io import BytesIO
from itertools import combinations

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from startright.book.contents import pages
from startright.book.gate import images
from startright.book.pair import code_cells, read
from startright.book.pictures import SIZE, distance, problem, size
from startright.figures import COLOURS, panels, png, use_style
from startright.paths import repository

SPREAD = 0.04  # of a curve, over seeds


def curves(seed=None, *, n=3, slope=1.0, **style):
    """A figure of the book: falling curves with bands, moved as the mean of five seeds would be."""
    noise = np.random.default_rng(seed)
    x = np.linspace(0, 10, 40)
    with mpl.rc_context():
        use_style()
        mpl.rcParams.update(style)
        figure, axes = panels(1, 2)
        for axis in axes:
            for k, colour in zip(range(n), COLOURS.values(), strict=False):
                y = np.exp(-0.1 * slope * (k + 1) * x)
                if seed is not None:
                    y = y * (1 + SPREAD * noise.standard_normal() / 5**0.5)
                axis.plot(x, y, color=colour, label=f"method {k}")
                axis.fill_between(x, y * (1 - SPREAD), y * (1 + SPREAD), color=colour, alpha=0.2)
            axis.set(xlabel="epoch", ylabel="training loss (nats)")
        axes[-1].legend()
        made = png(figure)
        plt.close(figure)
    return made


@pytest.fixture(scope="module")
def reference():
    return curves()


@pytest.mark.parametrize("seed", range(5))
def test_curves_that_moved_within_their_spread_pass(reference, seed):
    moved = curves(seed)
    assert moved != reference
    assert distance(moved, reference).largest < 1


@pytest.mark.parametrize(
    "style",
    [
        {"text.hinting": "none"},
        {"savefig.dpi": 216},
        {"savefig.dpi": 224},
        {"xtick.labelsize": 9.6, "axes.labelsize": 10.5},
    ],
)
def test_other_letters_and_dots_pass(reference, style):
    assert 0 < distance(curves(**style), reference).largest < 1


@pytest.mark.parametrize("other", [{"n": 2}, {"n": 4}, {"slope": 0.4}, {"slope": -0.5}, {"savefig.dpi": 234}])
def test_another_figure_does_not(reference, other):
    assert distance(curves(**other), reference).largest > 1
    assert distance(reference, curves(**other)).largest > 1


def test_one_curve_taken_for_another_is_found(reference):
    picture = Image.open(BytesIO(reference)).convert("RGB")
    red, green, blue = picture.split()
    swapped = BytesIO()
    Image.merge("RGB", (blue, red, green)).save(swapped, "PNG")
    assert distance(swapped.getvalue(), reference).largest > 1


def test_blank_pictures_are_alike_and_unlike_a_figure(reference):
    blank = BytesIO()
    Image.new("RGBA", Image.open(BytesIO(reference)).size, (0, 0, 0, 0)).save(blank, "PNG")
    assert distance(blank.getvalue(), blank.getvalue()).largest == 0
    assert distance(blank.getvalue(), reference).largest > 1


def test_no_two_figures_of_the_book_are_taken_for_each_other():
    root = repository()
    figures = [
        (f"{page.docname}, code cell {number}", image)
        for page in pages(root)
        if page.ipynb.exists()
        for number, cell in code_cells(read(page.ipynb))
        for image in images(cell)
    ]
    assert len(figures) > 40
    assert [(name, wrong) for name, image in figures if (wrong := problem(image))] == []
    alike = [
        (one, other, near)
        for (one, ours), (other, reference) in combinations(figures, 2)
        if np.allclose(size(ours), size(reference), rtol=SIZE)  # the others are told apart by that
        and (near := distance(ours, reference).largest) <= 1
        and ours != reference
    ]
    assert alike == []


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"<svg/>", b"GIF89a"])
def test_what_is_no_picture_is_said(reference, content):
    assert problem(content)
    for pair in ((content, reference), (reference, content)):
        with pytest.raises(ValueError, match=re.escape("a picture cannot be read: ")):
            distance(*pair)


def test_a_truncated_picture_is_said(reference):
    assert problem(reference) is None
    assert "does not end where its file ends" in problem(reference[:-5])
    assert "does not end where its file ends" in problem(reference + reference)
    damaged = bytearray(reference)
    damaged[len(damaged) // 2] ^= 255
    assert "cannot be read" in problem(bytes(damaged))
