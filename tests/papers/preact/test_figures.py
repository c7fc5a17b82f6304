"""Figures and tables say what the records say."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from startright.papers.preact import figures, finite_width, published, studies, tables
from startright.studies import frame, origin_label, recorded


@pytest.fixture(scope="module")
def records():
    return {study.name: recorded(study, "quick") for study in studies.STUDIES}


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def every_axis_is_labelled(figure):
    """Each row has a y label on its left, each column an x label at its bottom."""
    axes = [ax for ax in figure.axes if ax.get_subplotspec() is not None and ax.axison]
    left = [ax for ax in axes if ax.get_subplotspec().is_first_col()]
    bottom = [ax for ax in axes if ax.get_subplotspec().is_last_row()]
    return all(ax.get_ylabel() for ax in left) and all(ax.get_xlabel() for ax in bottom)


@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("preact-depth", lambda r: figures.depth(r, [("relu", None), ("positive", 10.0)], width=10)),
        ("preact-dependence", figures.dependence),
        ("preact-correlation", lambda r: figures.correlation(r, width=300)),
        ("preact-moments", figures.moments),
        ("preact-training", figures.training),
        ("preact-law", lambda r: figures.activations()),
        ("preact-law", lambda r: figures.densities()),
    ],
)
def test_every_figure_has_labels_and_a_legend(name, draw, records):
    figure = draw(records[name])
    assert every_axis_is_labelled(figure)
    assert figure.legends or any(ax.get_legend() for ax in figure.axes)


def test_a_line_of_the_depth_figure_is_the_mean_of_the_records(records):
    figure = figures.depth(records["preact-depth"], [("tanh", None)], width=10)
    runs = [
        r.curves["variance"]
        for r in records["preact-depth"]
        if (r.config["scheme"], r.config["width"], r.config["inputs"]) == ("tanh", 10, "unit")
    ]
    assert np.allclose(figure.axes[2].lines[0].get_ydata(), np.mean(runs, axis=0))


def test_the_label_below_a_figure_says_live_or_recorded(records):
    live = records["preact-depth"]
    assert "on this page" in origin_label(live)
    assert "recorded" in origin_label(recorded(studies.DEPENDENCE, "full"))
    assert origin_label([]) == "not yet run"


def test_the_table_of_limits_sets_the_stored_value_beside_ours(records):
    table = tables.limits(records["preact-dependence"])
    assert table.loc["φ° θ=10", "authors"] == published.AUTHORS_DEPENDENCE["A", "odd", 10.0][10]
    mean = table.loc["φ° θ=10", "ours"].mean
    assert mean == pytest.approx(finite_width.dependence_limit(10.0, "odd").ks, abs=0.01)


def test_the_table_of_widths_counts_in_units_of_the_threshold(records):
    table = tables.shape_by_width(records["preact-depth"])
    runs = frame(records["preact-depth"]).query("scheme == 'relu' and width == 10 and inputs == 'unit'")
    expected = (runs["ks_standardised"] * runs["draws"] ** 0.5 / 0.886).mean()
    assert table.loc["ReLU", 10].mean == pytest.approx(expected, abs=0.05)


def test_the_remaining_tables_have_a_row_for_every_function(records):
    assert len(tables.independent(records["preact-dependence"])) == 4
    assert len(tables.gaps(records["preact-correlation"])) == 6
    assert tables.by_input(records["preact-depth"]).shape == (6, 2)
    assert list(tables.exactness(records["preact-law"]).index) == [2.05, 3.0, 5.0, 10.0]
    assert len(tables.principles(records["preact-principles"])) == 5


def marks(figure, name):
    """Height → values of the marks of a name, rounded."""
    lines = [line for line in figure.axes[0].lines if line.get_gid() == name]
    return {float(line.get_ydata()[0]): float(line.get_xdata()[0]) for line in lines}


def test_the_stored_distances_stand_beside_ours():
    records = recorded(studies.DEPENDENCE, "quick")
    width = max(r.config["width"] for r in records)
    figure = figures.against_paper(records, width)
    stored = sorted(published.AUTHORS_DEPENDENCE.items(), key=lambda cell: cell[0][0])
    assert list(marks(figure, "paper").values()) == [values[width] for _, values in stored]
    table = frame(records)
    heights = dict(zip((key for key, _ in stored), marks(figure, "paper"), strict=True))
    for layout, scheme, theta in (("A", "odd", 10.0), ("C", "relu", None)):
        runs = table[(table["layout"] == layout) & (table["scheme"] == scheme) & (table["width"] == width)]
        runs = runs[
            (runs["theta"].isna() if theta is None else runs["theta"].eq(theta)) & ~runs["independent"]
        ]
        assert len(runs)
        assert marks(figure, "ours")[heights[layout, scheme, theta]] == pytest.approx(runs["ks"].mean())


def test_sampled_moments_stand_over_the_exact_ones():
    records = recorded(studies.MOMENTS, "quick")
    figure = figures.against_exact(records)
    assert set(marks(figure, "paper").values()) == {1.0}
    width = records[0].config["width"]
    runs = [r for r in records if r.config["width"] == width]
    ours = list(marks(figure, "ours").values())
    assert ours[0] == pytest.approx(np.mean([r.curves["second"][1] for r in runs]))
    widths = len({r.config["width"] for r in records})
    ratios = [r.curves["kurtosis"][1] / (3 * (1 + 5 / width)) for r in runs]  # 3 (1 + 5/n) at layer 2
    assert ours[3 * widths] == pytest.approx(np.mean(ratios))


def test_a_diverged_training_is_no_accuracy(records):
    from dataclasses import replace

    runs = [r for r in records["preact-training"] if r.status == "ok"]
    scheme, rate = runs[0].config["scheme"], runs[0].config["lr"]
    same = [r for r in runs if r.config == runs[0].config]
    lost = replace(same[0], metrics={k: v for k, v in same[0].metrics.items() if k != "test_accuracy"})
    figure = figures.training([lost, *(r for r in runs if r is not same[0])])
    panel = next(
        ax
        for ax in figure.axes
        if ax.get_title() == f"width {lost.config['width']}, depth {lost.config['depth']}"
    )
    crosses = [line for line in panel.lines if line.get_gid() == "diverged"]
    assert any(rate in line.get_xdata() and set(line.get_ydata()) == {0} for line in crosses)
    curve = next(
        line
        for line in panel.lines
        if line.get_label() == figures._look(scheme, lost.config["theta"])["label"]
    )
    drawn = dict(zip(curve.get_xdata(), curve.get_ydata(), strict=True))
    assert drawn[rate] == pytest.approx(100 * np.mean([r.metrics["test_accuracy"] for r in same[1:]]))


def test_accuracies_stay_within_100_percent(records):
    for ax in figures.training(records["preact-training"]).axes:
        for patch in ax.collections:
            for path in patch.get_paths():
                assert path.vertices[:, 1].max() <= 100
                assert path.vertices[:, 1].min() >= 0
