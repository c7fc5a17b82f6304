"""C8: the measurement follows the records, seed by seed."""

from dataclasses import replace

import pytest

from startright.claims import verdict
from startright.papers.gauss_newton.mnist_claims import measure_mnist
from startright.papers.gauss_newton.studies.mnist import MNIST
from startright.studies import Outcome, Record


def records(loss):
    """A grid of records with made-up losses."""
    found = []
    for run in MNIST.runs("quick"):
        metrics = {"test_loss": loss(run.config) * (1 + run.seed / 100)}
        metrics |= {"eighth_refit_loss": 0.1, "eighth_test_loss": 0.2, "hundredth_test_loss": 0.1}
        metrics["hundredth_steps"] = 10 if run.config.method == "gauss-newton" else 100
        found.append(Record.of(run, Outcome(metrics), profile="quick"))
    return {MNIST.name: found}


def as_claimed(config):
    return 0.2 if config.scale == 10 else 0.1 + 0.1 * config.rate


def test_the_measurement_follows_the_records():
    m = measure_mnist(records(as_claimed))
    assert m.value == pytest.approx(0.2 / 0.102)
    assert m.spread == pytest.approx(0, abs=1e-12)
    assert m.n == len(MNIST.seeds("quick"))
    assert verdict(m) == "other set-up"
    assert [check.holds for check in m.checks] == [True, True, True, True, False]
    m = measure_mnist(records(lambda config: 0.1 + config.rate))
    assert [check.holds for check in m.checks] == [True, False, True, True, False]
    m = measure_mnist(records(lambda config: 0.1))
    assert [check.holds for check in m.checks] == [False, True, True, True, False]


def test_runs_are_paired_by_their_seed():
    """Where the full step of one seed diverges and the small step of another, one pair is left."""

    def settled(record):
        return record.config["method"], record.config["scale"], record.config["rate"], record.seed

    gone = {("gauss-newton", 0.1, 1.0, 0), ("gauss-newton", 0.1, 0.02, 1)}
    found = {MNIST.name: records(as_claimed)[MNIST.name][::-1]}
    found[MNIST.name] = [
        replace(r, status="diverged") if settled(r) in gone else r for r in found[MNIST.name]
    ]
    m = measure_mnist(found)
    assert (m.value, m.spread, m.n) == (pytest.approx(0.2 / 0.102), None, 1)
    assert m.checks[0].holds is False
    assert "2 of 3 runs did not arrive" in m.checks[0].text
