"""Layers by themselves against the general way, which forms the Jacobian."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations

from startright.models import LeNet
from startright.papers.gauss_newton import layers as module
from startright.papers.gauss_newton.linearised import Linearised
from startright.papers.gauss_newton.optim import GaussNewton


def normal(*shape, seed=1):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def drawn(net):
    with torch.no_grad():
        for k, p in enumerate(net.double().parameters()):
            p.copy_(0.7 * normal(*p.shape, seed=10 + k))
    return net


def conv(**options):
    first = {"in_channels": 4, "out_channels": 6, "kernel_size": 3} | options
    return lambda: (nn.Sequential(nn.Conv2d(**first), nn.SiLU(), nn.Flatten(), nn.LazyLinear(2)), (4, 7, 6))


def signal(**options):
    first = {"in_channels": 4, "out_channels": 6, "kernel_size": 3} | options
    return lambda: (nn.Sequential(nn.Conv1d(**first), nn.Tanh(), nn.Flatten(), nn.LazyLinear(2)), (4, 9))


class Written(nn.Module):
    """A forward pass written down on two layers of one shape."""

    def __init__(self, forward):
        super().__init__()
        self.a, self.b, self.out, self.free = (
            nn.Linear(5, 5),
            nn.Linear(5, 5),
            nn.Linear(5, 3),
            nn.Parameter(torch.ones(5)),
        )
        self.written = forward

    def forward(self, x):
        return self.written(self, x)


def written(forward, shape=(5,)):
    return lambda: (Written(forward), shape)


def frozen(*names):
    def make():
        net = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
        for name in names:
            net.get_parameter(name).requires_grad_(False)
        return net, (5,)

    return make


def tied():
    net = nn.Sequential(nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 5), nn.Tanh(), nn.Linear(5, 3))
    net[2].weight = net[0].weight
    return net, (5,)


ALL = {"0", "3"}
# name: (network and the shape of an example, names of the layers that are taken by themselves)
NETS = {
    "linear": (lambda: (nn.Linear(5, 3), (5,)), {""}),
    "no bias": (
        lambda: (nn.Sequential(nn.Linear(5, 4, bias=False), nn.ReLU(), nn.Linear(4, 1)), (5,)),
        {"0", "2"},
    ),
    "in place": (
        lambda: (nn.Sequential(nn.Linear(5, 4), nn.ReLU(inplace=True), nn.Linear(4, 3)), (5,)),
        {"0", "2"},
    ),
    "many places": (
        lambda: (nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Flatten(), nn.Linear(12, 2)), (3, 5)),
        ALL,
    ),
    "convolution": (conv(), ALL),
    "stride": (conv(stride=(2, 1)), ALL),
    "padding": (conv(padding=(2, 1)), ALL),
    "padding the same": (conv(kernel_size=(2, 3), padding="same"), ALL),
    "reflected": (conv(padding=1, padding_mode="reflect"), ALL),
    "around": (conv(padding=(0, 2), padding_mode="circular"), ALL),
    "dilation": (conv(dilation=(1, 2)), ALL),
    "groups": (conv(groups=2), ALL),
    "a group a channel": (conv(groups=4, out_channels=8), ALL),
    "all at once": (conv(groups=2, stride=(1, 2), padding=(1, 2), dilation=2, bias=False), ALL),
    "one place": (conv(kernel_size=(7, 6)), ALL),
    "signal": (signal(groups=2, stride=2, padding=1), ALL),
    "LeNet": (
        lambda: (LeNet(image_size=14), (1, 14, 14)),
        {"features.0", "features.3", *(f"classifier.{k}" for k in (0, 2, 4))},
    ),
    "frozen bias": (frozen("0.bias"), {"0", "2"}),
    "frozen weight": (frozen("0.weight"), {"0", "2"}),
    "frozen layer": (frozen("0.weight", "0.bias"), {"2"}),
    "tied weights": (tied, {"4"}),
    "a layer twice": (written(lambda n, x: n.out(n.a(n.a(x).tanh()))), {"out"}),
    "a layer of no use": (written(lambda n, x: n.out(n.a(x))), {"a", "out"}),
    "a layer beside": (written(lambda n, x: (n.b(x), n.out(n.a(x)))[1]), {"a", "b", "out"}),
    "a parameter of the network": (written(lambda n, x: n.out(n.a(x) * n.free)), {"a", "out"}),
    "a weight elsewhere": (written(lambda n, x: n.out(n.a(x) + x @ n.a.weight)), set()),
    "a bias elsewhere": (written(lambda n, x: n.out(n.a(x)) + n.a.bias[:3]), set()),
    "a weight by itself": (written(lambda n, x: n.out(F.linear(x, n.a.weight).tanh())), {"out"}),
    "axes exchanged": (
        written(lambda n, x: n.out(n.a(x.transpose(0, 1)).transpose(0, 1).tanh().mean(1)), (4, 5)),
        {"out"},
    ),
    "normalised": (
        lambda: (nn.Sequential(nn.Linear(5, 4), nn.LayerNorm(4), nn.Linear(4, 3)), (5,)),
        {"0", "2"},
    ),
    "weight norm": (
        lambda: (nn.Sequential(parametrizations.weight_norm(nn.Linear(5, 4)), nn.Linear(4, 3)), (5,)),
        {"1"},
    ),
    "transposed": (
        lambda: (
            nn.Sequential(nn.ConvTranspose2d(2, 3, 2), nn.Tanh(), nn.Flatten(), nn.Linear(48, 2)),
            (2, 3, 3),
        ),
        {"3"},
    ),
    "three axes": (
        lambda: (nn.Sequential(nn.Conv3d(1, 2, 2), nn.Tanh(), nn.Flatten(), nn.Linear(16, 2)), (1, 3, 3, 3)),
        {"3"},
    ),
}


def made(name, n=5):
    make, alone = NETS[name]
    net, shape = make()
    x = normal(n, *shape)
    net.double()(x)  # lazy layers get their shape
    return drawn(net), x, alone


@pytest.mark.parametrize("chunk_size", [None, 2])
@pytest.mark.parametrize("name", NETS)
def test_layers_by_themselves_give_the_kernel_of_the_jacobian(name, chunk_size):
    net, x, alone = made(name)
    general = Linearised(net, x, by_layers=False)
    expected = general.kernel()
    found = Linearised(net, x, chunk_size)
    kernel = found.kernel()
    assert set(found.layers) == alone
    scale = expected.abs().max()
    torch.testing.assert_close(kernel / scale, expected / scale, rtol=0, atol=1e-12)
    assert torch.equal(kernel, kernel.mT)
    torch.testing.assert_close(found.outputs, general.outputs, rtol=1e-12, atol=1e-12)
    z = normal(len(kernel), seed=3)
    ours, theirs = found.pullback(z), Linearised(net, x, 2, by_layers=False).pullback(z)
    assert list(ours) == list(theirs) == [k for k, p in net.named_parameters() if p.requires_grad]
    for k, expected in theirs.items():
        torch.testing.assert_close(ours[k], expected, rtol=1e-12, atol=1e-12 * float(expected.abs().max()))


@pytest.mark.parametrize("hessian", ["identity", "loss"])
@pytest.mark.parametrize("adaptive", [False, True])
def test_steps_are_those_of_the_general_way(hessian, adaptive, monkeypatch):
    ends = []
    for by_layers in (True, False):
        net, x, _ = made("LeNet", 6)
        optimizer = GaussNewton(net, "cross_entropy", 0.2, hessian=hessian, floor=0.01, adaptive=adaptive)
        if not by_layers:
            monkeypatch.setattr(
                "startright.papers.gauss_newton.linearised.layers_alone", lambda model, x: ({}, 0)
            )
        for _ in range(3):
            optimizer.step(lambda x=x: (x, torch.arange(6) % 10))
        ends.append(torch.cat([p.detach().flatten() for p in net.parameters()]))
    torch.testing.assert_close(*ends, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("chunk_size", [None, 4])
def test_a_pass_that_differs_from_the_first_takes_the_general_way(chunk_size):
    """The first two examples do not tell that the network takes three at a time."""
    net = drawn(Written(lambda n, x: n.out(torch.cat([n.a(part) for part in x.split(3)]).tanh())))
    found = Linearised(net, normal(5, 5), chunk_size)
    expected = Linearised(net, normal(5, 5), by_layers=False).kernel()
    torch.testing.assert_close(found.kernel(), expected, rtol=1e-12, atol=1e-12)
    assert found.layers == {}


def test_hooks_are_gone_afterwards_and_the_network_is_as_it_was():
    net, x, _ = made("convolution")
    net[0].register_forward_hook(lambda layer, args, output: output * 2)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    found, expected = Linearised(net, x), Linearised(net, x, by_layers=False).kernel()
    torch.testing.assert_close(found.kernel(), expected, rtol=1e-12, atol=1e-12)
    assert set(found.layers) == {"0", "3"}
    assert [len(part._forward_hooks) for part in net] == [1, 0, 0, 0]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert all(p.grad is None and p.requires_grad for p in net.parameters())


def test_a_wrong_part_is_noticed(monkeypatch):
    net, x, _ = made("convolution")
    expected = Linearised(net, x, by_layers=False).kernel()
    right = module._parts
    monkeypatch.setattr(module, "_parts", lambda *args: right(*args[:2], 1.001 * args[2], args[3]))
    found = Linearised(net, x)
    assert found.layers == {}
    torch.testing.assert_close(found.kernel(), expected, rtol=1e-12, atol=1e-12)


def test_a_chunk_holds_factors_not_jacobians(monkeypatch):
    net, x = drawn(nn.Linear(100, 50)), normal(30, 100)
    monkeypatch.setattr("startright.papers.gauss_newton.linearised.CHUNK_NUMBERS", 30 * (50 * 50 + 100))
    assert len(x) == Linearised(net, x)._chunk  # its Jacobian is forty times as large
