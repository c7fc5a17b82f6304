"""The drawing of every method is whole: no word is cut, and none lies on another or on a line."""

import importlib
import importlib.util
import inspect
from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.patches import FancyArrowPatch
from matplotlib.path import Path

from startright import papers
from startright.figures import use_style


def drawings():
    for paper in papers.every():
        name = f"{paper.package}.schematic"
        if importlib.util.find_spec(name):
            module = importlib.import_module(name)
            for draw, function in inspect.getmembers(module, inspect.isfunction):
                if function.__module__ == name and not draw.startswith("_"):
                    yield pytest.param(function, id=f"{paper.package.rpartition('.')[2]}-{draw}")


@pytest.mark.parametrize("draw", [*drawings()])
def test_all_words_stand_inside_and_apart(draw):
    use_style()
    figure = draw()
    renderer = FigureCanvasAgg(figure).get_renderer()
    words = [text for ax in figure.axes for text in ax.texts if text.get_text()]
    boxes = [text.get_window_extent(renderer) for text in words]
    for text, box in zip(words, boxes, strict=True):
        assert figure.bbox.x0 <= box.x0, text
        assert box.x1 <= figure.bbox.x1, text
        assert figure.bbox.y0 <= box.y0, text
        assert box.y1 <= figure.bbox.y1, text
    for (text, one), (other, two) in combinations(zip(words, boxes, strict=True), 2):
        assert not one.overlaps(two), (text, other)


def strokes(figure):
    """The lines and arrows of a drawing as points of the picture, close to one another."""
    for ax in figure.axes:
        for line in ax.lines:
            yield line.get_transform().transform_path(line.get_path()).interpolated(20).vertices
        for arrow in ax.patches:
            if isinstance(arrow, FancyArrowPatch):
                shaft = arrow.get_path().to_polygons(closed_only=False)[
                    0
                ]  # the first part; the head is small
                yield Path(arrow.get_transform().transform(shaft)).interpolated(20).vertices


@pytest.mark.parametrize("draw", [*drawings()])
def test_no_word_lies_on_a_line(draw):
    use_style()
    figure = draw()
    renderer = FigureCanvasAgg(figure).get_renderer()
    lines = list(strokes(figure))
    for text in (text for ax in figure.axes for text in ax.texts if text.get_text()):
        box = text.get_window_extent(renderer)
        for points in lines:
            x, y = points.T
            assert not ((box.x0 < x) & (x < box.x1) & (box.y0 < y) & (y < box.y1)).any(), text
