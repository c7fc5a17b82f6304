"""A checkpoint from before a surgery is refused by name; one from after it is loaded."""

import copy
import io

import pytest
import torch
from torch import nn

from startright.models import MLP
from startright.models.surgery import remove_

KEEP = torch.tensor([True, False, True, False, True])


def pruned():
    net = MLP((4, 5, 2))
    before = copy.deepcopy(net.state_dict())
    remove_(net, {"layers.0": KEEP}, example=torch.randn(2, 4))
    return net, before


def again(net):
    file = io.BytesIO()
    torch.save(net, file)
    file.seek(0)
    return torch.load(file, weights_only=False)


@pytest.mark.parametrize("copied", [lambda net: net, copy.deepcopy, again])
@pytest.mark.parametrize("strict", [True, False])
def test_a_checkpoint_from_before_is_refused(copied, strict):
    net, before = pruned()
    net = copied(net)
    now = copy.deepcopy(net.state_dict())
    with pytest.raises(
        ValueError, match=r"before the network was pruned: layer 'layers\.0' has 5 units there.*from 5 to 3"
    ):
        net.load_state_dict(before, strict=strict)
    assert all(torch.equal(value, now[key]) for key, value in net.state_dict().items())
    net.load_state_dict({key: value + 1 for key, value in now.items()})
    assert torch.equal(net.layers[0].bias, now["layers.0.bias"] + 1)


def test_each_earlier_size_is_known():
    net, before = pruned()
    between = copy.deepcopy(net.state_dict())
    remove_(net, {"layers.0": torch.tensor([False, True, True])}, example=torch.randn(2, 4))
    assert len(net._load_state_dict_pre_hooks) == 1
    for state, units in ((before, 5), (between, 3)):
        with pytest.raises(ValueError, match=f"pruned from {units} to 2"):
            net.load_state_dict(state)


def test_inside_a_larger_network():
    net, before = pruned()
    whole = nn.Sequential(nn.Identity(), net)
    with pytest.raises(ValueError, match="before the network was pruned"):
        whole.load_state_dict({f"1.{key}": value for key, value in before.items()})


def test_other_sizes_are_left_to_torch():
    net, _ = pruned()
    with pytest.raises(RuntimeError, match="size mismatch"):
        net.load_state_dict(MLP((4, 7, 2)).state_dict())
    net.load_state_dict({}, strict=False)


def test_state_of_an_optimizer_from_before_is_refused_and_that_from_after_is_loaded():
    net = MLP((4, 5, 2))
    optimizer = torch.optim.Adam(net.parameters())
    net(torch.randn(3, 4)).sum().backward()
    optimizer.step()
    before = copy.deepcopy(optimizer.state_dict())
    for keep in (KEEP, torch.tensor([False, True, True])):
        remove_(net, {"layers.0": keep}, optimizer, example=torch.randn(2, 4))
    assert len(optimizer._optimizer_load_state_dict_pre_hooks) == 1
    now = copy.deepcopy(optimizer.state_dict())
    with pytest.raises(
        ValueError, match=r"Adam is of another size: 'exp_avg' has the shape \(5, 4\).*\(2, 4\)"
    ):
        optimizer.load_state_dict(before)
    optimizer.load_state_dict(now)
    optimizer.step()
