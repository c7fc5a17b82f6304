"""What calls inside leave of a network: nothing."""

import copy

import torch
from torch import nn

from startright.models.untouched import untouched


class Busy(nn.Module):
    """Changes itself in every way that forward passes do."""

    def __init__(self):
        super().__init__()
        self.norm, self.calls, self.last = nn.BatchNorm1d(3), 0, None
        self.register_buffer("count", torch.zeros(()))
        self.register_buffer("grown", torch.zeros(1))

    def forward(self, x):
        self.calls += 1
        self.count += 1
        self.grown = torch.cat([self.grown, torch.ones(1)])
        self.last = self.norm(x) + torch.rand(3)
        return self.last


def test_nothing_is_left_of_the_calls():
    net, x = Busy(), torch.randn(5, 3)
    before, stream, place = copy.deepcopy(net.state_dict()), torch.get_rng_state(), net.count
    with untouched(net):
        first, second = net(x), net(x)
        assert net.calls == 2
        assert not torch.equal(first, second)
    assert net.calls == 0
    assert net.last is None
    assert net.count is place
    assert torch.equal(torch.get_rng_state(), stream)
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])


def test_a_call_that_fails_leaves_nothing_either():
    net = Busy()
    try:
        with untouched(net):
            net(torch.randn(5, 3)), net(torch.randn(5, 4))
    except RuntimeError:
        pass
    assert net.calls == net.count == 0
    assert net.norm.num_batches_tracked == 0
