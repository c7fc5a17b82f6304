"""The sentences of the chapter say what the records say, whatever that is."""

from dataclasses import replace

import numpy as np
import pytest

from startright.measured import MIME
from startright.papers.alrao import findings, studies
from startright.papers.alrao.published import GRANULARITY_BITS
from startright.papers.alrao.studies.images import DIGITS, NARROW, adam, alrao, sgd
from startright.studies import Record, frame, recorded
from startright.studies.record import Run
from startright.studies.settings import settings

FULL = {study.name: recorded(study, "full") for study in studies.STUDIES if "full" in study.profiles}
LEARNING, INTERVALS, VARIANTS = (FULL[f"alrao-{name}"] for name in ("learning", "intervals", "variants"))


def record(config, seed, metrics, *, curves=None, status="ok", profile="full", study="alrao-made"):
    """A record of a run that was never made."""
    key = Run(study, 1, config, seed).key
    values = (settings(config), seed, profile, status, None, metrics, curves or {})
    return Record(key, study, 1, *values, seconds=0.0, peak_memory=None, provenance={})


def learning(gap, noise=0.2, seeds=5, **more):
    """SGD at two rates and Adam at 90 %, Alrao ``gap`` points above them, with losses to match."""

    def run(config, seed, accuracy, loss, **rest):
        metrics = {"test_accuracy": accuracy / 100, "best_test_accuracy": accuracy / 100}
        metrics |= dict.fromkeys(("train_loss", "test_loss", "best_test_loss", "validation_loss"), loss)
        return record(config, seed, metrics, curves={"train_loss": [loss + 1, loss]}, **rest)

    found = []
    for seed in range(seeds):
        wobble = noise * (-1) ** seed * (1 + seed / 10)
        found += [run(sgd(0.1, **DIGITS), seed, 90, 0.5), run(sgd(1.0, **DIGITS), seed, 40, 2.0)]
        found += [run(adam(**DIGITS), seed, 90, 0.5)]
        found += [run(alrao(**DIGITS), seed, 90 + gap + wobble, 0.5 - gap / 100, **more)]
    return found


def edited(records, change, when):
    """The records with the metrics of some replaced by what ``change`` makes of (metrics, seed)."""
    return [
        replace(r, metrics={**r.metrics, **change(r.metrics, r.seed)}) if when(r.config) else r
        for r in records
    ]


def is_alrao(config):
    return config["lo"] < config["hi"]


# --- on the committed records ----------------------------------------------------------------

ALL = {
    "against_sgd": lambda: findings.against_sgd(LEARNING),
    "window": lambda: findings.window(LEARNING),
    "early": lambda: findings.early(LEARNING),
    "repeated": lambda: findings.repeated(LEARNING, INTERVALS),
    "switch": lambda: findings.switch(LEARNING),
    "intervals": lambda: findings.intervals(INTERVALS, LEARNING),
    "variants": lambda: findings.variants(VARIANTS),
    "fraction": lambda: findings.fraction(VARIANTS),
    "layers": lambda: findings.layers(FULL["alrao-units"]),
    "granularity": lambda: findings.granularity(FULL["alrao-granularity"]),
    "text": lambda: findings.text(FULL["alrao-text"]),
    "regression": lambda: findings.regression(FULL["alrao-regression"]),
    "returns": lambda: findings.returns(FULL["alrao-rl"]),
}


@pytest.mark.parametrize("name", ALL)
def test_a_finding_of_recorded_runs_is_text_with_numbers(name):
    found = ALL[name]()
    assert len(found.text) > 60
    assert "Not yet run" not in found.text
    assert not {"nan", "inf", "{"} & set(found.text.replace("(", " ").split())
    assert any(character.isdigit() for character in found.text)
    assert found.facts
    assert set(found._repr_mimebundle_()) == {"text/markdown", "text/plain"}  # recorded numbers are exact


@pytest.mark.parametrize("name", ALL)
def test_without_records_a_finding_says_so(name):
    empty = ((), ()) if name in ("repeated", "intervals") else ((),)
    assert getattr(findings, name)(*empty).text == "*Not yet run.*"


def test_live_records_carry_their_numbers():
    live = [replace(r, profile="quick") for r in learning(0)]
    entries = findings.against_sgd(live)._repr_mimebundle_()[MIME]["entries"]
    assert {entry["name"] for entry in entries} == {"accuracy_sgd", "accuracy_adam", "training_sgd"}


def test_the_recorded_seeds_of_cifar_do_not_put_alrao_behind():
    table = frame(LEARNING)
    best = table[(table["optimizer"] == "sgd") & (table["lo"] == 0.01)].set_index("seed")
    ours = table[table["lo"] < table["hi"]].set_index("seed")
    gap = 100 * (ours["best_test_accuracy"] - best["best_test_accuracy"])
    found = findings.against_sgd(LEARNING)
    assert found.facts["accuracy_sgd"].mean == pytest.approx(gap.mean())
    assert found.facts["accuracy_sgd"].n == len(gap) > 2
    assert "**not to be told from** SGD" in found.text
    two = findings.against_sgd([r for r in LEARNING if r.seed in sorted(set(table["seed"]))[:2]])
    assert "Two seeds say little" in two.text
    assert "Two seeds say little" not in found.text


def test_a_repeated_run_is_one_of_the_same_settings_and_seed():
    ours, again = (frame(runs).set_index(["lo", "hi"]) for runs in (LEARNING, INTERVALS))
    pairs = [(1e-5, 10.0), (1e-3, 1e-3), (0.1, 0.1)]
    ours = ours[(ours["seed"] == 0) & (ours["optimizer"] == "sgd")]["test_accuracy"]
    apart = [100 * abs(ours[pair] - again["test_accuracy"][pair]) for pair in pairs]
    size = findings.repeated(LEARNING, INTERVALS).facts["repeated"]
    assert (size.mean, size.n) == pytest.approx((np.mean(apart), 3))
    shorter = [replace(r, config={**r.config, "epochs": 6}) for r in INTERVALS]
    assert "Not yet run" in findings.repeated(LEARNING, shorter).text


def test_repeated_runs_that_agree_are_no_warning():
    same = [replace(r, metrics={**r.metrics, "test_accuracy": 0.5}) for r in LEARNING]
    assert "That is little." in findings.repeated(same, same).text
    assert "many seeds" in findings.repeated(LEARNING, INTERVALS).text
    assert "was trained" in findings.repeated(same[:1], same[:1]).text


# --- against SGD -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gap", "seeds", "word"),
    [
        (-5, 5, "behind"),
        (0, 5, "level with"),
        (5, 5, "ahead of"),
        (1, 5, "ahead of"),  # the interval holds the margin and not 0
        (-5, 1, "not to be told from"),
    ],
)
def test_the_word_follows_the_difference(gap, seeds, word):
    found = findings.against_sgd(learning(gap, seeds=seeds))
    assert f"**{word}** SGD" in found.text
    assert f"**{word}** Adam" in found.text
    assert ("One seed decides nothing." in found.text) == (seeds == 1)


def test_rates_that_cannot_be_told_apart_are_all_named():
    tied = edited(
        learning(0), lambda m, s: {"validation_loss": 0.5 + (-1) ** s * 0.01}, lambda c: c["lo"] == 1
    )
    assert "rate of SGD is 0.1 or 1." in findings.against_sgd(tied).text
    assert "rate of SGD is 0.1." in findings.against_sgd(learning(0)).text


def test_failed_runs_are_counted():
    assert "No run of Alrao fails (n = 5)" in findings.window(learning(0)).text
    broken = [replace(r, status="diverged") if is_alrao(r.config) and r.seed < 2 else r for r in learning(0)]
    assert "2 of 5 runs of Alrao fail." in findings.window(broken).text
    assert "at 1 of its 2 rates" in findings.window(broken).text
    assert findings.window(broken).facts["failed"].k == 2


@pytest.mark.parametrize(("gap", "word"), [(20, "below"), (0, "level with"), (-20, "above")])
def test_the_first_epoch(gap, word):
    found = findings.early(learning(gap))
    assert f"**{word}** it" in found.text
    assert "fastest at 0.1." in found.text
    assert "at 1 of the 2 rates" in found.text


def test_heads_are_counted():
    runs = [r for r in LEARNING if r.config["heads"] > 1][:2]
    found = findings.switch(runs)
    assert found.facts["chosen"].k == found.facts["chosen"].n == 2
    assert "both runs" in found.text
    flat = [
        replace(r, curves={n: [0.1] * len(c) if n.startswith("weight") else c for n, c in r.curves.items()})
        for r in runs
    ]
    found = findings.switch(flat)
    assert found.facts["chosen"].k == found.facts["fast_heads_gone"].k == 0
    assert "none of 2 runs" in found.text


# --- intervals and variants ------------------------------------------------------------------


def made_map(holding, other, seeds):
    low, good = (alrao(interval, **DIGITS) for interval in ((1e-5, 1e-3), (1e-3, 10.0)))
    losses = {low: other, good: holding}
    return [record(c, s, {"train_loss": loss}) for c, loss in losses.items() for s in range(seeds)]


@pytest.mark.parametrize(
    ("holding", "other", "seeds", "said"),
    [
        (0.1, 2.0, 3, "in 3 of 3 seeds."),
        (2.0, 0.1, 3, "in 0 of 3 seeds."),
        (0.1, 2.0, 1, "in the one seed there is."),
        (2.0, 0.1, 1, "in no seed (there is one)."),
    ],
)
def test_intervals_that_hold_a_good_rate(holding, other, seeds, said):
    found = findings.intervals(made_map(holding, other, seeds), learning(0))
    assert found.text.endswith(said)
    assert "(1 of 2) end with" in found.text


def test_one_interval_in_the_wrong_order_is_enough():
    runs = made_map(0.1, 1.0, 3)
    for interval, loss in (((1e-3, 1.0), 1.5), ((1e-5, 1e-2), 2.0)):  # the first holds a good rate
        runs += [record(alrao(interval, **DIGITS), seed, {"train_loss": loss}) for seed in range(3)]
    assert findings.intervals(runs, learning(0)).text.endswith("in 0 of 3 seeds.")


def shifted(by, when):
    """The variants with tight spreads, one group moved by ``by`` of accuracy and ``-by`` of loss."""

    def change(metrics, seed):
        wobble = (-1) ** seed / 1000
        return {"test_accuracy": 0.9 + by + wobble, "test_loss": 0.5 - by + wobble}

    same = edited(VARIANTS, lambda m, s: {"test_accuracy": 0.9, "test_loss": 0.5}, lambda c: True)
    return edited(same, change, when)


@pytest.mark.parametrize(("by", "word"), [(-0.1, "behind"), (0.1, "ahead of"), (0.0, "level with")])
def test_a_rate_a_weight(by, word):
    found = findings.per_weight(shifted(by, lambda c: c["per"] == "weight" and c["hi"] > 10))
    assert f"**{word}** a rate per unit" in found.text


@pytest.mark.parametrize(
    ("by", "word", "ends"),
    [(-0.1, "behind", "none of 3"), (0.1, "ahead of", "none of 3"), (-0.8, "behind", "all 3")],
)
def test_on_adam(by, word, ends):
    found = findings.on_adam(shifted(by, lambda c: c["optimizer"] == "adam" and is_alrao(c)))
    assert f"**{word}** Adam" in found.text
    assert found.text.endswith(f"in {ends} runs.")


@pytest.mark.parametrize(("by", "word"), [(0.1, "below"), (-0.1, "above"), (0.0, "not to be told from")])
def test_width(by, word):
    found = findings.width(shifted(by, lambda c: c["width"] == 3 and is_alrao(c)))
    assert f"**{word}** the second" in found.text
    assert found.facts["width_alrao"].mean == pytest.approx(-by, abs=1e-3)
    assert found.facts["width_sgd"].mean == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("by", "word"), [(-0.1, "below"), (0.1, "above"), (0.0, "not to be told from")])
def test_few_units_learn(by, word):
    found = findings.fraction(shifted(by, lambda c: c["fraction"] == 0.2))
    assert f"five learning, test accuracy is **{word}** that" in found.text
    assert found.facts["one_in_twenty"].mean == pytest.approx(0, abs=1e-9)


def test_one_seed_of_the_variants_decides_nothing():
    one = [r for r in VARIANTS if r.seed == 0]
    for found in (findings.variants(one), findings.fraction(one)):
        assert "One seed decides nothing." in found.text
        assert "**behind**" not in found.text


@pytest.mark.parametrize(
    ("by_layer", "by_rate", "lead"),
    [
        (10, 1, "The layer decides more than the rate"),
        (1, 10, "The rate decides more than the layer"),
        (1, 1, "Layer and rate both count"),
    ],
)
def test_what_decides_about_a_reset(by_layer, by_rate, lead):
    drops = by_rate * np.linspace(0, 1, 6)[:, None] + by_layer * np.linspace(1, 0, 8)
    curves = {f"drop_{k}": list(drop) for k, drop in enumerate(drops)}
    config = studies.UNITS.grid("full")[0]
    found = findings.layers([record(config, seed, {}, curves=curves) for seed in range(3)])
    assert found.text.startswith(lead)
    assert "**cheaper to reset than** fast ones" in found.text
    assert found.facts["slow_minus_fast"].mean == pytest.approx(drops[:3].mean() - drops[3:].mean())


# --- text, regression, reinforcement learning ------------------------------------------------


def test_granularity_is_that_of_the_records():
    table = frame(FULL["alrao-granularity"]).pivot_table("test_bits", "seed", ["lo", "per"])
    found = findings.granularity(FULL["alrao-granularity"])
    gap = (table[1e-3, "weight"] - table[1e-3, "unit"]).mean()
    assert found.facts["wide"].mean == pytest.approx(gap)
    assert "On $(10^{-3}, 10^4)$ a rate per weight is **worse than**" in found.text
    turned = [
        replace(r, config={**r.config, "per": {"unit": "weight", "weight": "unit"}[r.config["per"]]})
        for r in FULL["alrao-granularity"]
    ]
    assert "On $(10^{-3}, 10^4)$ a rate per weight is **better than**" in findings.granularity(turned).text


def test_settings_below_the_figure_are_counted():
    key = (1e-4, 1e2, "unit")
    high = edited(
        FULL["alrao-granularity"],
        lambda m, s: {"test_bits": GRANULARITY_BITS[key][0] + 1},
        lambda c: (c["lo"], c["hi"], c["per"]) == key,
    )
    assert "In 3 of 4 settings" in findings.granularity(high).text


@pytest.mark.parametrize(("by", "word"), [(-2.0, "ahead of"), (2.0, "behind")])
def test_text(by, word):
    found = findings.text(edited(FULL["alrao-text"], lambda m, s: {"test_bits": 2.5 + by}, is_alrao))
    assert f"**{word}** SGD" in found.text
    assert f"**{word}** Adam" in found.text
    assert ("one of speed" in found.text) == (by > 0)
    assert found.text.startswith("After one epoch,")


def test_a_longer_training_on_text_says_so():
    longer = [replace(r, config={**r.config, "epochs": 20}) for r in FULL["alrao-text"]]
    assert findings.text(longer).text.startswith("After 20 epochs,")


@pytest.mark.parametrize(("factor", "word"), [(0.01, "below"), (100.0, "above")])
def test_regression(factor, word):
    moved = edited(
        FULL["alrao-regression"], lambda m, s: {"mse": factor * 2e-5 * (1 + s / 50)}, lambda c: c["heads"] > 1
    )
    found = findings.regression(moved)
    assert found.text.count(f"**{word}** it") == 2
    assert "diverges in 3 of 5 runs" in found.text
    assert found.text.startswith("After 200 epochs the best rate of SGD is 0.1.")


@pytest.mark.parametrize(("by", "word"), [(-1000.0, "behind"), (1000.0, "ahead of")])
def test_returns(by, word):
    found = findings.returns(
        edited(FULL["alrao-rl"], lambda m, s: {"return": by + s}, lambda c: c["heads"] > 1)
    )
    assert found.text.count(f"**{word}** SGD") == 2
    assert "finds no difference" not in found.text
    assert "finds no difference" in findings.returns(FULL["alrao-rl"]).text


def test_another_network_is_no_repetition():
    assert alrao(**NARROW, epochs=1) == alrao(**NARROW, epochs=1)
    assert LEARNING[0].config == settings(alrao(**NARROW, epochs=1))
