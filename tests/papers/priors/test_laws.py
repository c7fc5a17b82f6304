import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from startright.papers.priors import divergences, reference
from startright.papers.priors.laws import GaussianPrior, GroupPrior, LaplacePrior
from startright.seeds import generator


@settings(deadline=None)
@given(mean=st.floats(-4, 4), std=st.floats(0.05, 2), deviation=st.floats(0.2, 3))
def test_the_divergence_from_a_gaussian_is_by_quadrature(mean, std, deviation):
    prior = GaussianPrior(deviation)
    density = lambda w: prior.log_density(torch.as_tensor(w)).numpy()  # noqa: E731
    found = prior.kl(torch.tensor(mean, dtype=torch.float64), torch.tensor(std, dtype=torch.float64)).item()
    assert found == pytest.approx(reference.divergence(density, mean, std), abs=1e-8, rel=1e-8)
    plain = divergences.from_gaussian(np.array(mean), std, deviation)
    assert found == pytest.approx(float(plain), abs=1e-12, rel=1e-10)


@settings(deadline=None, max_examples=30)
@given(mean=st.floats(-4, 4), std=st.floats(0.05, 2), scale=st.floats(0.2, 3))
def test_the_divergence_from_laplaces_law_is_by_quadrature(mean, std, scale):
    prior = LaplacePrior(scale)
    found = prior.kl(torch.tensor(mean, dtype=torch.float64), torch.tensor(std, dtype=torch.float64)).item()
    x = np.linspace(mean - 10 * std, mean + 10 * std, 200_001)
    q = np.exp(-(((x - mean) / std) ** 2) / 2) / (std * math.sqrt(2 * math.pi))
    integrand = q * (np.log(np.maximum(q, 1e-300)) - prior.log_density(torch.as_tensor(x)).numpy())
    assert found == pytest.approx(np.trapezoid(integrand, x), abs=1e-6)
    assert found == pytest.approx(float(divergences.from_laplace(np.array(mean), std, scale)), rel=1e-9)


@pytest.mark.parametrize("prior", [GaussianPrior(0.7), LaplacePrior(0.4)], ids=lambda p: type(p).__name__)
def test_a_prior_has_the_shape_it_is_asked_for_and_a_gradient(prior):
    mean = torch.zeros(3, 2, requires_grad=True)
    std = torch.full((3, 2), 0.5, requires_grad=True)
    kl = prior.kl(mean, std)
    assert kl.shape == prior.log_density(mean).shape == (3, 2)
    kl.sum().backward()
    assert torch.isfinite(mean.grad).all()
    assert torch.isfinite(std.grad).all()


@pytest.mark.parametrize("prior", [GaussianPrior(0.7), LaplacePrior(0.4)], ids=lambda p: type(p).__name__)
def test_its_draws_have_its_law(prior):
    w = prior.sample((200_000,), generator(0, "law")).double().numpy()
    x = np.linspace(-3, 3, 25)
    fine = np.linspace(-12, 12, 48_001)
    density = np.exp(prior.log_density(torch.as_tensor(fine)).numpy())
    assert density.sum() * (fine[1] - fine[0]) == pytest.approx(1, abs=1e-6)
    cumulative = np.interp(x, fine, np.cumsum(density) * (fine[1] - fine[0]))
    assert np.abs((w[:, None] <= x).mean(0) - cumulative).max() < 0.005


@pytest.mark.parametrize("size", [1, 2, 3, 30])
def test_groups_have_the_moments_of_their_law(size):
    prior = GroupPrior(size, 2.5)
    groups = prior.sample(600_000 // size, generator(1, "groups"))
    second = groups.square().mean().item()
    assert second == pytest.approx(prior.variance, rel=0.02)
    assert groups.pow(4).mean().item() / second**2 == pytest.approx(prior.kurtosis, rel=0.05)
    assert groups.mean().item() == pytest.approx(0, abs=0.01)


def test_a_group_of_one_is_laplaces_law_and_one_of_two_has_mass_one():
    w = torch.linspace(-2, 2, 9, dtype=torch.float64)
    torch.testing.assert_close(GroupPrior(1, 2.0).log_density(w[:, None]), LaplacePrior(0.5).log_density(w))
    x = torch.linspace(-15, 15, 1501, dtype=torch.float64)
    plane = torch.stack(torch.meshgrid(x, x, indexing="ij"), -1)
    mass = GroupPrior(2, 2.0).log_density(plane).exp().sum() * (x[1] - x[0]) ** 2
    assert mass.item() == pytest.approx(1, abs=1e-3)


def test_what_is_no_law_is_refused():
    for wrong in (0.0, -1.0, math.nan, math.inf):
        for make in (GaussianPrior, LaplacePrior, lambda rate: GroupPrior(2, rate)):
            with pytest.raises(ValueError, match="must be positive and finite"):
                make(wrong)
    with pytest.raises(ValueError, match="at least one weight, got 0"):
        GroupPrior(0, 1.0)
