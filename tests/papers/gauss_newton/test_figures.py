"""Figures say what the records say."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from startright.papers.gauss_newton import figures, studies
from startright.papers.gauss_newton.readings import geometric_mean
from startright.studies import frame, recorded


@pytest.fixture(scope="module")
def records():
    return {s: recorded(s, "quick") for s in (studies.GRID, studies.SPEED, studies.DAMPING)}


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def labelled(figure):
    axes = [ax for ax in figure.axes if ax.get_label() != "<colorbar>" and ax.axison]
    left = [ax for ax in axes if ax.get_subplotspec() and ax.get_subplotspec().is_first_col()]
    return all(ax.get_ylabel() for ax in left) and all(ax.get_xlabel() for ax in axes)


@pytest.mark.parametrize(
    ("study", "draw"),
    [
        (studies.SPEED, figures.speed),
        (studies.GRID, figures.generalisation_map),
        (studies.GRID, figures.hidden),
        (studies.GRID, figures.alignment),
        (studies.SPEED, figures.trade_off),
        (studies.DAMPING, figures.damping),
    ],
)
def test_every_figure_is_labelled_and_says_where_it_is_from(study, draw, records):
    figure = draw(records[study])
    assert labelled(figure)
    assert "computed on this page" in figure.get_supxlabel()
    assert "3 teachers" in figure.get_supxlabel()


def test_the_figure_of_mnist_has_a_panel_a_scale():
    figure = figures.mnist(recorded(studies.MNIST, "quick"))
    assert labelled(figure)
    assert [ax.get_title() for ax in figure.axes if ax.axison] == ["τ₀ = 0.1", "τ₀ = 1", "τ₀ = 10"]
    assert "3 seeds" in figure.get_supxlabel()


def test_the_rate_is_drawn_for_every_run_beside_the_law(records):
    figure = figures.rate(records[studies.GRID], records[studies.SPEED])
    assert labelled(figure)
    left, right = figure.axes
    runs = [line for line in left.lines if len(line.get_xdata()) > 2]
    assert len(runs) == 4 * 3
    assert len(right.lines) == 2 * 3
    law = next(line for line in left.lines if line.get_label() == "the law")
    assert law.get_xdata()[-1] == pytest.approx(456, abs=0.5)


def test_a_cell_of_the_map_is_the_geometric_mean_of_its_runs(records):
    table = frame(records[studies.GRID])
    grid = figures.generalisation_map(records[studies.GRID]).axes[0].images[0].get_array()
    runs = table[(table["scale"] == 0.1) & (table["rate"] == 0.02)]
    assert grid[2, 2] == pytest.approx(geometric_mean(runs["test_loss"] / runs["zero_loss"]))
    assert grid[2, 3] == pytest.approx(geometric_mean(runs["rf_test"] / runs["zero_loss"]))
    assert np.ma.count(np.ma.masked_invalid(grid)) == 4 * 4


def marks(figure, name):
    """Height → values of the marks of a name, rounded."""
    lines = [line for line in figure.axes[0].lines if line.get_gid() == name]
    return {float(line.get_ydata()[0]): float(line.get_xdata()[0]) for line in lines}


def test_iterations_stand_over_those_of_the_law():
    grid, speed = (recorded(study, "full") for study in (studies.GRID, studies.SPEED))
    figure = figures.against_law(grid, speed)
    ours = list(marks(figure, "ours").values())
    assert set(marks(figure, "paper").values()) == {1.0}
    steps = [
        r.metrics["steps_8"]
        for r in grid
        if (r.config["method"], r.config["scale"], r.config["rate"]) == ("gauss-newton", 0.01, 0.1)
    ]
    assert ours[0] == pytest.approx(np.mean(steps) / 87.415, rel=1e-4)
    slowest = [r.metrics["steps_8"] for r in speed if r.config["scale"] == 10 and r.config["rate"] == 0.005]
    assert ours[-1] == pytest.approx(np.mean(slowest) / 1837.5, rel=1e-4)  # in the other study alone
