"""Every check of the paper has a wrong method that fails it: here these methods are run."""

from dataclasses import replace
from functools import cache

import pytest
import torch
from contract.verdicts import assert_all_named, assert_controls_fail

from startright.papers.gauss_newton import descent
from startright.papers.gauss_newton.claims import CLAIMS
from startright.papers.gauss_newton.network import linearise
from startright.papers.gauss_newton.studies import GRID, SPEED
from startright.papers.gauss_newton.studies import mnist as mnist_study
from startright.papers.gauss_newton.studies.descent import run_descents
from startright.papers.gauss_newton.studies.mnist import MNIST
from startright.studies import Record, recorded

CPU = torch.device("cpu")


def merged(study, wrong):
    """The quick records of a study with those of some runs replaced: the wrong ones, by (config, seed)."""
    keys = {record.key: record for record in wrong}
    return [keys.get(record.key, record) for record in recorded(study, "quick")]


def wrong_runs(study, keep, run, edit=lambda config: config):
    """Runs of the quick grid made again by ``run``, their configs edited; filed under the true ones."""
    runs = [each for each in study.runs("quick") if keep(each.config)]
    outcomes = run([(edit(each.config), each.seed) for each in runs], CPU)
    return [Record.of(each, made, profile="quick") for each, made in zip(runs, outcomes, strict=True)]


def relabelled(study, source, partner):
    """Records with what another run of the same seed left.

    Args:
        study: whose records are filed under.
        source: the records that give metrics and curves.
        partner: config → a test of the configs of ``source``, or None to keep a record.
    """

    def other(record):
        wanted = partner(record.config)
        if wanted is None:
            return record
        twin = next(r for r in source if r.seed == record.seed and wanted(r.config))
        return replace(record, metrics=twin.metrics, curves=twin.curves, status=twin.status)

    return [other(record) for record in recorded(study, "quick")]


def is_newton(config):
    return config["method"] == "gauss-newton"


def frozen(net, x):
    """The linearisation of a network whose hidden layer does not move."""
    local = linearise(net, x)
    return replace(local, slopes=torch.zeros_like(local.slopes))


def with_frozen_layer(module, study, keep, run, edit=lambda config: config):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "linearise", frozen)
        return wrong_runs(study, keep, run, edit)


def run_parities(runs, device):
    return [MNIST.run(config, seed, device) for config, seed in runs]


def newton_frozen():
    """Gauss-Newton that trains the output weights only, for more steps than the law's 456."""
    wrong = with_frozen_layer(
        descent,
        GRID,
        lambda c: c.rate == 0.02 and c.scale in (0.01, 0.1),
        run_descents,
        lambda c: replace(c, max_steps=600),
    )

    def twin(config):
        if is_newton(config) and (config["scale"], config["rate"]) == (0.1, 0.02):
            return lambda c: c["scale"] == 0.1
        return None

    return {
        GRID.name: merged(GRID, wrong),
        SPEED.name: relabelled(SPEED, wrong, twin),  # the same students, teachers and method
        MNIST.name: merged(
            MNIST,
            with_frozen_layer(
                mnist_study,
                MNIST,
                lambda c: (c.method, c.scale, c.rate) == ("gauss-newton", 1.0, 0.02),
                run_parities,
            ),
        ),
    }


def gradient_frozen():
    """Gradient descent that trains the output weights only."""
    speed = with_frozen_layer(
        descent, SPEED, lambda c: c.method == "gradient" and c.scale == 0.1, run_descents
    )
    mnist = with_frozen_layer(
        mnist_study, MNIST, lambda c: c.method == "gradient" and c.scale == 1.0, run_parities
    )
    return {SPEED.name: merged(SPEED, speed), MNIST.name: merged(MNIST, mnist)}


def strongly_damped():
    """Gauss-Newton whose damping is the mean eigenvalue of the kernel, for 1.1 times the law's 456 steps."""
    wrong = wrong_runs(
        GRID,
        lambda c: c.rate == 0.02 and c.scale in (1.0, 10.0),
        run_descents,
        lambda c: replace(c, relative_floor=1.0, max_steps=503),
    )
    return {GRID.name: merged(GRID, wrong)}


def gradient_for_newton():
    """Gradient descent under the name of Gauss-Newton, from the scales at which it was run."""

    def twin(config):
        if not is_newton(config) or config["scale"] not in (0.1, 1.0, 10.0):
            return None
        return lambda c: not is_newton(c) and c["scale"] == config["scale"]

    def large_or_small(config):
        return twin(config) if config["scale"] in (0.1, 10.0) else None

    def middle(config):
        return twin(config) if config["scale"] in (0.1, 1.0) else None

    speed, mnist = recorded(SPEED, "quick"), recorded(MNIST, "quick")
    return {
        GRID.name: relabelled(GRID, speed, large_or_small),
        SPEED.name: relabelled(SPEED, speed, large_or_small),
        MNIST.name: relabelled(MNIST, mnist, middle),
    }


def newton_for_gradient():
    """Gauss-Newton under the name of gradient descent."""

    def twin(config):
        if is_newton(config):
            return None
        return lambda c: is_newton(c) and (c["scale"], c["rate"]) == (config["scale"], 0.02)

    return {SPEED.name: relabelled(SPEED, recorded(SPEED, "quick"), twin)}


def same_step():
    """λ/N = 0.02 under the name of every step."""

    def twin(config):
        return lambda c: (
            (c["method"], c["scale"]) == (config["method"], config["scale"])
            and (not is_newton(c) or c["rate"] == 0.02)
        )

    return {study.name: relabelled(study, recorded(study, "quick"), twin) for study in (GRID, MNIST)}


def small_start():
    """Students from τ₀ = 0.1 under the name of τ₀ = 10."""

    def twin(config):
        if config["scale"] != 10:
            return None
        return lambda c: (
            (c["method"], c["scale"]) == (config["method"], 0.1)
            and (not is_newton(c) or c["rate"] == config["rate"])
        )

    return {study.name: relabelled(study, recorded(study, "quick"), twin) for study in (GRID, SPEED, MNIST)}


CONTROLS = {
    "damping by the mean eigenvalue": cache(strongly_damped),
    "frozen hidden layer": cache(newton_frozen),
    "gradient descent": cache(gradient_for_newton),
    "gradient descent with a frozen hidden layer": cache(gradient_frozen),
    "Gauss-Newton for gradient descent": cache(newton_for_gradient),
    "the same step for all": cache(same_step),
    "a small initial scale": cache(small_start),
}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_check_fails_for_its_wrong_method(claim):
    assert_controls_fail(claim, CONTROLS)


def test_every_wrong_method_is_some_checks_control():
    assert_all_named(CLAIMS, CONTROLS)
