"""The metrics of gradients: closed forms, naive loops, and a network that is left as it was."""

import itertools

import pytest
import torch
from torch import nn

from startright.data import Split
from startright.papers.dropout import reference
from startright.papers.dropout.layers import Dropout
from startright.papers.dropout.metrics import (
    batch_gradients,
    direction_error,
    direction_variance,
    flat_parameters,
    model_distance,
    whole_gradient,
)
from startright.training import cross_entropy

RNG = torch.Generator().manual_seed(0)


def half(a, b):
    return (1 - float(a @ b / (a.norm() * b.norm()))) / 2


def test_one_sum_is_the_loop_over_pairs_and_the_reference():
    g, whole = (torch.randn(*shape, generator=RNG, dtype=torch.float64) for shape in ((7, 11), (11,)))
    pairs = [half(a, b) for a, b in itertools.combinations(g, 2)]
    errors = [half(a, whole) for a in g]
    gdv, gde = float(direction_variance(g)), float(direction_error(g, whole))
    assert gdv == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)
    assert gde == pytest.approx(sum(errors) / len(errors), abs=1e-12)
    assert reference.metrics(g, whole) == pytest.approx((gdv, gde), abs=1e-12)


@pytest.mark.parametrize("sigma", [0.01, 0.05, 0.2])
def test_noise_around_one_direction_has_its_closed_forms(sigma):
    dimension, n = 2000, 400
    mu = torch.randn(dimension, generator=RNG, dtype=torch.float64)
    mu = mu / mu.norm()
    g = mu + sigma * torch.randn(n, dimension, generator=RNG, dtype=torch.float64)
    size = 1 + sigma**2 * dimension
    assert float(direction_variance(g)) == pytest.approx((1 - 1 / size) / 2, abs=0.01)
    assert float(direction_error(g, mu)) == pytest.approx((1 - size**-0.5) / 2, abs=0.01)


def test_the_ends_of_the_scales():
    one = torch.ones(3, 4)
    assert float(direction_variance(one)) == pytest.approx(0, abs=1e-12)
    assert float(direction_variance(torch.eye(5))) == pytest.approx(0.5)
    assert float(direction_variance(torch.tensor([[1.0, 0], [-3.0, 0]]))) == pytest.approx(1)
    assert float(direction_error(one, -torch.ones(4))) == pytest.approx(1)


def net_and_data():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), Dropout(0.4), nn.Linear(8, 3))
    return net, Split(torch.randn(30, 5), torch.arange(30) % 3)


def test_gradients_are_those_of_autograd_with_the_noise_of_the_seed():
    net, data = net_and_data()
    index = torch.arange(10)
    found = batch_gradients(net, data, [index, index], seed=3)
    assert not torch.equal(found[0], found[1])  # the noise differs
    torch.manual_seed(3)
    net.train()
    cross_entropy(net(data.x[index]), data.y[index]).mean().backward()
    torch.testing.assert_close(found[0], torch.cat([p.grad.flatten() for p in net.parameters()]))


def test_the_whole_gradient_is_without_noise_whatever_the_chunk():
    net, data = net_and_data()
    found = whole_gradient(net.train(), data, chunk=7)
    net.eval()
    cross_entropy(net(data.x), data.y).mean().backward()
    torch.testing.assert_close(found, torch.cat([p.grad.flatten() for p in net.parameters()]))


def test_measuring_leaves_everything_as_it_was():
    net, data = net_and_data()
    net.train()
    net[1].eval()
    before = {name: t.clone() for name, t in net.state_dict().items()}
    stream = torch.get_rng_state()
    batch_gradients(net, data, [torch.arange(10)] * 2, seed=0)
    whole_gradient(net, data)
    assert torch.equal(stream, torch.get_rng_state())
    assert all(torch.equal(before[name], t) for name, t in net.state_dict().items())
    assert [module.training for module in net] == [True, False, True, True, True]
    assert all(p.grad is None for p in net.parameters())


def test_the_distance():
    net, _ = net_and_data()
    start = flat_parameters(net)
    with torch.no_grad():
        net[0].weight[0, 0] += 3
        net[4].bias[1] -= 4
    assert model_distance(net, start) == pytest.approx(5, rel=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: direction_variance(torch.ones(1, 3)), "two gradients or more"),
        (lambda: direction_variance(torch.tensor([[0.0, 0], [1, 0]])), "has no direction"),
        (lambda: direction_error(torch.ones(2, 3), torch.ones(2)), "expected"),
        (lambda: direction_error(torch.ones(2, 3), torch.full((3,), torch.nan)), "has no direction"),
    ],
)
def test_what_has_no_direction_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
