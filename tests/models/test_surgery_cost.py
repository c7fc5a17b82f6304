"""Parameters and multiplications, against closed forms."""

import pytest
import torch
from torch import nn

from startright.models import LeNet
from startright.models.surgery import chain, remove_
from startright.models.surgery_cost import cost


def lenet(a, b, c, d):
    """Multiplications of LeNet with these widths."""
    return 28 * 28 * 25 * a + 100 * 25 * a * b + 25 * b * c + c * d + 10 * d


def test_lenet_before_and_after():
    net, x = LeNet(), torch.randn(3, 1, 28, 28)
    assert cost(net, x) == (61706, lenet(6, 16, 120, 84))
    masks = {name: torch.arange(site.units) % 2 == 0 for name, site in chain(net, x).sites.items()}
    remove_(net, masks, example=x)
    assert cost(net, x).macs == lenet(3, 8, 60, 42)


def test_grouped_strided_and_shared():
    net = nn.Sequential(nn.Conv2d(4, 8, 3, 2, groups=4), nn.Flatten(), nn.Linear(8, 8, bias=False))
    net.append(net[2])
    assert cost(net, {"input": torch.randn(5, 4, 3, 3)}) == (8 * 9 + 8 + 64, 8 * 9 + 2 * 64)


def test_the_network_is_left_as_it_was():
    net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    cost(net, torch.randn(4, 2))
    assert net.training
    assert net[1].num_batches_tracked == 0


@pytest.mark.parametrize("example", [torch.zeros(0, 4), None, "x", torch.zeros(())])
def test_an_example_without_examples_is_refused(example):
    with pytest.raises(ValueError, match="has no tensor, or is empty"):
        cost(nn.Linear(4, 2), example)
