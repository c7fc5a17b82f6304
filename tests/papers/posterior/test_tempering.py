"""The two temperings by autograd, one as the other; what copies count; a tempered divergence has no prior."""

import math

import pytest
import torch

from startright.models.variational import GaussianPrior
from startright.papers.posterior import tempering as t


def objective(std, curvature, factor, prior):
    """Per datum, of a quadratic loss: E h(w − 0.7)²/2 + λ KL, at mean 0."""
    kl = GaussianPrior(prior**0.5).kl(torch.zeros_like(std), std)
    return curvature * (0.7**2 + std**2) / 2 + factor * kl


@pytest.mark.parametrize(("h", "factor", "prior"), [(0.5, 0.01, 1.0), (3.0, 0.2, 0.04), (0.0, 1.0, 2.0)])
def test_the_variance_is_where_the_objective_is_flat(h, factor, prior):
    variance = t.tempered_variance(h, factor, prior)
    std = torch.tensor(math.sqrt(variance), dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(objective(std, h, factor, prior), std)
    assert abs(float(slope)) < 1e-10


def test_tempering_all_is_tempering_the_divergence_under_another_prior():
    for temperature in (0.01, 1.0, 5.0):
        factor, prior = t.full_as_factor(temperature, 200, 0.3)
        full = t.fully_tempered_variance(0.8, 200, temperature, 0.3)
        assert t.tempered_variance(0.8, factor, prior) == pytest.approx(full, rel=1e-12)
    same = t.tempered_variance(0.8, 0.01 / 200, 0.3)  # the prior left as it is: another posterior
    assert same != pytest.approx(t.fully_tempered_variance(0.8, 200, 0.01, 0.3), rel=1e-3)


def test_tempering_all_is_the_posterior_to_a_power():
    """exp(−U/T) of a Gaussian U, its curvature by autograd."""
    w = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    energy = (200 * 0.8 * (w - 0.7) ** 2 / 2 + w**2 / (2 * 0.3)) / 0.1
    (first,) = torch.autograd.grad(energy, w, create_graph=True)
    (second,) = torch.autograd.grad(first, w)
    assert t.fully_tempered_variance(0.8, 200, 0.1, 0.3) == pytest.approx(1 / float(second), rel=1e-12)


def test_copies_count_between_one_and_all():
    assert t.effective_copies(1, 0.3) == 1
    assert t.effective_copies(10, 0.2) == pytest.approx(10 / 2.8)
    assert t.effective_copies(10**9, 0.2) == pytest.approx(5, rel=1e-6)


def test_the_mean_of_correlated_copies_has_the_variance_that_the_formula_counts():
    rng = torch.Generator().manual_seed(0)
    common, own = torch.randn(50_000, 1, generator=rng), torch.randn(50_000, 6, generator=rng)
    copies = 0.3**0.5 * common + 0.7**0.5 * own
    assert 1 / float(copies.mean(1).var()) == pytest.approx(t.effective_copies(6, 0.3), rel=0.03)
    assert t.orbit_correlation(copies[..., None]) == pytest.approx(0.3, abs=0.02)


def test_the_correlation_of_an_orbit():
    same = torch.randn(5, 1, 7).expand(5, 3, 7)
    assert t.orbit_correlation(same) == pytest.approx(1, abs=1e-5)
    opposite = torch.stack([torch.ones(2, 3), -torch.ones(2, 3)], 1)
    assert t.orbit_correlation(opposite) == pytest.approx(-1)
    with pytest.raises(ValueError, match="needs at least 2 copies an example, got 1"):
        t.orbit_correlation(torch.zeros(3, 1, 2))


def test_a_tempered_divergence_has_a_prior_at_temperature_one_only():
    w = torch.linspace(-2, 2, 9, dtype=torch.float64)
    log_prior = GaussianPrior(0.5**0.5).log_density(w)
    for std in (0.1, 0.7):
        torch.testing.assert_close(t.deconvolved(w, std, 1.0, 0.5), log_prior, rtol=1e-10, atol=1e-10)
    for temperature in (0.1, 3.0):
        wide, narrow = (t.deconvolved(w, std, temperature, 0.5) for std in (0.7, 0.1))
        gap = (temperature - 1) / 2 * (math.log(0.7**2) - math.log(0.1**2))
        torch.testing.assert_close(wide - narrow, torch.full_like(w, gap), rtol=1e-10, atol=1e-10)


def test_what_the_theorem_asks_for_gives_the_divergence_back():
    """−entropy − E A(μ + s·z) is T·KL, by quadrature of Gauss and Hermite."""
    import numpy as np

    nodes, weights = np.polynomial.hermite_e.hermegauss(20)
    mean, std, temperature, prior = 0.4, 0.3, 0.2, 0.5
    values = t.deconvolved(torch.tensor(mean + std * nodes), std, temperature, prior).numpy()
    entropy = math.log(2 * math.pi * math.e * std**2) / 2
    found = -entropy - float(values @ weights / weights.sum())
    kl = GaussianPrior(prior**0.5).kl(*(torch.tensor(v, dtype=torch.float64) for v in (mean, std)))
    assert found == pytest.approx(temperature * float(kl), abs=1e-10)


@pytest.mark.parametrize(
    "call",
    [
        lambda: t.tempered_variance(-1.0, 1.0, 1.0),
        lambda: t.tempered_variance(1.0, 0.0, 1.0),
        lambda: t.fully_tempered_variance(1.0, 2, math.inf, 1.0),
        lambda: t.full_as_factor(0.0, 2, 1.0),
        lambda: t.deconvolved(0.0, 0.0, 1.0, 1.0),
    ],
)
def test_numbers_out_of_their_range_are_refused(call):
    with pytest.raises(ValueError, match="must be positive and finite, got"):
        call()


def test_an_orbit_that_is_none_is_refused():
    for orbit, correlation in ((0, 0.5), (2, 1.5)):
        with pytest.raises(ValueError, match="an orbit has at least 1 copy"):
            t.effective_copies(orbit, correlation)


@pytest.mark.parametrize(
    ("gradients", "says"),
    [
        (torch.zeros(2, 3, 4), "all zero"),
        (torch.full((2, 3, 4), math.nan), "not finite"),
        (torch.ones(3, 4), "got the shape"),
    ],
)
def test_gradients_without_a_correlation_are_refused(gradients, says):
    with pytest.raises(ValueError, match=says):
        t.orbit_correlation(gradients)
