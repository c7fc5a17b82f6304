"""Figures, tables and sentences say what the records say."""

from dataclasses import replace

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch

from startright.papers.residual import (
    figures,
    findings,
    headlines,
    knobs,
    readings,
    schematic,
    studies,
    tables,
)
from startright.papers.residual.published import AUTOCORRELATION
from startright.studies import recorded


@pytest.fixture(scope="module", params=["quick", "full"])
def records(request):
    return [recorded(study, request.param) for study in studies.STUDIES]


@pytest.fixture(autouse=True)
def _close():
    with mpl.rc_context({"savefig.dpi": 50}):
        yield
    plt.close("all")


DRAWN = {"autocorrelation": 0, "by_depth": 0, "alignment": 1, "training": 2, "surfaces": 3, "rise": 3}


@pytest.mark.parametrize("name", DRAWN)
def test_every_figure_is_drawn_with_labels(name, records):
    figure = getattr(figures, name)(records[DRAWN[name]])
    assert any(ax.get_ylabel() for ax in figure.axes)
    assert any(ax.get_xlabel() for ax in figure.axes)


@pytest.mark.parametrize("name", ["autocorrelation", "by_depth", "alignment", "training", "rise"])
def test_half_a_grid_is_drawn_as_well(name, records):
    runs = records[DRAWN[name]]
    first = runs[0].config
    assert getattr(figures, name)([r for r in runs if r.config == first])


def test_a_curve_is_the_mean_and_crosses_are_the_plans(records):
    runs = records[0]
    ax = figures.by_depth(runs).axes[0]
    wanted = [r.curves["by_depth"] for r in runs if r.config["kind"] == "plain" and r.config["norm"]]
    assert np.allclose(ax.lines[0].get_ydata(), np.mean(wanted, axis=0))
    crosses = [
        line for a in figures.autocorrelation(runs).axes for line in a.lines if line.get_gid() == "theirs"
    ]
    assert sorted(tuple(line.get_ydata()) for line in crosses) == sorted(AUTOCORRELATION.values())


def test_the_plan_stands_beside_ours():
    shattered, _, trained, _ = (recorded(study, "quick") for study in studies.STUDIES)
    ax = figures.against(shattered, trained).axes[0]
    assert len([line for line in ax.lines if line.get_gid() == "paper"]) == 2 * 7 + 4
    assert len([line for line in ax.lines if line.get_gid() == "ours"]) == 2 * 7 + 4
    assert list(tables.accuracies(trained)["reference"]) == ["97.9", "96.4", "78.7", "66.4"]
    assert len(tables.autocorrelations(shattered)) == 7
    assert tables.published_errors().loc["ResNet-56", "without"] == 13.31


def test_sliders_and_drawings_are_made():
    assert knobs.leaky(depth=5).count == len(knobs.SLOPES)
    assert schematic.blocks().axes[0].texts
    x = torch.linspace(-1, 1, 5)
    assert len(figures.slopes(x, {"a": x, "b": -x}).axes) == 2


def changed(records, when, **metrics):
    """The records with some metrics multiplied where a config says so."""
    return [
        replace(r, metrics=r.metrics | {k: r.metrics[k] * by for k, by in metrics.items()})
        if when(r.config)
        else r
        for r in records
    ]


def test_words_follow_the_numbers():
    shattered, aligned, trained, surfaces = (recorded(study, "full") for study in studies.STUDIES)
    assert "ahead of the same network" in headlines.starts(trained).text
    poor = changed(trained, lambda c: c["network"] == "looks-linear", test_accuracy=0.1)
    assert "behind the same network" in headlines.starts(poor).text
    assert "at 32 layers, more than with skips" in headlines.surfaces(surfaces).text
    less = [
        replace(r, metrics=r.metrics | {"ring_0.5": r.metrics["middle"] + 1e-6})
        if not r.config["skip"]
        else r
        for r in surfaces
    ]
    assert "less than with skips" in headlines.surfaces(less).text
    assert "above the" in findings.branches(shattered).text
    small = changed(shattered, lambda c: c["beta"] == 0.1, lag_1_at_50=0.1)
    assert "below the" in findings.branches(small).text
    assert "ahead of the" in findings.convolutional(trained).text
    worse = changed(trained, lambda c: c["network"] == "delta-orthogonal", test_accuracy=0.1)
    assert "behind the" in findings.convolutional(worse).text
    assert "exact is 0.59" in findings.assumption(aligned).text
    assert "at 32 layers, which is more without skips" in findings.bends(surfaces).text
    assert "0.79 ± 0.05 with them" in headlines.shattering(shattered).text


def test_a_network_that_diverged_has_the_accuracy_of_chance():
    trained = recorded(studies.INITS, "quick")
    lost = [replace(r, status="diverged") for r in trained]
    assert (readings.accuracies(lost)["relu"] == 10).all()


SAID = (*(getattr(headlines, n) for n in ("shattering", "starts", "surfaces")),)
SAID += tuple(getattr(findings, n) for n in ("branches", "assumption", "convolutional", "bends"))


@pytest.mark.parametrize("tell", SAID, ids=lambda f: f.__name__)
def test_without_records_they_say_so(tell):
    assert tell([]).text == "*Not yet run.*"
