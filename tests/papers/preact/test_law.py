"""The quotient law and φ_θ against multiprecision, closed forms and samples."""

from math import gamma, lgamma, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf
from scipy.special import erf, erfinv, ndtr
from scipy.stats import kstest

from startright.papers.preact import QuotientLaw, ks_of_product, phi, phi_derivative
from startright.papers.preact.branches import SPLIT, body, tail
from startright.papers.preact.law import KINDS, half_line_rule, phi_and_derivative

INF = float("inf")
THETAS = {2.05: (41, 20), 2.1: (21, 10), 2.5: (5, 2), 3: (3, 1), 4: (4, 1), 5: (5, 1), 7: (7, 1)}
THETAS |= {10: (10, 1), 30: (30, 1), 100: (100, 1)}  # as fractions, exactly


def survival(x, numerator, denominator):
    """P(A > x) by the power series, with as many digits as its cancellation costs."""
    theta, y = numerator / denominator, float(x) ** 2 / 2
    sizes = [k * log(y) - lgamma(k + 1) + lgamma((2 * k + 1) / theta) for k in range(1, 30000)]
    terms = 2 + max(k for k, size in enumerate(sizes) if size > -100)
    mp.dps = int(max(*sizes, 0) / 2.3) + 45
    x, inverses, total, power = mpf(x), {}, mpf(0), mpf(1)
    for k in range(terms):
        if k < numerator:
            inverse = mp.rgamma(1 - mpf((2 * k + 1) * denominator) / numerator)
        else:  # 1/Γ(s - 1) = (s - 1)/Γ(s), 2 denominator times
            inverse = inverses.pop(k - numerator)
            start = 1 - mpf((2 * (k - numerator) + 1) * denominator) / numerator
            for j in range(1, 2 * denominator + 1):
                inverse *= start - j
        inverses[k] = inverse
        total += power * inverse / (2 * k + 1)
        power *= -x * x / 2 / (k + 1)
    return 1 - mp.sqrt(2 / mp.pi) * x * total


@pytest.mark.parametrize("theta", THETAS)
def test_phi_is_the_multiprecision_root(theta):
    """50 points: within 1e-9 below φ the survival function is above its target, within 1e-9 above, below."""
    z = np.array([0.3, 1.0, 2.0, 3.5, 8.0])
    for point, value in zip(z, phi(z, theta), strict=True):
        mp.dps = 60
        target = mp.erfc(mpf(point) / mp.sqrt(2))
        assert survival(value - 1e-9, *THETAS[theta]) > target > survival(value + 1e-9, *THETAS[theta])


@pytest.mark.parametrize("theta", [2.5, 3, 10])
def test_positive_phi_is_the_multiprecision_root(theta):
    z = np.array([-8.0, -2.0, 0.0, 3.0])
    for point, value in zip(z, phi(z, theta, "positive"), strict=True):
        mp.dps = 60
        target, step = mp.ncdf(-mpf(point)), min(1e-9, value * 1e-9)
        assert survival(value - step, *THETAS[theta]) > target > survival(value + step, *THETAS[theta])


REFERENCE = {  # z → φ°, z → φᵖ
    2.05: ([0.1724094449, 0.7854201946, 1.2361966880, 1.4648273421, 1.5070506693, 1.5258645105],
           [0.0493504601, 0.3409445508, 0.9852682829, 1.3871775304, 1.5118620992]),
    3: ([0.1351868272, 0.6509249626, 1.1820518391, 1.8759708348, 2.3039630423, 2.6131804930],
        [0.0386100495, 0.2692714710, 0.8527944399, 1.5148068997, 2.3744963352]),
    5: ([0.1163670666, 0.5753881106, 1.1158494126, 2.0446202682, 2.8035384786, 3.4502442298],
        [0.0331989549, 0.2326019416, 0.7692498617, 1.5207095187, 2.9438267580]),
    10: ([0.1068522138, 0.5330027699, 1.0586068148, 2.0685879071, 3.0151690311, 3.9050358140],
         [0.0304737590, 0.2138260406, 0.7176007176, 1.4797922913, 3.2019956621]),
}  # fmt: skip


@pytest.mark.parametrize("theta", REFERENCE)
def test_reference_values(theta):
    odd, positive = REFERENCE[theta]
    np.testing.assert_allclose(phi([0.1, 0.5, 1, 2, 3, 4], theta), odd, rtol=0, atol=2e-10)
    np.testing.assert_allclose(phi([-2, -1, 0, 1, 3], theta, "positive"), positive, rtol=0, atol=2e-10)


@pytest.mark.parametrize(
    ("theta", "x", "expected"),
    [
        (3, 1, 0.416490881478),
        (3, 3, 1.49756169115e-8),
        (3, 4, 2.36277106978e-36),
        (5, 2, 0.0515663458674),
        (10, 4, 3.95525153845e-5),
    ],
)
def test_survival_keeps_its_relative_accuracy_in_the_tail(theta, x, expected):
    assert QuotientLaw(theta).sf(x) == pytest.approx(expected, rel=2e-12)


def test_deep_tail_does_not_underflow():
    law = QuotientLaw(3)
    assert law.logsf(40.0) == pytest.approx(-(40.0**6) / 54, rel=1e-3)  # the least exponent on the path
    assert law.isf(law.logsf(40.0)) == pytest.approx(40, rel=1e-12)


@pytest.mark.parametrize("theta", [2.001, 2.01, 2.05, 2.3, 3, 10, 1000])
def test_series_and_steepest_descent_agree_where_they_meet(theta):
    (low,), (density_low,) = body(np.array([SPLIT]), theta)
    (high,), (density_high,) = tail(np.array([SPLIT]), theta)
    tolerance = 1e-12 if theta >= 2.01 else 1e-9
    assert np.exp(low) + np.exp(high) == pytest.approx(1, abs=tolerance)
    assert density_low == pytest.approx(density_high, abs=1000 * tolerance)


@pytest.mark.parametrize("theta", [2, 2.05, 2.5, 4, 30, INF])
def test_density_is_the_derivative_of_the_distribution(theta):
    law, x, step = QuotientLaw(theta), np.array([0.2, 0.9, 1.3, 1.41, 1.5, 2.0]), 1e-5
    x = x[x < SPLIT] if theta == 2 else x
    slope = (law.cdf(x + step) - law.cdf(x - step)) / (2 * step)
    np.testing.assert_allclose(law.pdf(x), slope, rtol=1e-5, atol=1e-10)


@pytest.mark.parametrize("theta", [2, 2.05, 2.5, 3, 5, 10, 100, INF])
@pytest.mark.parametrize("order", [1, 2, 4])
def test_moments_by_quadrature(theta, order):
    z, weight = half_line_rule(400)
    assert weight @ phi(z, theta) ** order == pytest.approx(QuotientLaw(theta).moment(order), rel=1e-10)


@pytest.mark.parametrize("theta", [2, 3, 10])
def test_second_and_fourth_moments_have_their_closed_forms(theta):
    law = QuotientLaw(theta)
    assert law.moment(2) == pytest.approx(1 / gamma(1 + 2 / theta), rel=1e-12)
    assert law.moment(4) == pytest.approx(3 / gamma(1 + 4 / theta), rel=1e-12)
    assert law.second_moment_by_quadrature() == pytest.approx(law.moment(2), rel=1e-12)


@pytest.mark.parametrize("theta", [2, 2.0005, 2.05, 3, 10, 1e6, INF])
def test_sampler_follows_the_law(theta):
    law = QuotientLaw(theta)
    assert kstest(law.sample(20_000, 7), law.cdf).pvalue > 0.001


def test_sampler_is_seeded():
    law = QuotientLaw(3)
    assert (law.sample(5, 1) == law.sample(5, 1)).all()
    assert (law.sample(5, 1) != law.sample(5, 2)).all()
    assert law.sample(0).shape == (0,)


@pytest.mark.parametrize("theta", [2, 2.05, 3, 5, 10, 30])
@pytest.mark.parametrize("kind", KINDS)
def test_product_with_weibull_is_exactly_gaussian(theta, kind):
    assert ks_of_product(theta, kind) < 1e-10


def test_product_is_not_gaussian_for_another_activation(monkeypatch):
    monkeypatch.setattr("startright.papers.preact.law.phi", lambda z, theta, kind: 1.02 * phi(z, theta, kind))
    assert ks_of_product(3) > 1e-3


@pytest.mark.parametrize("theta", [2, 2.05, 3, 5, 10, 1000])
def test_slope_at_zero(theta):
    assert phi_derivative(0.0, theta) == pytest.approx(gamma(1 - 1 / theta), rel=1e-12)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("theta", [2, 2.05, 3, 100, INF])
def test_derivative_against_differences(theta, kind):
    z, step = np.linspace(-7, 7, 15), 1e-5
    slope = (phi(z + step, theta, kind) - phi(z - step, theta, kind)) / (2 * step)
    np.testing.assert_allclose(phi_derivative(z, theta, kind), slope, atol=1e-8)


def test_limits():
    z = np.linspace(-8, 8, 33)
    np.testing.assert_allclose(phi(z, 2), SPLIT * np.sin(np.pi / 2 * erf(z / SPLIT)), rtol=1e-12)
    np.testing.assert_allclose(phi(z, 2, "positive"), SPLIT * np.sin(np.pi / 2 * ndtr(z)), rtol=1e-12)
    np.testing.assert_allclose(phi(z, INF), z, rtol=1e-12)
    np.testing.assert_allclose(phi(z[:20], INF, "positive"), SPLIT * erfinv(ndtr(z[:20])), rtol=1e-9)
    for kind in KINDS:  # and they are approached
        assert np.abs(phi(z, 2.001, kind) - phi(z, 2, kind)).max() < 0.01
        assert np.abs(phi(z, 1e5, kind) - phi(z, INF, kind)).max() < 3e-4


@pytest.mark.parametrize("theta", [2.5, 5, 10])
def test_asymptotes(theta):
    nu = 2 / theta
    z = 1e4
    power = SPLIT * (z * z / 2) ** ((1 - nu) / 2) / ((1 - nu) ** ((1 - nu) / 2) * nu ** (nu / 2))
    assert phi(z, theta) == pytest.approx(power, rel=1e-6)
    left = gamma(1 - 1 / theta) * np.sqrt(np.pi / 2) * ndtr(-9.0)
    assert phi(-9.0, theta, "positive") == pytest.approx(left, rel=1e-12)


def test_infinite_and_extreme_arguments():
    np.testing.assert_array_equal(phi([INF, -INF, 0.0], 3), [INF, -INF, 0.0])
    np.testing.assert_array_equal(phi([INF, -INF, -50.0], 3, "positive"), [INF, 0.0, 0.0])
    law = QuotientLaw(3)
    np.testing.assert_array_equal(law.cdf([-1.0, 0.0, INF]), [0, 0, 1])
    np.testing.assert_array_equal(law.pdf([-1.0, INF]), [0, 0])
    np.testing.assert_array_equal(law.ppf([0.0, 1.0]), [0, INF])
    assert QuotientLaw(2).ppf(1.0) == pytest.approx(SPLIT)


shapes = st.one_of(st.floats(2.01, 200), st.sampled_from([2.0, INF]))


@settings(max_examples=40, deadline=None)
@given(shapes, st.floats(-8, 8), st.floats(1e-6, 4))
def test_phi_increases_and_has_its_symmetry(theta, z, step):
    assert phi(-z, theta) == -phi(z, theta)
    for kind in KINDS:
        low, high = phi([z, z + step], theta, kind)
        assert low <= high
        assert low < high or theta < 2.2  # nearly bounded: flat to the last digit far out
    assert phi(z, theta, "positive") > 0


@settings(max_examples=40, deadline=None)
@given(shapes, st.floats(1e-12, 1 - 1e-12))
def test_quantiles_invert_the_distribution(theta, q):
    law = QuotientLaw(theta)
    assert law.cdf(law.ppf(q)) == pytest.approx(q, rel=1e-9, abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(st.floats(2.05, 100), st.floats(0.05, 8))
def test_the_two_kinds_are_one_function(theta, w):
    """φᵖ(z) = φ°(w) where Φ(z) = 2Φ(w) - 1, i.e. where both tails are equal."""
    law = QuotientLaw(theta)
    survival = np.log(2) + np.log(ndtr(-w))
    assert law.isf(survival) == pytest.approx(phi(w, theta), rel=1e-9)


def test_shapes_are_kept():
    assert phi([], 3).shape == (0,)
    assert phi_derivative(np.zeros((0, 2)), 3, "positive").shape == (0, 2)
    assert phi(np.ones((2, 3)), 2.5).shape == (2, 3)
    assert QuotientLaw(3).sf(np.ones((2, 3))).shape == (2, 3)
    assert QuotientLaw(3).ppf(np.zeros(0)).shape == (0,)


@pytest.mark.parametrize("theta", [1.99, -3, float("nan"), "three", None, [3, 4]])
def test_refuses_what_is_no_shape(theta):
    with pytest.raises(ValueError, match=r"theta must be a number in \[2, inf\]"):
        QuotientLaw(theta)
    with pytest.raises(ValueError, match="theta must be"):
        phi([0.0], theta)


def test_refuses_bad_arguments():
    law = QuotientLaw(3)
    with pytest.raises(ValueError, match="NaN"):
        phi([0.0, float("nan")], 3)
    with pytest.raises(ValueError, match="real numbers"):
        phi(["a"], 3)
    with pytest.raises(ValueError, match="did you mean 'odd'"):
        phi([0.0], 3, "od")
    with pytest.raises(ValueError, match="unknown kind"):
        phi_derivative([0.0], 3, "even")
    with pytest.raises(ValueError, match="unknown kind"):
        ks_of_product(3, "both")
    with pytest.raises(ValueError, match="finite"):
        ks_of_product(INF)
    with pytest.raises(ValueError, match=r"q must lie in \[0, 1\]"):
        law.ppf([0.5, 1.5])
    with pytest.raises(ValueError, match="at most 0"):
        law.isf(0.1)
    with pytest.raises(ValueError, match="exceed -1"):
        law.moment(-1)
    with pytest.raises(ValueError, match="negative"):
        law.sample(-1)


@pytest.mark.parametrize("theta", [2, 2.5, 4, np.inf])
@pytest.mark.parametrize("kind", ["odd", "positive"])
def test_value_and_derivative_at_once_are_those_of_either_alone(theta, kind):
    z = np.array([-6.0, -1.0, -0.0, 0.0, 0.3, 2.0, 8.0])
    value, slope = phi_and_derivative(z, theta, kind)
    np.testing.assert_array_equal(value, phi(z, theta, kind))
    assert (np.signbit(value) == np.signbit(phi(z, theta, kind))).all()
    np.testing.assert_array_equal(slope, phi_derivative(z, theta, kind))
