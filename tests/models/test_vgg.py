import pytest
from torch import nn

from startright.models import VGG11, VGG19


@pytest.mark.parametrize("net", [VGG11, VGG19])
def test_interface(net, check_net):
    check_net(net)


def test_numbers_of_parameters_and_units(sizes, on_meta):
    assert sizes(on_meta(VGG19, None)) == (20_035_392, 5504, 5504)
    assert sizes(on_meta(VGG19, 10))[0] == 20_035_392 + 10 * 513 == 20_040_522


@pytest.mark.parametrize("width", [0.25, 3])
def test_width_multiplies_every_channel(width, sizes, on_meta):
    net = on_meta(VGG19, None, width)
    assert sizes(net)[1:] == (5504 * width,) * 2
    assert net.n_features == 512 * width


def test_layers():
    convs = [part for part in VGG19(None, 0.05).features if isinstance(part, nn.Conv2d)]
    pools = [part for part in VGG19(None, 0.05).features if isinstance(part, nn.MaxPool2d)]
    assert (len(convs), len(pools)) == (16, 5)
    assert all(conv.bias is not None and conv.kernel_size == (3, 3) for conv in convs)


def test_the_short_one_has_eight_convolutions_and_no_normalisation(sizes, on_meta):
    assert sizes(on_meta(VGG11, 10))[0] == 9_225_610
    parts = list(VGG11(None, 0.05).features)
    assert [type(part) for part in parts[:3]] == [nn.Conv2d, nn.ELU, nn.MaxPool2d]
    assert sum(isinstance(part, nn.Conv2d) for part in parts) == 8
    assert sum(isinstance(part, nn.MaxPool2d) for part in parts) == 5
    assert sum(isinstance(part, nn.Tanh) for part in VGG11(None, 0.05, activation=nn.Tanh).features) == 8
