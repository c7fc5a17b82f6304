"""The infinite-width maps against closed forms, published digits and Monte-Carlo."""

import math

import numpy as np
import pytest
import torch

from startright.papers.preact import maps
from startright.papers.preact.schemes import Scheme, gaussian_preact, linear, relu, tanh_eoc

C = np.array([-1.0, -0.7, 0.0, 0.3, 0.999, 1.0])


def arc_cosine(c):
    """ReLU's correlation map at σ_w² = 2 (Cho and Saul)."""
    angle = np.arccos(c)
    return (np.sqrt(1 - c**2) + (np.pi - angle) * c) / np.pi


def test_relu_maps():
    v = np.array([0.0, 0.1, 3.0])
    np.testing.assert_allclose(maps.variance_map(relu(), v), v, rtol=1e-12)
    np.testing.assert_allclose(maps.chi1(relu(), [0.1, 3.0]), 1, rtol=1e-12)
    np.testing.assert_allclose(maps.correlation_map(relu(), C), arc_cosine(C), atol=1e-7)
    np.testing.assert_allclose(maps.correlation_map(linear(), C), C, atol=1e-9)


@pytest.mark.parametrize(
    ("theta", "variance", "odd_numbers", "positive_numbers"),  # χ₁ and C'(0); C(0) and χ₁
    [
        (2.05, 0.989932, (1.242253, 0.911618), (0.803011, 0.228964)),
        (3, 0.902745, (1.046430, 0.980197), (0.720713, 0.294888)),
        (4, 0.886227, (1.015583, 0.992942), (0.686725, 0.330936)),
        (5, 0.887264, (1.006843, 0.996808), (0.670020, 0.350042)),
        (10, 0.918169, (1.000537, 0.999738), (0.645835, 0.379418)),
    ],
)
def test_maps_of_phi(theta, variance, odd_numbers, positive_numbers):
    (chi_odd, slope_odd), (zero_positive, chi_positive) = odd_numbers, positive_numbers
    odd, positive = gaussian_preact(theta, "odd"), gaussian_preact(theta, "positive")
    assert odd.sigma_w2 == pytest.approx(variance, abs=1e-6)
    for scheme in (odd, positive):
        assert maps.variance_map(scheme, 1.0) == pytest.approx(1, abs=1e-8)
        assert maps.correlation_map(scheme, 1.0) == pytest.approx(1, abs=1e-8)
    assert maps.chi1(odd) == pytest.approx(chi_odd, abs=2e-6)
    assert maps.correlation_slope(odd) == pytest.approx(slope_odd, abs=2e-6)
    assert maps.correlation_map(odd, 0.0) == pytest.approx(0, abs=1e-12)
    assert maps.correlation_map(positive, 0.0) == pytest.approx(zero_positive, abs=2e-6)
    assert maps.chi1(positive) == pytest.approx(chi_positive, abs=2e-6)


def test_slopes_are_those_of_the_map():
    for scheme in (gaussian_preact(3, "positive"), tanh_eoc()):
        v = float(maps.variance_fixed_point(scheme)) if scheme.sigma_b2 else 1.0
        step = 1e-5
        left, right = maps.correlation_map(scheme, [1 - 2 * step, 1.0], v)
        assert (right - left) / (2 * step) == pytest.approx(maps.chi1(scheme, v), rel=1e-3)
        left, right = maps.correlation_map(scheme, [-step, step], v)
        assert (right - left) / (2 * step) == pytest.approx(maps.correlation_slope(scheme, v), rel=1e-6)


def test_tanh_near_the_edge_of_chaos():
    v = maps.variance_fixed_point(tanh_eoc())
    assert v == pytest.approx(0.30294, abs=5e-6)
    assert maps.variance_map(tanh_eoc(), v) == pytest.approx(v, rel=1e-10)
    assert maps.chi1(tanh_eoc(), v) == pytest.approx(0.99886, abs=5e-6)


def test_maps_against_monte_carlo():
    scheme, n = gaussian_preact(3, "positive"), 400_000
    g = torch.randn(2, n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    a, b = scheme.activation(1.5**0.5 * g[0]), scheme.activation(1.5**0.5 * (0.6 * g[0] + 0.8 * g[1]))
    v = scheme.sigma_w2 * a.square()
    assert abs(maps.variance_map(scheme, 1.5) - v.mean().item()) < 5 * v.std().item() / math.sqrt(n)
    p = scheme.sigma_w2 * a * b / float(maps.variance_map(scheme, 1.5))
    assert abs(maps.correlation_map(scheme, 0.6, 1.5) - p.mean().item()) < 5 * p.std().item() / math.sqrt(n)


def test_fixed_points_at_the_ends():
    assert np.isnan(maps.variance_fixed_point(Scheme("explodes", torch.relu, 3.0)))
    assert maps.variance_fixed_point(Scheme("dies", torch.tanh, 0.5)) == 0
    assert maps.variance_fixed_point(Scheme("relu", torch.relu, 1.0, 1.0)) == pytest.approx(2, rel=1e-9)


def test_phase_diagram():
    sigma_w, sigma_b = np.linspace(0.5, 3, 30), np.linspace(0, 1, 30)
    chi = maps.phase_diagram(torch.tanh, sigma_w, sigma_b)
    assert chi.shape == (30, 30)
    assert (np.diff(chi, axis=1) > 0).all()  # more weight, more chaos
    assert chi[0, 0] == pytest.approx(0.25)  # v* = 0: χ₁ = σ_w²
    assert chi[5, 3] < 1 < chi[5, -1]
    k = 12
    v = maps.variance_fixed_point(Scheme("one", torch.tanh, sigma_w[k] ** 2, sigma_b[7] ** 2))
    assert chi[7, k] == pytest.approx(
        float(maps.chi1(Scheme("one", torch.tanh, sigma_w[k] ** 2), v)), rel=1e-6
    )
    relu_chi = maps.phase_diagram(torch.relu, np.array([1.0, 2.0]), np.array([0.5]))
    assert relu_chi[0, 0] == pytest.approx(0.5, rel=1e-6)
    assert np.isnan(relu_chi[0, 1])


def test_iterated_correlations():
    start = np.array([[0.1, 1.0], [-0.5, 0.9]])
    layers = maps.iterate_correlation(relu(), start, 5)
    expected = start
    for layer in layers:
        np.testing.assert_allclose(layer, expected, atol=1e-5)
        expected = arc_cosine(np.clip(expected, -1, 1))
    scheme = gaussian_preact(5, "positive")
    far = maps.iterate_correlation(scheme, np.array([0.2]), 12)[:, 0]
    rate = (1 - far[7]) / (1 - far[6])
    assert rate == pytest.approx(float(maps.chi1(scheme)), rel=0.01)
    np.testing.assert_allclose(maps.iterate_correlation(tanh_eoc(), np.array([0.0]), 1), [[0.013 / 1.473]])


def test_refuses():
    with pytest.raises(ValueError, match="at least 0"):
        maps.variance_map(relu(), -1.0)
    with pytest.raises(ValueError, match="at least 0"):
        maps.chi1(relu(), float("nan"))
    with pytest.raises(ValueError, match=r"\[-1, 1\]"):
        maps.correlation_map(relu(), [0.0, 1.5])
