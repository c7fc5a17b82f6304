import math

import numpy as np
import pytest

from startright.papers.priors import verdicts
from startright.papers.priors.families import gaussian
from startright.papers.priors.grids import Grid

GRID = Grid(6.0, 512)


@pytest.mark.parametrize("power", [1.2, 1.5, 2.0, 3.0])
def test_the_tail_of_a_power_law_is_what_is_missing(power):
    window = lambda limit: (1 - (1 + limit) ** (1 - power)) / (power - 1)  # noqa: E731
    total, lost = verdicts.tail([window(limit) for limit in (1e3, 2e3, 4e3)])
    assert total == pytest.approx(1 / (power - 1), rel=1e-2)
    assert lost == pytest.approx(1 - window(1e3) * (power - 1), rel=1e-2, abs=1e-4)


@pytest.mark.parametrize("power", [1.0, 0.5, 0.0])
def test_what_grows_has_no_mass(power):
    window = lambda limit: math.log(limit) if power == 1 else limit ** (1 - power)  # noqa: E731
    assert verdicts.tail([window(limit) for limit in (1e3, 2e3, 4e3)]) == (math.inf, 1.0)
    assert verdicts.tail([1.0, 2.0, math.inf]) == (math.inf, 1.0)


def test_changes_that_die_away_do_not_blow_up():
    assert not verdicts.blows_up((0.1, 0.05, 0.02), 0.02)
    assert not verdicts.blows_up((1e-12, 1e-10, 1e-8), 0.02)  # rounding
    assert verdicts.blows_up((0.1, 1.0, 10.0), 0.02)
    assert verdicts.blows_up((0.1, 1.0, math.nan), 0.02)


def test_constants_count_in_the_range():
    flat = np.zeros(GRID.points)
    assert verdicts.range_over([flat, flat + 0.3], GRID) == pytest.approx(0.3)
    assert math.isnan(verdicts.range_over([flat], GRID))


def test_the_ends_of_the_window_do_not_count():
    edge = np.where(np.abs(GRID.w) > 5, 100.0, 0.0)
    assert verdicts.range_over([np.zeros(GRID.points), edge], GRID) == 0


def test_the_mean_under_a_posterior_is_by_quadrature():
    mu = np.linspace(-1, 1, 5)
    found = verdicts.expected(GRID.w**2, mu, gaussian(), 0.3, GRID)
    np.testing.assert_allclose(found, mu**2 + 0.09, atol=3e-4)


def test_where_a_is_no_function_nothing_else_is_named():
    assert verdicts.reasons(5.0, (0.1, 1.0, 10.0), 1.0, math.nan, 0.02) == (verdicts.BLOWS_UP,)
    assert verdicts.reasons(5.0, (0.1, 0.1, 0.1), 1.0, 5.0, 0.02) == (
        verdicts.DEPENDS,
        verdicts.NOT_INTEGRABLE,
    )
    assert verdicts.reasons(0.0, (0.0,) * 3, 0.0, 5.0, 0.02) == (verdicts.NO_WAY_BACK,)
    assert verdicts.reasons(math.nan, (0.0,) * 3, 0.0, 0.0, 0.02) == ()
