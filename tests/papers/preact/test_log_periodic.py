"""The activation with infinitely many stable variances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from startright.papers.preact.log_periodic import curve, fixed_points, log_periodic, ratio, ratio_range


@given(st.floats(0, 0.99), st.floats(0.5, 8), st.floats(-50, 50), st.floats(1e-3, 10))
def test_odd_increasing_and_scale_symmetric(delta, omega, x, step):
    low, high = log_periodic([x, x + step], delta, omega)
    assert low < high
    assert log_periodic(-x, delta, omega) == -log_periodic(x, delta, omega)
    scale = np.exp(2 * np.pi / omega)
    assert log_periodic(scale * x, delta, omega) == pytest.approx(scale * low, rel=1e-9, abs=1e-12)


def test_zero_delta_is_the_identity():
    x = np.linspace(-3, 3, 7)
    np.testing.assert_array_equal(log_periodic(x, 0.0, 2.0), x)
    np.testing.assert_allclose(ratio(np.array([-3.0, 0.0, 7.0]), 0.0, 2.0), 1, rtol=1e-12)


@pytest.mark.parametrize(("omega", "low", "high"), [(2, 0.58491, 2.05759), (6, 1.00153, 1.05322)])
def test_range_of_the_ratio(omega, low, high):
    assert ratio_range(0.99, omega) == pytest.approx((low, high), abs=1e-5)


def test_ratio_against_monte_carlo():
    z = np.random.default_rng(0).standard_normal(400_000)
    for log_v in (0.0, 2.0):
        values = log_periodic(np.exp(log_v / 2) * z, 0.99, 3.0) ** 2 / np.exp(log_v)
        assert abs(ratio(log_v, 0.99, 3.0) - values.mean()) < 5 * values.std() / np.sqrt(z.size)


@pytest.mark.parametrize("omega", [2.0, 3.0, 6.0])
def test_ratio_is_periodic(omega):
    u = np.linspace(-5, 5, 50)
    np.testing.assert_allclose(ratio(u + 4 * np.pi / omega, 0.99, omega), ratio(u, 0.99, omega), rtol=1e-9)


def test_fixed_points_alternate():
    points = fixed_points(0.99, 2.0, 0.95475, periods=3)
    assert len(points) == 6
    assert [abs(p.slope) < 1 for p in points] == [True, False] * 3
    assert points[0].log_v == pytest.approx(2.45, abs=0.01)
    assert points[1].log_v == pytest.approx(5.31, abs=0.01)
    assert points[0].slope == pytest.approx(0.42, abs=0.01)
    assert points[1].slope == pytest.approx(1.68, abs=0.01)
    step = 1e-5  # V'(v) = d(v R)/dv, by differences in ln v

    def variance(u):
        return 0.95475**2 * np.exp(u) * ratio(u, 0.99, 2.0)

    for p in points:
        assert variance(p.log_v) == pytest.approx(np.exp(p.log_v), rel=1e-9)
        slope = (variance(p.log_v + step) - variance(p.log_v - step)) / (2 * step * np.exp(p.log_v))
        assert p.slope == pytest.approx(slope, rel=1e-6)


def test_no_fixed_point_outside_the_range():
    assert fixed_points(0.99, 6.0, 0.9) == []


def test_refuses():
    for delta in (-0.1, 1.0, float("nan")):
        with pytest.raises(ValueError, match="delta"):
            log_periodic(1.0, delta, 2.0)
    with pytest.raises(ValueError, match="omega"):
        ratio(0.0, 0.5, 0.0)
    with pytest.raises(ValueError, match="sigma_w"):
        fixed_points(0.99, 2.0, 0.0)


def test_the_curve_of_a_picture_crosses_one_at_its_fixed_points():
    log_v, over_v, at, slopes = curve(2.0, 0.955, periods=2)
    assert len(at) == len(slopes) == 4
    assert np.interp(at, log_v, over_v) == pytest.approx(np.ones(4), abs=1e-2)
    assert list(np.abs(slopes) < 1) == [True, False] * 2 or list(np.abs(slopes) < 1) == [False, True] * 2
    assert [part.size for part in curve(2.0, 3.0)] == [400, 400, 0, 0]  # no crossing at all
