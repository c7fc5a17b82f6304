"""Figures, tables, findings and headlines on records whose gaps are known."""

import pytest
import torch
from papers.critical import made

from startright.bundle import read_bundle
from startright.figures import use_style
from startright.measured import Finding
from startright.papers.critical import figures, findings, headlines, knobs, schematic, tables

FISHER, REMOVAL, WINDOW = made.fisher("full"), made.removal(), made.window()
DECAYS = made.decay(), made.removal("quick")


@pytest.mark.parametrize(
    ("draw", "records"),
    [
        (figures.fisher, (FISHER,)),
        (figures.by_layer, (FISHER,)),
        (figures.removal, (REMOVAL,)),
        (figures.window, (WINDOW,)),
        (figures.decay, DECAYS),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_axis_is_named(draw, records):
    figure = draw(*records)
    assert figure.axes[-1].get_xlabel()
    assert figure.axes[0].get_ylabel()


def test_accuracies_stand_where_the_records_have_them():
    ax = figures.removal(REMOVAL).axes[0]
    lines = {line.get_label(): line for line in ax.lines}
    assert lines["blur"].get_xdata().tolist() == [0, 20, 40, 60, 80, 100]
    ends = {name: float(line.get_ydata()[-1]) for name, line in lines.items() if name != "control"}
    assert ends["blur"] == pytest.approx(made.BASE - 3.0, abs=0.2)
    assert ends["noise"] == pytest.approx(made.BASE - 1.0, abs=0.2)
    assert ends["blur, learning rate restarted"] == pytest.approx(made.BASE - 0.5, abs=0.2)


def test_the_figure_of_the_trace_has_its_peak_where_the_records_have_it():
    top = figures.fisher(FISHER).axes[0].lines[0]
    assert float(top.get_xdata()[top.get_ydata().argmax()]) == 6


def test_the_paper_stands_beside_ours():
    labels = [tick.get_text() for tick in figures.against(REMOVAL).axes[0].get_yticklabels()]
    assert labels == ["blur", "noise", "upside down", "labels permuted"]


def test_the_digits_are_shown_under_each_deficit():
    figure = figures.examples()
    assert len(figure.axes) == 10
    assert figure.axes[3].get_xlabel() != figure.axes[0].get_xlabel()
    assert schematic.protocols().axes


def test_drawn_labels_are_shown_over_the_exact_trace():
    ax = figures.sampled(torch.tensor(2.0), {1: torch.tensor([1.0, 4.0]), 10: torch.tensor([2.0])}).axes[0]
    assert [line.get_ydata().tolist() for line in ax.lines[:2]] == [[0.5, 2.0], [1.0]]


def test_the_slider_has_a_panel_for_each_removal_that_there_is():
    use_style()
    assert knobs.removal(REMOVAL, (20, 60, 100)).count == 3
    with pytest.raises(ValueError, match="no run has a blur until epoch 33"):
        knobs.removal(REMOVAL, (20, 33))


def test_tables_carry_their_numbers():
    table = tables.removal(REMOVAL)
    assert table.loc["blur", "until epoch 100"].mean == pytest.approx(3.0, abs=0.1)
    assert str(table.loc["noise", "until epoch 20"]) != "–"
    assert str(table.loc["noise", "until epoch 40"]) == "–"
    assert tables.fisher(FISHER).loc["blur until epoch 60", "at the end"].mean == pytest.approx(90, rel=0.1)
    assert len(tables.fisher(FISHER)) == 3
    quick = tables.decay(*DECAYS)
    assert list(quick.index) == ["0", "0.0005", "0.001"]
    assert len(read_bundle(quick._repr_mimebundle_())) == 6
    assert len(tables.window(WINDOW)) == 3


def some_fall_and_some_not():
    """The trace of one network alone ends where it was at its peak."""
    records = made.fisher()
    return [r for r in records if r.seed] + [r for r in made.fisher(clean=300.0) if not r.seed]


TOLD = (
    (lambda: findings.fisher(made.fisher()), "more than the control's: 1.50"),
    (lambda: findings.fisher(made.fisher(blur=30.0)), "less than the control's: 0.50"),
    (lambda: findings.removal(REMOVAL), "blur costs +3.0"),
    (lambda: findings.removal(REMOVAL), "labels permuted costs nothing that matters, +0.0"),
    (lambda: findings.restarted(REMOVAL), "gives back +2.5"),
    (lambda: findings.restarted(made.removal(restart=6.0)), "takes away"),
    (lambda: findings.restarted(made.removal(restart=3.0)), "changes nothing that matters"),
    (lambda: findings.window(WINDOW), "from epoch 0 it costs +3.0"),
    (lambda: findings.decay(*DECAYS), "as large as that with the usual one"),
    (lambda: findings.decay(made.decay(without=6.0), DECAYS[1]), "larger than that with the usual one"),
    (lambda: findings.decay(made.decay(without=1.0), DECAYS[1]), "smaller than that with the usual one"),
    (lambda: headlines.bump(made.fisher()), "to 300 ± 0 times what it was; then it shrinks: it ends"),
    (lambda: headlines.bump(made.fisher(clean=200.0)), "then it shrinks little: it ends"),
    (lambda: headlines.bump(some_fall_and_some_not()), "whether it then shrinks is undecided: it ends"),
    (lambda: headlines.lasting(REMOVAL), "**worse than** one that"),
    (lambda: headlines.lasting(made.removal(blur=0.1)), "**level with**"),
    (lambda: headlines.lasting(made.removal(blur=-2.0)), "**better than**"),
    (lambda: headlines.reopened(made.removal(restart=2.0)), "**worse than** that control"),
)


@pytest.mark.parametrize(("tell", "words"), TOLD)
def test_the_words_follow_from_the_records(tell, words):
    told = tell()
    assert isinstance(told, Finding)
    assert words in str(told)
    assert told.facts


def test_without_records_nothing_is_said():
    for tell in (findings.fisher, findings.removal, findings.window, headlines.bump, headlines.lasting):
        assert str(tell([])) == "*Not yet run.*"
    assert "Not yet run" in str(findings.decay([], []))
