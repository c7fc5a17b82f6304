"""Damping that adapts: the source's rule, steps that never raise the loss, and the study that exploded."""

import copy
import math

import pytest
import torch
from torch import nn

from startright.data import load
from startright.papers.gauss_newton import GaussNewton
from startright.papers.gauss_newton.gain import Trust, predicted_fall
from startright.papers.gauss_newton.general import second_order, solve


@pytest.mark.parametrize(
    ("gain", "factor"), [(1.0, 1 / 3), (0.5, 1.0), (0.25, 1.125), (1e-9, 2.0), (3.0, 1 / 3), (0.75, 0.875)]
)
def test_the_rule_of_the_source(gain, factor):
    after = Trust(0.6, 8.0).after(gain)
    assert after.relative_floor == pytest.approx(0.6 * factor)
    assert after.growth == 2


@pytest.mark.parametrize("gain", [0.0, -1.0, math.nan, -math.inf])
def test_refusals_double_the_growth(gain):
    trust = Trust(1.0)
    for floor, growth in ((2, 4), (8, 8), (64, 16)):
        trust = trust.after(gain)
        assert (trust.relative_floor, trust.growth) == (floor, growth)


def digits():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 16), nn.Tanh(), nn.Linear(16, 10)).double()
    train = load("digits", n_train=200, flatten=True, dtype=torch.float64).train
    return net, [(train.x[k : k + 20], train.y[k : k + 20]) for k in range(0, 200, 20)]


def test_the_predicted_fall_is_that_of_a_quadratic_loss():
    """A linear network and the squared loss: the model is exact, the gain is 1."""
    net, x, y = nn.Linear(3, 2).double(), torch.randn(5, 3).double(), torch.randn(5, 2).double()
    found = second_order(net, x, y)
    z, *_ = solve(found.kernel, found.local)
    change = found.kernel @ z
    moved = (net(x) - y).detach() - 0.7 * change.view(5, 2)
    fall = found.local.value - moved.square().sum(1).mean() / 2
    assert predicted_fall(found.local, change, 0.7) == pytest.approx(fall.item(), rel=1e-10)
    optimizer = GaussNewton(net, lr=0.7, adaptive=True)
    optimizer.step(lambda: (x, y))
    assert optimizer.last["gain"].item() == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize("lr", [0.5, 1.0])
def test_long_steps_on_digits_no_longer_explode(lr):
    net, batches = digits()
    wild = copy.deepcopy(net)
    plain = GaussNewton(wild, "cross_entropy", lr, hessian="loss")
    assert max(plain.step(lambda b=b: b).item() for b in batches) > 1000
    optimizer = GaussNewton(net, "cross_entropy", lr, hessian="loss", adaptive=True)
    losses = []
    for batch in batches:
        losses.append(optimizer.step(lambda batch=batch: batch).item())
        after = nn.functional.cross_entropy(net(batch[0]), batch[1]).item()
        assert after < losses[-1]
        assert optimizer.last["gain"] > 0
    assert max(losses) < 4
    assert losses[-1] < losses[0]


def test_the_same_batch_is_learnt_to_the_end_and_then_nothing_moves():
    net, batches = digits()
    optimizer = GaussNewton(net, "cross_entropy", 1.0, hessian="loss", adaptive=True)
    losses = [optimizer.step(lambda: batches[0]).item() for _ in range(15)]
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 1e-3
    flat = nn.Linear(2, 1).double()
    x = torch.randn(3, 2).double()
    optimizer = GaussNewton(flat, adaptive=True)
    before = flat.weight.clone()
    optimizer.step(lambda: (x, flat(x).detach()))
    assert torch.equal(flat.weight, before)
    assert optimizer.last["gain"].isnan()


def test_trust_is_in_the_checkpoint():
    net, batches = digits()
    optimizer = GaussNewton(net, "cross_entropy", 1.0, hessian="loss", adaptive=True)
    for batch in batches[:3]:
        optimizer.step(lambda batch=batch: batch)
    assert optimizer.param_groups[0]["relative_floor"] != Trust().relative_floor
    other = copy.deepcopy(net)
    resumed = GaussNewton(other, "cross_entropy", 1.0, hessian="loss", adaptive=True)
    resumed.load_state_dict(optimizer.state_dict())
    for each in (optimizer, resumed):
        each.step(lambda: batches[3])
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), other.parameters(), strict=True))


def test_steps_beyond_1_are_refused():
    optimizer = GaussNewton(nn.Linear(2, 1), lr=1.5, adaptive=True)
    with pytest.raises(ValueError, match=r"lr must be between 0 and 1, got 1.5: beyond, no fall"):
        optimizer.step(lambda: (torch.randn(3, 2), torch.randn(3, 1)))
