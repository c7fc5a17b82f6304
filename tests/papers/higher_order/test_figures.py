"""Figures and tables say what the records say."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from startright.papers.higher_order import figures, studies, tables
from startright.papers.higher_order.networks import network
from startright.papers.higher_order.published import NETWORKS
from startright.studies import frame, recorded


@pytest.fixture(scope="module")
def records():
    return {s.name: recorded(s, "quick") for s in studies.STUDIES if "quick" in s.profiles}


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def labelled(figure):
    axes = [ax for ax in figure.axes if ax.get_label() != "<colorbar>" and ax.axison]
    left = [ax for ax in axes if ax.get_subplotspec() and ax.get_subplotspec().is_first_col()]
    ticks = [bool(ax.get_xlabel()) or len(ax.get_xticklabels()) > 0 for ax in axes]
    return all(ax.get_ylabel() or ax.get_yticklabels() for ax in left) and all(ticks)


@pytest.mark.parametrize(
    ("study", "draw"),
    [
        (studies.ROSENBROCK, figures.rosenbrock),
        (studies.COST, figures.cost),
        (studies.INVARIANCE, figures.invariance),
        (studies.ONE_STEP, figures.interactions),
        (studies.INDEFINITE, figures.indefinite),
        (studies.LEARNING, figures.learning),
        (studies.NETWORKS, figures.networks),
        (studies.LEARNING, lambda records: figures.rates(records[0])),
    ],
)
def test_every_figure_is_labelled_and_says_where_it_is_from(study, draw, records):
    figure = draw(records[study.name])
    assert labelled(figure)
    assert "computed on this page" in figure.get_supxlabel()


def test_a_cell_of_the_heat_map_is_the_mean_size_over_seeds(records):
    runs = records[studies.ONE_STEP.name]
    figure = figures.interactions(runs)
    start = [r for r in runs if r.config["adam_steps"] == 0]
    expected = np.mean([abs(r.curves["interaction_1"][4]) for r in start])
    assert figure.axes[0].images[0].get_array()[1, 4] == pytest.approx(expected)


def test_the_curve_of_a_method_is_that_of_its_best_rate(records):
    runs = records[studies.LEARNING.name]
    figure = figures.learning(runs)
    adam = frame(runs).query("method == 'adam'").groupby("lr")["train_loss"].mean()
    line = next(line for line in figure.axes[0].lines if line.get_label().startswith("Adam"))
    assert line.get_label() == f"Adam, rate {adam.idxmin():g}"
    assert line.get_ydata()[-1] == pytest.approx(adam.min(), rel=1e-4)


def test_negative_rates_are_crosses(records):
    record = next(r for r in records[studies.LEARNING.name] if r.config["method"] == "grouped")
    figure = figures.rates(record)
    positive, negative = figure.axes[0].lines[:2]
    eta = np.array(record.curves["eta_0"])
    assert np.isfinite(positive.get_ydata()).sum() == (eta > 0).sum()
    assert np.isfinite(negative.get_ydata()).sum() == (eta < 0).sum()


def test_errors_are_shown_by_their_size(records):
    assert set(tables.exactness(records[studies.EXACTNESS.name]).to_numpy().flat) == {"< 1e-12"}
    assert set(tables.merging(records[studies.MERGING.name]).to_numpy().flat) == {"< 1e-12"}


def test_the_papers_networks_are_ours():
    published = tables.published()
    assert list(published["tensors S"]) == [8, 10, 18, 42]
    for row, name in zip(NETWORKS.values(), ("mlp", "lenet", "vgg11"), strict=False):
        assert row[2] == sum(p.numel() for p in network(name).make().parameters())


def marks(figure, name):
    """Height → values of the marks of a name, rounded."""
    lines = [line for line in figure.axes[0].lines if line.get_gid() == name]
    return {float(line.get_ydata()[0]): float(line.get_xdata()[0]) for line in lines}


def test_the_count_of_passes_stands_beside_the_time():
    records = recorded(studies.COST, "full")
    figure = figures.against_count(records)
    chosen = [r for r in records if r.config["backend"] == "double_backward" and not r.config["third"]]
    assert list(marks(figure, "paper").values()) == [r.config["groups"] + 2 for r in chosen]
    assert list(marks(figure, "ours").values()) == [r.metrics["gradients"] for r in chosen]
