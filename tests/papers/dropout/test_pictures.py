"""Figures, tables and sentences say what the records say."""

from dataclasses import replace

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest
from papers.dropout import made

from startright.papers.dropout import figures, headlines, knobs, readings, studies, tables
from startright.studies import recorded


@pytest.fixture(scope="module")
def records():
    return {study.name: recorded(study, "quick") for study in studies.STUDIES}


@pytest.fixture(autouse=True)
def _close():
    with mpl.rc_context():
        yield
    plt.close("all")


FIGURES = {"metrics": "dropout-metrics", "schedules": "dropout-schedules", "depth": "dropout-depth"}


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_names_its_axes(name, records):
    figure = getattr(figures, name)(records[FIGURES[name]])
    shown = [ax for ax in figure.axes if ax.axison]
    assert any(ax.get_xlabel() for ax in shown)
    assert shown[0].get_ylabel()


def test_half_a_grid_is_drawn_as_well(records):
    half = [r for r in records["dropout-schedules"] if r.config["regime"] == "under"]
    assert figures.schedules(half)
    assert figures.against(half)


def test_the_paper_s_gains_stand_beside_ours(records):
    ax = figures.against(records["dropout-schedules"]).axes[0]
    crosses = [float(line.get_xdata()[0]) for line in ax.lines if line.get_gid() == "paper"]
    assert crosses == pytest.approx([-6.0, 0.4, -1.3, 0.5, 0.7])
    dots = [float(line.get_xdata()[0]) for line in ax.lines if line.get_gid() == "ours"]
    gained = readings.gains(records["dropout-schedules"])
    assert dots[1] == pytest.approx(gained["under", "dropout", "early"].mean())
    assert dots[4] == pytest.approx(gained["over", "depth", "late"].mean())


def test_the_exact_curve_passes_through_the_paper_s_depth(records):
    line = figures.depth(records["dropout-depth"]).axes[0].lines[0]
    at = {round(float(x), 2): float(y) for x, y in zip(*line.get_data(), strict=True)}
    assert at[0.5] == pytest.approx(40.25)


def test_tables_have_what_was_measured(records):
    made_of = tables.accuracies(records["dropout-schedules"])
    assert len(made_of) == 14
    assert str(made_of.loc[("under-fitting", "no noise"), "points over no noise"]) == "–"
    beside = tables.beside_paper(records["dropout-schedules"])
    assert beside.loc["early dropout", "ViT-T"] == "74.3"
    assert beside.loc["early dropout", "ConvNeXt-F"] == "–"
    assert tables.depth(records["dropout-depth"]).loc[("54", "0.5", "linear"), "expected depth"] == "40.25"


def test_words_follow_the_numbers():
    name = studies.SCHEDULES.name
    said = {size: headlines.schedules(made.schedules(early=size, late=-size)[name]).text for size in (-1, 1)}
    assert "early dropout of the under-fitting network is **better** than" in said[1]
    assert "late stochastic depth of the over-fitting network is **worse** than" in said[1]
    assert "early dropout of the under-fitting network is **worse** than" in said[-1]
    flat = headlines.schedules(made.schedules(early=0, late=0, noise=1)[name]).text
    assert "**not to be told from** no noise" in flat
    name = studies.METRICS.name
    paper, other = (
        headlines.gradients(made.metrics(norm=-s, distance=s, gdv=-s)[name]).text for s in (0.1, -0.1)
    )
    assert "gradients are shorter, the way from the start is longer and their directions are less" in paper
    assert "gradients are longer, the way from the start is shorter and their directions are more" in other


def test_depths_that_are_off_are_said_to_be(records):
    runs = records["dropout-depth"]
    assert "all within 3 standard errors" in headlines.depth(runs).text
    off = [replace(r, metrics=r.metrics | {"errors_of_mean": 2.0}) for r in runs]
    assert "not all within 3 standard errors" in headlines.depth(off).text


def test_without_records_they_say_so():
    for say in (
        headlines.depth,
        headlines.schedules,
        headlines.gradients,
        headlines.standard,
        headlines.fitting,
    ):
        assert say([]).text == "*Not yet run.*"


def test_sliders_are_made():
    mpl.rcParams["savefig.dpi"] = 50
    assert knobs.depth().count == len(knobs.LASTS)
    assert knobs.cutoff().count == len(knobs.CUTOFFS)
