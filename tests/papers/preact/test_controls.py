"""Wrong methods, run as the studies run the right ones: each fails the checks that name it."""

from dataclasses import replace
from functools import cache
from math import gamma

import numpy as np
import pytest
import torch
from contract.verdicts import assert_all_named, assert_controls_fail, checks_of, run_wrong

from startright.papers.preact import chains, finite_width, law, log_periodic, schemes, studies
from startright.papers.preact.claims import CLAIMS
from startright.papers.preact.exact_claims import SOFTPLUS
from startright.papers.preact.studies import common, depth
from startright.papers.preact.studies import law as law_study
from startright.quadrature import expectation

BY_ID = {claim.id: claim for claim in CLAIMS}
OTHER = {"odd": "positive", "positive": "odd", "relu": "relu", "tanh": "tanh"}


def in_place_of_phi(function, theta):
    """A function scaled so that weights W(θ, 1) keep the variance: Γ(1 + 2/θ) E f(Z)² = 1."""
    second = float(expectation(lambda z: function(z) ** 2)) * gamma(1 + 2 / theta)
    return lambda z: function(z) / second**0.5


@cache
def scheme_with(function, theta):
    return schemes.Scheme("wrong", in_place_of_phi(function, theta), gamma(1 + 2 / theta), theta=theta)


def imposter(function, kind):
    """Patches that put a function in the place of φ_θ of one kind, in networks and by quadrature."""
    right_scheme, right_phi = schemes.named, law.phi

    def scheme(name, theta):
        return scheme_with(function, theta) if name == kind else right_scheme(name, theta)

    def phi(z, theta, asked="odd"):
        if asked != kind:
            return right_phi(z, theta, asked)
        return in_place_of_phi(function, theta)(torch.as_tensor(z)).numpy()

    return (schemes, "named", scheme), (law, "phi", phi)


softplus = torch.nn.functional.softplus


def identity(z):
    return z


def swap_kinds():
    right = schemes.named
    return schemes, "named", lambda name, theta: right(OTHER[name], theta)


def phi_of_the_other(z, theta, kind):
    return law.phi(z, theta, OTHER[kind])


def of_phi(config):
    return config.scheme in common.KINDS


def classic(config):
    return config.scheme in ("relu", "tanh")


def softplus_for_positive():
    patches = imposter(softplus, "positive")
    single = {1: "AC", 2: "AC", 5: "", 10: ""}
    return {
        **run_wrong(studies.LAW, lambda c: c.kind == "positive", *patches),
        **run_wrong(studies.DEPTH, lambda c: c.scheme == "positive", *patches),
        **run_wrong(
            studies.DEPENDENCE,
            lambda c: c.scheme == "positive" and (c.independent or c.layout in single[c.width]),
            *patches,
        ),
    }


def identity_for_odd():
    return run_wrong(studies.LAW, lambda c: c.kind == "odd", *imposter(identity, "odd"))


@cache
def networks_of_the_identity():
    alone = run_wrong(
        studies.DEPENDENCE,
        lambda c: c.scheme == "odd" and c.independent and c.width < 5,
        *imposter(identity, "odd"),
    )
    deep = run_wrong(
        studies.DEPTH,
        lambda c: c.scheme == "positive" and c.theta == 10.0 and c.inputs == "unit",
        *imposter(identity, "positive"),
    )
    return {**CONTROLS["identity for φ°"](), **alone, **deep}


def weights_of_variance_one():
    right = schemes.gaussian_preact
    wrong = (schemes, "gaussian_preact", lambda theta, kind: replace(right(theta, kind), sigma_w2=1.0))
    return run_wrong(studies.LAW, lambda c: c.theta == 3.0, wrong)


def variants_exchanged():
    return {
        **run_wrong(studies.DEPENDENCE, lambda c: of_phi(c) and c.width == 2, swap_kinds()),
        **run_wrong(studies.DEPTH, lambda c: c.scheme == "positive" and c.inputs == "digits", swap_kinds()),
        **run_wrong(
            studies.LAW,
            lambda c: True,
            (law_study, "phi", lambda z, theta, kind: law.phi(z, theta, OTHER[kind])),
        ),
    }


def thetas_exchanged():
    right = schemes.named
    other = {2.05: 10.0, 10.0: 2.05}
    swap = (schemes, "named", lambda name, theta: right(name, other[theta]))
    return run_wrong(studies.DEPENDENCE, lambda c: of_phi(c) and c.width == 2, swap)


def layout_in_place_of(wrong, right):
    layouts = {**chains.LAYOUTS, right: chains.LAYOUTS[wrong]}
    when = lambda c: of_phi(c) and c.layout == right and c.theta == 10.0 and not c.independent  # noqa: E731
    return run_wrong(studies.DEPENDENCE, when, (chains, "LAYOUTS", layouts))


def inputs(shared):
    right = chains.two_step

    def two_step(*args, independent, **kwargs):
        return right(*args, independent=not shared, **kwargs)

    when = lambda c: of_phi(c) and c.independent == shared and c.width in (2, 10)  # noqa: E731
    return run_wrong(studies.DEPENDENCE, when, (chains, "two_step", two_step))


def propagated(make, when=classic):
    """The classic networks of the study of depth, replaced by ``make(config, generator)``."""
    wrong = (depth, "_propagate", lambda config, rng, device: make(config, rng))
    return run_wrong(studies.DEPTH, when, wrong)


def chain(config, rng, width):
    scheme = schemes.named(config.scheme, config.theta)
    return chains.scalar_chain(scheme, width, config.depth, config.draws, generator=rng)


def widening(config, rng):
    return torch.cat([chain(config, rng, 2)[:5], chain(config, rng, 100)[5:]])


def widths_exchanged():
    other = {10: 100, 100: 10}
    return propagated(
        lambda c, rng: chain(c, rng, other[c.width]), lambda c: classic(c) and c.inputs == "unit"
    )


def widening_networks():
    return propagated(widening, lambda c: classic(c) and c.inputs == "unit" and c.width == 10)


def exact_sampler(config, rng):
    return torch.randn(config.depth, config.draws, generator=rng)


def moments(*patches):
    return run_wrong(studies.MOMENTS, lambda c: True, *patches)


def uniform(*shape, generator):
    return (torch.rand(shape, generator=generator) * 2 - 1) * 3**0.5


def infinite_width(scheme, width, depth, draws, *, generator):
    return 2**0.5 * torch.randn(depth, draws, generator=generator)


def principles(change):
    wrong = {name: (change(name, scheme), what) for name, (scheme, what) in finite_width.PRINCIPLES.items()}
    return run_wrong(studies.PRINCIPLES, lambda c: True, (finite_width, "PRINCIPLES", wrong))


CONTROLS = {
    name: cache(make)
    for name, make in {
        SOFTPLUS: softplus_for_positive,
        "identity for φ°": identity_for_odd,
        "weights of variance 1": weights_of_variance_one,
        "variants exchanged": variants_exchanged,
        "θ exchanged": thetas_exchanged,
        "only the current layer widens": lambda: layout_in_place_of("A", "B"),
        "both layers widen": lambda: layout_in_place_of("C", "A"),
        "inputs shared": lambda: inputs(shared=True),
        "inputs not shared": lambda: inputs(shared=False),
        "networks that widen with depth": widening_networks,
        "widths exchanged": widths_exchanged,
        "an exact sampler": lambda: propagated(exact_sampler),
        "σ_w outside the range": lambda: run_wrong(
            studies.FIXED_POINTS,
            lambda c: True,
            (log_periodic, "ratio_range", lambda delta, omega: (3.0, 3.0)),
        ),
        "gain 1.9": lambda: moments((schemes, "relu", lambda: schemes.Scheme("relu", torch.relu, 1.9))),
        "uniform weights": lambda: moments((chains, "normal", uniform)),
        "infinite width": lambda: moments((chains, "scalar_chain", infinite_width)),
        "weights a tenth larger": lambda: principles(lambda _, s: replace(s, sigma_w2=1.21 * s.sigma_w2)),
        "Gaussian weights under φ_θ": lambda: principles(lambda _, s: replace(s, theta=None)),
        "φ_θ under every principle": lambda: principles(lambda _, s: schemes.gaussian_preact(4.0, "odd")),
    }.items()
}


@pytest.mark.filterwarnings("ignore:Mean of empty slice", "ignore:invalid value encountered")
@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_check_fails_for_the_wrong_method_it_names(claim):
    assert_controls_fail(claim, CONTROLS)


def test_every_control_is_named_by_a_check():
    assert_all_named(CLAIMS, CONTROLS)


@pytest.mark.parametrize("claim_id", ["C2", "C3", "C4", "C6"])
def test_a_normalised_softplus_is_no_gaussian_activation(claim_id):
    """It keeps the variance and looks like φᵖ, so that a lax check takes it for φᵖ."""
    assert False in {check.holds for check in checks_of(BY_ID[claim_id], CONTROLS[SOFTPLUS]())}


@pytest.mark.parametrize("claim_id", ["C2", "C4", "C6"])
def test_the_identity_is_no_gaussian_activation(claim_id):
    assert False in {check.holds for check in checks_of(BY_ID[claim_id], networks_of_the_identity())}


def test_the_imposters_keep_the_variance():
    for function in (softplus, identity):
        for theta in (2.05, 10.0):
            scheme = scheme_with(function, theta)
            z = scheme.activation(torch.linspace(-9, 9, 4001, dtype=torch.float64))
            weight = np.exp(-(np.linspace(-9, 9, 4001) ** 2) / 2)
            second = float((z.numpy() ** 2 * weight).sum() / weight.sum())
            assert scheme.sigma_w2 * second == pytest.approx(1, rel=1e-6)
