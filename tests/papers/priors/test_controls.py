"""Wrong methods, run as the studies run the right ones: each fails the checks that name it."""

import math
from dataclasses import replace
from functools import cache

import pytest
import torch
from contract.verdicts import assert_all_named, assert_controls_fail, run_wrong

from startright.papers.priors import (
    deconvolution,
    exact_claims,
    factors,
    families,
    gallery,
    recover,
    studies,
    training_claims,
    verdicts,
)
from startright.papers.priors.backgrounds import Background
from startright.papers.priors.claims import CLAIMS
from startright.papers.priors.laws import LaplacePrior
from startright.studies import recorded


def everything(config):
    return True


def no_background():
    def none(*args, **kwargs):
        return Background()

    patches = [(module, "fitted", none) for module in (deconvolution, recover)]
    return run_wrong(studies.RECOVERY, everything, *patches)


def without_entropy():
    right = families.gaussian()
    blind = replace(right, entropy=lambda nu: 0.0)
    cases = {
        name: replace(case, family=blind) if case.family.name == "Gaussian" else case
        for name, case in gallery.CASES.items()
    }
    return {
        **run_wrong(studies.RECOVERY, everything, (families, "gaussian", lambda: blind)),
        **run_wrong(studies.CONDITIONS, everything, (gallery, "CASES", cases)),
    }


def conditions(*patches):
    return run_wrong(studies.CONDITIONS, everything, *patches)


def centred():
    right = verdicts.range_over

    def range_over(curves, grid):
        return right([curve - curve[grid.inner].mean() for curve in curves], grid)

    return conditions((verdicts, "range_over", range_over))


def one_sigma():
    cases = {
        name: replace(case, settings=case.settings | {"nus": (0.4,)}) for name, case in gallery.CASES.items()
    }
    return conditions((gallery, "CASES", cases))


def wrong_sign():
    def negated(penalty):
        return lambda mu, nu: -penalty(mu, nu)

    cases = {
        name: replace(case, penalty=negated(case.penalty)) if case.family.is_dirac else case
        for name, case in gallery.CASES.items()
    }
    return run_wrong(studies.CONDITIONS, lambda c: c.case.startswith("dirac"), (gallery, "CASES", cases))


def strengths(*patches):
    return run_wrong(studies.STRENGTHS, lambda c: c.kind == "l1" and c.fan_in == 27, *patches)


def gaussian_weights(prior, shape, generator):
    return prior.scale * math.sqrt(2) * torch.randn(shape, generator=generator)


def trained(edit):
    """The committed records of the trainings, each as ``edit`` leaves it."""
    return {studies.TRAINING.name: [edit(record) for record in recorded(studies.TRAINING, "quick")]}


def by_training_loss(record):
    return replace(
        record, metrics=record.metrics | {"validation_accuracy": -record.metrics.get("train_loss", 9.0)}
    )


def at(exponent, records):
    """(kind, seed) → the metrics of the run with Bayesian factors at a strength."""
    return {
        (r.config["kind"], r.seed): r.metrics
        for r in records
        if (r.config["setup"], r.config["exponent"]) == ("bayesian", exponent)
    }


def theory_everywhere():
    theory = at(0.0, recorded(studies.TRAINING, "quick"))

    def edit(record):
        if record.config["setup"] == "usual":
            return record
        return replace(record, metrics=theory[record.config["kind"], record.seed])

    return trained(edit)


def stronger_theory():
    stronger = at(0.5, recorded(studies.TRAINING, "quick"))

    def edit(record):
        if (record.config["setup"], record.config["exponent"]) != ("bayesian", 0.0):
            return record
        return replace(record, metrics=stronger[record.config["kind"], record.seed])

    return trained(edit)


CONTROLS = {
    name: cache(make)
    for name, make in {
        exact_claims.NAIVE: no_background,
        exact_claims.NO_ENTROPY: without_entropy,
        exact_claims.CENTRED: centred,
        exact_claims.ONE_SIGMA: one_sigma,
        exact_claims.ONE_CUT: lambda: conditions((verdicts, "GROWS", math.inf)),
        exact_claims.ONE_WINDOW: lambda: conditions((verdicts, "tail", lambda masses: (masses[0], 0.0))),
        "α ∝ exp(+r)": wrong_sign,
        "usual factors": lambda: strengths((factors, "penalty_factor", factors.usual_factor)),
        "Gaussian weights of the same variance": lambda: strengths(
            (LaplacePrior, "sample", gaussian_weights)
        ),
        training_claims.STRONG: lambda: trained(by_training_loss),
        training_claims.AT_THEORY: theory_everywhere,
        "√10 times λ_Th in its place": stronger_theory,
    }.items()
}


@pytest.mark.filterwarnings("ignore:overflow encountered", "ignore:invalid value encountered")
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_check_fails_for_the_wrong_method_it_names(claim):
    assert_controls_fail(claim, CONTROLS)


def test_every_control_is_named_by_a_check():
    assert_all_named(CLAIMS, CONTROLS)
