"""ScaLP's rule, on networks with scaling layers: who goes, who stays, and what is told of it."""

import copy
import math

import pytest
import torch
from torch import nn

from startright.models import MLP, LeNet, SENet18
from startright.models.surgery import chain, remove_
from startright.papers.scalp.layers import ScaledConv2d, ScaledLinear
from startright.papers.scalp.place import fold_, scale_
from startright.papers.scalp.prune import Start, prune_, usefulness

X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


def scaled(widths=(4, 5, 3), scaling="1/k", **options):
    torch.manual_seed(0)
    return scale_(MLP(widths, **options), scaling, X, weights="redraw").layers


def close(values, expected):
    torch.testing.assert_close(values, expected.double(), rtol=1e-6, atol=0)


def test_the_rule_by_hand():
    net = scaled()
    w = net[2].weight * net[2].sigma * math.sqrt(2)
    found = usefulness(net, chain(net, X))
    close(found["0"], w.norm(dim=0) / 3)


def test_channels_count_all_that_they_feed():
    net = LeNet()
    found = usefulness(net, chain(net, torch.randn(2, 1, 28, 28)))
    kernels, columns = net.features[3].weight, net.classifier[0].weight.view(120, 16, 25)
    close(found["features.0"], kernels.square().sum((0, 2, 3)).sqrt() / (16 * 25))
    close(found["features.3"], columns.square().sum((0, 2)).sqrt() / (120 * 25))


def test_all_layers_that_take_a_unit_count():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = nn.Linear(4, 3), nn.Linear(3, 2), nn.Linear(3, 5)

        def forward(self, x):
            return self.b(h := self.a(x)), self.c(h)

    net = Two()
    expected = torch.cat([net.b.weight, net.c.weight]).norm(dim=0) / 7
    close(usefulness(net, chain(net, X))["a"], expected)


def test_small_ones_go_and_survivors_keep_their_scaling():
    net = scaled(batch_norm=True)
    values = usefulness(net, chain(net, X))["0"]
    epsilon = values.sort().values[2].item() * 1.0001
    mask = values >= epsilon
    old, sigma = copy.deepcopy(net.state_dict()), net[3].sigma.clone()
    done = prune_(net, epsilon=epsilon, example=X)
    assert done.survivors == {"0": tuple(mask.nonzero().flatten().tolist())}
    assert done.widths == {"0": (5, 2)}
    assert torch.equal(net[3].sigma, sigma[mask])
    assert torch.equal(net[3].weight, old["3.weight"][:, mask])
    assert torch.equal(net[0].weight, old["0.weight"][mask])
    assert torch.equal(net[0].sigma, old["0.sigma"])
    assert not done.exact
    assert [size.parameters for size in done.cost] == [5 * 5 + 10 + 18, 2 * 5 + 4 + 9]
    assert [size.macs for size in done.cost] == [20 + 15, 8 + 6]
    assert done.refused == {"3": "its units are outputs of the network"}


def test_exact_zeros_alone():
    net = scaled()
    net[2].weight.data[:, [1, 3]] = 0
    net[2].weight.data[:, 2] = 1e-15
    before = net(X)
    done = prune_(net, epsilon=0, example=X)
    assert done.survivors == {"0": (0, 2, 4)}
    assert done.exact
    assert done.difference == 0
    torch.testing.assert_close(net(X), before)
    assert not prune_(net, epsilon=1e-14, example=X).exact


def test_relative_to_the_start_and_numbered_as_then():
    net = scaled()
    start = Start.of(net, X)
    first = start.usefulness["0"].clone()
    net[2].weight.data[:, 1] *= 0.05
    net[2].weight.data[:, 3] *= 0.2
    assert prune_(net, epsilon=0.1, example=X, start=start).survivors == {"0": (0, 2, 3, 4)}
    assert torch.equal(start.usefulness["0"], first[[0, 2, 3, 4]])
    net[2].weight.data[:, 0] *= 0.05
    assert prune_(net, epsilon=0.1, example=X, start=start).survivors == {"0": (2, 3, 4)}
    assert prune_(net, epsilon=0.5, example=X, start=start).survivors == {"0": (2, 4)}
    with pytest.raises(ValueError, match="layer '0' has 5 neurons, in start 2"):
        prune_(scaled(), epsilon=0.1, example=X, start=start)


def test_the_number_is_the_present_one():
    net = scaled((4, 5, 4, 2))
    masks = {"2": torch.tensor([True, False, False, False])}
    remove_(net, masks, example=X)
    w = net[2].effective_weight().detach()
    close(usefulness(net, chain(net, X))["0"], w.abs()[0])


def test_a_collapsed_layer_keeps_its_strongest_neuron():
    net = scaled((4, 5, 4, 2))
    best = usefulness(net, chain(net, X))["0"].argmax().item()
    net[4].weight.data[:] = torch.eye(2).repeat(1, 2) * 1e3
    done = prune_(net, epsilon=10.0, example=X)
    assert done.collapsed == ("0",)
    assert done.survivors == {"0": (best,), "2": (0, 1, 2, 3)}
    net(X)


def test_convolutions_with_scaling():
    torch.manual_seed(0)
    x = torch.randn(2, 1, 28, 28)
    net = scale_(LeNet(activation=nn.ReLU), "1/(√k ln k)", x, weights="redraw")
    sigmas = {name: part.sigma.clone() for name, part in net.named_modules() if hasattr(part, "sigma")}
    masks = {name: torch.rand(site.units) < 0.5 for name, site in chain(net, x).sites.items()}
    plain = fold_(copy.deepcopy(net))
    remove_(net, masks, example=x), remove_(plain, masks, example=x)
    assert isinstance(net.features[3], ScaledConv2d)
    assert isinstance(net.classifier[0], ScaledLinear)
    assert torch.equal(net.features[3].sigma, sigmas["features.3"][masks["features.0"]])
    positions = masks["features.3"].repeat_interleave(25)
    assert torch.equal(net.classifier[0].sigma, sigmas["classifier.0"][positions])
    assert torch.equal(net.features[0].sigma, sigmas["features.0"])
    torch.testing.assert_close(net(x), plain(x), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(net(x.repeat(40, 1, 1, 1)), plain(x.repeat(40, 1, 1, 1)), rtol=1e-4, atol=1e-5)


def test_training_goes_on():
    net = scaled()
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9)
    for _ in range(3):
        optimizer.zero_grad()
        net(X).square().sum().backward()
        optimizer.step()
    net[2].weight.data[:, 0] = 0
    momentum = optimizer.state[net[2].weight]["momentum_buffer"].clone()
    prune_(net, optimizer, epsilon=0, example=X)
    assert torch.equal(optimizer.state[net[2].weight]["momentum_buffer"], momentum[:, 1:])
    loss = net(X).square().sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def test_a_constant_of_a_scaled_layer_is_folded():
    net = scaled().double()
    net[0].weight.data[1], net[0].bias.data[1] = 0, 2.0
    net[2].weight.data[:, 1] = 1e-6
    x = X.double()
    before = net(x)
    done = prune_(net, epsilon=1e-4, example=x, fold=True)
    assert done.exact
    assert done.survivors == {"0": (0, 2, 3, 4)}
    torch.testing.assert_close(net(x), before, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("epsilon", [-1.0, float("nan"), float("inf")])
def test_an_epsilon_that_is_none(epsilon):
    with pytest.raises(ValueError, match="ε must be at least 0 and finite, got"):
        prune_(scaled(), epsilon=epsilon, example=X)


def test_networks_without_a_layer_that_could_lose_neurons():
    with pytest.raises(ValueError, match="no layer of Linear can lose neurons: '': its units are outputs"):
        prune_(nn.Linear(4, 2), epsilon=0.1, example=X)


def test_skips_are_reported():
    done = prune_(SENet18(10, 0.1), epsilon=0, example=torch.randn(2, 3, 32, 32))
    assert "a gate" in done.refused["features.3.residual.3"]


def test_what_is_at_the_threshold_stays():
    net = scaled()
    start = Start.of(net, X)
    assert all(a == b for a, b in prune_(net, epsilon=1.0, example=X, start=start).widths.values())


def test_a_start_that_is_none():
    with pytest.raises(ValueError, match=r"made by Start\.of\(model, example\), got \{\}"):
        prune_(scaled(), epsilon=0.1, example=X, start={})


@pytest.mark.parametrize("make", [nn.Sequential, lambda: nn.LSTM(4, 4)])
def test_networks_without_any_layer(make):
    with pytest.raises(ValueError, match="it has no linear or convolutional layer"):
        prune_(make(), epsilon=0.1, example=torch.randn(2, 4))


@pytest.mark.parametrize(
    ("norm", "example"),
    [(True, torch.ones(1, 4)), (False, torch.ones(2, 5)), (False, torch.ones(2, 4).double()), (False, None)],
)
@pytest.mark.parametrize("call", [Start.of, lambda net, x: prune_(net, epsilon=9.0, example=x)])
def test_an_example_that_does_not_run_is_told_and_changes_nothing(call, norm, example):
    net = MLP((4, 5, 3), batch_norm=norm)
    before, shown = copy.deepcopy(net.state_dict()), repr(net)
    with pytest.raises(ValueError, match=r"MLP does not run on the example .* two examples or more"):
        call(net, example)
    assert repr(net) == shown
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
