import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat.v4 import new_code_cell, new_notebook, new_output

from startright.notebooks.compare import agree, compare, tokens


def page(text, mime=None, **metadata):
    shown = new_output("stream", text=text) if mime is None else new_output("display_data", data={mime: text})
    return new_notebook(cells=[new_code_cell("show()", outputs=[shown], metadata=metadata)])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("mean 0.512", "mean  0.514\n"),
        ("0.00", "0.01"),
        ("1234 steps", "1260 steps"),
        ("error 3.1e-10", "error 8e-10"),
        ("slope -0.50", "slope -0.51"),
        ("0.51±0.02", "0.52±0.03"),
    ],
)
def test_numbers_may_differ_within_the_tolerance(before, after):
    assert compare(page(before), page(after), "page") == []


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("mean 0.512", "mean 0.612", "says '0.612', the reference says '0.512'"),
        ("reproduced", "partly", "says 'partly'"),
        ("slope -0.50", "slope 0.50", "says '0.50'"),
        ("17 of 20", "18 of 20", "says '18'"),
        ("error 3e-10", "error 3e-3", "says '3e-3'"),
        ("slope 3e-3", "slope -3e-3", "says '-3e-3'"),
        ("claim C1", "claim C2", "says 'C2'"),
        ("a b", "a b c", "shows 3 words, the reference 2"),
        ("loss 1.0", "loss nan", "says 'nan'"),
    ],
)
def test_other_differences_are_named_with_their_cell(before, after, said):
    [problem] = compare(page(before), page(after), "page")
    assert problem.cell == 1
    assert said in problem.message


def test_a_cell_states_its_own_tolerance():
    assert compare(page("0.5"), page("0.55", tolerance={"rel": 0.2}), "page") == []
    assert compare(page("0.5"), page("0.55", tolerance=0.2), "page") == []
    assert compare(page("0.5"), page("0.9", tags=["nbval-ignore-output"]), "page") == []
    assert compare(page("0.5"), page("0.505", tolerance={"rel": 0, "abs": 0}), "page") != []


def test_tables_are_compared_and_images_are_not():
    assert compare(page("<td>0.5</td>", "text/html"), page("<td>0.9</td>", "text/html"), "page") != []
    assert compare(page("aa", "image/png"), page("bb", "image/png"), "page") == []


def test_an_output_of_another_kind_is_a_difference():
    [problem] = compare(page("0.5"), page("0.5", "text/html"), "page")
    assert "text/html" in problem.message


def test_signs_and_units_are_tokens():
    assert tokens("KS=0.1 (n=5), 1e-3; x1 3.") == [
        "KS",
        "=",
        "0.1",
        "(",
        "n",
        "=",
        "5",
        ")",
        ",",
        "1e-3",
        ";",
        "x1",
        "3.",
    ]


@given(st.floats(-1e6, 1e6, allow_nan=False), st.floats(0, 0.5), st.floats(0, 10))
def test_agreement_is_symmetric_and_reflexive(x, rel, absolute):
    y = x * 1.03
    before, after = f"{x:.4f}", f"{y:.4f}"
    assert agree(before, before, 0, 0)
    assert agree(before, after, rel, absolute) == agree(after, before, rel, absolute)
