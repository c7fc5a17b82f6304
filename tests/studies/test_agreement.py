"""One metric of a run and of its record: what is chance, and what is not."""

import pytest

from startright.studies import Outcome, Record, Run
from startright.studies.agreement import compare

STRICT = 1e-4


@pytest.fixture
def records(config):
    """A function from {rate: [value of each seed, …]} to records."""

    def make(values, metric="loss"):
        return [
            Record.of(Run("toy-descent", 1, config(rate), seed), Outcome({metric: value}), profile="full")
            for rate, found in values.items()
            for seed, value in enumerate(found)
        ]

    return make


def chance(records, recorded, again, metric="loss"):
    """Of the first record's metric, had it been ``recorded``, being found ``again``."""
    first, *others = records
    false = Record(**{**vars(first), "metrics": {metric: recorded}})
    (compared,) = compare(false, Outcome({metric: again}), [false, *others])
    return compared.chance


VARYING = {0.1: [1.0, 1.02, 0.98, 1.01], 0.5: [2.0, 2.03, 1.97, 2.01]}


@pytest.mark.parametrize(
    ("values", "recorded", "again", "agrees"),
    [
        (VARYING, 1.0, 1.0, True),
        (VARYING, 1.0, 1.05, True),
        (VARYING, 1.4, 1.0, False),
        (VARYING, 1.0, 1.4, False),
        ({0.1: [1.0], 0.5: [2.0, 2.03, 1.97]}, 1.0, 1.02, True),  # one seed: the study's typical spread
        ({0.1: [1.0], 0.5: [2.0, 2.03, 1.97]}, 1.4, 1.0, False),
        ({0.1: [1.4, 1.41, 1.39, 1.4], 0.5: [2.0, 2.03, 1.97, 2.01]}, 1.4, 1.0, False),  # all seeds shifted
        ({0.1: [3.0, 3.0], 0.5: [5.0, 5.0]}, 3.0, 3.000001, True),  # exact
        ({0.1: [3.0, 3.0], 0.5: [5.0, 5.0]}, 3.0, 3.00001, False),
        ({0.1: [3.0], 0.5: [5.0]}, 3.0, 3.00001, False),  # nothing varies over seeds
        ({0.1: [1e-16], 0.5: [1e-13]}, 1e-16, 5e-16, True),  # rounding
        ({0.1: [1e-16], 0.5: [1e-13]}, 1e-13, 1e-11, False),
        ({0.1: [0.0], 0.5: [1e-13]}, 0.0, 2e-16, True),
        ({0.1: [3.0, 3.0, 4.0], 0.5: [8.0, 8.0, 9.0]}, 3.0, 4.0, True),  # a step of a count
        ({0.1: [3.0, 3.0, 4.0], 0.5: [8.0, 8.0, 9.0]}, 3.0, 40.0, False),
        ({0.1: [1e-6, 3e-6, 2e-6], 0.5: [1e3, 3e3, 2e3]}, 1e-6, 4e-6, True),  # by logarithms
        ({0.1: [1e-6, 3e-6, 2e-6], 0.5: [1e3, 3e3, 2e3]}, 1e-6, 1e3, False),
        ({0.1: [1e-6, 3e-6, 2e-6], 0.5: [1e3, 3e3, 2e3]}, 0.0, 2e-6, False),
    ],
)
def test_both_sides(records, values, recorded, again, agrees):
    assert (chance(records(values), recorded, again) > STRICT) == agrees


def test_a_record_does_not_vouch_for_itself(records):
    """Neither its value nor the one found now, however wild, widens the spread."""
    near, far = (chance(records(VARYING), recorded, 1.0) for recorded in (1.4, 10.0))
    assert far < near < STRICT
    near, far = (chance(records(VARYING), 1.0, again) for again in (1.4, 10.0))
    assert max(near, far) < STRICT


def test_times_are_not_compared(records):
    found = records(VARYING, "gradient_seconds")
    assert compare(found[0], Outcome({"gradient_seconds": 100.0}), found) == []


def test_only_what_both_have_is_compared(records):
    found = records(VARYING)
    assert [c.metric for c in compare(found[0], Outcome({"loss": 1.0, "new": 2.0}), found)] == ["loss"]


def test_a_run_that_diverged_is_chaos(records):
    found = records({0.1: [float("nan"), 1.0]})
    assert compare(found[0], Outcome({"loss": float("inf")}), found) == []
