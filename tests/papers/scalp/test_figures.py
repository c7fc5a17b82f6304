"""Figures, tables and sentences say what the records say."""

from dataclasses import replace

import matplotlib.pyplot as plt
import pytest

from startright.figures import use_style
from startright.papers.scalp import figures, findings, headlines, knobs, readings, tables
from startright.papers.scalp.hidden import BN_LASSO, STANDARD
from startright.papers.scalp.studies import EXACT, PARETO, STABILITY, VARIANCE, WIDTH
from startright.studies import recorded


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def quick(study):
    return recorded(study, "quick")


@pytest.mark.parametrize(
    ("study", "draw"),
    [
        (VARIANCE, figures.variances),
        (WIDTH, figures.first_step),
        (WIDTH, figures.widths),
        (STABILITY, figures.final_width),
        (STABILITY, lambda records: figures.dying(records, 200)),
        (PARETO, figures.pareto),
    ],
)
def test_every_figure_is_labelled_and_says_where_it_is_from(study, draw):
    figure = draw(quick(study))
    axes = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    assert all(ax.get_xlabel() for ax in axes)
    assert axes[0].get_ylabel()
    assert "quick" in figure._supxlabel.get_text()


def test_lines_are_the_means_over_seeds():
    records = quick(STABILITY)
    ax = figures.final_width(records).axes[0]
    lines = {line.get_label(): line.get_ydata() for line in ax.lines}
    expected = readings.by_width(records, "left", method="1/k").mean()
    assert lines["ScaLP, 1/k"] == pytest.approx(expected.tolist())


def test_dark_is_alive():
    records = quick(STABILITY)
    figure = figures.dying(records, 200)
    image = figure.axes[1].collections[0].get_array()  # of 1/k
    assert image[0].min() == 1
    assert image[-1, :5].mean() > image[-1, 100:].mean()


def test_one_colour_a_method():
    assert len(set(figures.METHOD_COLOURS.values())) == len(figures.METHOD_COLOURS)


def test_the_slider_has_a_panel_a_width():
    use_style()
    assert knobs.survivors(quick(STABILITY), (50, 200)).count == 2
    assert knobs.survivors([], (50, 200)) is None


def test_tables():
    assert tables.sums().loc["1/(√k ln k)", "Σσ², N = 300"] == "0.9170"
    counts = tables.left(quick(STABILITY))
    expected = readings.by_width(quick(STABILITY), "left", method=BN_LASSO)[50].mean()
    assert counts.loc["BN-Lasso", "N = 50"].mean == pytest.approx(expected)
    assert str(tables.accuracies(quick(PARETO)).loc["BN-Lasso", "a fifth at most"]) == "–"


@pytest.mark.parametrize(
    ("study", "tell"),
    [
        (EXACT, findings.equivalence),
        (WIDTH, findings.first_steps),
        (WIDTH, findings.losses),
        (WIDTH, findings.rates),
        (STABILITY, findings.final_width),
        (STABILITY, findings.indices),
        (PARETO, findings.pareto),
    ],
)
def test_sentences_without_records_and_with_them(study, tell):
    assert str(tell([])) == "*Not yet run.*"
    assert "nan" not in str(tell(quick(study)))


def changed(study, column, value, **where):
    return [
        replace(r, metrics=r.metrics | {column: value(r)})
        if all(r.config[k] == v for k, v in where.items())
        else r
        for r in quick(study)
    ]


@pytest.mark.parametrize(
    ("exponent", "word"), [(0.0, "as many to a factor of 1.5"), (0.7, "more"), (-0.7, "fewer")]
)
def test_the_word_for_the_width_that_is_left(exponent, word):
    records = changed(STABILITY, "left", lambda r: 100 * r.config["width"] ** exponent, method=BN_LASSO)
    assert f": {word}, " in str(findings.final_width(records)).split("**BN-Lasso**")[1]


def test_the_headlines_have_the_numbers_and_no_word_of_their_own():
    records = changed(STABILITY, "left", lambda r: r.config["width"] / 10, method=BN_LASSO)
    few, *_, many = sorted(readings.settings(records, "width"))
    told = " ".join(str(headlines.final_width(records)).split())
    assert f"{few / 10:.1f} ± 0.0 and {many / 10:.1f} ± 0.0 with its rival, network slimming" in told
    records = changed(WIDTH, "train_loss", lambda r: r.config["width"], method=STANDARD)
    ratio = max(readings.settings(records, "width")) / min(readings.settings(records, "width"))
    assert f"and {ratio:.2f} ± 0.00 without them" in str(headlines.evenness(records))


@pytest.mark.parametrize(("exponent", "word"), [(2.0, "less even than"), (0.0, "more even than")])
def test_the_word_for_standard_sgd(exponent, word):
    records = changed(WIDTH, "train_loss", lambda r: r.config["width"] ** exponent, method=STANDARD)
    uniform = [r for r in records if r.config["method"] == "uniform"]
    spread = {r.key: replace(r, metrics=r.metrics | {"train_loss": 1 + r.config["width"]}) for r in uniform}
    records = [spread.get(r.key, r) for r in records]
    assert f"standard SGD is {word} ScaLa" in str(findings.losses(records))


@pytest.mark.parametrize(("gap", "word"), [(0.1, "ahead of"), (-0.1, "behind")])
def test_the_word_for_the_accuracies(gap, word):
    def value(record):
        return 0.5 + (gap if record.config["method"] == "uniform" else 0)

    assert f"uniform scaling is {word} ScaLP, 1/k" in str(
        findings.pareto(changed(PARETO, "pruned_accuracy", value))
    )


def test_the_exponents_of_the_first_change():
    records = changed(WIDTH, "first_change", lambda r: r.config["width"] ** 0.5)
    assert str(findings.first_steps(records)).count("0.50 ± 0.00") == 4


def test_a_lost_equality_is_told():
    text = str(findings.equivalence(changed(EXACT, "distance", lambda r: 1e-3, identity="plain")))
    assert "differ by 1e-03" in text
