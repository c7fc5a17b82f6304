"""Traces keep the steps they are asked for."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from startright.papers.alrao.trace import WeightTrace, log_steps


@given(st.integers(1, 10**6), st.integers(2, 100))
def test_steps_start_at_one_end_at_the_last_and_increase(total, points):
    steps = log_steps(total, points)
    assert steps[0] == 1
    assert steps[-1] == total
    assert len(steps) <= points
    assert all(a < b for a, b in pairwise(steps))


@pytest.mark.parametrize(("total", "points"), [(0, 5), (10, 1)])
def test_no_steps_are_refused(total, points):
    with pytest.raises(ValueError, match="expected a step or more"):
        log_steps(total, points)


def test_a_trace_copies_the_weights_of_its_steps():
    trace, weights = WeightTrace([1, 3, 9]), torch.tensor([0.0, 1.0])
    for step in range(1, 6):
        weights[0] = step
        trace(weights)
    assert trace.weights.tolist() == [[1, 1], [3, 1]]
    assert trace.curves() == {"trace_step": [1, 3], "weight_0": [1, 3], "weight_1": [1, 1]}
    assert WeightTrace([1]).weights.numel() == 0
