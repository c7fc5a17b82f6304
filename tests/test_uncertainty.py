"""The distance of two means against Student's law, by simulation."""

import math

import numpy as np
import pytest
from scipy import special, stats

from startright.uncertainty import distance, moderated_spread, typical_spreads


def entry(values):
    return {
        "kind": "mean",
        "name": "a",
        "quantity": "q",
        "mean": float(np.mean(values)),
        "spread": float(np.std(values, ddof=1)),
        "n": len(values),
    }


def test_without_a_prior_of_its_own_the_spread_is_moderated_towards_the_typical():
    ours = {"mean": 10.0, "spread": 1.0, "n": 5}
    spread, freedom = moderated_spread(ours, ours, typical=0.2)
    assert spread == pytest.approx(math.sqrt((4 * 2.0**2 + 8 * 1.0**2) / 12))
    assert freedom == 12


def test_few_repetitions_have_a_floor_and_the_last_digit_always_is_one():
    few = {"mean": 10.0, "spread": 0.0, "n": 3}
    assert moderated_spread(few, few, typical=0.2)[0] == pytest.approx(2.0)
    fine = {"mean": 10.0, "spread": 0.0, "n": 50, "step": 0.1}
    assert moderated_spread(fine, fine, typical=0.0)[0] == pytest.approx(0.05)


def test_a_number_without_any_spread_may_move_by_rounding_alone():
    one = {"kind": "mean", "mean": 7.0, "spread": 0.0, "n": 5}
    assert distance(one, {**one, "mean": 7.00001})[1] == 1.0
    assert distance(one, {**one, "mean": 7.1}) == (math.inf, 0.0)


def test_the_typical_spread_is_the_median_of_the_column():
    entries = [{"kind": "mean", "quantity": "q", "mean": 1.0, "spread": s, "n": 3} for s in (0.1, 0.2, 0.9)]
    entries += [{"kind": "count", "quantity": "q", "k": 1, "n": 3}, {**entries[0], "spread": None}]
    assert typical_spreads(entries) == {"q": 0.2}


@pytest.mark.parametrize("n", [3, 5, 10])
def test_draws_of_one_law_are_told_apart_about_as_often_as_stated(n):
    """With the typical spread that belongs to the law; the share at a level of 1 % is at most about 1 %."""
    rng = np.random.default_rng(0)
    chances = [
        distance(entry(rng.normal(10, 1, n)), entry(rng.normal(10, 1, n)), typical=0.1)[1]
        for _ in range(4000)
    ]
    share = np.mean(np.array(chances) < 0.01)
    assert share < 0.01 + 3 * math.sqrt(0.01 * 0.99 / 4000)


def test_the_chance_is_students():
    ours, theirs = ({"kind": "mean", "mean": m, "spread": 1.0, "n": 5} for m in (10.0, 12.0))
    errors, chance = distance(ours, theirs, typical=1.0 / 11)
    assert errors == pytest.approx(2 / math.sqrt(2 / 5))
    assert chance == pytest.approx(2 * stats.t.sf(errors, 12))


def test_counts_by_fishers_exact_test():
    ours, theirs = ({"kind": "count", "k": k, "n": 8} for k in (1, 7))
    assert distance(ours, theirs)[1] == pytest.approx(stats.fisher_exact([[1, 7], [7, 1]])[1])
    assert distance(ours, ours) == (0.0, 1.0)


def test_the_special_functions_are_the_laws_of_scipy_stats_to_the_last_bit():
    rng, n = np.random.default_rng(0), np.arange(1, 2000)
    x, chance = np.abs(rng.standard_cauchy(len(n))), np.r_[0.0, 10.0 ** -rng.uniform(0, 300, 1000), 1.0] / 2
    np.testing.assert_array_equal(special.stdtr(n, -x), stats.t.sf(x, n))
    np.testing.assert_array_equal(special.stdtrit(n, 0.975), stats.t.ppf(0.975, n))
    np.testing.assert_array_equal(abs(special.ndtri(chance)), stats.norm.isf(chance))
