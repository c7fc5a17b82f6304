import pytest
import torch
from torch import nn

from startright.models.init import init_gaussian_
from startright.models.layers import WEIGHTED, Layer, fan_in, layers


def test_layers_come_with_the_normalisation_that_follows():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2))
    assert layers(net) == [Layer("0", "1"), Layer("4", None)]


def test_a_normalisation_of_another_width_is_not_the_layers():
    assert layers(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(5))) == [Layer("0", None)]


@pytest.mark.parametrize("layer", [nn.Linear(6, 2), nn.Conv1d(3, 2, 2), nn.Conv2d(6, 2, 1)])
def test_fan_in_counts_the_inputs_of_a_unit(layer):
    assert isinstance(layer, WEIGHTED)
    assert fan_in(layer) == 6


def test_gaussian_weights_have_their_variance():
    net = nn.Linear(400, 1000)
    assert init_gaussian_(net, 2.0, 0.5, torch.Generator().manual_seed(0)) is net
    assert float(net.weight.detach().var()) * 400 == pytest.approx(2.0, rel=0.02)
    assert float(net.bias.detach().var()) == pytest.approx(0.5, rel=0.2)
