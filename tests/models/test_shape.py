import pytest
from torch import nn

from startright.models.shape import conv_norm, scaled


@pytest.mark.parametrize(
    ("channels", "width", "expected"), [(5, 0.5, 2), (7, 0.5, 4), (3, 0.1, 1), (64, 3, 192)]
)
def test_widths_round_to_the_nearest(channels, width, expected):
    assert scaled(channels, width) == expected  # halves to the even


@pytest.mark.parametrize("relu", [True, False])
def test_normalised_convolution(relu):
    conv, norm, *rest = conv_norm(4, 6, 3, relu=relu, stride=2, bias=False)
    assert (conv.in_channels, conv.out_channels, conv.stride, conv.padding) == (4, 6, (2, 2), (1, 1))
    assert conv.bias is None
    assert norm.num_features == 6
    assert [type(part) for part in rest] == [nn.ReLU] * relu
