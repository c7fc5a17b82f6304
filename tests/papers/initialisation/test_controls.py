"""Wrong methods, run as the studies run the right ones: each fails the checks that name it."""

from functools import cache

import pytest
import torch
from contract.verdicts import assert_controls_fail, run_wrong

from startright.meanfield import slope
from startright.papers.initialisation import backprop, studies
from startright.papers.initialisation.claims import CLAIMS
from startright.papers.initialisation.laws import weight_variance
from startright.papers.initialisation.studies import depth, gradients, leaky, recursion


def always(config):
    return True


@cache
def law_is(law):
    """Every network has this law, whatever it says."""
    wrong = lambda _, n_in, n_out, **rest: weight_variance(law, n_in, n_out)  # noqa: E731
    other = lambda c: c.law != law  # noqa: E731
    return {
        **run_wrong(studies.DEPTH, lambda c: other(c) or c.slope, (depth, "weight_variance", wrong)),
        **run_wrong(studies.RECURSION, other, (recursion, "weight_variance", wrong)),
    }


def as_the_sheet_prints_it(done, cost_gradient, weights, activation):
    """w_jk in place of w_kj."""
    delta = slope(activation, done.z[-1]) * cost_gradient
    deltas = [delta]
    for z, weight in zip(done.z[-2::-1], weights[:0:-1], strict=True):
        delta = slope(activation, z) * (delta @ weight.T)
        deltas.insert(0, delta)
    products = [delta.T @ below for delta, below in zip(deltas, done.a, strict=False)]
    return backprop.Gradients(deltas, products, [delta.sum(0) for delta in deltas])


def tanh():
    right = depth.activation
    wrong = lambda name, slope: right("tanh" if name == "sigmoid" else name, slope)  # noqa: E731
    return run_wrong(studies.DEPTH, lambda c: c.activation == "sigmoid", (depth, "activation", wrong))


def moment_is(value):
    """What passes Leaky ReLU, by quadrature and by draws, is ``value(f, z)``."""
    exact = lambda f, q, sigma_w2: value(f, torch.randn(10**6, generator=torch.Generator().manual_seed(0)))  # noqa: E731
    right = leaky.activation

    def wrong(name, slope):
        f = right(name, slope)
        return lambda z: torch.full_like(z, float(value(f, z)) ** 0.5)

    return run_wrong(studies.LEAKY, always, (leaky, "next_variance", exact), (leaky, "activation", wrong))


CONTROLS = {
    "the sheet's index, w_jk in place of w_kj": lambda: run_wrong(
        studies.GRADIENTS, always, (backprop, "backward", as_the_sheet_prints_it)
    ),
    "γ = 1/10": lambda: run_wrong(
        studies.GRADIENTS, always, (gradients, "STEEPEST", dict.fromkeys(gradients.STEEPEST, 0.1))
    ),
    "tanh": tanh,
    "He": lambda: law_is("he"),
    "He's weights": lambda: law_is("he"),
    "He's weights without α": lambda: law_is("he"),
    "Glorot": lambda: law_is("glorot"),
    "ReLU's one half for every α": lambda: moment_is(lambda f, z: z.relu().square().mean()),
    "V[f(Z)] in place of E f(Z)²": lambda: moment_is(lambda f, z: f(z).var()),
}


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_every_control_fails(claim):
    assert_controls_fail(claim, CONTROLS)
