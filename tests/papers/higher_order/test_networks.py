"""The networks have the paper's numbers of parameters and the authors' initialisation."""

import pytest
import torch
from torch import nn

from startright.papers.higher_order.networks import NETWORKS, AutoEncoder, fan_in_init, make_network, network
from startright.papers.higher_order.reduced import BACKENDS, grouped_derivatives
from startright.papers.higher_order.tasks import batch_loss, gradient, loss_of, parameters
from startright.seeds import generator

PUBLISHED = {
    "mlp": (1_029_950, 8),
    "lenet": (62_006, 10),
    "vgg11": (9_225_610, 18),
    "big-mlp": (23_099_402, 42),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_and_tensors_are_those_of_the_paper(name):
    with torch.device("meta"):
        params = list(network(name).make().parameters())
    assert (sum(p.numel() for p in params), len(params)) == PUBLISHED[name]


@pytest.mark.parametrize(("name", "shape"), [("lenet", (3, 32, 32)), ("digits-mlp", (64,))])
def test_networks_give_ten_outputs(name, shape):
    assert make_network(name, 0)(torch.zeros(2, *shape)).shape == (2, 10)


@pytest.mark.parametrize("sigma", [1.0, 2**0.5])
def test_weights_have_the_variance_of_the_fan_in_and_biases_are_zero(sigma):
    model = nn.Sequential(nn.Conv2d(8, 64, 5), nn.Linear(400, 300))
    fan_in_init(model, sigma, generator(0, "init"))
    for layer, fan_in in zip(model, (200, 400), strict=True):
        assert float(layer.weight.detach().var() * fan_in) == pytest.approx(sigma**2, rel=0.03)
        assert float(layer.weight.detach().mean().abs()) < 5 * sigma / layer.weight.numel() ** 0.5
        assert not layer.bias.any()


def test_the_seed_alone_decides_the_weights():
    a, b, c = (make_network("tiny", seed).layers[0].weight for seed in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="did you mean 'lenet'"):
        make_network("lenett", 0)
    with pytest.raises(ValueError, match="sigma_w must be positive, got 0"):
        fan_in_init(nn.Linear(2, 2), 0.0, generator(0, "init"))


def test_the_auto_encoder_returns_its_cross_entropy():
    net, x = AutoEncoder((6, 4, 2)), torch.rand(5, 6)
    p = net.net(x).sigmoid()
    by_hand = -(x * p.log() + (1 - x) * (1 - p).log()).mean(1, keepdim=True)
    assert torch.allclose(net(x), by_hand, atol=1e-6)


def test_every_network_can_be_made():
    for chosen in NETWORKS.values():
        with torch.device("meta"):
            assert len(list(chosen.make().parameters())) > 1


@pytest.mark.parametrize("name", ["tiny", "digits-encoder"])
def test_every_way_of_computing_derivatives_takes_the_network(name):
    model = make_network(name, 0).double()
    x = torch.rand(5, 4 if name == "tiny" else 64, dtype=torch.float64)
    loss = batch_loss(model, loss_of(name), x, torch.arange(5) % 3)
    at = parameters(model)
    u = gradient(loss, at)
    one, *others = (grouped_derivatives(loss, at, "canonical", u, backend=way) for way in BACKENDS)
    for other in others:
        for a, b in ((one.H, other.H), (one.d3, other.d3)):
            assert torch.allclose(a, b, rtol=1e-9, atol=1e-12 * float(a.abs().max()))
