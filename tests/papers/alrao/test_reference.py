"""The reference forms and what runs are equal, in float64."""

import copy

import pytest
import torch
from torch import nn

from startright.models import MLP, build
from startright.papers.alrao import LogUniform, Switch, reference, wrap

INTERVAL, N, D, K = (1e-3, 1.0), 4, 8, 3
CLOSE = {"rtol": 1e-12, "atol": 1e-13}


def linear():
    return nn.Linear(D, K)


def deep():
    return nn.Sequential(nn.Linear(D, 6), nn.Tanh(), nn.Linear(6, K))


def both(make):
    """What runs, with its optimizer, and for the reference backbone, heads, rates, masses A and B."""
    model, optimizer = wrap(build(lambda: MLP((5, 7, D), nn.Tanh), 0).double(), make, INTERVAL, N)
    heads = [make().double() for _ in range(N)]
    for j, head in enumerate(heads):
        head.load_state_dict({name: value[j] for name, value in model.heads.stack.state_dict().items()})
    theta = model.switch.theta
    masses = [torch.full((N,), mass / N, dtype=torch.float64) for mass in (theta, 1 - theta)]
    rates = list(model.unit_rates.values()), reference.head_rates(INTERVAL, N)
    return (model, optimizer), (copy.deepcopy(model.backbone), heads, rates, masses)


def batches(steps):
    rng = torch.Generator().manual_seed(1)
    rule = torch.randn(5, K, generator=rng, dtype=torch.float64)
    for _ in range(steps):
        x = torch.randn(6, 5, generator=rng, dtype=torch.float64)
        yield x, (x @ rule).argmax(1)


@pytest.mark.parametrize("make", [linear, deep, lambda: nn.Linear(D, K, bias=False)])
def test_a_hundred_steps_are_the_reference_s(make):
    (model, optimizer), (backbone, heads, rates, (A, B)) = both(make)
    before = copy.deepcopy(backbone)
    for t, (x, y) in enumerate(batches(100), start=1):
        expected = -reference.predict(backbone, heads, A + B, x)[range(len(y)), y].log().mean()
        torch.testing.assert_close(model(x).exp(), reference.predict(backbone, heads, A + B, x), **CLOSE)
        said = reference.training_step(backbone, heads, rates, A + B, (x, y))
        A, B = reference.switch_update(A, B, t, said.exp(), model.switch.theta)
        torch.testing.assert_close(model.training_step(x, y, optimizer), expected.detach(), **CLOSE)
        torch.testing.assert_close(model.switch.weights, A + B, **CLOSE)
    torch.testing.assert_close(model.backbone.state_dict(), backbone.state_dict(), **CLOSE)
    for name, p in model.heads.stack.named_parameters():
        torch.testing.assert_close(p, torch.stack([h.get_parameter(name) for h in heads]), **CLOSE)
    before, after = (nn.utils.parameters_to_vector(net.parameters()) for net in (before, backbone))
    assert (after - before).abs().max() > 0.1  # there was something to compare


@pytest.mark.parametrize("interval", [(1e-5, 10.0), (1e-3, 1e2)])
def test_rates_are_the_reference_s(interval):
    ours, theirs = (torch.Generator().manual_seed(3) for _ in range(2))
    torch.testing.assert_close(
        LogUniform(*interval).sample((50,), ours), reference.sample_rates(interval, 50, theirs), **CLOSE
    )
    torch.testing.assert_close(LogUniform(*interval).grid(10), reference.head_rates(interval, 10), **CLOSE)


@pytest.mark.parametrize(("n", "theta"), [(2, 1e-6), (2, 0.5), (10, 0.999), (10, 0.9999), (3, 1 - 1e-9)])
def test_switch_is_the_reference_s(n, theta):
    outcomes = 0.3 * torch.randn(300, n, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    switch = Switch(n, theta).double()
    A, B = (torch.full((n,), mass / n, dtype=torch.float64) for mass in (theta, 1 - theta))
    for t, outcome in enumerate(outcomes, start=1):
        switch.update(outcome)
        A, B = reference.switch_update(A, B, t, outcome.exp(), theta)
        torch.testing.assert_close(switch.log_mass.exp(), torch.stack([A, B]), rtol=1e-11, atol=1e-15)
