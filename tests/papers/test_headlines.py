"""What chapters say first: in words, from records, and otherwise where the records say otherwise."""

import inspect
import re
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec

import pytest
from contract.tampering import changed, times

from startright import papers
from startright.papers.alrao import headlines as alrao
from startright.papers.alrao import studies as alrao_studies
from startright.papers.gauss_newton import headlines as gauss_newton
from startright.papers.gauss_newton import studies as gauss_newton_studies
from startright.papers.higher_order import headlines as higher_order
from startright.papers.higher_order import studies as higher_order_studies
from startright.papers.preact import headlines as preact
from startright.papers.preact import studies as preact_studies
from startright.paths import repository
from startright.studies import recorded

SAID = {
    alrao.no_search: alrao_studies.LEARNING,
    alrao.one_head: alrao_studies.SELECTION,
    alrao.on_text: alrao_studies.TEXT,
    preact.exact: preact_studies.LAW,
    preact.through_depth: preact_studies.DEPTH,
    preact.training: preact_studies.TRAINING,
    preact.two_inputs: preact_studies.CORRELATION,
    preact.wide_enough: preact_studies.CORRELATION,
    preact.at_finite_width: preact_studies.MOMENTS,
    gauss_newton.keeps_its_pace: gauss_newton_studies.SPEED,
    gauss_newton.step_decides: gauss_newton_studies.GRID,
    gauss_newton.features_first: gauss_newton_studies.GRID,
    higher_order.layers_interact: higher_order_studies.ONE_STEP,
    higher_order.price: higher_order_studies.COST,
}
KNOWN = {"θ"}  # of the claims that stand above, in the box of the chapter


@pytest.fixture(scope="module")
def full():
    return {study.name: recorded(study, "full") for study in set(SAID.values())}


def modules():
    names = (f"startright.papers.{name}.headlines" for name in papers.names())
    return [import_module(name) for name in names if find_spec(name)]


def test_every_sentence_is_tried_here_and_stands_on_its_page():
    made = [
        thing
        for module in modules()
        for name, thing in vars(module).items()
        if inspect.isfunction(thing) and thing.__module__ == module.__name__ and not name.startswith("_")
    ]
    assert {f"{f.__module__}.{f.__name__}" for f in made} >= {f"{f.__module__}.{f.__name__}" for f in SAID}
    for function in made:
        paper = papers.paper(function.__module__.split(".")[-2])
        pages = [(repository() / f"book/{page}.py").read_text(encoding="utf-8") for page in paper.pages]
        assert any(f"headlines.{function.__name__}(" in page for page in pages), function


@pytest.mark.parametrize("say", SAID, ids=lambda f: f"{f.__module__.split('.')[-2]}-{f.__name__}")
def test_a_sentence_needs_no_symbol_that_the_page_explains_later(say, full):
    text = say(full[SAID[say].name]).text
    formulas = re.findall(r"\$([^$]+)\$", text)
    assert all(re.fullmatch(r"[\d\\cdot^{}\-]+", formula) for formula in formulas), formulas
    assert set(re.findall(r"[Α-Ωα-ω]", text)) <= KNOWN
    assert re.search(r"n = |one measurement|to a distance of|\d of \d", text)


@pytest.mark.parametrize("say", SAID, ids=lambda f: f"{f.__module__.split('.')[-2]}-{f.__name__}")
def test_without_records_it_says_so(say):
    assert say([]).text == "*Not yet run.*"


def test_alrao_is_behind_where_its_accuracy_is(full):
    records = full["alrao-learning"]
    worse = changed(records, lambda c: c["lo"] < c["hi"], best_test_accuracy=times(0.5))
    better = changed(records, lambda c: c["lo"] < c["hi"], best_test_accuracy=times(1.9))
    assert "Alrao is **behind** SGD" in alrao.no_search(worse).text
    assert "and **behind** Adam" in alrao.no_search(worse).text
    assert "Alrao is **ahead of** SGD" in alrao.no_search(better).text


def test_text_is_ahead_where_its_loss_is_lower(full):
    better = changed(full["alrao-text"], lambda c: c["lo"] < c["hi"], test_bits=times(0.5))
    assert "Alrao is **ahead of** SGD" in alrao.on_text(better).text


def test_a_step_that_does_not_matter_is_said_to_be_level(full):
    records = full["gauss-newton-grid"]
    losses = {
        (r.config["scale"], r.seed): r.metrics["test_loss"] for r in records if r.config["rate"] == 0.02
    }
    level = [
        replace(r, metrics={**r.metrics, "test_loss": losses[r.config["scale"], r.seed]})
        if r.config["rate"] == 1.0
        else r
        for r in records
    ]
    assert "within 20 % of those of small steps" in gauss_newton.step_decides(level).text
    assert "worse than those of small steps" in gauss_newton.step_decides(records).text


def test_the_interactions_are_counted_from_the_records(full):
    records = full[higher_order_studies.ONE_STEP.name]
    assert re.search(r"lowers the loss in (\d+) of \1 runs", higher_order.layers_interact(records).text)
    worse = changed(records, lambda c: c["adam_steps"] > 0, cubic=times(1e6))
    assert "lowers the loss in 0 of" in higher_order.layers_interact(worse).text


def test_who_trains_best_follows_the_accuracies(full):
    records = full["preact-training"]
    poor = changed(records, lambda c: c["scheme"] == "odd", test_accuracy=times(0.01))
    assert "the odd function with θ = 10 reaches" in preact.training(records).text
    assert "tanh reaches" in preact.training(poor).text
