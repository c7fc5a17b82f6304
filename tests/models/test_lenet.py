import pytest
import torch
from torch import nn

from startright.models import LeNet


def test_number_of_parameters():
    layers = {
        "first maps": 6 * (5 * 5 + 1),
        "second maps": 16 * (6 * 5 * 5 + 1),
        "120 units": 120 * (16 * 5 * 5 + 1),
        "84 units": 84 * (120 + 1),
        "outputs": 10 * (84 + 1),
    }
    assert sum(p.numel() for p in LeNet().parameters()) == sum(layers.values()) == 61706


@pytest.mark.parametrize(("channels", "size", "classes"), [(1, 28, 10), (3, 32, 10), (1, 12, 2), (2, 13, 3)])
def test_shapes(channels, size, classes):
    model = LeNet(channels, classes, nn.ReLU, size)
    assert model(torch.zeros(2, channels, size, size)).shape == (2, classes)
    assert sum(isinstance(module, nn.ReLU) for module in model.modules()) == 4


def test_image_too_small():
    with pytest.raises(ValueError, match="at least 12 pixels, got 11"):
        LeNet(image_size=11)


def test_image_of_another_shape():
    with pytest.raises(ValueError, match=r"takes images of \(1, 28, 28\), got \(3, 32, 32\)"):
        LeNet()(torch.zeros(2, 3, 32, 32))
