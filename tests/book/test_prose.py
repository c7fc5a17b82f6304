import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from startright.book.prose import check_prose, typed_results


@pytest.mark.parametrize(
    "sentence",
    [
        "On the test set it is seven points behind.",
        "It is ahead by 0.07 nats.",
        "The loss falls to 3.2 ± 2.7 of it.",
        "Accuracy reaches 97 percent.",
        "Accuracy reaches 97 %.",
        "Positive functions are about five times closer.",
        "It ends at twice the loss.",
        "A third of all states are indefinite.",
        "Gradient descent is a hundredth of that.",
        "Runs exceed the line in 5 of 36 cases.",
        "It is $7$ points behind.",
        "The least factor is $1.8$.",
        "```{note}\nIt loses 1.5 points.\n```",
    ],
)
def test_a_typed_result_is_found(sentence):
    assert len(list(typed_results(sentence))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "The paper has 1.67 bits for Alrao and is two points behind.",
        "{cite:t}`blier2019learning` lose 2.1 points.",
        "Rates from $[10^{-5}, 10]$, with $\\tau_0 = 0.1$ and $\\alpha = 1.46$.",
        "Call `wrap(net, 0.1)` with `lr=0.3`.",
        "```python\nx = 0.5\n```",
        "```{exercise} One\n:label: ex-one\n\nWhat is 0.72 of it?\n```",
        "```{admonition} What the paper claims\nIt is 2.0 points behind.\n```",
        "$$\nv = 0.303\n$$ (eq-v)",
        "Batches of 32, ten epochs, 64-128-128 units.",
        "The grey band is the 95 % noise level.",
        "A variance of 1.46. <!-- setting -->",
        "With a third derivative in each group.",
        "# The 1.5 of it",
        "See [the table](page.html#tab-1.5) or https://example.org/v1.5.",
        "A quadratic model is minimised everywhere, in two steps.",
    ],
)
def test_theory_settings_and_the_paper_are_left_alone(text):
    assert list(typed_results(text)) == []


def test_every_sentence_is_looked_at_alone():
    text = "The paper has 2.1 points. Ours is 6.9 points behind.\n\n- one\n- it gains 3 points\n"
    assert [found for found, _ in typed_results(text)] == ["6.9", "3 points"]


def test_captions_and_alternative_texts_count_as_prose():
    options = {"figure": {"caption": "Loss."}, "image": {"alt": "It falls by two points."}}
    cells = [new_markdown_cell("Fine."), new_code_cell("x", metadata={"mystnb": options})]
    [problem] = check_prose(new_notebook(cells=cells), "book/page")
    assert (problem.page, problem.cell, problem.cell_id) == ("book/page", 1, cells[1].id)
    assert "types a result, 'two points'" in problem.message
    assert "print it from records" in problem.message


def test_the_settings_of_a_slider_are_no_results():
    def found(alternative):
        cell = new_code_cell("x", metadata={"mystnb": {"image": {"alt": alternative}}})
        return check_prose(new_notebook(cells=[cell]), "book/page")

    assert not found("A curve. Panels by step: 1, 0.1, 0.02.")
    assert not found("A curve. Panels by upper bound: 1e-5, 0.1, 10.")
    assert len(found("A curve. Panels by step: 1, 0.1 -e 0.02.")) == 1
    assert len(found("A curve that falls by 0.3. Panels by step: 1, 0.1, 0.02.")) == 1
    assert len(found("Panels by step: it falls by 0.3.")) == 1
