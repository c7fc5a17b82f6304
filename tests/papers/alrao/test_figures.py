"""Figures and tables say what the records say."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from startright.models import MLP
from startright.papers.alrao import figures, published, studies, tables, unit_rates
from startright.papers.alrao.catch_up import catch_up
from startright.papers.alrao.rates import LogUniform
from startright.studies import frame, recorded


@pytest.fixture(scope="module")
def records():
    return {s.name: recorded(s, "quick") for s in studies.STUDIES if "quick" in s.profiles}


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def labelled(figure):
    axes = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    left = [ax for ax in axes if ax.get_subplotspec() and ax.get_subplotspec().is_first_col()]
    return all(ax.get_ylabel() or ax.get_yticklabels() for ax in left) and all(ax.get_xlabel() for ax in axes)


@pytest.mark.parametrize(
    ("study", "draw"),
    [
        (studies.LEARNING, figures.learning),
        (studies.LEARNING, figures.by_rate),
        (studies.LEARNING, lambda r: figures.switch(next(x for x in r if x.config["heads"] > 1))),
        (studies.INTERVALS, figures.intervals),
        (studies.VARIANTS, figures.fraction),
        (studies.UNITS, figures.units),
        (studies.REGRESSION, figures.regression),
        (studies.RL, figures.returns),
    ],
)
def test_every_figure_is_labelled_and_says_where_it_is_from(study, draw, records):
    figure = draw(records[study.name])
    assert labelled(figure)
    assert "computed on this page" in figure.get_supxlabel()


def test_figures_of_arrays_are_labelled():
    generator = torch.Generator().manual_seed(0)
    rates = unit_rates(MLP((4, 5, 2)), (1e-5, 10.0), generator=generator)
    assert labelled(figures.rates(rates, LogUniform(1e-5, 10.0).sample((100,), generator), (1e-5, 10.0)))
    assert labelled(figures.catch_up(catch_up(0.5, 20, 60), 20))


def test_a_cell_of_the_triangle_is_the_mean_of_its_runs(records):
    figure = figures.intervals(records["alrao-intervals"])
    grid = figure.axes[0].images[0].get_array()
    cells = frame(records["alrao-intervals"]).groupby(["lo", "hi"])["train_loss"].mean()
    lows, highs = (sorted({pair[k] for pair in cells.index}) for k in (0, 1))
    for (lo, hi), value in cells.items():
        assert grid[lows.index(lo), highs.index(hi)] == pytest.approx(value)
    assert np.ma.count(np.ma.masked_invalid(grid)) == len(cells)


def test_the_table_of_parameters_agrees_with_the_paper(records):
    table = tables.parameters(records["alrao-counts"])
    assert set(table["equal to the paper's"]) == {"yes", "–"}
    assert list(table["equal to the paper's"]).count("yes") == len(published.PARAMETERS)


def test_the_table_of_methods_has_the_best_and_the_extreme_rates(records):
    table = tables.methods(records["alrao-learning"])
    assert list(table.index)[1:3] == ["Adam", "Alrao"]
    assert table.index[0].startswith("SGD, best rate")
    assert {"SGD, 1e-05", "SGD, 10"} <= set(table.index) | {i.replace("1e-5", "1e-05") for i in table.index}


def test_variants_and_identity_have_a_row_each(records):
    assert len(tables.variants(records["alrao-variants"])) == 9
    assert tables.identity(records["alrao-identity"]).shape == (1, 2)
    assert len(tables.published()) == len(published.MAIN_TABLE) + len(published.WIDE_TABLE)


def marks(figure, name):
    """Height → values of the marks of a name, rounded."""
    lines = [line for line in figure.axes[0].lines if line.get_gid() == name]
    return {float(line.get_ydata()[0]): float(line.get_xdata()[0]) for line in lines}


def test_the_papers_table_stands_beside_our_runs():
    records = recorded(studies.LEARNING, "paper")
    figure = figures.against_paper(records)
    rows = [
        (net, cell.partition(", ")[2])
        for net in ("MobileNetV2", "GoogLeNet", "VGG19")
        for cell in published.MAIN_TABLE[f"CIFAR-10, {net}"][1:]
    ]
    theirs, ours = marks(figure, "paper"), marks(figure, "ours")
    assert list(theirs.values()) == [float(text.split(" ± ")[0]) for _, text in rows]
    runs = frame(records).query("net == 'vgg19' and lo == 1e-5 and hi == 10")
    assert ours[max(theirs)] == pytest.approx(100 * runs["best_test_accuracy"].mean())  # Alrao, the last row
    sgd = frame(records).query("net == 'mobilenet' and lo == 0.1 and hi == 0.1")
    assert ours[min(theirs)] == pytest.approx(100 * sgd["best_test_accuracy"].mean())  # at the paper's rate
    assert "after 5 epochs" in " ".join(figure.get_supxlabel().split())


def test_a_table_without_runs_says_so():
    figure = figures.against_paper([])
    assert marks(figure, "ours") == {}
    assert [t.get_text() for t in figure.axes[0].texts].count("not yet run here") == 9


def test_layers_are_named_in_words():
    net = MLP((4, 5, 6, 2), batch_norm=True)
    rates = unit_rates(net, (1e-5, 10.0), generator=torch.Generator().manual_seed(0))
    figure = figures.rates(rates, torch.tensor([0.1, 1.0]), (1e-5, 10.0))
    names = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert names == ["layer 1", "layer 1, scales", "layer 2", "layer 2, scales", "layer 3"]


def test_losses_off_the_scale_are_marked_at_the_edge():
    runs = recorded(studies.LEARNING, "full")  # of narrow networks: SGD at 10 ends at 1e9 nats
    figure = figures.by_rate(runs)
    ax = figure.axes[0]
    table = frame(runs).query("optimizer == 'sgd' and lo == hi").groupby("lo")["test_loss"].mean()
    wild = sorted(table.index[~(table < figures.WORST)])
    marks = [line for line in ax.lines if line.get_gid() == "off the scale"]
    assert [line.get_xdata()[0] for line in marks] == wild == [10.0]
    assert {line.get_ydata()[0] for line in marks} == {figures.WORST}
    assert ax.get_ylim() == (0, figures.WORST)
    drawn = ax.containers[0].lines[0].get_xdata()
    assert sorted(drawn) == sorted(set(table.index) - {10.0})


def test_an_interval_that_diverged_says_so():
    _, ax = plt.subplots()
    figures._triangle(ax, {(0.1, 0.1): 1.0, (0.1, 10.0): float("nan")}, (0.0, 2.0))
    assert [text.get_text() for text in ax.texts] == ["1.00", "diverged"]
    assert [patch.get_gid() for patch in ax.patches] == ["diverged"]
    assert ax.patches[0].get_xy() == (0.5, -0.5)
