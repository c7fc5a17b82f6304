"""Exact cells are compared word for word, measured ones by their numbers."""

from base64 import b64encode
from io import BytesIO

import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from startright.book.compare import Difference, compare, count_numbers, tokens
from startright.measured import Contrast, Count, Measured, Word, bundle

TAG = {"tags": ["nbval-ignore-output"]}


def page(text, mime=None):
    shown = new_output("stream", text=text) if mime is None else new_output("display_data", data={mime: text})
    return new_notebook(cells=[new_code_cell("show()", outputs=[shown])])


def measured(*facts):
    """A page of one table; facts are (row, column, fact)."""
    data = {"text/plain": "whatever", **bundle(facts)}
    cell = new_code_cell("table()", outputs=[new_output("display_data", data=data)], metadata=TAG)
    return new_notebook(cells=[cell])


def column(shift=0.0, n=5, row="a", spread=1.0):
    """Eight means of one quantity; that of ``row`` is moved by ``shift`` standard errors of a difference."""
    rows = dict(zip("abcdefgh", range(10, 90, 10), strict=True))
    error = spread * (2 / n) ** 0.5
    means = {name: mean + shift * error * (name == row) for name, mean in rows.items()}
    return measured(*((name, "loss", Measured(mean, spread, n, "")) for name, mean in means.items()))


# --- exact -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after"),
    [("mean 0.512", "mean  0.512\n"), ("with torch 2.15 on CPU", "with torch 2.11 on CPU")],
)
def test_white_space_and_the_version_of_torch_are_no_difference(before, after):
    assert compare(page(before), page(after), "page") == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("mean 0.512", "mean 0.513", "'0.513' in this run, '0.512' in the reference"),
        ("reproduced", "partly", "'partly' in this run"),
        ("slope -0.50", "slope 0.50", "'0.50' in this run"),
        ("17 of 20", "18 of 20", "'18' in this run"),
        ("error 3e-10", "error 3e-9", "'3e-9' in this run"),
        ("claim C1", "claim C2", "'C2' in this run"),
        ("a b", "a b c", "3 words in this run, 2 in the reference"),
        ("loss 1.0", "loss nan", "'nan' in this run"),
    ],
)
def test_an_exact_cell_says_the_same_to_its_digits(before, after, said):
    [difference] = compare(page(before), page(after), "page")
    assert (difference.kind, difference.cell) == ("exact", 1)
    assert said in str(difference)
    assert difference.stops(1000)


def test_tables_are_compared():
    assert compare(page("<td>0.5</td>", "text/html"), page("<td>0.9</td>", "text/html"), "page") != []


def figure(colour, size=(40, 30), metadata=None):
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    shown = new_output("display_data", data={"image/png": b64encode(buffer.getvalue()).decode()})
    return new_notebook(cells=[new_code_cell("draw()", outputs=[shown], metadata=metadata or {})])


@pytest.mark.parametrize("metadata", [{}, TAG])
@pytest.mark.parametrize("other", [figure("blue"), figure("red", (40, 33))])
def test_another_figure_is_a_difference_and_stops_a_strict_build(other, metadata):
    reference = figure("red", metadata=metadata)
    assert compare(reference, figure("red", metadata=metadata), "page") == []
    other.cells[0].metadata.update(metadata)
    [difference] = compare(reference, other, "page")
    assert (difference.kind, difference.stops(1000)) == ("figure", True)
    assert "times as far from it as may be in this run" in str(difference)


@pytest.mark.parametrize("metadata", [{}, TAG])
def test_a_figure_that_one_run_lacks_is_a_difference(metadata):
    one, none, two = (figure("red", metadata=metadata) for _ in range(3))
    none.cells[0].outputs = []
    two.cells[0].outputs *= 2
    for other in (none, two):
        for before, after in ((one, other), (other, one)):
            [difference] = compare(before, after, "page")
            assert (difference.kind, difference.name, difference.stops(1000)) == ("exact", "outputs", True)


def test_a_figure_that_cannot_be_read_is_an_error():
    broken = figure("red")
    broken.cells[0].outputs[0].data["image/png"] = "aaaa"
    with pytest.raises(ValueError, match="cannot be read"):
        compare(figure("red"), broken, "page")


def test_how_often_a_stream_was_flushed_is_no_difference():
    twice = page("a\n")
    twice.cells[0].outputs.append(new_output("stream", text="b\n"))
    assert compare(page("a\nb\n"), twice, "page") == []


def test_an_output_of_another_kind_is_a_difference():
    [difference] = compare(page("0.5"), page("0.5", "text/html"), "page")
    assert "text/html" in difference.ours


def test_cells_of_one_source_are_matched_in_their_order():
    twice = new_notebook(cells=[*page("1").cells, *page("2").cells])
    assert compare(twice, twice, "page") == []


def test_signs_and_units_are_tokens():
    assert tokens("KS=0.1 (n=5), 1e-3; x1 3.") == (
        ["KS", "=", "0.1", "(", "n", "=", "5", ")", ",", "1e-3", ";", "x1", "3", "."]
    )


# --- measured --------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [5, 10, 20])
@pytest.mark.parametrize("row", ["a", "e"])
def test_a_number_moved_by_five_standard_errors_is_reported(n, row):
    [difference] = compare(column(n=n), column(5.0, n, row), "page")
    assert (difference.kind, difference.name) == ("measured", f"{row}, loss")
    assert difference.errors > 4


@pytest.mark.parametrize("n", [2, 3, 5, 20])
def test_a_number_moved_by_one_standard_error_is_not(n):
    assert compare(column(n=n), column(1.0, n), "page") == []
    assert compare(column(n=n), column(-1.0, n), "page") == []


def test_the_text_of_a_measured_cell_counts_only_beside_the_very_same_numbers():
    other = column(1.0)
    other.cells[0].outputs[0].data["text/plain"] = "something else"
    assert compare(column(), other, "page") == []
    same = column()
    same.cells[0].outputs[0].data["text/plain"] = "whatever is wished"
    (difference,) = compare(column(), same, "page")
    assert (difference.kind, difference.stops(8)) == ("exact", True)


def test_the_more_numbers_a_page_has_the_farther_one_must_lie():
    few = compare(column(), column(4.0), "page")
    facts = [(str(k), "other", Measured(float(k + 1), 0.5, 5, "")) for k in range(3000)]
    loss = [("a", "loss", Measured(10.0, 1.0, 5, "")), ("b", "loss", Measured(10.0, 1.0, 5, ""))]
    moved = [("a", "loss", Measured(10.0 + 4.0 * 0.4**0.5, 1.0, 5, "")), loss[1]]
    assert len(few) == 1
    assert compare(measured(*loss, *facts), measured(*moved, *facts), "page") == []


def test_what_is_marked_on_a_page_need_not_stop_a_strict_build():
    [difference] = compare(column(), column(4.5), "page")
    assert not difference.stops(numbers=400)
    [far] = compare(column(n=10), column(9.0, n=10), "page")
    assert far.stops(numbers=400)


def test_a_lucky_spread_of_few_seeds_is_no_certainty():
    usual = [(name, "loss", Measured(10.0, 1.0, 3, "")) for name in "bcdef"]
    before = measured(("a", "loss", Measured(10.0, 0.01, 3, "")), *usual)
    after = measured(("a", "loss", Measured(10.5, 0.01, 3, "")), *usual)
    assert compare(before, after, "page") == []


def test_counts_are_compared_as_counts():
    assert (
        compare(measured(("a", "failed", Count(3, 10))), measured(("a", "failed", Count(5, 10))), "p") == []
    )
    [difference] = compare(
        measured(("a", "failed", Count(0, 10))), measured(("a", "failed", Count(10, 10))), "p"
    )
    assert "10 of 10 in this run, 0 of 10 in the reference" in str(difference)


def test_a_finding_must_not_say_the_opposite():
    ahead, behind = (measured(("gap", "gap", Contrast(mean, 1.0, 12))) for mean in (0.9, -0.9))
    level = measured(("gap", "gap", Contrast(0.1, 1.0, 12)))
    kinds = [difference.kind for difference in compare(ahead, behind, "page")]
    assert kinds in (["sign"], ["measured"])
    assert compare(ahead, level, "page") == []


def test_another_verdict_is_shown_and_stops_nothing():
    before, after = (
        measured(("C1, verdict", "C1, verdict", Word(verdict))) for verdict in ("reproduced", "partly")
    )
    [difference] = compare(before, after, "page")
    assert (difference.kind, difference.stops(1)) == ("verdict", False)
    assert "partly in this run, reproduced in the reference" in str(difference)


def test_numbers_of_the_machine_are_not_compared():
    fast, slow = (measured(("a", "seconds", Measured(x, 0.01, 5, "", machine=True))) for x in (1.0, 9.0))
    assert compare(fast, slow, "page") == []
    assert count_numbers(fast) == 0


def test_a_row_that_only_one_run_has_is_a_difference():
    [difference] = compare(column(), measured(("new", "loss", Measured(1.0, 1.0, 5, "")), *[]), "page")[-1:]
    assert difference.ours.startswith("1 ± 1")
    assert difference.reference == "nothing"


def test_what_is_not_finite_is_said():
    nan, one = (measured(("a", "loss", Measured(x, None, 1, ""))) for x in (float("nan"), 1.0))
    assert compare(nan, nan, "page") == []
    [difference] = compare(one, nan, "page")
    assert "not finite" in difference.ours
    assert (difference.kind, difference.stops(1)) == ("finite", False)
    none = measured(("a", "loss", Measured.of([])))
    assert [each.kind for each in compare(one, none, "page")] == ["finite"]
    assert compare(none, none, "page") == []


def test_a_difference_names_page_cell_and_distance():
    text = str(Difference("book/page", 3, "abc", "measured", "a, loss", "1", "2", 5.25))
    assert (
        text
        == "book/page: code cell 3 [abc]: a, loss: 1 in this run, 2 in the reference (5.2 standard errors)"
    )
