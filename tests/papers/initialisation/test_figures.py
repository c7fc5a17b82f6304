"""Figures, tables and sentences say what the records say."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from contract.tampering import changed, times

from startright.papers.initialisation import figures, findings, knobs, schematic, studies, tables
from startright.papers.initialisation.readings import exact, networks, of
from startright.studies import recorded


@pytest.fixture(scope="module")
def records():
    return {study.name: recorded(study, "quick") for study in studies.STUDIES}


@pytest.fixture(autouse=True)
def _close():
    with mpl.rc_context():
        yield
    plt.close("all")


DEPTH = ("signal", "gradient", "vanishing", "weight_gradient")


@pytest.mark.parametrize("name", DEPTH)
def test_every_axis_is_labelled_and_every_curve_named(name, records):
    figure = getattr(figures, name)(records["initialisation-depth"])
    assert any(ax.get_ylabel() for ax in figure.axes)
    assert all(ax.get_yscale() == "log" for ax in figure.axes)
    assert all(ax.texts or ax.get_legend() for ax in figure.axes)


@pytest.mark.parametrize("name", DEPTH)
def test_half_a_grid_is_drawn_as_well(name, records):
    some = [r for r in records["initialisation-depth"] if r.config["activation"] in ("sigmoid", "relu")]
    assert getattr(figures, name)(some)


def test_a_curve_is_the_geometric_mean_of_the_networks_beside_infinite_width(records):
    runs = records["initialisation-depth"]
    ax = figures.signal(runs).axes[0]
    wanted = [
        r.curves["signal"]
        for r in runs
        if (r.config["activation"], r.config["law"], r.config["shape"]) == ("tanh", "naive", "normal")
    ]
    assert len(wanted) == 5
    curve = next(line for line in ax.lines if line.get_label() == "naive")
    assert np.allclose(np.log10(curve.get_ydata()), np.log10(wanted).mean(axis=0))
    assert any(np.allclose(line.get_ydata(), exact(networks(runs).iloc[0])[0]) for line in ax.lines)


def test_the_lecture_s_factors_stand_beside_ours(records):
    runs = records["initialisation-depth"]
    ax = figures.against(runs).axes[0]
    crosses = sorted(float(line.get_xdata()[0]) for line in ax.lines if line.get_gid() == "paper")
    assert crosses == pytest.approx(sorted([1 / 3, 1, 1 / 6, 1 / 2, 1, 1, 1 / 16, 1, 1]))
    dots = [float(line.get_xdata()[0]) for line in ax.lines if line.get_gid() == "ours"]
    assert dots[0] == pytest.approx(of(networks(runs), "tanh", "naive")["signal_factor"].mean())


def test_sliders_and_drawings_are_made():
    mpl.rcParams["savefig.dpi"] = 50
    assert knobs.variance(depth=5).count == len(knobs.SIGMAS)
    assert knobs.leaky().count == len(knobs.SLOPES)
    assert schematic.passes().axes[0].texts
    assert len(schematic.laws().axes[0].lines) == 12


def test_the_leaky_figure_shows_the_formula(records):
    line = figures.leaky(records["initialisation-leaky"]).axes[0].lines[0]
    assert np.allclose(line.get_ydata(), (1 + line.get_xdata() ** 2) / 2)


def test_the_table_of_gradients_is_exact(records):
    table = tables.gradients(records["initialisation-gradients"])
    assert set(table.iloc[:, 0]) == {"1e-14"}
    assert list(table.index) == ["sigmoid", "tanh", "ReLU", "Leaky ReLU"]


def test_words_follow_the_numbers(records):
    runs, exactly = records["initialisation-depth"], records["initialisation-gradients"]
    assert "level with the 0.058" in str(findings.glorot(runs))
    assert "below the 0.058" in str(findings.glorot(changed(runs, signal_10=times(0.5))))
    assert "1.003 ± 0.013 under He's" in str(findings.laws(runs))
    assert "37 powers" in str(findings.vanishing(runs))
    assert "25 powers" in str(findings.vanishing(changed(runs, gradient_ratio=times(1e12))))
    assert "No gradient is above" in str(findings.gradients(exactly))
    assert "Some gradients are above" in str(findings.gradients(changed(exactly, of_bound=times(2.0))))
    assert "to 1e−10" in str(findings.gradients(changed(exactly, difference=times(1e6))))
    uniform = [r for r in runs if r.config["shape"] == "uniform"]
    rest = [r for r in runs if r.config["shape"] == "normal"]
    assert "for no law" in str(findings.shapes(runs))
    other = rest + changed(uniform, signal_factor=times(1.2))
    assert "for naive, Glorot and He does" in str(findings.shapes(other))


def test_without_records_they_say_so():
    for tell in (findings.gradients, findings.vanishing, findings.laws, findings.glorot, findings.shapes):
        assert str(tell([])) == "*Not yet run.*"
