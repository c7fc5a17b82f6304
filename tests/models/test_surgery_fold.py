"""The constant of a unit goes into the biases of the layers that took it, or it is said why it cannot."""

import copy

import pytest
import torch
from torch import nn

from startright.models.surgery import remove_

KEEP = torch.tensor([False, True, True])


def net_of(*rest, norm=False, bias=0.7):
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 3, 3), *([nn.BatchNorm2d(3)] if norm else []), nn.ReLU(), *rest]
    net = nn.Sequential(*layers).double()
    net[0].weight.data[0] = 0
    net[0].bias.data[0] = bias
    for part in net:
        if getattr(part, "groups", 1) > 1:
            part.weight.data.fill_(0.1)  # what comes in gets through the next rectifier
    return net


NETS = {
    "flattened": lambda: net_of(nn.Flatten(), nn.Linear(48, 2)),
    "pooled": lambda: net_of(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2)),
    "convolved": lambda: net_of(nn.Conv2d(3, 2, 3), nn.Flatten()),
    "padded otherwise": lambda: net_of(nn.Conv2d(3, 2, 3, padding=1, padding_mode="replicate"), nn.Flatten()),
    "normalised": lambda: net_of(nn.Conv2d(3, 2, 3), nn.Flatten(), norm=True),
    "each position its own": lambda: net_of(
        nn.Conv2d(3, 3, 3, padding=1, groups=3), nn.Flatten(), nn.Linear(48, 2)
    ),
    "depthwise": lambda: net_of(nn.Conv2d(3, 3, 3, groups=3), nn.ReLU(), nn.Conv2d(3, 2, 1), nn.Flatten()),
}


@pytest.mark.parametrize("name", NETS)
def test_a_constant_is_folded_exactly(name):
    net, x = NETS[name]().eval(), torch.randn(4, 1, 6, 6, dtype=torch.float64)
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_(), part.running_var.uniform_(1, 2), part.bias.data.fill_(0.6)
    plain, before, others = copy.deepcopy(net), net(x), torch.randn(4, 1, 6, 6, dtype=torch.float64)
    expected = net(others)
    done = remove_(net, {"0": KEEP}, example=x, fold=True)
    assert done.exact
    assert done.folded == {"0": (0,)}
    assert done.difference < 1e-14
    torch.testing.assert_close(net(x), before, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(net(others), expected, rtol=1e-12, atol=1e-13)
    lost = remove_(plain, {"0": KEEP}, example=x)
    assert not lost.exact
    assert lost.folded == {}
    assert lost.difference > 1e-3


def test_a_scale_of_zero_makes_a_constant():
    net, x = (
        net_of(nn.Flatten(), nn.Linear(48, 2), norm=True).eval(),
        torch.randn(4, 1, 6, 6, dtype=torch.float64),
    )
    net[0].weight.data.normal_()
    net[1].weight.data[0], net[1].bias.data[0] = 0, 0.4
    before = net(x)
    done = remove_(net, {"0": KEEP}, example=x, fold=True)
    assert done.exact
    assert done.folded == {"0": (0,)}
    torch.testing.assert_close(net(x), before, rtol=1e-12, atol=1e-13)


def test_a_unit_that_varies_is_not_folded():
    net, x = net_of(nn.Flatten(), nn.Linear(48, 2)), torch.randn(4, 1, 6, 6, dtype=torch.float64)
    done = remove_(net, {"0": torch.tensor([False, False, True])}, example=x, fold=True)
    assert done.folded == {"0": (0,)}
    assert not done.exact


def test_a_unit_that_is_silent_on_the_example_alone_is_not_called_constant():
    net = nn.Sequential(nn.Linear(1, 3), nn.ReLU(), nn.Linear(3, 1)).double()
    net[0].weight.data.fill_(1.0), net[0].bias.data.zero_()
    done = remove_(net, {"0": KEEP}, example=-torch.ones(3, 1, dtype=torch.float64), fold=True)
    assert done.difference == 0
    assert not done.exact
    assert done.folded == {}


def test_a_dead_unit_is_exact_if_asked():
    net, x = net_of(nn.Conv2d(3, 2, 3, padding=1), nn.Flatten(), bias=-1.0), torch.randn(4, 1, 6, 6).double()
    before = net(x)
    assert remove_(net, {"0": KEEP}, example=x, fold=True).exact
    torch.testing.assert_close(net(x), before, rtol=1e-12, atol=1e-13)


REFUSED = {
    "padded": (lambda: net_of(nn.Conv2d(3, 2, 3, padding=1)), "pads them with zeros"),
    "without a bias": (lambda: net_of(nn.Flatten(), nn.Linear(48, 2, bias=False)), "'3' has no bias to take"),
    "padded depthwise": (
        lambda: net_of(nn.Conv2d(3, 3, 3, padding=1, groups=3), nn.Conv2d(3, 2, 1)),
        "still vary where '3' takes them",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_constant_that_no_bias_can_hold_is_refused(name):
    net, words = REFUSED[name][0](), REFUSED[name][1]
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(ValueError, match=words):
        remove_(net, {"0": KEEP}, example=torch.randn(4, 1, 6, 6, dtype=torch.float64), fold=True)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())
    assert not remove_(net, {"0": KEEP}, example=torch.randn(4, 1, 6, 6, dtype=torch.float64)).exact


def test_biases_are_put_back_after_a_surprise():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(3, 2)

        def forward(self, x):
            h = self.a(x).relu()
            return self.b(h / h.shape[1])

    net = Odd()
    net.a.weight.data[0], net.a.bias.data[0] = 0, 1
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(RuntimeError, match="left as it was"):
        remove_(net, {"a": KEEP}, example=torch.randn(5, 4), fold=True)
    assert all(torch.equal(value, before[key]) for key, value in net.state_dict().items())


def zero_of(entry):
    """A network of which one unit has this one weight 0, and varies."""
    net = net_of(nn.Flatten(), nn.Linear(48, 2))
    net[0].weight.data[0] = 1
    net[0].weight.data[0].view(-1)[entry] = 0
    return net


def test_a_unit_with_one_zero_weight_is_not_constant():
    done = remove_(zero_of(0), {"0": KEEP}, example=torch.randn(4, 1, 6, 6, dtype=torch.float64), fold=True)
    assert done.folded == {}


def test_a_unit_of_which_one_position_has_a_scale_of_zero_is_not_constant():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv1d(1, 3, 1), nn.Flatten(), nn.BatchNorm1d(12), nn.Linear(12, 2)).double()
    net[2].weight.data[0] = 0
    done = remove_(net, {"0": KEEP}, example=torch.randn(4, 1, 4, dtype=torch.float64), fold=True)
    assert done.folded == {}


def test_a_depthwise_filter_of_zeros_makes_a_constant():
    net = net_of(nn.Conv2d(3, 3, 3, groups=3), nn.Flatten(), nn.Linear(12, 2))
    net[0].weight.data[0] = 1
    net[2].weight.data[0] = 0
    net[2].bias.data[0] = 0.5
    x = torch.randn(4, 1, 6, 6, dtype=torch.float64)
    before = net(x)
    done = remove_(net, {"0": KEEP}, example=x, fold=True)
    assert done.folded == {"0": (0,)}
    torch.testing.assert_close(net(x), before, rtol=1e-12, atol=1e-13)
