import pytest
import torch
from torch import nn

from startright.models import MobileNetV2
from startright.models.mobilenet import InvertedResidual


def test_interface(check_net):
    check_net(MobileNetV2)


def test_numbers_of_parameters_and_units(sizes, on_meta):
    parameters, filters, channels = sizes(on_meta(MobileNetV2, None))
    assert parameters == 2_284_112
    assert filters == channels
    assert filters + 2 * channels == 52_632  # rates
    assert sizes(on_meta(MobileNetV2, 10))[0] == 2_284_112 + 10 * 1281 == 2_296_922


@pytest.mark.parametrize("width", [0.125, 3])
def test_width_multiplies_every_channel(width, sizes, on_meta):
    net = on_meta(MobileNetV2, None, width)
    assert sizes(net)[1:] == (17_544 * width,) * 2
    assert net.n_features == 1280 * width


@pytest.mark.parametrize(
    ("n", "m", "stride", "shortcut"),
    [(4, 4, 1, nn.Identity), (4, 6, 1, nn.Sequential), (4, 4, 2, type(None)), (4, 6, 2, type(None))],
)
def test_shortcuts(n, m, stride, shortcut):
    torch.manual_seed(0)
    block, x = InvertedResidual(n, m, 6, stride).eval(), torch.randn(2, n, 8, 8)
    assert isinstance(block.shortcut, shortcut)
    skipped = 0 if block.shortcut is None else block.shortcut(x)
    torch.testing.assert_close(block(x), block.residual(x) + skipped)
    assert block(x).shape == (2, m, 8 // stride, 8 // stride)
    assert block(x).min() < 0  # linear


def test_filters_see_one_channel_each():
    for block in [part for part in MobileNetV2(None, 0.1).features if isinstance(part, InvertedResidual)]:
        expand, depthwise, project = (part for part in block.residual if isinstance(part, nn.Conv2d))
        assert depthwise.groups == depthwise.in_channels == expand.out_channels
        assert not any(conv.bias is not None for conv in (expand, depthwise, project))
