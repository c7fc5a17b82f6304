"""The exact identities, in float64: what becomes of polynomials, waves and mean sizes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from startright.papers.priors.symbolic import Terms, convolved, deconvolved

SIGMAS = st.floats(0.05, 2)
W = np.linspace(-3, 3, 61)


def mean_under(terms, sigma, mu):
    z, weight = np.polynomial.hermite_e.hermegauss(80)
    return terms(mu[:, None] + sigma * z) @ weight / weight.sum()


@settings(deadline=None)
@given(sigma=SIGMAS)
def test_polynomials_sharpen_exactly(sigma):
    s2 = sigma**2
    assert deconvolved(Terms((1.0,)), sigma).polynomial == (1.0,)
    assert deconvolved(Terms((0.0, 1.0)), sigma).polynomial == (0.0, 1.0)
    assert deconvolved(Terms((0.0, 0.0, 1.0)), sigma).polynomial == pytest.approx((-s2, 0, 1))
    quartic = deconvolved(Terms((0.0, 0.0, 0.0, 0.0, 1.0)), sigma).polynomial
    assert quartic == pytest.approx((3 * s2**2, 0, -6 * s2, 0, 1))


@settings(deadline=None)
@given(sigma=SIGMAS, coefficients=st.lists(st.floats(-2, 2), min_size=1, max_size=7))
def test_the_mean_of_what_is_sharpened_is_what_it_was(sigma, coefficients):
    terms = Terms(tuple(coefficients), cosines=((0.7, 1.3),))
    np.testing.assert_allclose(
        mean_under(deconvolved(terms, sigma), sigma, W), terms(W), rtol=1e-9, atol=1e-8
    )


@settings(deadline=None)
@given(sigma=SIGMAS, coefficients=st.lists(st.floats(-2, 2), min_size=1, max_size=7))
def test_there_and_back(sigma, coefficients):
    terms = Terms(tuple(coefficients), cosines=((0.7, 1.3),), sizes=((2.0, 0.4),))
    back = deconvolved(convolved(terms, sigma), sigma)
    np.testing.assert_allclose(back(W), terms(W), rtol=1e-9, atol=1e-8)


def test_waves_grow_and_sizes_get_sharper():
    found = deconvolved(Terms(cosines=((1.0, 2.0),), sizes=((1.0, 0.5),)), 0.3)
    assert found.cosines == ((pytest.approx(math.exp(0.09 * 4 / 2)), 2.0),)
    assert found.sizes == ((1.0, pytest.approx(0.4)),)
    assert deconvolved(Terms(sizes=((1.0, 0.5),)), 0.5)(W) == pytest.approx(np.abs(W))


def test_a_mean_size_has_the_mean_it_should():
    """E|N(N(μ, σ²), s²)| = E|N(μ, s² + σ²)|, by quadrature."""
    sharp = Terms(sizes=((1.0, 0.6),))
    np.testing.assert_allclose(mean_under(sharp, 0.4, W), convolved(sharp, 0.4)(W), atol=1e-9)


def test_what_is_the_mean_of_no_function_is_refused():
    with pytest.raises(ValueError, match="mean of no function"):
        deconvolved(Terms(sizes=((1.0, 0.5),)), 0.6)
    for sigma in (-1.0, math.nan):
        with pytest.raises(ValueError, match="σ must be at least 0"):
            deconvolved(Terms((1.0,)), sigma)
