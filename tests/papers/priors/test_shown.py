"""Readings, tables, figures and findings, on the committed records."""

from dataclasses import replace

import pytest

from startright.figures import use_style
from startright.papers.priors import figures, findings, headlines, knobs, published, readings, studies, tables
from startright.papers.priors.factors import KINDS
from startright.studies import recorded


@pytest.fixture(scope="module")
def trained():
    return recorded(studies.TRAINING, "quick")


def level(records, best):
    """Records of accuracies that are 90 % at one exponent by set-up, and 80 % elsewhere."""

    def edit(record):
        score = 0.9 if record.config["exponent"] == best[record.config["setup"]] else 0.8
        return replace(record, metrics={"validation_accuracy": score, "test_accuracy": score})

    return [edit(record) for record in records]


def test_the_best_strength_is_read_from_validation(trained):
    found = readings.best(readings.trainings(level(trained, {"usual": 0.5, "bayesian": -1.0})))
    assert list(found) == [(kind, setup) for kind in KINDS for setup in ("usual", "bayesian")]
    best = found["rows", "bayesian"]
    assert (best.exponent, best.level, best.edge) == (-1.0, (-1.0,), False)
    assert best.accuracy.tolist() == pytest.approx([90.0] * 5)
    assert found["l1", "usual"].exponent == 0.5


def test_ratios_costs_and_gaps_follow(trained):
    runs = readings.trainings(level(trained, {"usual": 0.5, "bayesian": -1.0}))
    assert readings.ratios(runs)["L2"].tolist() == [1.0] * 5
    assert readings.costs(runs)["columns"].tolist() == pytest.approx([10.0] * 5)
    assert readings.gaps(runs)["rows"].tolist() == pytest.approx([0.0] * 5)


def test_a_run_that_diverged_has_an_accuracy_of_zero(trained):
    lost = [replace(trained[0], metrics={}, status="diverged"), *trained[1:]]
    assert readings.trainings(lost)["test"].iloc[0] == 0


def test_the_table_of_accuracies_is_made_as_the_papers(trained):
    table = tables.accuracy(level(trained, {"usual": 0.5, "bayesian": -1.0}))
    assert list(table.index) == list(tables.paper().index)
    assert table.loc["log₁₀ λ_Th/λ*", "rows"] == "1"
    assert table.loc["Bayesian, λ = λ_Th", "L2"].mean == pytest.approx(80.0)


def test_the_published_table_is_as_printed():
    paper = tables.paper()
    assert paper.loc["best, Bayesian", ("rows", "CVNN")] == "88.67 ± 0.09"
    assert paper.loc["log₁₀ λ_Th/λ*", ("columns", "CVNN")] == "1.5"
    exponents = [column.exponent for column in published.ACCURACY.values()]
    assert (min(exponents), max(exponents)) == published.RATIOS


def test_tables_of_the_theory_are_exact():
    table = tables.conditions(recorded(studies.CONDITIONS, "quick"))
    assert table.loc["half the KL"].tolist() == ["Gaussian", "A depends on ν", "rejected", "yes"]
    assert (
        tables.recovery(recorded(studies.RECOVERY, "quick")).loc[("Laplace", "0.5"), "total variation"]
        == "0.0053"
    )
    strengths = tables.strengths(recorded(studies.STRENGTHS, "quick"))
    assert strengths.loc[("columns", "784 × 300"), "λ of the layer"] == "485.78"


def test_findings_choose_their_words(trained):
    records = level(trained, {"usual": 0.5, "bayesian": -1.0})
    told = findings.strongest(records).text
    assert (
        r"For **L2**, **L1**, **rows** and **columns** the best strengths $\lambda^*$ of the seeds lie below"
        in told
    )
    assert "the best strength is ahead of it, +10.0" in findings.costs(records).text
    assert "they are level with the usual ones" in findings.setups(records).text
    above = level(trained, {"usual": 0.5, "bayesian": 0.5})
    assert "lie above" in findings.strongest(above).text
    assert "13 of 13 cases" in findings.conditions(recorded(studies.CONDITIONS, "quick")).text
    assert "0.0004" in findings.theorem(recorded(studies.RECOVERY, "quick")).text
    assert findings.strongest([]).text == "*Not yet run.*"
    assert "farthest from 1" in findings.strengths(recorded(studies.STRENGTHS, "quick")).text
    assert "at the smallest cut" in " ".join(findings.noise(recorded(studies.NOISE, "quick")).text.split())


def test_penalties_are_told_together_only_where_they_are_alike(trained):
    below = level(trained, {"usual": 0.5, "bayesian": -1.0})
    above = level(trained, {"usual": 0.5, "bayesian": 0.5})
    mixed = [b if a.config["kind"] == "rows" else a for a, b in zip(below, above, strict=True)]
    told = findings.strongest(mixed).text
    assert "For **L2**, **L1** and **columns** the best" in told
    assert "For **rows** the best" in told


def test_the_headline_has_what_theory_costs_and_how_far_it_is_off(trained):
    told = headlines.without_a_search(level(trained, {"usual": 0.5, "bayesian": -1.0}))
    assert "**behind** it for rows, −10.0 ± 0.0 points (n = 5)" in told.text
    assert "10 times smaller for columns" in told.text
    assert set(told.facts) == {"L2", "L1", "rows", "columns"}
    ahead = headlines.without_a_search(level(trained, {"usual": 0.5, "bayesian": 0.0}))
    assert "**behind**" not in ahead.text
    assert "1 times smaller for L2" in ahead.text
    assert headlines.without_a_search([]).text == "*Not yet run.*"


def test_figures_draw_what_they_are_given(trained):
    use_style()
    assert len(figures.sweep(trained).axes) == 4
    assert len(figures.ratios(trained).axes) == 1
    assert len(figures.ratios([]).axes) == 1
    assert len(figures.recovery(recorded(studies.NOISE, "quick")).axes) == 2
    assert len(figures.accepted(("gaussian", "dirac-l1")).axes) == 4
    rejected = figures.rejected()
    assert [ax.get_xlabel() for ax in rejected.axes[-2:]] == ["half width of the window L"] * 2
    flat = figures.temperatures().axes[1].lines
    moves = {line.get_label(): max(line.get_ydata()) - min(line.get_ydata()) for line in flat}
    assert moves["T = 1"] < 1e-12
    assert moves["T = 0.5"] > 0.5
    divergences = figures.two_priors().axes[1].lines
    gap = divergences[1].get_ydata() - divergences[0].get_ydata()
    assert gap.max() - gap.min() < 1e-3
    assert knobs.strength((1.0, 3.0)).count == 2
