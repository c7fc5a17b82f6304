import pytest
import torch

from startright.models import SENet18
from startright.models.senet import PreActivationBlock, SqueezeExcite


def test_interface(check_net):
    check_net(SENet18)


def test_numbers_of_parameters_and_units(sizes, on_meta):
    parameters, filters, channels = sizes(on_meta(SENet18, None))
    assert parameters == 11_255_224
    assert filters + 2 * channels == 13_752  # rates
    assert sizes(on_meta(SENet18, 10))[0] == 11_255_224 + 10 * 513 == 11_260_354


@pytest.mark.parametrize("width", [0.25, 3])
def test_width_multiplies_every_channel(width, sizes, on_meta):
    whole, net = on_meta(SENet18, None), on_meta(SENet18, None, width)
    assert sizes(net)[1:] == tuple(n * width for n in sizes(whole)[1:])
    assert net.n_features == 512 * width


def test_channels_are_weighted_image_by_image():
    torch.manual_seed(0)
    module, x = SqueezeExcite(4, 2), torch.randn(3, 4, 5, 5)
    _, squeeze, _, excite, _ = module.weights
    means = x.mean((2, 3))
    hidden = (means @ squeeze.weight[..., 0, 0].T + squeeze.bias).relu()
    weights = (hidden @ excite.weight[..., 0, 0].T + excite.bias).sigmoid()
    torch.testing.assert_close(module(x), x * weights[:, :, None, None])


@pytest.mark.parametrize(
    ("n", "m", "stride", "plain"), [(16, 16, 1, True), (16, 32, 2, False), (16, 32, 1, False)]
)
def test_shortcuts(n, m, stride, plain):
    torch.manual_seed(0)
    block, x = PreActivationBlock(n, m, stride).eval(), torch.randn(2, n, 8, 8)
    assert (block.shortcut is None) == plain
    active = block.activate(x)
    assert active.min() == 0
    skipped = x if plain else block.shortcut(active)
    torch.testing.assert_close(block(x), block.residual(active) + skipped)
    assert block(x).shape == (2, m, 8 // stride, 8 // stride)
