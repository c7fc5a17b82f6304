"""Closed forms of the regression against formulas written otherwise, sampling, quadrature and autograd."""

import math

import pytest
import torch
from scipy.integrate import quad

from startright.papers.posterior import reference
from startright.papers.posterior.conjugate import (
    DOUBLE,
    Regression,
    draw_inputs,
    expected_nll,
    posterior,
)
from startright.papers.posterior.published import CONJUGATE, NEAR, TEMPERATURES
from startright.papers.posterior.studies.conjugate import ConjugateConfig, curve

RNG = torch.Generator().manual_seed(0)
X = torch.randn(12, 4, generator=RNG, dtype=DOUBLE)
Y = torch.randn(12, generator=RNG, dtype=DOUBLE)
CASES = [Regression(), Regression(noise=0.5, curation=3), Regression(copies=4, prior=2.0)]


@pytest.mark.parametrize("tau", [0.1, 1.0, 7.0])
def test_the_posterior_is_the_reference_and_that_of_the_points_written_out(tau):
    mean, precision = posterior(X, Y, tau, Regression(noise=0.7, copies=3))
    expected, covariance = reference.tempered_regression(X, Y, tau, 0.7, 3)
    torch.testing.assert_close(mean, expected, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(torch.linalg.inv(precision), covariance, rtol=1e-10, atol=1e-10)
    thrice, _ = posterior(X.repeat(3, 1), Y.repeat(3), tau, Regression(noise=0.7))
    torch.testing.assert_close(mean, thrice, rtol=1e-10, atol=1e-10)


def test_at_one_the_posterior_is_that_of_bayes_rule():
    """One weight: prior times likelihood, normalised on a grid."""
    x, y, model = X[:, :1], Y, Regression(noise=0.8, prior=1.5)
    mean, precision = posterior(x, y, 1.0, model)

    def density(w):
        return math.exp(-w * w / 3.0 - float((y - x[:, 0] * w).square().sum()) / 1.6)

    total = quad(density, -8, 8, epsabs=1e-14)[0]
    first = quad(lambda w: w * density(w), -8, 8, epsabs=1e-14)[0] / total
    second = quad(lambda w: (w - first) ** 2 * density(w), -8, 8, epsabs=1e-14)[0] / total
    assert float(mean[0]) == pytest.approx(first, abs=1e-10)
    assert 1 / float(precision[0, 0]) == pytest.approx(second, abs=1e-10)


@pytest.mark.parametrize("mean_field", [False, True])
@pytest.mark.parametrize("case", range(len(CASES)))
def test_the_expected_loss_is_that_of_sampled_weights_and_labels(case, mean_field):
    model, tau, draws = CASES[case], 0.6, 40_000
    at = torch.randn(3, 4, generator=RNG, dtype=DOUBLE)
    w = model.prior**0.5 * torch.randn(draws, 4, generator=RNG, dtype=DOUBLE)
    noise = model.true_noise**0.5
    y = w @ X.T + noise * torch.randn(draws, 12, generator=RNG, dtype=DOUBLE)
    new = w @ at.T + noise * torch.randn(draws, 3, generator=RNG, dtype=DOUBLE)
    weight = model.copies / (tau * model.noise)
    precision = torch.eye(4, dtype=DOUBLE) / model.prior + weight * X.T @ X
    covariance = torch.linalg.inv(precision)
    means = y @ X @ covariance * weight
    spread = torch.diag(1 / precision.diagonal()) if mean_field else covariance
    variance = (at @ spread @ at.T).diagonal() + model.true_noise
    losses = ((2 * math.pi * variance).log() / 2 + (new - means @ at.T).square() / (2 * variance)).mean(1)
    found = expected_nll(X, at, torch.tensor([tau]), model, mean_field=mean_field)
    assert abs(float(losses.mean() - found[0])) < 4.5 * float(losses.std()) / math.sqrt(draws)


@pytest.mark.parametrize("case", range(len(CASES)))
def test_the_loss_is_flat_and_least_where_theory_has_it_at_every_point(case):
    model = CASES[case]
    for at in torch.randn(5, 1, 4, generator=RNG, dtype=DOUBLE):
        log = torch.tensor([math.log(model.best_temperature)], dtype=DOUBLE, requires_grad=True)
        (slope,) = torch.autograd.grad(expected_nll(X, at, log.exp(), model).sum(), log)
        assert abs(float(slope)) < 1e-10
        grid = model.best_temperature * torch.logspace(-2, 2, 81, dtype=DOUBLE)
        assert int(expected_nll(X, at, grid, model).argmin()) == 40


def test_independent_weights_are_not_flat_at_one():
    log = torch.zeros(1, dtype=DOUBLE, requires_grad=True)
    (slope,) = torch.autograd.grad(expected_nll(X, X, log.exp(), Regression(), mean_field=True).sum(), log)
    assert abs(float(slope)) > 1e-5


def test_the_best_independent_weights_minimise_the_objective():
    """1/P_jj and the exact mean are where the divergence from the posterior is flat, by autograd."""
    mean, precision = posterior(X, Y, 0.5, Regression())
    mu, log = mean.clone().requires_grad_(), (-precision.diagonal().log() / 2).clone().requires_grad_()
    samples = torch.distributions.kl_divergence(
        torch.distributions.MultivariateNormal(mu, scale_tril=torch.diag(log.exp())),
        torch.distributions.MultivariateNormal(mean, precision_matrix=precision),
    )
    for gradient in torch.autograd.grad(samples, (mu, log)):
        assert float(gradient.abs().max()) < 1e-10


def test_the_table_computed_beforehand_is_met():
    taus = torch.tensor(TEMPERATURES, dtype=DOUBLE)
    for curation, expected in CONJUGATE.items():
        ours = curve(ConjugateConfig(curation=curation, problems=400), 0, taus).mean(0)
        assert ours.tolist() == pytest.approx(expected, abs=NEAR)
        assert TEMPERATURES[int(ours.argmin())] == 1 / curation


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_inputs_have_their_correlation(correlation):
    x = draw_inputs(40_000, 3, correlation, RNG)
    expected = torch.full((3, 3), correlation, dtype=DOUBLE).fill_diagonal_(1)
    torch.testing.assert_close(torch.cov(x.T), expected, atol=0.03, rtol=0)


def test_wrong_numbers_are_named():
    with pytest.raises(ValueError, match="curation must be positive and finite, got 0"):
        Regression(curation=0)
    with pytest.raises(ValueError, match=r"temperatures must be positive, got -1"):
        posterior(X, Y, -1.0, Regression())
    with pytest.raises(ValueError, match=r"must be in \[0, 1\), got 1.0"):
        draw_inputs(3, 2, 1.0, RNG)


def test_temperatures_are_a_tensor_of_one_axis():
    x = torch.ones(3, 2).double()
    with pytest.raises(ValueError, match=r"temperatures are a tensor, \(T,\), got 1\.0"):
        expected_nll(x, x, 1.0, Regression())
