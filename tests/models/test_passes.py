"""Who reads the values of a layer past it."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from startright.models.passes import read_elsewhere


class Reader(nn.Module):
    def __init__(self, forward):
        super().__init__()
        self.layer, self.read = nn.Linear(3, 3), forward

    def forward(self, x):
        return self.read(self.layer(x), self.layer.weight)


READS = {
    "linear": F.linear,
    "data": lambda x, w: x * w.data.sum(),
    "__getitem__": lambda x, w: x * float(w[0, 0]),
    "to": lambda x, w: x * w.to(torch.float64).sum(),
    "type_as": lambda x, w: x * w.type_as(x.double()).sum(),
    "expand_as": lambda x, w: x + w.expand_as(torch.zeros(2, 3, 3)).sum(),
}


@pytest.mark.parametrize("name", READS)
def test_a_reader_is_found(name):
    net = Reader(READS[name])
    with read_elsewhere({"layer": net.layer}) as found:
        net(torch.ones(3, 3))
    assert found == {"layer": name}


ASKS = [
    lambda x, w: x.to(w.dtype),
    lambda x, w: x.to(w),
    lambda x, w: x.type_as(w),
    lambda x, w: x.view_as(w),
    lambda x, w: x + torch.zeros_like(w),
    lambda x, w: x + w.new_ones(w.shape[0]),
    lambda x, w: x if w.requires_grad and w.grad is None else -x,
]


@pytest.mark.parametrize("ask", ASKS)
def test_who_asks_for_kind_or_shape_reads_nothing(ask):
    net = Reader(ask)
    with read_elsewhere({"layer": net.layer}) as found:
        net(torch.ones(3, 3))
    assert found == {}
    assert not net.layer._forward_hooks
    assert not net.layer._forward_pre_hooks


def test_a_reader_is_found_after_a_layer_that_failed():
    net = Reader(READS["linear"])
    with read_elsewhere({"layer": net.layer}) as found:
        with pytest.raises(RuntimeError):
            net(torch.ones(3, 2))
        F.linear(torch.ones(3, 3), net.layer.weight)
    assert found == {"layer": "linear"}
