import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from startright.papers.priors import divergences, verdicts
from startright.papers.priors.families import dirac, exponential, gaussian, laplace, uniform
from startright.papers.priors.grids import Grid
from startright.papers.priors.recover import prior_from_penalty

RIGHT = divergences.from_gaussian


def test_the_constant_of_a_penalty_is_minus_the_logarithm_of_the_mass():
    found = prior_from_penalty(lambda mu, sigma: RIGHT(mu, sigma) + 0.7, gaussian())
    assert found.verdict.accepted
    assert found.constant == pytest.approx(0.7, abs=1e-9)
    assert found.mass == pytest.approx(math.exp(-0.7), abs=1e-9)
    np.testing.assert_allclose(found.values, divergences.gaussian_log_density(found.grid.w), atol=1e-6)


@pytest.mark.parametrize("name", ["laplace", "quartic"])
def test_other_priors_come_back_accepted(name):
    penalty = getattr(divergences, f"from_{name}")
    found = prior_from_penalty(penalty, gaussian(), nus=(0.3, 0.5))
    assert found.verdict.accepted
    assert found.verdict.depends < 1e-5
    true = np.exp(getattr(divergences, f"{name}_log_density")(found.grid.w))
    assert np.abs(np.exp(found.values) - true).sum() * found.grid.step / 2 < 0.003


def test_the_prior_is_a_function_with_a_gradient():
    found = prior_from_penalty(RIGHT, gaussian())
    w = torch.tensor([[-1.0, 0.003], [2.0, 30.0]], dtype=torch.float64, requires_grad=True)
    values = found.log_density(w)
    assert values.shape == (2, 2)
    wanted = divergences.gaussian_log_density(w.detach().numpy())
    np.testing.assert_allclose(values.detach().numpy()[:, 0], wanted[:, 0], atol=1e-5)
    values.sum().backward()
    assert w.grad[0, 0] == pytest.approx(1.0, abs=1e-2)
    assert values[1, 1] < -200  # beyond the window it goes on falling
    assert found.log_density(torch.zeros(3)).dtype == torch.float32


def test_a_penalty_without_a_prior_says_why_when_it_is_asked_for_one():
    found = prior_from_penalty(lambda mu, sigma: 2**0.5 * np.abs(mu), gaussian())
    assert found.verdict.reasons == (verdicts.BLOWS_UP,)
    with pytest.raises(ValueError, match="no prior: A is no function"):
        found.log_density(torch.zeros(1))


def test_a_tempered_divergence_has_no_prior_and_its_range_is_known():
    t, sigmas = 0.5, (0.4, 0.8)
    found = prior_from_penalty(lambda mu, sigma: t * RIGHT(mu, sigma), gaussian(), nus=sigmas)
    assert found.verdict.reasons == (verdicts.DEPENDS,)
    # A_σ = … − (1 − T)/2 · ln σ², so between two σ it moves by (1 − T) ln 2
    assert found.verdict.depends == pytest.approx((1 - t) * math.log(2), abs=1e-6)


def test_two_priors_of_uniform_posteriors_have_one_penalty_up_to_a_constant():
    half, amplitude, grid, family = 0.7, 1.0, Grid(12.0, 2**15), uniform()
    plain = divergences.gaussian_log_density(grid.w)
    waved = plain + amplitude * np.cos(np.pi * grid.w / half)
    log_mass = math.log(np.exp(waved).sum() * grid.step)
    mu = np.linspace(-3, 3, 25)
    first, second = (
        -family.entropy(half) - verdicts.expected(values, mu, family, half, grid)
        for values in (plain, waved - log_mass)
    )
    assert np.abs(np.exp(waved - log_mass) - np.exp(plain)).sum() * grid.step / 2 > 0.25
    np.testing.assert_allclose(second - first, log_mass, atol=1e-6)

    def penalty(mu, nu):
        return -family.entropy(nu) + (math.log(2 * math.pi) + mu**2 + nu**2 / 3) / 2

    one = prior_from_penalty(penalty, family, nus=(half,))
    other = prior_from_penalty(lambda mu, nu: penalty(mu, nu) + log_mass, family, nus=(half,))
    assert one.verdict.accepted
    np.testing.assert_allclose(one.values, other.values, atol=1e-9)  # the formula gives one of the two


@pytest.mark.parametrize("family", [laplace(), exponential()], ids=lambda family: family.name)
def test_families_that_are_not_gaussian_are_judged_likewise(family):
    def penalty(mu, nu, factor=1.0):
        mean, variance = family.mean(nu), family.variance(nu)
        return -factor * family.entropy(nu) + math.log(2 * math.pi) / 2 + ((mu + mean) ** 2 + variance) / 2

    grid = Grid(14.0, 4096)
    assert prior_from_penalty(penalty, family, grid).verdict.accepted
    wrong = prior_from_penalty(lambda mu, nu: penalty(mu, nu, 0.5), family, grid)
    assert wrong.verdict.reasons == (verdicts.DEPENDS,)


def test_noise_on_a_penalty_blows_up():
    noise = 1e-3 * np.random.default_rng(0).normal(size=2**14)

    def penalty(mu, sigma):
        return divergences.from_laplace(mu, sigma) + (noise[: len(mu)] if len(mu) > 100 else 0)

    assert prior_from_penalty(penalty, gaussian()).verdict.reasons == (verdicts.BLOWS_UP,)


def test_the_sign_for_point_masses():
    found = prior_from_penalty(lambda mu, nu: 2 * np.abs(mu), dirac(), Grid(24.0, 8192))
    np.testing.assert_allclose(found.values, math.log(1.0) - 2 * np.abs(found.grid.w), atol=1e-4)
    other = prior_from_penalty(lambda mu, nu: -2 * np.abs(mu), dirac(), Grid(24.0, 8192))
    assert other.verdict.reasons == (verdicts.NOT_INTEGRABLE,)


@pytest.mark.parametrize(("a", "accepted"), [(1.0, True), (0.8, True), (0.5, False), (0.4, False)])
def test_a_logarithm_has_a_prior_from_one_half_on(a, accepted):
    found = prior_from_penalty(lambda mu, nu: a * np.log1p(mu**2), dirac(), Grid(400.0, 2**14), lost=0.5)
    assert found.verdict.accepted is accepted


def test_a_grid_that_misses_the_tails_is_refused_with_the_mass():
    cauchy = lambda mu, nu: np.log1p(mu**2)  # noqa: E731
    with pytest.raises(ValueError, match=r"\[−12, 12\) misses 0\.05.* of the prior's mass"):
        prior_from_penalty(cauchy, dirac())
    assert prior_from_penalty(cauchy, dirac(), lost=0.1).verdict.accepted


def test_a_grid_too_small_for_the_posteriors_is_refused():
    with pytest.raises(ValueError, match="half width 12 is too small for posteriors of standard deviation 2"):
        prior_from_penalty(RIGHT, gaussian(), nus=(1.0, 2.0))


@pytest.mark.parametrize("nus", [(), (0.0,), (-1.0, 0.5), (math.nan,)])
def test_posteriors_that_are_none_are_refused(nus):
    with pytest.raises(ValueError, match="every ν must be positive"):
        prior_from_penalty(RIGHT, gaussian(), nus=nus)


def test_uneven_grids_and_penalties_that_are_none_are_refused():
    with pytest.raises(ValueError, match="must be even"):
        prior_from_penalty(RIGHT, gaussian(), np.sinh(np.linspace(-2, 2, 64)))
    with pytest.raises(ValueError, match="not finite"):
        prior_from_penalty(lambda mu, sigma: np.full_like(mu, np.nan), gaussian())
    with pytest.raises(ValueError, match="complex"):
        prior_from_penalty(lambda mu, sigma: mu + 1j, gaussian())


def test_a_family_without_a_density_is_judged_without_the_way_back():
    blind = replace(gaussian(), density=None)
    found = prior_from_penalty(RIGHT, blind)
    assert found.verdict.accepted
    assert math.isnan(found.verdict.way_back)


def test_a_grid_too_coarse_for_the_posteriors_is_refused():
    with pytest.raises(ValueError, match=r"step 0\.375 .* deviation 0\.4: use 120 points or more"):
        prior_from_penalty(RIGHT, gaussian(), Grid(12.0, 64))
    assert prior_from_penalty(RIGHT, gaussian(), Grid(12.0, 120)).verdict.accepted


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"family": "gaussian"}, "the family must be a Family, such as gaussian"),
        ({"penalty": 3.0}, "must be a function of means"),
        ({"nus": 0.4}, "nus must be several numbers"),
        ({"nus": ("a",)}, "every ν must be positive"),
        ({"tolerance": math.nan}, "tolerance must be positive and finite"),
        ({"lost": 2.0}, "lost a share, got 0.02 and 2.0"),
        ({"waves": (0.0,)}, "waves must be positive"),
        ({"waves": "ab"}, "waves must be several numbers"),
        ({"background": 3}, "the background must be a Background"),
        ({"cut": "a"}, "between 0 and 1, got 'a'"),
    ],
)
def test_settings_that_are_none_are_refused(settings, says):
    with pytest.raises(ValueError, match=says):
        prior_from_penalty(**{"penalty": RIGHT, "family": gaussian(), **settings})


def test_the_prior_of_weights_that_are_none():
    prior = prior_from_penalty(RIGHT, gaussian())
    assert prior.log_density(torch.tensor([math.nan])).isnan().all()
    for dtype in (torch.int64, torch.float16, torch.complex64):
        with pytest.raises(ValueError, match="must be in float32 or float64"):
            prior.log_density(torch.zeros(2).to(dtype))
