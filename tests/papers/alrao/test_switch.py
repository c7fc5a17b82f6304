import copy
import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from startright.papers.alrao import reference
from startright.papers.alrao.switch import Switch, prior, switch_update

THETA = 0.9999
log_likelihoods = st.floats(-30, 5, allow_nan=False)


def draw(steps, n, seed=0, scale=1.0):
    return scale * torch.randn(steps, n, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def posterior(outcomes, theta, dtype=torch.float64):
    switch = Switch(outcomes.shape[1], theta).to(dtype)
    for outcome in outcomes.to(dtype):
        switch.update(outcome)
    return switch.weights


def enumerated(outcomes, theta):
    """Weights of the models for the next outcome: the sum over all sequences of models, from their prior.

    A stretch ends at t with probability 1/(t (t + 1)), hence after t with 1/(t + 1).
    """
    steps, n = outcomes.shape
    table, total = outcomes.T.tolist(), torch.zeros(n, dtype=torch.float64)
    for count in range(steps + 1):
        for ends in itertools.combinations(range(1, steps + 1), count):
            starts = (0, *ends)
            times = math.prod((start + 1) / (t * (t + 1)) for start, t in itertools.pairwise(starts))
            last = theta**count * (1 - theta)  # L = count + 1 stretches
            longer = theta ** (count + 1) * (starts[-1] + 1) / (steps + 1)  # more, the next end yet to come
            prior_mass = (last + longer) * times * n ** -(count + 1)
            for models in itertools.product(range(n), repeat=count + 1):
                stretches = zip(models, itertools.pairwise((*starts, steps)), strict=True)
                said = math.exp(sum(sum(table[k][i:j]) for k, (i, j) in stretches))
                total[models[-1]] += prior_mass * said
    return total / total.sum()


def recursion(outcomes, theta):
    n = outcomes.shape[1]
    A, B = (torch.full((n,), mass / n, dtype=torch.float64) for mass in (theta, 1 - theta))
    for t, outcome in enumerate(outcomes, start=1):
        A, B = reference.switch_update(A, B, t, outcome.exp(), theta)
    return A + B


@pytest.mark.parametrize("theta", [THETA, 0.7, 0.01])
@pytest.mark.parametrize(("n", "steps"), [(1, 3), (2, 0), (2, 1), (2, 6), (3, 5)])
def test_the_weights_are_sums_over_all_sequences(n, steps, theta):
    outcomes = draw(steps, n, seed=steps)
    torch.testing.assert_close(posterior(outcomes, theta), enumerated(outcomes, theta), rtol=1e-9, atol=1e-12)


@given(st.lists(st.tuples(log_likelihoods, log_likelihoods, log_likelihoods), min_size=1, max_size=20))
@settings(deadline=None, max_examples=25)
def test_any_outcomes_give_the_recursion(outcomes):
    outcomes = torch.tensor(outcomes, dtype=torch.float64)
    got = posterior(outcomes, THETA)
    torch.testing.assert_close(got, recursion(outcomes, THETA), rtol=1e-8, atol=1e-12)
    assert got.min() > 0
    assert float(got.sum()) == pytest.approx(1, abs=1e-12)


@given(st.permutations(range(4)), st.floats(-100, 100))
@settings(deadline=None, max_examples=20)
def test_models_are_alike_and_likelihoods_relative(order, shift):
    outcomes = draw(20, 4)
    torch.testing.assert_close(
        posterior(outcomes[:, list(order)] + shift, THETA), posterior(outcomes, THETA)[list(order)]
    )


@pytest.mark.parametrize(("gap", "steps"), [(0.05, 79), (0.2, 27), (1.0, 7)])
def test_it_changes_its_mind_fast(gap, steps):
    switch = Switch(2).double()
    for _ in range(1000):
        switch.update(torch.tensor([gap, 0.0], dtype=torch.float64))
    count = 0
    while switch.weights[1] < 0.5:
        switch.update(torch.tensor([0.0, gap], dtype=torch.float64))
        count += 1
    assert count == steps


def test_float32_is_enough():
    outcomes = draw(1000, 6, scale=0.1) - 2
    outcomes[500:, 3] += 0.05
    single, double = posterior(outcomes, THETA, torch.float32), posterior(outcomes, THETA)
    torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=1e-5)


def test_a_float64_switch_is_exact_whatever_the_step():
    switch = Switch(2, 0.5).double()
    switch.t.fill_(2)
    switch.update(torch.zeros(2, dtype=torch.float64))
    # A = B = 1/4 each before; a third of the mass in A ends its stretch, of which half for ever
    torch.testing.assert_close(
        switch.log_mass.exp(),
        torch.tensor([[5 / 24] * 2, [7 / 24] * 2], dtype=torch.float64),
        rtol=1e-12,  # logarithms and back
        atol=0,
    )


def test_a_failed_model_keeps_a_share_and_comes_back():
    switch = Switch(3).double()
    switch.update(torch.tensor([0.0, -math.inf, 0.0], dtype=torch.float64))
    assert float(switch.weights[1]) == pytest.approx(1 / 6, rel=1e-3)  # a third of the half that has switched
    for _ in range(30):
        switch.update(torch.tensor([-1.0, 0.0, -1.0], dtype=torch.float64))
    assert switch.weights[1] > 0.9


@pytest.mark.parametrize("bad", [(-math.inf, -math.inf, -math.inf), (0.0, math.nan, 0.0)])
def test_an_outcome_that_no_model_explains_changes_nothing(bad):
    switch = Switch(3)
    switch.update(torch.tensor([0.0, -1.0, -2.0]))
    before = switch.weights
    switch.update(torch.tensor(bad))
    assert torch.equal(switch.weights, before)
    switch.update(torch.tensor([0.0, -1.0, -2.0]))
    assert switch.weights.isfinite().all()


def test_leading_axes_are_switches_apart():
    outcomes = draw(5 * 2 * 3, 4).view(5, 2, 3, 4)
    together, theta = prior(4, THETA, 2, 3), THETA
    alone = [[prior(4, theta) for _ in range(3)] for _ in range(2)]
    times = torch.tensor([[1, 5, 9], [2, 2, 2]])
    for step, outcome in enumerate(outcomes):
        together = switch_update(together, (times + step)[..., None, None], outcome, theta)
        for i, j in itertools.product(range(2), range(3)):
            alone[i][j] = switch_update(alone[i][j], times[i, j] + step, outcome[i, j], theta)
    torch.testing.assert_close(together, torch.stack([torch.stack(row) for row in alone]))


def test_the_prior_is_uniform_and_shared_out_by_theta():
    torch.testing.assert_close(
        prior(5, 0.8, 2).exp().sum(-1), torch.tensor([[0.8, 0.2]] * 2, dtype=torch.float64)
    )
    torch.testing.assert_close(Switch(5).weights, torch.full((5,), 0.2))


def test_a_checkpoint_resumes_bitwise():
    outcomes = draw(20, 3).float()
    switch = Switch(3)
    for outcome in outcomes[:10]:
        switch.update(outcome)
    other, copied = Switch(3), copy.deepcopy(switch)
    other.load_state_dict(switch.state_dict())
    for outcome in outcomes[10:]:
        for one in (switch, other, copied):
            one.update(outcome)
    assert switch.t == other.t == 21
    assert torch.equal(switch.log_mass, other.log_mass)
    assert torch.equal(switch.log_mass, copied.log_mass)


@pytest.mark.parametrize("n", [0, -1, 2.0, True, "3"])
def test_a_mixture_needs_models(n):
    with pytest.raises(ValueError, match=f"n = {n!r}"):
        Switch(n)


@pytest.mark.parametrize("theta", [0, 1, -0.5, math.nan, 2])
def test_theta_is_a_probability(theta):
    with pytest.raises(ValueError, match="theta must be in"):
        Switch(3, theta)


def test_each_model_must_say_something():
    with pytest.raises(ValueError, match=r"expected 3 log-likelihoods.*\(4,\)"):
        Switch(3).update(torch.zeros(4))
