"""Sentences say what the records show: change these, and the words change with them."""

import re
from dataclasses import replace

import numpy as np
import pytest

from startright.measured import MIME, Contrast
from startright.papers.gauss_newton import findings, studies
from startright.studies import recorded

OF_STUDY = {
    studies.GRID: (
        findings.rate,
        findings.kernel_regime,
        findings.small_steps,
        findings.best_scales,
        findings.explosion,
        findings.hidden_learning,
        findings.alignment,
    ),
    studies.SPEED: (
        findings.slowing_down,
        findings.speed_up,
        findings.against_descent,
        findings.smallest_step,
        findings.stopped_early,
    ),
    studies.DAMPING: (findings.stalls, findings.floors),
    studies.MNIST: (findings.parity, findings.parity_of_descent),
}
ALL = [(study, tell) for study, tells in OF_STUDY.items() for tell in tells]
UNDECIDED = "not to be told from"


@pytest.fixture(scope="module")
def full():
    return {study: recorded(study, "full") for study in OF_STUDY}


@pytest.fixture(scope="module")
def grid(full):
    return full[studies.GRID]


@pytest.fixture(scope="module")
def speed(full):
    return full[studies.SPEED]


def changed(records, factor, *names, **config):
    """Metrics of the runs with these settings times a number, or what a function of the seed gives."""
    many = factor if callable(factor) else lambda seed: factor
    return [
        replace(r, metrics=r.metrics | {n: r.metrics[n] * many(r.seed) for n in names if n in r.metrics})
        if all(r.config[k] == v for k, v in config.items())
        else r
        for r in records
    ]


def made(records, column, like, factor, *, ours, theirs):
    """``column`` of the runs ``ours`` set to ``factor(seed)`` times ``like`` of the runs ``theirs``."""
    base = {r.seed: r.metrics[like] for r in records if all(r.config[k] == v for k, v in theirs.items())}
    return [
        replace(r, metrics=r.metrics | {column: base[r.seed] * factor(r.seed)})
        if all(r.config[k] == v for k, v in ours.items())
        else r
        for r in records
    ]


def without(records, name, **config):
    return [
        replace(r, metrics={k: v for k, v in r.metrics.items() if k != name})
        if all(r.config[k] == v for k, v in config.items())
        else r
        for r in records
    ]


def lost(records, **config):
    """The runs with these settings have diverged, and left next to nothing."""
    return [
        replace(r, status="diverged", reason="a loss", metrics={"zero_loss": 1.0, "steps": 3}, curves={})
        if all(r.config[k] == v for k, v in config.items())
        else r
        for r in records
    ]


def steady(factor):
    """Nearly the same factor for every teacher."""
    return lambda seed: factor * (1 + 0.01 * (seed % 2))


def wild(seed):
    """A factor below 1 for one teacher and above it for the next."""
    return 10.0 ** (-1) ** seed


# --- every finding, on every kind of record ---------------------------------------------------


@pytest.mark.parametrize(("study", "tell"), ALL, ids=lambda x: getattr(x, "__name__", ""))
def test_a_finding_of_the_full_records_is_prose_with_n(study, tell, full):
    found = tell(full[study])
    assert re.search(r"n = \d|of \d", found.text)
    assert found.text[0].isupper()
    assert found.text[-1] == "."
    assert not re.search(r"nan|inf\b|None|\{|  ", re.sub(r"\$[^$]*\$", "x", found.text))
    assert found.facts
    assert not found.live


@pytest.mark.parametrize(("study", "tell"), ALL, ids=lambda x: getattr(x, "__name__", ""))
def test_quick_records_carry_their_numbers_under_the_same_names(study, tell, full):
    found = tell([replace(r, profile="quick") for r in full[study]])
    entries = found._repr_mimebundle_()[MIME]["entries"]
    assert [entry["name"] for entry in entries] == list(tell(full[study]).facts)


@pytest.mark.parametrize(("study", "tell"), ALL, ids=lambda x: getattr(x, "__name__", ""))
def test_without_records_nothing_is_said(study, tell):
    assert tell([]).text == "*Not yet run.*"


@pytest.mark.parametrize(("study", "tell"), ALL, ids=lambda x: getattr(x, "__name__", ""))
def test_one_seed_decides_nothing(study, tell, full):
    found = tell([r for r in full[study] if r.seed == 0])
    assert not any(fact.sign() for fact in found.facts.values() if isinstance(fact, Contrast))
    assert not re.search(r"(better|worse|fewer|more|lower|higher) than|know better", found.text)
    if any(isinstance(fact, Contrast) for fact in found.facts.values()):
        assert "one seed" in found.text


@pytest.mark.parametrize(("study", "tell"), ALL, ids=lambda x: getattr(x, "__name__", ""))
def test_runs_that_diverged_are_left_out_and_stop_nothing(study, tell, full):
    records = full[study]
    assert tell(lost(records, scale=records[0].config["scale"])).text
    some = [lost([r])[0] if r.seed == 1 else r for r in records]
    assert "n = 2" in tell(some).text or "n = 4" in tell(some).text or study is studies.DAMPING


@pytest.mark.parametrize(("study", "tell"), ALL, ids=lambda x: getattr(x, "__name__", ""))
def test_the_order_of_the_records_does_not_matter(study, tell, full):
    assert tell(full[study][::-1]).text == tell(full[study]).text


# --- speed ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "word"),
    [(1.0, "within 10 % of"), (2.0, "more than"), (0.5, "fewer than")],
)
def test_iterations_are_held_against_the_law(factor, word, grid):
    text = findings.rate(changed(grid, factor, "steps_8")).text
    assert f"{word} the 456 of the law" in text
    assert f"{word} those of the law" in text


def test_the_rate_is_a_mean_over_teachers(grid):
    runs = [r for r in grid if r.config["rate"] == 0.02 and r.config["scale"] < 10]
    means = [np.mean([r.metrics["steps_8"] for r in runs if r.seed == seed]) for seed in range(5)]
    assert (
        f"take {np.mean(means):.0f} ± {np.std(means, ddof=1):.0f} (n = 5) iterations"
        in findings.rate(grid).text
    )


def test_runs_that_never_arrive_are_counted(grid):
    assert "runs come so far" not in findings.rate(grid).text
    text = findings.rate(without(grid, "steps_8", scale=0.1)).text
    assert "Only 15 of 20 runs come so far." in text


@pytest.mark.parametrize(
    ("factor", "word"),
    [
        (steady(1.0), "so it slows down"),
        (steady(1e5), "so it gains speed"),
        (lambda seed: 300.0 * wild(seed), "which shows no trend"),
    ],
)
def test_gradient_descent_slows_down_or_not(factor, word, speed):
    assert word in findings.slowing_down(changed(speed, factor, "steps_1", method="gradient")).text


def test_a_straight_line_keeps_its_pace(speed):
    line = {"step": [0, 10, 50, 100], "train_loss": [10 ** (-step / 25) for step in (0, 10, 50, 100)]}
    straight = [replace(r, curves=line, metrics=r.metrics | {"steps_1": 25}) for r in speed]
    text = findings.slowing_down(straight).text
    assert "at 1.0 times its first rate (n = 5), so it keeps its pace" in text


GRADIENT = {"method": "gradient", "scale": 0.1}
SLOW = {"method": "gauss-newton", "scale": 0.1, "rate": 0.02}


@pytest.mark.parametrize(
    ("factor", "word"),
    [
        (steady(3.0), "more than those, 3.0 times"),
        (steady(0.3), "fewer than those, 0.3 times"),
        (steady(1.0), "within 20 % of those, 1.0 times"),
        (wild, f"{UNDECIDED} those"),
    ],
)
def test_iterations_of_gradient_descent_over_those_of_gauss_newton(factor, word, speed):
    assert (
        word in findings.speed_up(made(speed, "steps_4", "steps_4", factor, ours=GRADIENT, theirs=SLOW)).text
    )


def test_a_run_that_does_not_arrive_counts_with_its_budget(speed):
    text = findings.speed_up(without(speed, "steps_4", **GRADIENT)).text
    assert "(5 of 5 runs do not arrive and count with their budget of 20,000.)" in text
    slowest = max(
        20_000 / r.metrics["steps_4"] for r in speed if all(r.config[k] == v for k, v in SLOW.items())
    )
    assert f"to {slowest:.0f}, n = 5" in text
    assert "do not arrive" not in findings.speed_up(speed).text


# --- scale and step ---------------------------------------------------------------------------

LARGE = {"scale": 10.0, "rate": 0.02}


def test_the_kernel_regime_is_named_only_where_all_are_alike(grid):
    claim = "The step hardly matters here"
    assert claim in findings.kernel_regime(grid).text
    off = findings.kernel_regime(changed(grid, 3.0, "test_loss", scale=10.0, rate=1.0)).text
    assert "worse than small ones" in off
    assert claim not in off
    other = findings.kernel_regime(changed(grid, 0.3, "rf_test", **LARGE)).text
    assert "worse than random features" in other
    assert claim not in other


@pytest.mark.parametrize(
    ("factor", "word"),
    [
        (steady(5.0), "worse than"),
        (steady(0.2), "better than"),
        (steady(1.0), "within 20 % of"),
        (wild, UNDECIDED),
    ],
)
def test_full_steps_against_smaller_ones(factor, word, grid):
    ours, theirs = {"scale": 0.1, "rate": 1.0}, {"scale": 0.1, "rate": 0.1}
    text = findings.small_steps(made(grid, "test_loss", "test_loss", factor, ours=ours, theirs=theirs)).text
    assert f"full steps are in the end {word} $" in text


def test_the_order_of_steps_is_counted_by_teacher(grid):
    assert "lower for 5 of 5 teachers" in findings.small_steps(grid).text
    swapped = changed(grid, lambda seed: 1e-6 if seed == 0 else 1.0, "test_loss", scale=0.01, rate=1.0)
    assert "lower for 4 of 5 teachers" in findings.small_steps(swapped).text
    gone = [lost([r])[0] if (r.seed, r.config["rate"]) == (2, 0.02) else r for r in grid]
    assert "lower for 4 of 5 teachers" in findings.small_steps(gone).text


def test_random_features_can_be_the_better_ones(grid):
    assert "are better than random features" in findings.small_steps(grid).text
    assert "are worse than random features" in findings.small_steps(changed(grid, 1e-4, "rf_test")).text


def test_no_scale_wins_without_support(grid):
    assert "may be the best scale; they cannot be told apart (n = 5)" in findings.best_scales(grid).text
    ours, theirs = {"scale": 0.1, "rate": 0.02}, {"scale": 0.01, "rate": 0.02}
    clear = made(grid, "test_loss", "test_loss", steady(0.1), ours=ours, theirs=theirs)
    assert (
        findings.best_scales(clear).text == r"With $\lambda/N=0.02$, $\tau_0=0.1$ is the best scale (n = 5)."
    )
    assert findings.best_scales(lost(grid)).text == findings.NO_RUN


@pytest.mark.parametrize(
    ("factor", "word"),
    [(steady(50.0), "worse than"), (steady(0.1), "better than"), (wild, UNDECIDED)],
)
def test_full_steps_from_a_small_scale_against_predicting_0(factor, word, grid):
    runs = {"scale": 0.01, "rate": 1.0}
    text = findings.explosion(made(grid, "test_loss", "zero_loss", factor, ours=runs, theirs=runs)).text
    assert f"they are {word} predicting 0" in text
    assert "in 5 of 5 runs" in text
    assert "in 0 of 5 runs" in findings.explosion(without(grid, "steps_8", **runs)).text


# --- features ---------------------------------------------------------------------------------


def refitted(records, factor):
    """The refitted test loss is a factor times the test loss, all along."""
    return [
        replace(r, curves=r.curves | {"refit_test": [factor(r.seed) * x for x in r.curves["test_loss"]]})
        for r in records
    ]


@pytest.mark.parametrize(
    ("factor", "word"),
    [
        (
            steady(0.1),
            "The features know better: a refit of the output layer divides it by 10 (9.9 to 10, n = 5)",
        ),
        (steady(10.0), "The features know less"),
        (wild, "What the features know is open"),
    ],
)
def test_what_the_features_know(factor, word, grid):
    text = findings.hidden_learning(refitted(grid, factor)).text
    assert word in text
    assert "is better than a refit at the start" in text  # the test loss itself falls
    assert "worse than one at the end" in text


def test_without_a_run_nothing_is_known_of_the_features(grid):
    assert findings.hidden_learning(lost(grid, scale=0.01)).text == findings.NO_RUN


@pytest.mark.parametrize(
    ("factor", "word"),
    [(steady(0.5), "higher than"), (steady(2.0), "lower than"), (lambda seed: 1.001, "level with")],
)
def test_alignments_against_those_of_full_steps(factor, word, grid):
    ours, theirs = {"scale": 0.01, "rate": 1.0}, {"scale": 0.01, "rate": 0.02}
    text = findings.alignment(
        made(grid, "weighted_cka", "weighted_cka", factor, ours=ours, theirs=theirs)
    ).text
    assert f"{word} that of full steps (difference" in text
    assert f"{UNDECIDED} that of $\\lambda/N=0.1$" in text


# --- the trade-off ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("factor", "word"),
    [
        (steady(5.0), "worse than"),
        (steady(0.2), "better than"),
        (steady(1.0), "within 20 % of"),
        (wild, UNDECIDED),
    ],
)
@pytest.mark.parametrize(
    ("tell", "rate"),
    [(findings.against_descent, 0.02), (findings.smallest_step, 0.005)],
    ids=["0.02", "0.005"],
)
def test_gauss_newton_against_gradient_descent(tell, rate, factor, word, speed):
    records = made(speed, "test_loss", "test_loss", factor, ours=SLOW | {"rate": rate}, theirs=GRADIENT)
    assert f"is in the end {word} gradient descent" in tell(records).text


def test_teachers_for_whom_the_smallest_step_is_ahead_are_counted(speed):
    text = findings.smallest_step(speed).text
    assert "the lower loss for 1 of 5 teachers" in text
    assert "the higher one for 1 of 5" in text
    records = made(speed, "test_loss", "test_loss", steady(0.5), ours=SLOW | {"rate": 0.005}, theirs=GRADIENT)
    assert "the lower loss for 5 of 5 teachers" in findings.smallest_step(records).text


@pytest.mark.parametrize(
    ("factor", "word", "early"),
    [(steady(0.5), "better than", True), (steady(2.0), "worse than", False), (wild, UNDECIDED, False)],
)
def test_stopping_early_is_named_only_where_it_helps(factor, word, early, speed):
    runs = {"method": "gradient", "scale": 10.0}
    records = made(speed, "test_loss", "rf_test", factor, ours=runs, theirs=runs)
    text = findings.stopped_early(records).text
    assert f"they are {word} random features" in text
    assert ("Stopping early is" in text) is early
    arrived = [replace(r, metrics=r.metrics | {"steps_8": 9.0}) for r in records]
    assert "Stopping early is" not in findings.stopped_early(arrived).text


# --- damping and digits -----------------------------------------------------------------------


def test_stalled_runs_are_counted_by_floor_with_their_scales(full):
    damping = full[studies.DAMPING]
    text = findings.stalls(damping).text
    assert r"0 of 20 with $\varepsilon_0=10^{-7}$;" in text
    assert r"10 of 20 with $\rho=10^{-3}$ (from $\tau_0=0.001$ or $\tau_0=0.01$)" in text
    assert r"5 of 20 with $\rho=10^{-6}$ (from $\tau_0=0.001$)." in text
    done = [replace(r, metrics=r.metrics | {"steps_8": 9.0}) for r in damping]
    assert "from" not in findings.stalls(done).text


@pytest.mark.parametrize(
    ("factor", "word"),
    [(steady(5.0), "worse than"), (steady(0.2), "better than"), (steady(1.0), "within 20 % of")],
)
def test_floors_are_compared_where_all_runs_arrive(factor, word, full):
    authors = {"floor": 1e-7, "relative_floor": 0.0, "scale": 0.1}
    records = full[studies.DAMPING]
    for relative in (1e-3, 1e-6):
        ours = {"floor": 0.0, "relative_floor": relative, "scale": 0.1}
        records = made(records, "test_loss", "test_loss", factor, ours=ours, theirs=authors)
    text = findings.floors(records).text
    assert text.count(f"is {word} it") == (2 if "than" in word else 4)  # at τ₀ = 1 all are alike
    assert r"\tau_0=0.01$" not in text
    assert ("part of what is called Gauss-Newton" in text) is ("than" in word)


def test_floors_that_all_stall_are_not_compared(full):
    text = findings.floors(without(full[studies.DAMPING], "steps_8")).text
    assert text == "At no scale do all runs arrive, so their losses cannot be compared."


def test_digits_are_named_and_their_words_follow_the_records(full):
    mnist = full[studies.MNIST]
    assert findings.parity(mnist).text.startswith("On MNIST, ")
    runs = {"method": "gauss-newton", "scale": 1.0, "rate": 1.0}
    better = changed(mnist, 0.1, "hundredth_test_loss", **runs)
    assert "full steps are better than small ones" in findings.parity(better).text
    small = {"method": "gauss-newton", "scale": 1.0, "rate": 0.02}
    assert (
        "these worse than random features"
        in findings.parity(changed(mnist, 9, "hundredth_test_loss", **small)).text
    )
    assert (
        "is worse than the student" in findings.parity(changed(mnist, 9, "eighth_refit_loss", **small)).text
    )


def test_gradient_descent_on_digits(full):
    mnist, runs = full[studies.MNIST], {"method": "gradient", "scale": 1.0}
    text = findings.parity_of_descent(changed(mnist, 0.1, "hundredth_steps", **runs)).text
    assert "are fewer than those" in text
    text = findings.parity_of_descent(changed(mnist, 0.1, "hundredth_test_loss", **runs)).text
    assert "it is better than Gauss-Newton" in text
    assert findings.parity_of_descent(without(mnist, "hundredth_steps", **runs)).text
