import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from startright.checks import (
    KINDS,
    Check,
    each_between,
    every,
    half_width,
    kind_of,
    mean_between,
    outcome,
    ratio_between,
    repetitions,
    some,
)


def spread_about(mean, spread, n):
    """n values with exactly this mean and standard deviation."""
    raw = np.arange(n) - (n - 1) / 2
    return mean + spread * raw / raw.std(ddof=1)


# --- an interval against a threshold --------------------------------------------------------


@pytest.mark.parametrize("side", ["above", "below"])
@pytest.mark.parametrize(("place", "holds"), [(1.01, True), (0.99, None), (-0.99, None), (-1.01, False)])
def test_the_interval_decides_and_not_the_mean(side, place, holds):
    half = stats.t.ppf(0.975, 4) * 2.0 / math.sqrt(5)
    assert half_width(2.0, 5) == pytest.approx(half)
    sign = 1 if side == "above" else -1
    check = mean_between("x", spread_about(3 + sign * place * half, 2.0, 5), **{side: 3.0})
    assert check.holds is holds
    assert check.interval == pytest.approx((3 + (sign * place - 1) * half, 3 + (sign * place + 1) * half))


@pytest.mark.parametrize(("mean", "holds"), [(0.0, True), (0.9, None), (2.0, False), (-2.0, False)])
def test_both_bounds_at_once(mean, holds):
    assert mean_between("x", spread_about(mean, 0.3, 4), above=-1, below=1).holds is holds


@pytest.mark.parametrize("n", [1, 2])
def test_two_runs_decide_nothing_however_clear(n):
    check = mean_between("x", [100.0] * n, above=0)
    assert (check.holds, check.more) == (None, 3 - n)


def test_undecided_says_how_many_more_would_settle_it():
    values = spread_about(1.0, 1.0, 4)
    check = mean_between("x", values, above=0)
    assert check.holds is None
    needed = 4 + check.more
    assert half_width(1.0, needed) < 1.0 <= half_width(1.0, needed - 1)
    assert check.answer == f"undecided: {check.more} more repetitions would settle it"
    assert mean_between("x", spread_about(0.0, 1.0, 4), above=0).more is None


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_the_fewest_repetitions(spread, distance):
    needed = repetitions(spread, distance)
    if needed is not None:
        assert half_width(spread, needed) < distance
        assert needed == 3 or half_width(spread, needed - 1) >= distance


def test_a_run_that_never_arrived_is_a_result():
    gone = [1.0, 1.1, 1.2, math.inf]
    assert mean_between("steps", gone, below=5).holds is False
    assert mean_between("gain", gone, above=0.5).holds is True
    assert mean_between("gain", [math.inf] * 3, above=0.5).holds is True
    assert mean_between("gain", [math.inf] * 2, above=0.5).holds is None
    assert mean_between("gain", [1.0, 1.1, -math.inf], above=0.5).holds is False
    assert mean_between("gain", [1.0, 1.1, math.nan], above=0.5).holds is False
    assert mean_between("gain", [], above=0.5).holds is None


def test_the_text_has_the_mean_and_its_interval():
    assert mean_between("x", [1.0, 2.0, 3.0], above=0).text == "x: 2 (−0.484 to 4.48; n = 3)"
    assert mean_between("x", [1.0], above=0).text == "x: 1 (n = 1)"
    with pytest.raises(ValueError, match=r"'x': give a threshold"):
        mean_between("x", [1.0])


# --- many at once ---------------------------------------------------------------------------


def test_every_group_must_hold():
    sure, open_, wrong = ([5.0, 5.1, 5.2], [0.5, 1.5, 2.5], [-5.0, -5.1, -5.2])
    assert each_between("x", {"a": sure, "b": sure}, above=1).holds is True
    assert each_between("x", {"a": sure, "b": open_}, above=1).holds is None
    assert each_between("x", {"a": sure, "b": wrong, "c": open_}, above=1).holds is False
    assert each_between("x", {}, above=1).holds is None
    assert "; b: −5.1 (" in each_between("x", {"a": sure, "b": wrong}, above=1).text


def test_a_ratio_is_judged_by_the_logarithms():
    logs = spread_about(1.0, 0.01, 4)
    assert ratio_between("x", logs, above=9, below=11).holds is True
    assert ratio_between("x", logs, below=9).holds is False
    assert ratio_between("x", logs, below=10).holds is None
    assert ratio_between("x", {"a": logs, "b": -logs}, above=1).text.startswith("x; b: 0.1 (")
    assert ratio_between("x", logs, above=9, control="another").counts
    with pytest.raises(ValueError, match="give a threshold"):
        ratio_between("x", logs)


def test_an_exception_fails_and_two_runs_prove_nothing():
    assert every("finite", [True] * 3).holds is True
    assert every("finite", [True] * 2 + [False]).holds is False
    assert (every("finite", [True] * 2).holds, every("finite", [True] * 2).more) == (None, 1)
    assert every("finite", [True] * 30, n=1).holds is None
    assert every("finite", []).holds is None
    assert some("fails", [False, True]).holds is True
    assert some("fails", [False] * 3).holds is False
    assert some("fails", []).holds is None


# --- what checks say together ---------------------------------------------------------------


def test_outcomes():
    def said(*held):
        return outcome([Check("", holds, control="x") for holds in held] + [Check("a description", False)])

    assert said(True, True) == "reproduced"
    assert said(False, False) == "not reproduced"
    assert said(True, False, None) == "partly"
    assert said(True, None) == said(False, None) == said(None) == "undecided"


def test_kinds():
    assert [kind_of([Check("", True, kind, "x")]) for kind in KINDS] == list(KINDS)
    pair = [Check("", True, "theorem", "x"), Check("", True, "number", "x")]
    assert kind_of(pair) == "number"
    with pytest.raises(ValueError, match="did you mean 'trend'"):
        Check("", True, "trnd")


def test_a_check_takes_the_booleans_of_numpy():
    assert Check("", np.bool_(True)).holds is True
    assert Check("", None).holds is None
