"""The drawing of every method is whole: no word is cut, and none lies on another."""

import importlib
import importlib.util
import inspect
from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

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
