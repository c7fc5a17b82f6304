"""Names stand at the ends of their curves, apart from each other, or in a legend."""

import doctest

import matplotlib.pyplot as plt
import numpy as np
import pytest

from startright import figures
from startright.figures import labels


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def test_examples():
    assert not doctest.testmod(labels).failed


def test_names_far_apart_stay_where_they_are_wanted():
    assert labels.apart([7.0, 1.0, 4.0], 1.0, 10.0) == pytest.approx([7, 1, 4])


@pytest.mark.parametrize("seed", range(20))
def test_places_are_the_nearest_that_do_not_overlap(seed):
    random = np.random.default_rng(seed)
    wanted = random.uniform(1.5, 8.5, 4)
    height, top = 0.8, 10.0
    places = labels.apart(wanted, height, top)
    sorted_places = np.sort(places)
    assert np.diff(sorted_places).min() >= height - 1e-9
    assert list(np.argsort(places)) == list(np.argsort(wanted))
    if sorted_places[0] > height / 2 and sorted_places[-1] < top - height / 2:
        cost = ((places - wanted) ** 2).sum()
        for _ in range(200):  # no neighbouring admissible places are nearer
            other = np.sort(places + random.normal(0, 0.1, 4))[np.argsort(np.argsort(wanted))]
            if np.diff(np.sort(other)).min() >= height:
                assert ((other - wanted) ** 2).sum() >= cost - 1e-9


def test_places_stay_inside():
    places = labels.apart([0.0, 0.1, 9.9, 30.0], 1.0, 10.0)
    assert places.min() >= 0.5
    assert places.max() <= 9.5
    assert np.diff(places).min() >= 1 - 1e-9


def test_too_many_names_have_no_places():
    assert labels.apart([1.0] * 11, 1.0, 10.0) is None


def curves(ends, until=1.0):
    figures.use_style()
    figure, ax = figures.panels()
    for k, end in enumerate(ends):
        ax.plot([0, until], [0.5, end], label=f"curve {k}", color=list(figures.COLOURS.values())[k % 8])
    ax.plot([0, 1], [0, 0])  # nameless
    ax.set(xlim=(0, 1), ylim=(0, 1))
    return figure, ax


def test_names_stand_at_their_curves_in_their_colours():
    figure, ax = curves([0.2, 0.9, 0.91])
    assert figures.name_curves(ax)
    assert ax.get_legend() is None
    assert [text.get_text() for text in ax.texts] == ["curve 0", "curve 1", "curve 2"]
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    for k, box in enumerate(boxes):
        assert box.x0 > ax.bbox.x1  # right of the axes
        assert box.x1 <= figure.bbox.x1 + 1  # and inside the figure
        assert not any(box.overlaps(other) for other in boxes[:k])
    middle = [(box.y0 + box.y1) / 2 for box in boxes]
    assert middle[0] == pytest.approx(ax.transData.transform((0, 0.2))[1], abs=2)
    assert middle[1] < middle[2]
    assert ax.texts[1].get_color() == figures.ink(figures.COLOURS["orange"])


@pytest.mark.parametrize("case", [([0.5] * 30, 1.0), ([0.5] * 9, 1.0), ([0.2, 0.6], 0.7), ([0.2, 1.3], 1.0)])
def test_a_legend_where_names_do_not_fit(case):
    _, ax = curves(*case)
    assert not figures.name_curves(ax)
    assert len(ax.get_legend().get_texts()) == len(case[0])
    assert not ax.texts
