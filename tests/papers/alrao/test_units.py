"""Resetting units touches those units alone, and all that is theirs."""

import copy

import pytest
import torch
from torch import nn

from startright.models import VGG19
from startright.models.layers import Layer, layers
from startright.papers.alrao.units import rate_bins, reset_units


def net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3))


def test_layers_come_with_the_normalisation_that_follows():
    assert layers(net()) == [Layer("0", "1"), Layer("4", None)]
    assert len(layers(VGG19(None, width=0.01))) == 16
    assert all(layer.norm for layer in layers(VGG19(None, width=0.01)))


def test_a_reset_unit_is_as_it_was_and_the_others_are_not_touched():
    module = net()
    initial = copy.deepcopy(module.state_dict())
    with torch.no_grad():
        for value in (*module.parameters(), *(b for b in module.buffers() if b.is_floating_point())):
            value.add_(1)
    trained = copy.deepcopy(module.state_dict())
    units = torch.tensor([True, False, True, False])
    reset_units(module, initial, Layer("0", "1"), units)
    for name, value in module.state_dict().items():
        if value.dim() == 0 or not name.startswith(("0.", "1.")):
            assert torch.equal(value, trained[name])
        else:
            assert torch.equal(value[units], initial[name][units])
            assert torch.equal(value[~units], trained[name][~units])


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match="layer 0 has 4 units"):
        reset_units(net(), net().state_dict(), Layer("0", None), torch.ones(3, dtype=torch.bool))


def test_bins_hold_each_rate_of_the_interval_once():
    rates = torch.logspace(-5, 1, 200)
    masks = torch.stack(rate_bins(rates, (1e-5, 1e-3, 0.1, 10.0))).int()
    assert torch.equal(masks.sum(0), torch.ones(200, dtype=torch.int))
