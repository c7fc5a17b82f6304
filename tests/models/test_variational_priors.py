"""Divergences from priors against quadrature, autograd and sampling; priors that are refused."""

import math

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from torch import nn

from startright.models.variational_priors import GaussianPrior, Prior, divergence, prior_of

CASES = [(0.0, 0.1, 0.2), (0.3, 0.05, 1.0), (-1.2, 0.7, 0.5), (2.0, 1.5, 3.0)]


class Laplace:
    def log_density(self, w):
        return -w.abs() - math.log(2)


def tensor(*values):
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(("mean", "std", "a"), CASES)
def test_the_closed_form_is_the_integral(mean, std, a):
    def integrand(z):
        w = mean + std * z
        log_q = -z * z / 2 - math.log(std * math.sqrt(2 * math.pi))
        log_p = -w * w / (2 * a * a) - math.log(a * math.sqrt(2 * math.pi))
        return math.exp(-z * z / 2) / math.sqrt(2 * math.pi) * (log_q - log_p)

    expected = quad(integrand, -12, 12, epsabs=1e-13, epsrel=1e-13)[0]
    assert float(GaussianPrior(a).kl(tensor(mean), tensor(std))) == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize("a", [0.2, 1.0, 3.0])
def test_the_log_density_is_that_of_a_law(a):
    prior = GaussianPrior(a)
    density = lambda w: math.exp(float(prior.log_density(tensor(w))))  # noqa: E731
    assert quad(density, -15 * a, 15 * a, epsabs=1e-13)[0] == pytest.approx(1, abs=1e-10)
    variance = quad(lambda w: w * w * density(w), -15 * a, 15 * a, epsabs=1e-13)[0]
    assert variance == pytest.approx(a * a, abs=1e-10)


def test_the_gradient_of_the_closed_form_is_that_of_the_divergence_of_torch():
    mean, std = (torch.rand(20, dtype=torch.float64).add(0.1).requires_grad_() for _ in range(2))
    normal = torch.distributions.Normal
    theirs = torch.distributions.kl_divergence(normal(mean, std), normal(tensor(0), tensor(0.7)))
    expected = torch.autograd.grad(theirs.sum(), (mean, std))
    ours = torch.autograd.grad(GaussianPrior(0.7).kl(mean, std).sum(), (mean, std))
    for a, b in zip(ours, expected, strict=True):
        torch.testing.assert_close(a, b, atol=1e-10, rtol=1e-10)


def test_sampling_converges_to_the_closed_form_at_the_rate_of_its_noise():
    mean, std, prior = (
        torch.full((4000,), 0.4).double(),
        torch.full((4000,), 0.3).double(),
        GaussianPrior(0.5),
    )
    exact = prior.kl(mean, std)[0]
    rng = torch.Generator().manual_seed(0)
    spreads = []
    for samples in (4, 64):
        draws = divergence(prior, mean, std, samples, rng)
        spreads.append(float(draws.std()))
        assert abs(float(draws.mean() - exact)) < 4 * float(draws.std()) / math.sqrt(len(draws))
    assert spreads[0] / spreads[1] == pytest.approx(4, rel=0.1)


def test_sampling_a_laplace_prior_is_its_integral():
    mean, std = torch.full((20000,), 0.3).double(), torch.full((20000,), 0.2).double()
    found = divergence(Laplace(), mean, std, 8, torch.Generator().manual_seed(1))
    expected_abs = quad(
        lambda z: abs(0.3 + 0.2 * z) * np.exp(-z * z / 2) / np.sqrt(2 * np.pi), -10, 10, points=[-1.5]
    )[0]
    expected = math.log(2) + expected_abs - math.log(0.2) - 0.5 * math.log(2 * math.pi * math.e)
    assert abs(float(found.mean()) - expected) < 4 * float(found.std()) / math.sqrt(20000)


def test_glorot_is_the_fan_in_of_each_layer():
    assert GaussianPrior("glorot").of_layer(nn.Linear(16, 3)) == GaussianPrior(0.25)
    assert GaussianPrior("glorot").of_layer(nn.Conv2d(4, 3, 5)) == GaussianPrior(0.1)
    assert GaussianPrior(0.3).of_layer(nn.Linear(16, 3)) == GaussianPrior(0.3)
    assert GaussianPrior(0.3).scaled(2) == GaussianPrior(0.6)
    assert isinstance(GaussianPrior(), Prior)


@pytest.mark.parametrize("std", [0, -1.0, math.inf, math.nan])
def test_a_std_that_is_none_is_refused(std):
    with pytest.raises(ValueError, match=f"positive and finite, or 'glorot', got {std}"):
        GaussianPrior(std)


def test_names_that_are_unknown_and_numbers_that_are_missing():
    with pytest.raises(ValueError, match="did you mean 'glorot'"):
        GaussianPrior("gloro")
    with pytest.raises(ValueError, match="another std in every layer"):
        GaussianPrior("glorot").log_density(torch.zeros(1))


def test_priors_that_are_none_are_refused():
    class Summed:
        def log_density(self, w):
            return w.sum()

    class Infinite(Laplace):
        def kl(self, mean, std):
            return mean / 0

    layer = nn.Linear(2, 3)
    with pytest.raises(TypeError, match="float has none"):
        prior_of(1.0, layer)
    with pytest.raises(ValueError, match=r"log_density\(w\) must give one finite number .* shape \(\)"):
        prior_of(Summed(), layer)
    with pytest.raises(ValueError, match=r"kl\(mean, std\) must give one finite number .* 6 not finite"):
        prior_of(Infinite(), layer)
