"""The catch-up phenomenon: Switch notices a change that plain Bayes has to unlearn."""

import numpy as np
import pytest

from startright.papers.alrao.catch_up import catch_up, delay


def test_bayes_needs_as_long_as_it_was_wrong_and_switch_does_not():
    weights = catch_up(0.2, 300, 700)
    assert delay(weights["Bayes"], 300) in (300, 301)  # a tie up to rounding at 300
    assert delay(weights["Switch"], 300) < 30
    assert delay(weights["Bayes"][:500], 300) is None


def test_bayes_is_the_posterior_of_two_models():
    log_odds = 0.5 * np.concatenate([np.arange(1, 11), np.arange(9, -11, -1)])
    assert catch_up(0.5, 10, 30)["Bayes"] == pytest.approx(1 / (1 + np.exp(log_odds)))
