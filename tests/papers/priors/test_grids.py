import numpy as np
import pytest

from startright.papers.priors.grids import Grid


def test_a_grid_is_even_with_zero_in_its_middle():
    grid = Grid(3.0, 64)
    assert grid.w[0] == -3.0
    assert grid.w[32] == 0.0
    assert np.allclose(np.diff(grid.w), grid.step)
    assert (grid.xi[0], grid.xi[-1]) == (0.0, pytest.approx(np.pi / grid.step))


def test_a_wider_grid_keeps_its_points():
    grid = Grid(3.0, 64)
    assert np.allclose(grid.wider(2).w[32:-32], grid.w)


def test_points_are_a_grid_if_they_are_even():
    grid = Grid(3.0, 64)
    assert Grid.of(grid) is grid
    assert Grid.of(grid.w) == grid
    assert Grid.of(list(grid.w)) == grid


@pytest.mark.parametrize(
    ("points", "says"),
    [
        (np.linspace(-1, 1, 64) ** 3, "must be even"),
        (np.linspace(-1, 1, 64), r"\[−L, L\) with 0"),
        (np.linspace(0, 1, 64), "with 0 in its middle"),
        (np.linspace(1, -1, 64), "must be even"),
        (np.full(64, np.nan), "finite points"),
        (np.zeros((4, 16)), r"shape \(4, 16\)"),
        ([0.0, 1.0], "at least 16"),
        (np.linspace(-1, 1, 64) + 0j, "a row of real numbers, got complex128"),
        ("points", "a row of real numbers"),
    ],
)
def test_other_points_are_refused(points, says):
    with pytest.raises(ValueError, match=says):
        Grid.of(points)


@pytest.mark.parametrize("wrong", [(0.0, 64), (np.nan, 64), (np.inf, 64), (1.0, 63), (1.0, 2), (1.0, 2**22)])
def test_sizes_that_are_none_are_refused(wrong):
    with pytest.raises(ValueError, match=r"half width|even number"):
        Grid(*wrong)
