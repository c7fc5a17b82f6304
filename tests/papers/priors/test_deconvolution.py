"""The Fourier formula on a grid, against closed forms and the numbers worked out beforehand."""

import math

import numpy as np
import pytest

from startright.papers.priors import divergences, reference
from startright.papers.priors.backgrounds import Background, absolute_mean
from startright.papers.priors.deconvolution import deconvolve, log_prior, mass, passed, sampled
from startright.papers.priors.families import Family, dirac, exponential, gaussian, laplace, uniform
from startright.papers.priors.grids import Grid
from startright.papers.priors.symbolic import Terms, deconvolved

GRID, NORMAL = Grid(), gaussian()
ROOT = math.sqrt(0.5)


def distance(curve, log_density, grid=GRID):
    density = np.exp(curve - curve.max())
    density /= density.sum() * grid.step
    return float(np.abs(density - np.exp(log_density(grid.w))).sum() * grid.step / 2)


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0])
@pytest.mark.parametrize("degree", range(5))
def test_it_is_exact_on_polynomials(sigma, degree):
    terms = Terms(tuple(float(k == degree) for k in range(5)))
    found = deconvolve(terms(GRID.w), NORMAL, sigma, GRID)
    exact = deconvolved(terms, sigma)(GRID.w)
    scale = 12.0**degree
    np.testing.assert_allclose(found / scale, exact / scale, atol=1e-8)


def test_it_is_exact_on_waves_that_fit_the_window():
    omega = 2 * np.pi / 3
    found = deconvolve(np.cos(omega * GRID.w), NORMAL, 0.5, GRID, background=Background())
    exact = deconvolved(Terms(cosines=((1.0, omega),)), 0.5)(GRID.w)
    np.testing.assert_allclose(found, exact, atol=1e-7)


@pytest.mark.parametrize("sigma", [0.25, 0.5, 1.0])
def test_a_of_the_gaussian_is_its_logarithm(sigma):
    found = log_prior(divergences.from_gaussian, NORMAL, sigma, GRID)
    np.testing.assert_allclose(found, divergences.gaussian_log_density(GRID.w), atol=1e-6)


def test_a_of_the_damped_wave_is_the_wave():
    omega, background = 2 * np.pi / 3, Background((math.log(2 * math.pi) / 2, 0.0, 0.5))

    def r(mu, sigma):
        return divergences.from_gaussian(mu, sigma) + math.exp(-((sigma * omega) ** 2) / 2) * np.cos(
            omega * mu
        )

    found = log_prior(r, NORMAL, 0.5, GRID, background=background)
    wanted = divergences.gaussian_log_density(GRID.w) - np.cos(omega * GRID.w)
    np.testing.assert_allclose(found, wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("sigma", "cut", "tv"), [(0.5, 1e-8, 0.0053), (0.5, 1e-3, 0.011), (1.0, 1e-8, 0.015), (0.1, 1e-8, 0.0004)]
)
def test_laplaces_prior_comes_back_as_near_as_was_worked_out(sigma, cut, tv):
    curve = log_prior(divergences.from_laplace, NORMAL, sigma, GRID, cut=cut)
    assert distance(curve, divergences.laplace_log_density) == pytest.approx(tv, rel=0.06)
    last = math.sqrt(2 * math.log(1 / cut)) / sigma
    low = curve[GRID.points // 2] + math.log(2 * ROOT)
    assert low == pytest.approx(-2 / (math.pi * ROOT * last), rel=0.02)


def test_the_mass_is_one_of_a_divergence():
    curve = log_prior(divergences.from_laplace, NORMAL, 0.5, GRID)
    assert mass(curve, GRID) == pytest.approx(0.9998, abs=1e-4)


def test_without_a_background_it_fails():
    curve = log_prior(divergences.from_laplace, NORMAL, 0.5, GRID, cut=1e-6, background=Background())
    assert np.abs(curve).max() > 100
    assert mass(curve, GRID) > 1e50


def test_l1_on_the_mean_grows_as_the_cut_falls():
    r = lambda mu, sigma: math.sqrt(2) * np.abs(mu)  # noqa: E731
    cuts = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8)
    at_zero = [log_prior(r, NORMAL, 0.5, GRID, cut=cut)[GRID.points // 2] for cut in cuts]
    assert at_zero[:2] == pytest.approx([-0.1, 2.2], abs=0.3)
    growth = np.diff(np.log10(at_zero[1:])) / np.diff(-np.log10(cuts[1:]))
    assert (growth > 0.7).all()  # as 1/τ, but for logarithms
    assert (growth < 1.05).all()


def test_noise_is_worst_at_the_smallest_cut():
    noise = 1e-3 * np.random.default_rng(0).normal(size=GRID.points)
    r = lambda mu, sigma: divergences.from_laplace(mu, sigma) + noise  # noqa: E731
    cuts = (1e-1, 1e-2, 1e-3, 1e-4, 1e-6)
    far = [
        distance(log_prior(r, NORMAL, 0.5, GRID, cut=cut), divergences.laplace_log_density) for cut in cuts
    ]
    assert 0.01 < min(far) < 0.02
    assert far.index(min(far)) in (1, 2, 3)
    assert far[0] > min(far)
    assert far[-1] > 0.8


@pytest.mark.parametrize("family", [laplace(), uniform(), exponential()], ids=lambda family: family.name)
def test_any_family_gives_the_gaussian_back(family):
    def r(mu, nu):
        mean, variance = family.mean(nu), family.variance(nu)
        return -family.entropy(nu) + math.log(2 * math.pi) / 2 + ((mu + mean) ** 2 + variance) / 2

    found = log_prior(r, family, 0.7, Grid(14.0, 4096))
    np.testing.assert_allclose(found, divergences.gaussian_log_density(Grid(14.0, 4096).w), atol=1e-7)


def test_a_family_that_is_not_symmetric_is_reflected():
    """A wave under μ + X moves to one side: a wrong sign of the reflection moves it to the other."""
    family, grid = exponential(), Grid(4 * np.pi, 4096)
    transform = family.characteristic(np.array([1.0]), 0.5)[0]
    image = (np.exp(1j * grid.w) * transform).imag
    found = deconvolve(image, family, 0.5, grid, background=Background())
    np.testing.assert_allclose(found, np.sin(grid.w), atol=1e-9)
    conjugate = Family("reflected", lambda xi, nu: family.characteristic(-xi, nu), *[lambda nu: 0.5] * 3)
    wrong = deconvolve(image, conjugate, 0.5, grid, background=Background())
    assert np.abs(wrong - np.sin(grid.w)).max() > 0.5


def test_point_masses_need_no_deconvolution():
    r = lambda mu, nu: np.abs(mu)  # noqa: E731
    assert np.array_equal(log_prior(r, dirac(), 1.0, GRID), -np.abs(GRID.w))


def test_tikhonov_is_near_the_cut():
    by = {
        kind: distance(
            log_prior(divergences.from_laplace, NORMAL, 0.5, GRID, cut=1e-6, kind=kind),
            divergences.laplace_log_density,
        )
        for kind in ("cut", "tikhonov")
    }
    assert by["tikhonov"] == pytest.approx(by["cut"], rel=0.3)
    factor = passed(NORMAL, 0.5, GRID, 0.1, "tikhonov")
    assert np.abs(factor).max() <= 1 / 0.2 + 1e-12  # 1/2τ, where the transform is τ


def test_the_reference_form_is_what_runs():
    width, sigma = math.sqrt(3) * 0.5, 0.5
    scale = math.log(2 * ROOT)
    grows = (
        lambda mu: scale + absolute_mean(mu, math.hypot(width, sigma)) / ROOT - NORMAL.entropy(sigma),
        lambda w: scale + absolute_mean(w, width) / ROOT - NORMAL.entropy(sigma),
    )
    plain = reference.log_prior(
        lambda mu: divergences.from_laplace(mu, sigma),
        lambda xi: NORMAL.characteristic(xi, sigma),
        NORMAL.entropy(sigma),
        grows,
        GRID.w,
    )
    found = log_prior(divergences.from_laplace, NORMAL, sigma, GRID)
    np.testing.assert_allclose(found, plain, atol=1e-7)


@pytest.mark.parametrize(
    ("penalty", "says"),
    [
        (lambda mu, nu: mu + 1j, "complex128"),
        (lambda mu, nu: np.where(mu > 3, np.nan, mu), "not finite at μ = 3"),
        (lambda mu, nu: mu.astype(np.float16), "float16 has too few digits"),
        (lambda mu, nu: 1.0, "must take arrays"),
        (lambda mu, nu: mu if mu > 0 else -mu, "fails on an array of means.* must take means"),
        (lambda mu: mu, "fails on an array of means"),
        (lambda mu, nu: np.array(["a"] * len(mu)), "a penalty is real"),
    ],
)
def test_penalties_that_are_none_are_refused(penalty, says):
    with pytest.raises(ValueError, match=says):
        sampled(penalty, 0.5, GRID)


def test_filters_that_are_none_are_refused():
    with pytest.raises(ValueError, match="did you mean 'tikhonov'"):
        passed(NORMAL, 0.5, GRID, 0.1, "tikonov")
    for cut in (0.0, 1.0, math.nan):
        with pytest.raises(ValueError, match="between 0 and 1"):
            passed(NORMAL, 0.5, GRID, cut)


def test_the_filter_of_tikhonov_undoes_the_phase():
    h = exponential().characteristic(GRID.xi, 0.5)
    filtered = passed(exponential(), 0.5, GRID, 1e-3, "tikhonov") * h
    np.testing.assert_allclose(filtered, np.abs(h) ** 2 / (np.abs(h) ** 2 + 1e-6), atol=1e-12)
