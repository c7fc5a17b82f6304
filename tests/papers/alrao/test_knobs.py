"""The slider shows the runs of its interval."""

import pytest
from matplotlib.figure import Figure

from startright import figures
from startright.papers.alrao import knobs, studies
from startright.studies import recorded


@pytest.fixture(scope="module")
def records():
    return recorded(studies.INTERVALS, "quick")


def test_a_panel_has_the_mean_of_its_interval_and_shades_it(records, monkeypatch):
    drawn = {}

    def keep(draw, values, **_):
        for value in values:
            drawn[value] = Figure(figsize=(3.8, 3.6), layout="constrained")
            draw(drawn[value], value)

    monkeypatch.setattr(knobs, "sheet", keep)
    knobs.interval(records, (1e-3, 10))
    for bound, figure in drawn.items():
        top, strip = figure.axes
        runs = [r.curves["train_loss"] for r in records if (r.config["lo"], r.config["hi"]) == (1e-7, bound)]
        (line,) = [line for line in top.lines if line.get_label() == "Alrao"]
        assert line.get_color() == figures.colour("alrao")
        assert list(line.get_ydata()) == pytest.approx(
            [sum(at) / len(runs) for at in zip(*runs, strict=True)]
        )
        shaded = strip.patches[0].get_extents().transformed(strip.transData.inverted())
        assert (shaded.x0, shaded.x1) == pytest.approx((1e-7, bound))
        assert top.get_title() == f"rates from 1e-7 to {'0.001' if bound < 1 else '10'}"
        assert top.get_ylim() == (0, 2.5)  # the same for all panels


def test_the_slider_of_the_page_has_its_panels(records):
    assert knobs.interval(records, (1e-5, 1e-3, 0.1, 10)).count == 4


def test_an_interval_that_was_not_run_is_refused(records):
    with pytest.raises(ValueError, match=r"from 1e-07 to 2; upper bounds there: 1e-5, 0\.001, 0\.1, 10$"):
        knobs.interval(records, (0.1, 2))
