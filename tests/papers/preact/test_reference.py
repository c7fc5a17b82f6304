"""The reference forms and what runs are equal, in float64."""

import numpy as np
import pytest
import torch

from startright.papers.preact import QuotientLaw, phi, reference, symmetric_weibull_
from startright.papers.preact.chains import scalar_chain, two_step
from startright.papers.preact.law import KINDS
from startright.papers.preact.maps import chi1, correlation_map, variance_map
from startright.papers.preact.schemes import gaussian_preact, normal, tanh_eoc

THETAS = (2.05, 2.5, 3, 5, 10)


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def in_float64():
    """Networks at initialisation are drawn in torch's default type."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.mark.parametrize("theta", THETAS)
def test_weights_are_the_reference_s(theta):
    w = symmetric_weibull_(torch.empty(200, dtype=torch.float64), theta, rng())
    u = torch.empty(200, dtype=torch.float64).uniform_(-1, 1, generator=rng())
    torch.testing.assert_close(w, reference.weibull(u, theta), rtol=1e-12, atol=0)


@pytest.mark.parametrize("theta", THETAS)
def test_the_law_is_the_reference_s(theta):
    law = QuotientLaw(theta)
    for x in (0.1, 0.7, 1.3):
        assert reference.distribution(x, theta) == pytest.approx(float(law.cdf(x)), rel=1e-12)
    for x in (1.4, 1.5, 2.0, 3.0):
        assert reference.survival(x, theta) == pytest.approx(float(law.sf(x)), rel=1e-11, abs=1e-300)
    u, v, w = torch.rand(3, 500, dtype=torch.float64, generator=rng()).numpy()
    draws = reference.quotient(u, 1 - v, -np.log(1 - w), theta)
    np.testing.assert_allclose(law.sample(500, rng()), draws, rtol=1e-9)


@pytest.mark.parametrize("theta", THETAS)
@pytest.mark.parametrize("kind", KINDS)
def test_the_activation_is_the_reference_s(theta, kind):
    for z in (-4.0, -1.0, 0.0, 0.2, 1.0, 2.0, 3.0, 4.0):
        assert reference.phi(z, theta, kind) == pytest.approx(float(phi(z, theta, kind)), rel=0, abs=2e-12)


@pytest.mark.parametrize(
    ("scheme", "tolerance"),
    [(tanh_eoc(), 1e-12), (gaussian_preact(3, "positive"), 1e-9), (gaussian_preact(10), 1e-9)],  # of tables
    ids=lambda case: getattr(case, "name", None),
)
@pytest.mark.parametrize(("v", "c"), [(0.3, 0.5), (1.0, -0.9), (2.0, 1.0)])
def test_infinite_width_is_the_reference_s(scheme, tolerance, v, c):
    V, C = reference.mean_field(scheme.activation, v, c, scheme.sigma_w2, scheme.sigma_b2)
    slope = reference.chi1(scheme.activation, v, scheme.sigma_w2)
    assert pytest.approx(float(variance_map(scheme, v)), abs=tolerance) == V
    assert pytest.approx(float(correlation_map(scheme, c, v)), abs=tolerance) == C
    assert pytest.approx(float(chi1(scheme, v)), abs=tolerance) == slope


def test_the_scalar_chain_is_the_reference_s(in_float64):
    found = scalar_chain(tanh_eoc(), 5, 4, 30, generator=rng())
    source = rng()
    g = torch.stack([normal(30, 5, generator=source) for _ in range(4)])
    torch.testing.assert_close(found, reference.scalar_chain(torch.tanh, g, 1.46, 0.013), rtol=1e-12, atol=0)


@pytest.mark.parametrize("layout", "ABC")
def test_two_steps_are_layers_of_the_reference(in_float64, layout):
    scheme, source, draws, width = gaussian_preact(3), rng(), 20, 4
    found = two_step(scheme, layout, width, draws, generator=rng())
    n0, n1 = {"A": (1, width), "B": (width, 2), "C": (width, width)}[layout]
    z = normal(draws, 1, n0, generator=source)[:, 0]
    for m, n in ((n1, n0), (1, n1)):
        z = reference.layer(scheme.activation, z, scheme.weights(draws, m, n, generator=source))
    torch.testing.assert_close(found, z[:, 0], rtol=1e-12, atol=1e-14)
