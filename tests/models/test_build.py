import pytest
import torch
from torch import nn

from startright.models import MLP, build


def test_global_generator_is_left_as_it_was():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    build(lambda: MLP((4, 3)), 0)
    assert torch.equal(torch.get_rng_state(), before)


def test_initialisation_follows_the_seed_whatever_the_global_state():
    one = build(lambda: MLP((4, 3)), 5).layers[0].weight
    torch.manual_seed(123)
    assert torch.equal(one, build(lambda: MLP((4, 3)), 5).layers[0].weight)
    assert not torch.equal(one, build(lambda: MLP((4, 3)), 6).layers[0].weight)


def test_global_generator_is_restored_after_an_error():
    before = torch.get_rng_state()
    with pytest.raises(ValueError, match="widths"):
        build(lambda: (nn.Linear(2, 2), MLP(())), 0)
    assert torch.equal(torch.get_rng_state(), before)


def test_bad_seed():
    with pytest.raises(ValueError, match="seed must be a non-negative integer, got -1"):
        build(lambda: MLP((4, 3)), -1)
