"""Sentences follow the records: change these, and the words must change."""

import inspect
from dataclasses import replace

import numpy as np
import pytest
from contract import tampering

from startright.measured import Contrast, Count, listed
from startright.papers.preact import chaos_findings, findings, ks, studies, wording
from startright.papers.preact.published import AUTHORS_DEPENDENCE
from startright.studies import frame, recorded

USED = {
    "exactness": studies.LAW,
    "classic": studies.DEPTH,
    "width": studies.DEPTH,
    "through_depth": studies.DEPTH,
    "by_input": studies.DEPTH,
    "alone": studies.DEPENDENCE,
    "widening": studies.DEPENDENCE,
    "variants": studies.DEPENDENCE,
    "limit": studies.DEPENDENCE,
    "authors_gap": studies.DEPENDENCE,
    "independent": studies.DEPENDENCE,
    "shallow": studies.TRAINING,
    "deep": studies.TRAINING,
    "linear_cost": studies.TRAINING,
    "gaussian_start": studies.TRAINING,
    "correlation": studies.CORRELATION,
    "gaps": studies.CORRELATION,
    "moments": studies.MOMENTS,
    "fixed_points": studies.FIXED_POINTS,
    "principles": studies.PRINCIPLES,
}
MODULES = (findings, chaos_findings)
SENTENCES = {
    name: thing
    for module in MODULES
    for name, thing in vars(module).items()
    if inspect.isfunction(thing) and thing.__module__ == module.__name__ and not name.startswith("_")
}
EXACT = ("exactness", "fixed_points", "principles")


@pytest.fixture(scope="module")
def full():
    return {study.name: recorded(study, "full") for study in studies.STUDIES}


@pytest.fixture(scope="module")
def said(full):
    """Say a sentence on the committed records, or on what a function makes of them."""

    def say(name, change=lambda records: records):
        return SENTENCES[name](change(full[USED[name].name]))

    return say


def changed(metric, new, when=lambda config: True):
    """A change of one metric and its curve: ``new(value, record)``, where ``when(config)``."""
    return lambda records: tampering.changed(records, when, **{metric: new})


def one_seed(records):
    return [record for record in records if record.seed == 0]


def as_live(records):
    return [replace(record, profile="quick") for record in records]


def test_every_sentence_is_tested():
    assert set(SENTENCES) == set(USED) | {"chaos"}


@pytest.mark.parametrize("name", USED)
def test_every_sentence_reads_well_on_the_committed_records_and_on_one_seed(name, said):
    for change in (lambda records: records, one_seed):
        text = str(said(name, change))
        assert text.endswith(".")
        assert not any(
            wrong in text for wrong in ("nan", "None", "inf ", "  ", "[]", " ,", "()", "Not yet run")
        )
    assert name in EXACT or str(said(name, one_seed)) != str(said(name))


@pytest.mark.parametrize("name", USED)
def test_without_records_nothing_is_said(name):
    assert str(SENTENCES[name]([])) == "*Not yet run.*"


@pytest.mark.parametrize("name", USED)
def test_live_sentences_carry_their_numbers_and_exact_ones_none(name, said):
    found = said(name, as_live)
    assert bool(found.facts) == (name not in EXACT)
    assert found.live == (name not in EXACT)
    assert not said(name).live


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("exactness", changed("ks", lambda x, r: 1e-4), "at most 1e-04 with the exact"),
        ("by_input", changed("ks", lambda x, r: x + 1, lambda c: c["inputs"] != "unit"), "not all agree"),
        (
            "independent",
            changed("ks", lambda x, r: 1.0, lambda c: c["independent"]),
            "runs, more than chance",
        ),
        ("independent", changed("ks", lambda x, r: 0.0, lambda c: c["independent"]), "fewer than chance"),
        ("alone", changed("ks", lambda x, r: 1.0, lambda c: c["width"] == 1), "in 60 of 60 runs there, more"),
        (
            "widening",
            changed("ks", lambda x, r: 0.1, lambda c: c["layout"] == "A"),
            "1.00 ± 0.00 (n = 5) in A",
        ),
        ("widening", changed("ks", lambda x, r: 0.1), "do not separate the layouts"),
        (
            "variants",
            changed("ks", lambda x, r: 1.0, lambda c: c["scheme"] == "positive"),
            "in 0 of 12 cases",
        ),
        ("variants", changed("ks", lambda x, r: 0.1), "in the other 12 the spread"),
        ("limit", changed("ks", lambda x, r: 1.0), "lies above it at $n$ = 2, 3, 4, 5, 6, 7, 8, 9 and 10,"),
        ("limit", changed("ks", lambda x, r: r.seed - 2 + x), "cannot be told from it at any width"),
        ("authors_gap", changed("ks", lambda x, r: 0.5), "0.0030 in none, and smaller"),
        ("authors_gap", changed("ks", lambda x, r: 0.5), "more than it in 60"),
        ("shallow", changed("test_accuracy", lambda x, r: 0.1), "not every function trains"),
        ("linear_cost", changed("test_accuracy", lambda x, r: r.seed / 9), "level with tanh, +0.0"),
        ("gaussian_start", changed("test_accuracy", lambda x, r: 0.6), "speaks for a Gaussian start"),
        ("gaps", changed("gap", lambda x, r: r.config["width"] + 0.1 * r.seed), "for 0 of 6 functions"),
        ("moments", changed("second", lambda x, r: x + 1), "in 3 of 6 cases"),
        ("correlation", changed("between", lambda x, r: 0.5), "at no layer with φᵖ θ=2.05 and at no layer"),
        ("fixed_points", changed("stable_per_period", lambda x, r: 0.5), "No ω tried"),
        ("principles", changed("law", lambda x, r: 0.0), "Glorot, He and Edge of Chaos keep all three"),
        ("principles", changed("law", lambda x, r: 1.0), "*Gaussian, positive* keep the variance ("),
    ],
)
def test_the_words_follow_the_records(name, change, words, said):
    assert words not in str(said(name))
    assert words in str(said(name, change))


@pytest.mark.parametrize(
    ("curve", "words"),
    [
        (lambda layer, seed: 0.01 * layer, "goes on growing"),
        (lambda layer, seed: 1 - 0.01 * layer, "shrinks again"),
        (lambda layer, seed: 0.1, "no longer changes"),
        (lambda layer, seed: 0.01 * layer * (seed - 1), "cannot be told to grow or to shrink"),
    ],
)
def test_growth_with_depth_is_a_word_for_each_outcome(curve, words, full):
    records = [
        replace(
            r, curves=r.curves | {"ks_standardised": [curve(k, r.seed) for k in range(len(r.curves["ks"]))]}
        )
        for r in full["preact-depth"]
    ]
    assert str(findings.classic(records)).count(words) == 2
    assert "cannot be told" in str(findings.classic(one_seed(records)))


@pytest.mark.parametrize(
    ("distances", "words"),
    [
        ((0.1, 0.1, 0.1), "still not Gaussian"),
        ((0.1, 0.1, 0.0), "at the edge of what it sees"),
        ((0.1, 0.0, 0.0), "hard to tell from a Gaussian one"),
    ],
)
def test_a_shape_is_judged_by_how_many_seeds_a_test_rejects(distances, words, full):
    records = changed("ks_standardised", lambda x, r: distances[r.seed])(full["preact-depth"])
    assert str(findings.width(records)).count(words) == 2
    assert "one seed decides nothing" in str(findings.width(one_seed(records)))


def accuracies(by_scheme):
    """Every run at the accuracies of its scheme, by seed."""

    def change(records):
        found = [by_scheme(r.config["scheme"], r.config["theta"])[r.seed] for r in records]
        return [
            replace(r, metrics=r.metrics | {"validation_accuracy": x, "test_accuracy": x})
            for r, x in zip(records, found, strict=True)
        ]

    return change


def test_a_single_winner_is_named_only_if_the_spread_supports_it(said):
    clear = accuracies(lambda s, t: (0.9, 0.91, 0.92) if s == "tanh" else (0.5, 0.51, 0.52))
    assert "tanh trains best, with 91.0 ± 1.0 % (n = 3). tanh is ahead of ReLU: +40.0" in str(
        said("deep", clear)
    )
    wild = accuracies(lambda s, t: (0.1, 0.9, 0.5) if s == "tanh" else (0.5, 0.4, 0.3))
    text = str(said("deep", wild))
    assert "cannot be told apart at the top" in text
    assert "tanh is not to be told from ReLU" in text


def test_near_linearity_costs_what_the_records_say(said):
    odd = accuracies(lambda s, t: (0.9, 0.91, 0.92) if (s, t) == ("odd", 10.0) else (0.5, 0.51, 0.52))
    assert "is ahead of tanh" in str(said("linear_cost", odd))
    assert "it costs nothing" in str(said("linear_cost", odd))
    assert "is behind tanh, −4.0 ± 0.6 points (n = 3)" in str(said("linear_cost"))


def test_a_positive_function_between_guessing_and_the_others_is_said_to_be_there(said):
    between = accuracies(lambda s, t: (0.5,) * 3 if s == "positive" else (0.9,) * 3)
    text = str(said("gaussian_start", between))
    assert "reach 50.0 % at depth 30" in text
    assert "below the best of the others, 90.0 %" in text


def test_counts_are_those_of_the_records(full, said):
    last = frame(full["preact-depth"]).query("scheme == 'positive'")
    over = int((last["ks"] > ks.threshold(10_000)).sum())
    assert said("through_depth").facts["positive"] == Count(over, len(last)) == Count(5, 36)
    assert "no more than chance allows (about 2 on average)" in str(said("through_depth"))


def test_the_authors_distances_are_larger_where_they_exceed_the_noise(full, said):
    runs = frame(full["preact-dependence"]).query("not independent")
    cells = runs.groupby(["layout", "scheme", "theta", "width"])["ks"].mean()
    excess = [
        value - cells[layout, kind, theta, n]
        for (layout, kind, theta), widths in AUTHORS_DEPENDENCE.items()
        if theta is not None
        for n, value in widths.items()
    ]
    above = sum(x > ks.threshold(200_000) for x in excess)
    assert said("authors_gap").facts["above"] == Count(above, 60) == Count(21, 60)
    assert "in 21, by up to 0.0204, and smaller by more than it in none" in str(said("authors_gap"))


def test_the_approach_to_the_limit_alternates_as_recorded(said):
    assert "above it at $n$ = 2, 4, 6 and 8 and below it at $n$ = 3, 5, 7 and 9" in str(said("limit"))


def test_contrasts_are_paired_by_seed(full, said):
    runs = frame(full["preact-dependence"]).query(
        "scheme == 'odd' and theta == 10 and not independent and width in (2, 10)"
    )
    by = runs.pivot_table(index=["layout", "seed"], columns="width", values="ks")
    share = (by[10] / by[2])["B"]
    fact = said("widening").facts["layout B"]
    assert (fact.mean, fact.spread, fact.n) == pytest.approx((share.mean(), share.std(), 5))


def test_the_edge_is_told_from_quadrature():
    text = str(chaos_findings.chaos((2.05, 10.0)))
    assert "from 1.242 at θ = 2.05 to 1.0005 at θ = 10" in text
    assert "62 to 77 % is lost" in text


@pytest.mark.parametrize(
    ("count", "word"), [(Count(5, 36), "no more"), (Count(6, 36), "more"), (Count(0, 200), "fewer")]
)
def test_chance_is_a_binomial_law(count, word):
    text = wording.against_chance(count)
    assert text.startswith(f"{word} than chance")
    draws = np.random.default_rng(0).binomial(count.n, 0.05, 100_000)
    tail = {"more": draws >= count.k, "fewer": draws <= count.k}.get(word, draws < -1)
    assert tail.mean() < 0.025


def test_lists_and_single_changes_are_worded():
    assert [listed(items) for items in (["a"], ["a", "b"], ["a", "b", "c"])] == [
        "a",
        "a and b",
        "a, b and c",
    ]
    assert findings._by(Contrast.of([0.5])) == "+0.500 (one seed)"
