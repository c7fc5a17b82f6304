"""One colour per method, and words that can be read."""

from itertools import combinations

import pytest

from startright import figures
from startright.figures import colours

OPTIMISERS = ("sgd", "momentum", "adam", "gradient", "alrao", "gauss-newton", "grouped-newton", "kfac")


def test_no_two_optimisers_share_a_colour():
    assert len({figures.colour(method) for method in OPTIMISERS}) == len(OPTIMISERS)
    assert figures.colour("alrao") == figures.COLOURS["red"]


def test_an_unknown_method_is_told_the_known_ones():
    with pytest.raises(
        ValueError, match=r"unknown method 'alroa': did you mean 'alrao'.*\? Known: adam, alrao"
    ):
        figures.colour("alroa")


def test_a_paper_registers_its_method_once_and_for_all(monkeypatch):
    monkeypatch.setattr(colours, "METHODS", dict(figures.METHODS))
    assert figures.register("scalp", "wine") == figures.COLOURS["wine"] == figures.colour("scalp")
    assert figures.register("scalp", "wine") == figures.COLOURS["wine"]
    with pytest.raises(ValueError, match="'scalp' is wine in this book, not sky"):
        figures.register("scalp", "sky")
    with pytest.raises(ValueError, match="unknown colour 'pink'"):
        figures.register("other", "pink")


def test_luminance_is_that_of_the_guidelines():
    assert colours.luminance("white") == pytest.approx(1)
    assert colours.luminance("black") == 0
    assert colours.luminance("#777777") == pytest.approx(0.1845, abs=1e-4)  # 4.48 : 1 on white


@pytest.mark.parametrize("name", figures.COLOURS)
def test_words_in_a_colour_have_contrast_and_are_no_darker_than_that_asks(name):
    shade = figures.COLOURS[name]
    contrast = 1.05 / (colours.luminance(figures.ink(shade)) + 0.05)
    assert contrast >= 4.45  # hex digits are rounded
    assert contrast < 4.8 or figures.ink(shade) == shade.lower()


def test_colours_can_be_told_apart_in_grey_or_by_hue():
    assert all(a != b for a, b in combinations(figures.COLOURS.values(), 2))
