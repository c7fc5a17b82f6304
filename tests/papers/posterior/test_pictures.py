"""Figures, tables and findings on records whose optimum is known."""

import pytest
import torch
from papers.posterior.made import records

from startright.bundle import read_bundle
from startright.figures import use_style
from startright.measured import Finding
from startright.papers.posterior import figures, findings, headlines, knobs, published, studies, tables
from startright.papers.posterior.conjugate import Regression, posterior
from startright.studies import recorded

CONJUGATE = recorded(studies.CONJUGATE, "quick")


@pytest.mark.parametrize("draw", [figures.sweep, figures.best])
def test_every_axis_of_the_temperatures_is_named(draw):
    figure = draw(records())
    assert all(ax.get_xlabel() for ax in figure.axes if ax.axison)
    assert figure.axes[0].get_ylabel()


def test_the_curves_of_the_regression_have_their_dots_at_the_known_best():
    figure = figures.conjugate(CONJUGATE)
    for ax, known in zip(figure.axes, ([1, 0.5, 0.2, 0.1], [1, 2, 5, 10]), strict=True):
        dots = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
        assert [float(x) for x in dots] == pytest.approx(known)
    assert [ax.get_title() for ax in figures.mean_field(CONJUGATE).axes] == [
        f"correlation {r}" for r in ("0", "0.5", "0.9", "0.99")
    ]


def test_the_paper_stands_beside_ours():
    figure = figures.against(records(), published.WENZEL_ACCURACY)
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert labels[0].startswith("ResNet-20")
    assert labels[1:] == [f"ours, N = {n}" for n in (100, 300, 900)]


def test_the_slider_fits_the_data_when_cold_and_the_prior_when_warm():
    x, y, _ = knobs._data()
    misses = []
    for tau in (0.01, 1.0, 1e6):
        mean, _ = posterior(knobs.features(x), y, tau, Regression(noise=knobs.NOISE**2))
        misses.append(float((knobs.features(x) @ mean - y).square().mean()))
    assert misses[0] < misses[1] < misses[2]
    assert misses[2] == pytest.approx(float(y.square().mean()), rel=0.01)
    use_style()
    assert knobs.fit((0.1, 1.0)).count == 2


def test_the_exact_table_says_what_is_known():
    made = tables.conjugate(CONJUGATE)
    assert (made["known best τ"] == made["best τ of the grid"]).all()
    assert made.loc[("1", "1"), "lost at τ = 1 (nats)"] == 0
    assert made.loc[("5", "1"), "lost at τ = 1 (nats)"] > 0.1


def test_the_reference_stands_beside_the_closed_form():
    made = tables.beside_reference(problems=100)
    assert made.loc["S = 1, reference", 1.0] == "1.72"
    for case in ("S = 1", "S = 5"):
        gap = made.loc[f"{case}, here"].astype(float) - made.loc[f"{case}, reference"].astype(float)
        assert gap.abs().max() <= 0.03


def test_the_table_of_the_best_has_the_set_the_interval_and_the_losses():
    made = tables.best(records())
    row = made.loc[(300, "as they are")]
    assert "0.016" in row["not to be told from the best τ"]
    assert row["log₁₀ τ*"].mean == pytest.approx(-1.5, abs=0.1)
    low, high = map(float, row["95 % interval of τ*"].split(" to "))
    assert 0.9 * low < 10**-1.5 < 1.1 * high
    assert row["best at an end"] == "0 of 3"
    ended = tables.best(records(best=-5.0)).loc[(300, "as they are")]
    assert ended["best at an end"] == "3 of 3"
    assert ended["95 % interval of τ*"] == "a bound"
    assert row["NLL there"].mean < row["NLL at τ = 1"].mean
    assert len(read_bundle(made._repr_mimebundle_())) == 3 * len(made)


TOLD = (
    (findings.cold, {}, "worse in 6 of 6 cells, by +"),
    (findings.cold, {"best": -0.2, "shift": 0.0, "drift": 0.0}, "predicts better in"),
    (findings.means, {}, "worse than these means in 6 of 6"),
    (findings.means, {"best": -0.2, "shift": 0.0, "drift": 0.0}, "better at N = 100"),
    (findings.augmentation, {}, "is colder at N = 100 (by a factor of 0.31"),
    (findings.augmentation, {"shift": 0.4}, "is warmer at N = 100"),
    (headlines.shifts, {}, "**colder** for 100 (0.31 times as high)"),
    (headlines.shifts, {"shift": 0.4}, "**warmer** for 100"),
    (findings.duplicates, {}, "it is where it was at N = 300"),
    (findings.duplicates, {"twice": 0.4}, "it is warmer at N = 300"),
    (findings.drift, {}, "rises with N: log₁₀ τ* changes by +0.30"),
    (findings.drift, {"drift": -0.3}, "falls with N"),
    (findings.drift, {"best": -5.0}, "In 7 of 7 cells some seed"),
    (findings.augmentation, {"best": -5.0}, "is a bound, with and without, at N = 100"),
    (findings.below_one, {}, "below 1, that of Bayes' rule, in 7 of 7 cells"),
    (findings.heuristic, {}, "0.40 at N = 100, where the best temperature moved by the factor 0.31"),
)


@pytest.mark.parametrize(("tell", "other", "words"), TOLD)
def test_the_words_follow_from_the_records(tell, other, words):
    told = tell(records(**other))
    assert isinstance(told, Finding)
    assert words in str(told)
    assert told.facts


def test_noise_is_not_told_as_an_effect():
    noisy = records(jitter=0.4, shift=-0.3)
    assert "not to be told from that of the images as they are at N = 300" in str(
        findings.augmentation(noisy)
    )


def test_the_findings_of_the_regression():
    assert "exactly where theory has it (30 of 30 runs)" in str(findings.conjugate(CONJUGATE))
    text = str(findings.mean_field(CONJUGATE))
    assert "at correlation 0 it is 1.4, warmer than 1" in text
    assert "at correlation 0.99 it is" in text


def test_without_records_nothing_is_said():
    for tell in (findings.conjugate, findings.mean_field, findings.cold, findings.drift):
        assert str(tell([])) == "*Not yet run.*"


def test_the_networks_see_images_moved_by_whole_pixels():
    from startright.papers.posterior.networks import shift

    x = torch.full((20, 1, 28, 28), -0.5)
    x[:, :, 10:12, 10:12] = 2.0
    moved = shift(x, torch.Generator().manual_seed(0))
    assert sorted(moved.unique().tolist()) == [-0.5, 2.0]
    torch.testing.assert_close(moved.flatten(1).sum(1), x.flatten(1).sum(1))
    centres = (moved > 0).nonzero()[:, 2:].view(20, 4, 2).float().mean(1) - 10.5
    assert float(centres.abs().max()) == 2
    assert len(centres.unique(dim=0)) > 5
