import pytest
import torch
from torch import nn

from startright.models import CIFARResNet
from startright.papers.residual import CReLU, looks_linear_, reference
from startright.papers.residual.networks import CONVOLUTIONAL, DENSE, Branch, network


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def chain(*between, width=8):
    """A layer, CReLU and what stands between it and the next layer."""
    return nn.Sequential(nn.Linear(width, width), CReLU(), *between, nn.Linear(2 * width, width)).double()


def test_the_jacobian_is_orthogonal():
    parts = [part for _ in range(20) for part in (CReLU(), nn.Linear(16, 8))]
    net = looks_linear_(nn.Sequential(nn.Linear(8, 8), *parts).double(), torch.zeros(2, 8).double())
    x = torch.randn(8, dtype=torch.float64)
    jacobian = torch.func.jacrev(lambda v: net(v[None])[0])(x)
    torch.testing.assert_close(torch.linalg.svdvals(jacobian), torch.ones(8, dtype=torch.float64))


def test_a_layer_has_the_mirrored_weight_of_the_reference():
    net = nn.Sequential(CReLU(), nn.Linear(6, 3))
    looks_linear_(net, torch.zeros(1, 3), generator=rng())
    torch.testing.assert_close(net[1].weight.detach(), reference.looks_linear(3, 3, rng()))


def test_convolutions_and_pooling():
    net = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), CReLU(), nn.AvgPool2d(2), nn.Conv2d(8, 4, 3, padding=1), CReLU()
    )
    net = nn.Sequential(*net, nn.Flatten(), nn.Linear(8 * 16, 10)).double()
    looks_linear_(net, torch.zeros(2, 1, 8, 8).double())
    a, b = torch.randn(2, 1, 1, 8, 8, dtype=torch.float64)
    torch.testing.assert_close(net(2 * a - b), 2 * net(a) - net(b))


def test_it_learns_to_be_no_longer_linear():
    net = looks_linear_(chain(), torch.zeros(2, 8).double())
    x = torch.randn(64, 8, dtype=torch.float64)
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    for _ in range(20):
        optimizer.zero_grad()
        (net(x) - x.abs()).square().mean().backward()
        optimizer.step()
    assert float((net(-x) + net(x) - 2 * net(0 * x)).detach().abs().max()) > 0.1


@pytest.mark.parametrize(
    ("net", "words"),
    [
        (nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8)).double(), "has no CReLU"),
        (chain(nn.Tanh()), "Tanh"),
        (chain(nn.BatchNorm1d(16)), "BatchNorm1d"),
        (nn.Sequential(chain(), nn.ReLU()), "ReLU"),
        (nn.Sequential(CReLU(), CReLU(), nn.Linear(32, 8)).double(), "not linear"),
    ],
)
def test_what_does_not_become_linear_is_refused_and_left_as_it_was(net, words):
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(ValueError, match=words):
        looks_linear_(net, torch.zeros(4, 8).double())
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_a_layer_of_two_calls_is_refused():
    layer = nn.Linear(16, 8).double()
    with pytest.raises(ValueError, match="more than once"):
        looks_linear_(nn.Sequential(CReLU(), layer, CReLU(), layer), torch.zeros(1, 8).double())


def test_a_residual_network_of_relu_is_refused():
    with pytest.raises(ValueError, match="no CReLU"):
        looks_linear_(CIFARResNet(10, 0.25, 1, depth=8, side=8), torch.zeros(2, 1, 8, 8))


@pytest.mark.parametrize("name", [*DENSE, *CONVOLUTIONAL])
def test_networks_of_the_study(name):
    inputs = torch.randn(4, 1, 28, 28)
    net = network(name, inputs, depth=20, width=32, generator=rng())
    weights = [part.weight for part in net.modules() if isinstance(part, (nn.Linear, nn.Conv2d))]
    assert len(weights) == 20
    outputs = net(inputs)
    assert outputs.shape == (4, 10)
    assert 1e-3 < float(outputs.std()) < 1e2
    same = network(name, inputs, depth=20, width=32, generator=rng())
    assert all(torch.equal(a, b) for a, b in zip(net.parameters(), same.parameters(), strict=True))


def test_networks_refuse():
    with pytest.raises(ValueError, match="unknown network"):
        network("other", torch.zeros(1, 4), depth=5, width=8, generator=rng())
    with pytest.raises(ValueError, match="three layers"):
        network("relu", torch.zeros(1, 4), depth=2, width=8, generator=rng())


def test_a_branch():
    branch, x = Branch(4, 0.5), torch.randn(3, 4)
    torch.testing.assert_close(branch(x), x + 0.5 * branch.layer(x.relu()))
