import pytest
import torch
from torch import nn

from startright.models import GoogLeNet
from startright.models.googlenet import Inception


def test_interface(check_net):
    check_net(GoogLeNet)


def test_numbers_of_parameters_and_units(sizes, on_meta):
    net = on_meta(GoogLeNet, None)
    parameters, filters, channels = sizes(net)
    assert (parameters, filters, channels) == (6_156_000, 7904, 7904)
    assert filters + 2 * channels == 23_712  # rates
    assert sizes(on_meta(GoogLeNet, 10))[0] == 6_156_000 + 10 * 1025 == 6_166_250


@pytest.mark.parametrize("width", [0.125, 3])
def test_width_multiplies_every_channel(width, sizes, on_meta):
    net = on_meta(GoogLeNet, None, width)
    assert sizes(net)[1:] == (7904 * width,) * 2
    assert net.n_features == 1024 * width


def test_channels_after_each_module(on_meta):
    modules = [part for part in on_meta(GoogLeNet, None).features if isinstance(part, Inception)]
    assert [part.n_channels for part in modules] == [256, 480, 512, 512, 512, 528, 832, 832, 1024]


def test_branches_are_joined_and_keep_the_size():
    torch.manual_seed(0)
    module, x = Inception(5, 2, (3, 4), (1, 3), 6).eval(), torch.randn(2, 5, 9, 9)
    y = module(x)
    assert y.shape == (2, 2 + 4 + 3 + 6, 9, 9)
    one, three, five, pooled = module.branches
    torch.testing.assert_close(y, torch.cat([one(x), three(x), five(x), pooled(x)], 1))
    sides = [[c.kernel_size[0] for c in b if isinstance(c, nn.Conv2d)] for b in module.branches]
    assert sides == [[1], [1, 3], [1, 3, 3], [1]]
    assert isinstance(pooled[0], nn.MaxPool2d)


def test_maps_are_halved_twice():
    net, sides = GoogLeNet(None, 0.03), []
    for part in net.features:
        part.register_forward_hook(lambda part, args, y: sides.append(y.shape[-1]))
    net(torch.zeros(1, 3, 32, 32).repeat(2, 1, 1, 1))
    assert sides == [32] * 5 + [16] * 6 + [8] * 3 + [1]
