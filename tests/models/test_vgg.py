import pytest
from torch import nn

from startright.models import VGG19


def test_interface(check_net):
    check_net(VGG19)


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
