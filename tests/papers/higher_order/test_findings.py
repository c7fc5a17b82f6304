"""The sentences on derivatives and single steps: numbers are those of the records, words follow from them."""

from dataclasses import replace

import pytest

from startright.measured import Count
from startright.papers.higher_order import findings, studies
from startright.studies import frame, recorded

SAYS = [
    (findings.costs, studies.COST),
    (findings.third_order, studies.COST),
    (findings.valley, studies.ROSENBROCK),
    (findings.same_step, studies.INVARIANCE),
    (findings.interactions, studies.ONE_STEP),
    (findings.without_interactions, studies.ONE_STEP),
    (findings.cubic_diagonal, studies.ONE_STEP),
    (findings.at_start, studies.ONE_STEP),
    (findings.once_definite, studies.ONE_STEP),
    (findings.deep, studies.LARGE_STEP),
    (findings.indefinite, studies.INDEFINITE),
    (findings.saved, studies.INDEFINITE),
]
EXACT = (findings.valley, findings.same_step)


def full(study):
    return recorded(study, "full")


def edited(records, **metrics):
    """The records with other metrics: a number, or a function of the metrics and the seed."""

    def values(r):
        made = {
            name: value(r.metrics, r.seed) if callable(value) else value for name, value in metrics.items()
        }
        return {**r.metrics, **made}

    return [replace(r, metrics=values(r)) for r in records]


def curves(records, **edits):
    return [
        replace(r, curves={**r.curves, **{n: [f(v) for v in r.curves[n]] for n, f in edits.items()}})
        for r in records
    ]


@pytest.mark.parametrize(("say", "study"), SAYS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_sentence_is_printed_from_the_full_records(say, study):
    said = say(full(study))
    assert str(said).endswith((".", ".)"))
    assert "nan" not in str(said)
    assert said.live == (say is findings.valley)  # whose one grid is recorded as the quick one
    assert bool(said.facts) == (say not in EXACT)


@pytest.mark.parametrize(("say", "study"), SAYS, ids=lambda value: getattr(value, "__name__", ""))
def test_without_records_it_is_not_yet_run(say, study):
    assert str(say([])) == "*Not yet run.*"


@pytest.mark.parametrize("say", EXACT, ids=lambda say: say.__name__)
def test_what_float64_settles_carries_no_numbers_to_compare(say):
    live = [replace(r, profile="quick") for r in full(dict(SAYS)[say])]
    assert "application" not in str(say(live)._repr_mimebundle_().keys())


# --- costs ----------------------------------------------------------------------------------


def test_costs_are_those_of_the_records_and_belong_to_the_machine():
    table = frame(full(studies.COST)).query("backend == 'tangents' and not third")["gradients"]
    said = findings.costs(full(studies.COST))
    assert f"Tangents take {table.min():.1f} to {table.max():.1f} gradients" in str(said)
    assert "and more the more groups there are" in str(said)
    assert all(fact.machine for fact in said.facts.values())
    assert "On the machine that runs this page" not in str(said)


def test_costs_that_do_not_grow_are_said_not_to():
    flat = edited(full(studies.COST), gradients=2.0)
    assert "with no clear growth in $S$" in str(findings.costs(flat))
    assert str(findings.costs([replace(r, profile="quick") for r in flat])).startswith(
        "On the machine that runs this page the second order"
    )


def test_the_third_order_is_held_against_its_check():
    records = full(studies.COST)
    table = frame(records).query("backend == 'double_backward'")
    pairs = table.set_index(["net", "groups", "third"])["gradients"].unstack("third")
    above = int((pairs[True] / pairs[False] > 3).sum())
    assert above
    assert f"which {above} of {len(pairs)} measurements exceed" in str(findings.third_order(records))
    cheap = [replace(r, metrics={**r.metrics, "gradients": 2.0 + r.config["third"]}) for r in records]
    assert f"All {len(pairs)} measurements stay within" in str(findings.third_order(cheap))


# --- float64 --------------------------------------------------------------------------------


def test_a_path_that_does_not_arrive_or_goes_up_is_seen():
    records = full(studies.ROSENBROCK)
    assert "The cubic term never goes up" in str(findings.valley(records))
    assert "it arrives in 5 steps" in str(findings.valley(records))
    late = [
        replace(
            r,
            metrics={**r.metrics, "steps_needed": r.config["steps"] + 1},
            curves={**r.curves, "value": r.curves["value"][::-1]},
        )
        for r in records
    ]
    assert "The cubic term goes up as well" in str(findings.valley(late))
    assert "it has not arrived after 60 steps" in str(findings.valley(late))


def test_a_step_that_is_not_the_same_is_seen():
    records = full(studies.INVARIANCE)
    assert "stay within $10^{-12}$" in str(findings.same_step(records))
    off = [
        replace(r, metrics={**r.metrics, "error": 2e-7}) if r.config["change"] == "rotation" else r
        for r in records
    ]
    assert "stay within $10^{-6}$" in str(findings.same_step(off))
    assert "(one seed)" in str(findings.same_step([r for r in records if r.seed == 0]))


# --- one step -------------------------------------------------------------------------------


def test_interactions_are_counted():
    small = curves(
        edited(full(studies.ONE_STEP), max_interaction=0.2, min_eigenvalue=1.0),
        **{f"interaction_{s}": lambda v: 0.05 for s in range(6)},
    )
    said = findings.interactions([r for r in small if r.config["net"] == "small-mlp"])
    assert said.facts["above 1, start"] == Count(0, 4)
    assert said.facts["indefinite, later"] == Count(0, 4)
    assert said.facts["entries above 0.1, %"].mean == 0
    assert said.facts["first and last weights"].mean == pytest.approx(0.05)


@pytest.mark.parametrize(("factor", "count"), [(2.0, "4 of 4"), (0.5, "0 of 4")])
def test_steps_without_interactions_raise_the_loss_or_not(factor, count):
    records = edited(full(studies.ONE_STEP), diagonal=lambda m, seed: factor * m["before"])
    said = findings.without_interactions(records)
    assert f"multiplies the loss by {factor:.1f} ± 0.0 on MLP, MNIST (raised in {count} runs)" in str(said)


@pytest.mark.parametrize(
    ("factor", "word"),
    [
        (lambda seed: 2.0 + 0.01 * seed, "above the one"),
        (lambda seed: 0.5 + 0.01 * seed, "below the one"),
        (lambda seed: 1.0 + 0.001 * seed, "level with the one"),
        (lambda seed: 10.0 ** (seed - 1.5), "not to be told from the one"),
    ],
)
def test_the_word_between_two_steps_follows_from_the_seeds(factor, word):
    records = edited(full(studies.ONE_STEP), diagonal_cubic=lambda m, seed: factor(seed) * m["cubic"])
    assert f"ends {word} with all of $\\bar H$ on MLP, MNIST" in str(findings.cubic_diagonal(records))
    one = [r for r in records if r.seed == 0]
    assert "not to be told from the one" in str(findings.cubic_diagonal(one))


def test_the_cubic_step_is_no_guarantee_where_it_raised_a_loss():
    records = full(studies.ONE_STEP)
    assert "it is no guarantee" in str(findings.at_start(records))
    safe = edited(records, cubic=lambda m, seed: m["before"] / (9 + 0.1 * seed))
    assert "it is no guarantee" not in str(findings.at_start(safe))
    assert "on LeNet, CIFAR-10 *all of H̄, cubic*." in str(findings.at_start(safe))


def test_states_without_a_positive_definite_hessian():
    records = edited(full(studies.ONE_STEP), min_eigenvalue=-1.0)
    assert str(findings.once_definite(records)).startswith("In none of these states")
    assert findings.once_definite(full(studies.ONE_STEP)).facts["above"] == Count(12, 12)


def test_deep_networks_are_trouble_only_where_the_step_raised_the_loss():
    records = full(studies.LARGE_STEP)
    assert "more than the model can answer for" in str(findings.deep(records))
    assert findings.deep(records).facts["one group lowest"] == Count(3, 4)
    tame = edited(records, cubic=lambda m, seed: m["before"] / 2)
    assert "more than the model can answer for" not in str(findings.deep(tame))


def test_states_along_a_training_are_counted():
    records = full(studies.INDEFINITE)
    lam1 = [r for r in records if (r.config["net"], r.config["lambda_int"]) == ("lenet", 1.0)]
    bad = sum(v <= 0 for r in lam1 for v in r.curves["relative_eigenvalue"])
    states = sum(len(r.curves["relative_eigenvalue"]) for r in lam1)
    assert findings.indefinite(records).facts["indefinite, lenet"] == Count(bad, states)
    assert "not by being right but by being short" in str(findings.saved(records))
    equal = curves(records, change_order2=lambda v: 1.0, change_cubic=lambda v: 1.0)
    assert "not by being right" not in str(findings.saved(equal))
