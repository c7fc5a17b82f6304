"""Quadrature of functions with a kink at 0, and of Gaussian mixtures."""

import math

import numpy as np
import pytest
import torch

from startright.quadrature import correlated_expectation, expectation, mixture_ks, normal_rule

C = np.array([-1.0, -0.7, 0.0, 0.3, 0.999, 1.0])


def test_expectations_with_a_kink():
    assert expectation(torch.abs).item() == pytest.approx(math.sqrt(2 / math.pi), rel=1e-12)
    assert expectation(lambda z: z**4).item() == pytest.approx(3, rel=1e-12)
    relu_product = correlated_expectation(torch.relu, torch.tensor(C))
    angle = np.arccos(C)
    arc_cosine = (np.sqrt(1 - C**2) + (np.pi - angle) * C) / np.pi  # Cho and Saul
    np.testing.assert_allclose(2 * relu_product, arc_cosine, atol=1e-7)
    odd = correlated_expectation(lambda z: z**3, torch.tensor(C))
    np.testing.assert_allclose(odd, 9 * C + 6 * C**3, atol=1e-9)


def test_mixture_distance():
    z, weight = normal_rule()
    one = torch.ones_like(z)
    assert mixture_ks(one, weight) < 1e-12
    t = math.sqrt(2 * math.log(2) / 0.75)  # densities of N(0, 1) and N(0, 4) cross at t² = ln 4 / (1 - 1/4)
    gap = 0.5 * (math.erf(t / math.sqrt(2)) - math.erf(t / math.sqrt(8)))
    assert mixture_ks(2 * one, weight) == pytest.approx(gap, abs=1e-6)
    assert mixture_ks(0 * one, weight) == pytest.approx(0.5, abs=1e-6)
