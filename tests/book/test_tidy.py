"""Tables and text of a page after they are rendered."""

import pandas as pd
import pytest
from bs4 import BeautifulSoup

from startright.book import tidy


def soup(text):
    return BeautifulSoup(text, "html.parser")


def tidied(frame):
    page = soup(frame.to_html())
    tidy.tidy_tables(page)
    return page


@pytest.fixture
def frame():
    values = {"loss": ["0.26 ± 0.01", "-0.13 ± 0.20", "–"], "n": [3, 3, 3], "word": ["a 1", "2", "b"]}
    return pd.DataFrame(values, index=pd.Index(["x", "y", "z"], name="method"))


def test_the_name_of_the_index_stands_beside_those_of_the_columns(frame):
    page = tidied(frame)
    (head,) = page.select("thead tr")
    assert [cell.get_text() for cell in head.find_all("th")] == ["method", "loss", "n", "word"]
    assert not [cell for cell in page.find_all("th") if not cell.get_text()]


@pytest.mark.parametrize("names", [["method"], ["method", "letter"]])
def test_the_name_of_the_columns_stands_over_them_and_leaves_no_empty_row(frame, names):
    if len(names) > 1:
        frame = frame.set_axis(pd.MultiIndex.from_product([["a"], frame.index]))
    page = tidied(frame.rename_axis(names if len(names) > 1 else names[0]).rename_axis("what", axis=1))
    first, second = (row.find_all(["th", "td"]) for row in page.select("thead tr"))
    assert [(cell.get_text(), cell.get("rowspan")) for cell in first[:-1]] == [(name, "2") for name in names]
    assert (first[-1].get_text(), first[-1]["colspan"], first[-1]["scope"]) == ("what", "3", "colgroup")
    assert [cell.get_text() for cell in second] == ["loss", "n", "word"]
    assert ["number" in cell.get("class", []) for cell in second] == [True, True, False]


@pytest.mark.parametrize(("upper", "said"), [("up", "up = "), ("", "")])
def test_groups_of_columns_say_the_names_of_both_levels_and_leave_no_empty_row(frame, upper, said):
    frame.columns = pd.MultiIndex.from_tuples([("a", "x"), ("a", "y"), ("b", "x")], names=[upper, "down"])
    page = tidied(frame)
    first, second = (row.find_all(["th", "td"]) for row in page.select("thead tr"))
    assert [cell.get_text() for cell in first] == ["method", f"{said}a, down", f"{said}b, down"]
    assert [(cell.get("rowspan"), cell.get("colspan")) for cell in first[:2]] == [("2", None), (None, "2")]
    assert [cell.get_text() for cell in second] == ["x", "y", "x"]
    assert ["number" in cell.get("class", []) for cell in second] == [True, True, False]
    assert not page.select("[colspan].number")


def test_columns_of_numbers_are_marked_and_no_other(frame):
    page = tidied(frame)
    for row in page.find_all("tr"):
        cells = row.find_all(["th", "td"])
        assert ["number" in cell.get("class", []) for cell in cells] == [False, True, True, False]


def test_an_index_that_spans_rows_does_not_shift_the_columns(frame):
    frame.index = pd.MultiIndex.from_product([["a"], ["x", "y", "z"]], names=["letter", "method"])
    last = tidied(frame).select("tbody tr")[-1].find_all(["th", "td"])
    assert ["number" in cell.get("class", []) for cell in last] == [False, True, True, False]


def test_a_range_may_stand_below_its_median_and_stays_whole():
    page = tidied(pd.DataFrame({"loss": ["1.40 (1.22 to 1.80)", "-2 (-3 to 4)", "1.0 ± 0.1"]}))
    found = [[part.get_text() for part in cell.select(".range")] for cell in page.select("tbody td")]
    assert found == [["(1.22 to 1.80)"], ["(−3 to 4)"], []]
    assert page.select_one("tbody td").get_text() == "1.40 (1.22 to 1.80)"
    assert all("number" in cell["class"] for cell in page.select("tbody td"))


def test_a_bound_stays_with_its_sign():
    page = tidied(pd.DataFrame({"error": ["< 0.1", "≤ 1e-09", "a < b"]}))
    space = "\N{NO-BREAK SPACE}"
    assert [cell.get_text() for cell in page.select("tbody td")] == [f"<{space}0.1", f"≤{space}10−9", "a < b"]


def test_the_sizes_of_a_layer_stay_together():
    page = tidied(pd.DataFrame({"layer": ["784 × 300", "width × 3"]}))
    assert [cell.get_text() for cell in page.select("tbody td")] == [
        "784\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}300",
        "width × 3",
    ]


def test_long_names_of_rows_are_marked():
    page = tidied(pd.DataFrame({"n": [1, 2]}, index=["SGD", "SGD with momentum and decay"]))
    assert [cell.get("class") for cell in page.select("tbody th")] == [None, ["long"]]


def test_dates_are_marked():
    page = soup("<table><tbody><tr><td>2026-11-26</td><td>on 2026-11-26</td></tr></tbody></table>")
    tidy.tidy_tables(page)
    assert [cell.get("class") for cell in page.find_all("td")] == [["date"], None]


def test_a_value_keeps_together_and_has_a_minus_sign(frame):
    text = tidied(frame).get_text()
    assert "−0.13\N{NO-BREAK SPACE}±\N{NO-BREAK SPACE}0.20" in text
    assert "-" not in text


@pytest.mark.parametrize("text", ["2026-11-26", "3-4", "C1-2", "one-sided", "a-1"])
def test_a_hyphen_that_is_no_minus_stays(text):
    page = soup(f"<table><tr><td>{text}</td></tr></table>")
    tidy.keep_together(page)
    assert page.get_text() == text


def test_there_is_one_minus_sign():
    page = soup("<table><tr><td>[-1e-5, -2] (-3)</td></tr></table>")
    tidy.keep_together(page)
    assert page.get_text() == "[−1e−5, −2] (−3)"


def test_a_table_of_prose_can_be_cards_and_one_of_numbers_not(frame):
    assert "cards" not in tidied(frame).table["class"]
    page = tidied(frame.assign(said="a long sentence " * 12).reset_index())
    assert "cards" in page.table["class"]
    labels = [cell.get("data-label") for cell in page.select("tbody tr")[0].find_all(["th", "td"])]
    assert labels == [None, "method", "loss", "n", "word", "said"]
    assert {cell["role"] for cell in page.select("tbody td")} == {"cell"}


def test_code_stays_as_it_is():
    text = "<table><tr><td><code>x = -1 ± 2</code></td></tr></table><pre>-1 ± 2</pre>"
    page = soup(text)
    tidy.tidy_tables(page)
    assert str(page).count("-1 ± 2") == 2


def test_claims_become_links_where_they_are_text():
    page = soup("<h2>C1</h2><p>C1, C2 to C10. <code>C1</code> <a href='x'>C1</a> C99 C1.5</p>")
    tidy.link_claims(page, {"C1", "C2", "C10"}, "claims.html#p-")
    made = page.select("a.claim-number")
    assert [(link.get_text(), link["href"]) for link in made] == [
        (name, f"claims.html#p-{name}") for name in ("C1", "C2", "C10")
    ]
    assert page.get_text() == "C1C1, C2 to C10. C1 C1 C99 C1.5"


def test_an_inner_list_belongs_to_the_item_before():
    page = soup("<ul><li>a</li><ul><li>b</li></ul></ul><div role='list'><a>c</a></div>")
    tidy.mend_lists(page)
    assert str(page) == "<ul><li>a<ul><li>b</li></ul></li></ul><div><a>c</a></div>"


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("below 1e−12", "below 10<sup>−12</sup>"),
        ("2.5e+08 and 1e4", "2.5\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}10<sup>8</sup> and 10<sup>4</sup>"),
        ("σ_w² of ηmax, λ_Th, λmin", "σ<sub>w</sub>² of η<sub>max</sub>, λ<sub>Th</sub>, λ<sub>min</sub>"),
        ("γ^(L−l), (3/4)^L", "γ<sup>L−l</sup>, (3/4)<sup>L</sup>"),
        ("10^0.5 to 10^2", "10<sup>0.5</sup> to 10<sup>2</sup>"),
        ("x86_64, s_newton, 8c9e24f", "x86_64, s_newton, 8c9e24f"),
    ],
)
def test_what_a_line_types_is_set_as_in_print(typed, printed):
    page = soup(f"<p>{typed}</p><pre>{typed}</pre><span class='sig'>{typed}</span>")
    tidy.tidy_tables(page)
    assert str(page.p) == f"<p>{printed}</p>"
    assert page.pre.get_text() == page.select_one(".sig").get_text() == typed


def test_no_line_begins_with_the_point_behind_a_formula():
    formula = '<span class="math">x</span>'
    page = soup(f"<p>{formula}. So <a>{formula}</a>, and {formula} alone</p>")
    tidy.tidy_tables(page)
    assert [part.get_text() for part in page.select(".keep")] == ["x.", "x,"]
    assert page.get_text() == "x. So x, and x alone"


def test_a_table_of_many_ranges_may_break_them():
    def classes(columns):
        return tidied(pd.DataFrame([["1.40 (1.22 to 1.80)"] * columns])).table["class"]

    assert "ranges" not in classes(4)
    assert "ranges" in classes(5)
    assert (
        tidied(pd.DataFrame([["1 (2 to 3)"] * 5])).select_one(".range").get_text()
        == "(2\N{NO-BREAK SPACE}to 3)"
    )
