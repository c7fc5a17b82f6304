"""What the page of the functions prints runs as it is printed."""

import torch


def test_a_surface(page):
    (names,) = page["A loss surface"]
    assert names["surface"].losses.shape == (5, 5)


def test_a_network_that_starts_linear(page):
    (names,) = page["A network that starts linear"]
    x = torch.randn(3, 16)
    torch.testing.assert_close(names["net"](-x), -names["net"](x))


def test_a_convolution_and_a_slope(page):
    (names,) = page["Convolutions that keep every norm, and a slope for the depth"]
    x = torch.randn(1, 8, 5, 5)
    torch.testing.assert_close(names["layer"](x).norm(), x.norm())
    assert 0.4 < names["activation"].negative_slope < 0.5
