"""One mean, one spread, one way to print a number."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from startright.summary import mean_std, number, power_above, rounded, short, times


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=9))
def test_the_mean_and_the_deviation_are_those_of_the_sample(values):
    mean, spread, n = mean_std(values)
    assert (mean, n) == (pytest.approx(np.mean(values)), len(values))
    assert spread == pytest.approx(pd.Series(values).std(), abs=1e-9)


def test_one_value_has_no_deviation_and_none_has_no_mean():
    assert mean_std([2.0]) == (2.0, None, 1)
    mean, spread, n = mean_std([])
    assert math.isnan(mean)
    assert (spread, n) == (None, 0)


@pytest.mark.parametrize("odd", [math.inf, -math.inf, math.nan])
def test_what_is_not_finite_has_no_deviation(odd):
    mean, spread, n = mean_std([1.0, odd, 3.0])
    assert mean == pytest.approx(odd, nan_ok=True)
    assert (spread, n) == (None, 3)


def test_numbers_as_they_are_printed():
    assert [number(x) for x in (-0.5, 0.0, 1234.5, -1e-5)] == ["−0.5", "0", "1.23e+03", "−1e−05"]
    assert [number(x, "+.1f") for x in (-0.25, 0.25)] == ["−0.2", "+0.2"]
    assert [number(x, ".2f") for x in (-0.004, -0.006)] == ["0.00", "−0.01"]
    assert [short(x, 2) for x in (9999.0, 1e4, -2e7)] == ["9999.00", "1e+04", "-2e+07"]
    assert [times(x) for x in (0.0, -2.0, math.inf)] == ["1", "0.01", "1e+300"]
    assert [power_above(x) for x in (0.0, 1e-13, 1e-5, 0.3)] == [-12, -12, -5, 0]
    assert power_above(1e-20, -14) == -14
    assert rounded(math.nan, None) == "nan"
