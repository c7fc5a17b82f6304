"""What claims, tables and figures read from the records."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from startright.papers.alrao import readings, studies
from startright.papers.alrao.claims import CLAIMS
from startright.studies import frame, recorded

BY_ID = {claim.id: claim for claim in CLAIMS}


@pytest.fixture(scope="module")
def learning():
    return recorded(studies.LEARNING, "quick")


def test_networks_are_named_and_not_pooled():
    quantity, values = readings.per_network("loss", {"VGG19": [], "MLP": [1.0, 3.0], "GoogLeNet": [7.0]})
    assert (quantity, values) == ("loss (MLP; GoogLeNet: 7, n = 1)", [1.0, 3.0])
    assert readings.per_network("loss", {"MLP": [1.0], "VGG19": []}) == ("loss", [1.0])
    assert readings.per_network("loss", {"MLP": []}) == ("loss", [])


def on_two_networks(records):
    """The records twice, as those of two of the paper's networks; the second is 10 points and 1 nat worse."""
    for net, worse in (("mobilenet", 0.0), ("vgg19", 1.0)):
        for r in records:
            config = r.config | {"dataset": "cifar10", "net": net}
            curves = {name: [x + worse for x in xs] for name, xs in r.curves.items() if "loss" in name}
            metrics = r.metrics | {"best_test_accuracy": r.metrics["best_test_accuracy"] - worse / 10}
            yield replace(r, config=config, metrics=metrics, curves=r.curves | curves)


@pytest.mark.parametrize(
    ("claim", "column", "factor"), [("C2", "best_test_accuracy", 100), ("C3", "train_loss", 1)]
)
def test_the_value_of_the_ledger_is_that_of_one_network(learning, claim, column, factor):
    records = {"alrao-learning": list(on_two_networks(learning))}
    ours = [r for r in learning if r.config["heads"] > 1]
    first = [r.metrics[column] if claim == "C2" else r.curves[column][0] for r in ours]
    found = BY_ID[claim].measure(records)
    assert (found.value, found.n) == (pytest.approx(factor * np.mean(first)), len(first))
    assert found.spread == pytest.approx(factor * np.std(first, ddof=1))
    assert "(MobileNetV2; VGG19: " in found.quantity


def test_intervals_that_hold_a_rate():
    wide = pd.DataFrame({"lo": [1e-5, 1e-3, 0.1], "hi": [1e-3, 0.1, 10.0]})
    assert readings.holding(wide, [0.1]) == [False, True, True]
    assert readings.holding(wide, [1e-4, 1.0]) == [True, False, True]
    assert readings.holding(wide, []) == [False] * 3


def test_the_first_epochs_are_the_shortest_runs(learning):
    longer = [replace(r, config=r.config | {"epochs": 60}) for r in learning]
    assert readings.first_epochs({"alrao-learning": [*longer, *learning]}) == learning


def test_a_diverged_run_is_infinitely_worse_and_a_missing_one_is_left_out(learning):
    gone = [replace(r, status="diverged") if r.config["heads"] > 1 and r.seed == 0 else r for r in learning]
    runs = readings.by_method(frame([r for r in gone if r.seed < 3]))
    best = frame(learning).query("lo == 0.1 and heads == 1 and optimizer == 'sgd' and seed > 0 or seed == 0")
    best = best[best["lo"] == 0.1]
    assert readings.gap(runs, best, "best_test_accuracy")[0] == -np.inf
    assert readings.gap(runs, best, "best_test_loss")[0] == np.inf
    assert list(readings.gap(runs, best, "best_test_loss").index) == [0, 1, 2]


def test_runs_of_the_first_steps_stand_for_their_network():
    selection = recorded(studies.SELECTION, "quick")
    found = readings.traced({"alrao-selection": selection, "alrao-learning": []})
    assert {net: len(runs) for net, runs in found.items()} == {"mlp": len(selection)}
    steps, weights = readings.trace(selection[0])
    assert readings.weights_at(steps, weights, 30) == pytest.approx(weights[list(steps).index(30)])
