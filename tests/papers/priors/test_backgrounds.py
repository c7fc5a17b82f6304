import math

import numpy as np
import pytest

from startright.papers.priors.backgrounds import Background, absolute_mean, fitted
from startright.papers.priors.families import Family, exponential, gaussian, laplace, uniform
from startright.papers.priors.grids import Grid
from startright.papers.priors.verdicts import nodes

GRID = Grid(24.0, 4096)
FAMILIES = [gaussian(), laplace(), uniform(), exponential()]
FORMS = {
    "polynomial": Background((0.3, -0.2, 0.5, 0.1, 0.02)),
    "absolute": Background(absolute=1.3, width=0.9),
    "waves": Background(waves=((2.0, 0.7, -0.4),)),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_the_image_of_a_background_is_its_mean_under_the_posterior(family, form):
    background = FORMS[form]
    image = background.on_means(GRID.w, family, 0.6, GRID)
    x, weight = nodes(family, 0.6)
    middle = slice(1500, 2600, 100)
    direct = background.on_weights(GRID.w[middle, None] + x) @ weight
    np.testing.assert_allclose(image[middle], direct, rtol=1e-7, atol=1e-7)


def test_the_mean_size_under_a_gaussian_is_known_in_closed_form():
    image = Background(absolute=1.0, width=0.9).on_means(GRID.w, gaussian(), 0.5, GRID)
    np.testing.assert_allclose(image, absolute_mean(GRID.w, math.hypot(0.9, 0.5)), atol=1e-13)


def test_a_background_is_found_by_the_ends_of_the_window():
    known = Background((0.3, -0.2, 0.5), 1.3, math.sqrt(3) * 0.6, ((2.0, 0.7, -0.4),))
    values = known.on_means(GRID.w, gaussian(), 0.6, GRID) + np.exp(-(GRID.w**2))
    found = fitted(values, gaussian(), 0.6, GRID, waves=(2.0,))
    left = values - found.on_means(GRID.w, gaussian(), 0.6, GRID)
    np.testing.assert_allclose(left, np.exp(-(GRID.w**2)), atol=1e-7)
    assert found.waves[0] == pytest.approx((2.0, 0.7, -0.4))


def test_a_polynomial_of_degree_four_is_used_where_it_is_needed():
    assert len(fitted(GRID.w**4, gaussian(), 0.6, GRID).polynomial) == 5
    noisy = np.abs(GRID.w) + 1e-3 * np.random.default_rng(0).normal(size=GRID.points)
    assert len(fitted(noisy, gaussian(), 0.6, GRID).polynomial) == 3


def test_moments_that_a_family_lacks_are_asked_for():
    family = Family("mine", lambda xi, nu: np.exp(-((nu * xi) ** 2) / 2), *[lambda nu: nu] * 3)
    with pytest.raises(ValueError, match=r"as many moments of the mine posterior.*`higher`"):
        Background((0.0, 0.0, 0.0, 1.0)).on_means(GRID.w, family, 0.6, GRID)
