"""Network slimming: the penalty's subgradient, and who goes by a threshold or a share."""

import copy

import pytest
import torch
from torch import nn

from startright.models import MLP, VGG19, MobileNetV2
from startright.models.surgery import chain
from startright.papers.scalp.penalties import ScaleLasso
from startright.papers.scalp.prune import Start
from startright.papers.scalp.slimming import add_subgradient_, channel_scales, scales, set_scales_, slim_

X = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))


def net_of(*sizes):
    """γ of the units of each hidden layer."""
    torch.manual_seed(0)
    net = MLP((4, *map(len, sizes), 2), batch_norm=True).layers
    for place, values in enumerate(sizes):
        net[3 * place + 1].weight.data = torch.tensor(values)
    return net


FIRST, SECOND = (0.5, -0.3, 0.005, 0.0, -0.009), (0.02, -0.6, 0.008)


def test_scales_start_at_one_half():
    net = net_of(FIRST, SECOND)
    set_scales_(net)
    assert list(scales(net)) == ["1.weight", "4.weight"]
    assert all((scale == 0.5).all() for scale in scales(net).values())
    assert net[1].bias.abs().sum() == 0
    set_scales_(net, 2.0)
    assert (net[4].weight == 2).all()


def test_the_subgradient_is_that_of_the_penalty_in_the_loss():
    net = net_of(FIRST, SECOND)
    peer = copy.deepcopy(net)
    net(X).square().sum().backward()
    plain = net[1].weight.grad.clone()
    add_subgradient_(net, 0.1)
    assert torch.allclose(net[1].weight.grad - plain, 0.1 * torch.tensor([1.0, -1, 1, 0, -1]), atol=1e-6)
    chosen = ScaleLasso(0.1, select=lambda name, values: name in scales(peer))
    penalty = chosen.value({name: p[None] for name, p in peer.named_parameters()})
    (peer(X).square().sum() + penalty.sum()).backward()
    for ours, theirs in zip(net.parameters(), peer.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_scales_that_do_not_train_get_no_gradient():
    net = net_of(FIRST, SECOND)
    net[1].weight.requires_grad_(False)
    net(X).sum().backward()
    before = net[4].weight.grad.clone()
    add_subgradient_(net, 1.0)
    assert net[1].weight.grad is None
    torch.testing.assert_close(net[4].weight.grad - before, torch.tensor([1.0, -1.0, 1.0]))


def test_by_a_threshold():
    net = net_of(FIRST, SECOND)
    done = slim_(net, example=X, threshold=0.009)
    assert done.survivors == {"0": (0, 1, 4), "3": (0, 1)}
    assert torch.equal(net[1].weight, torch.tensor([0.5, -0.3, -0.009]))
    assert net[3].weight.shape == (2, 3)
    assert done.cost[1].macs == 4 * 3 + 3 * 2 + 2 * 2


def test_by_a_share_of_all():
    net = net_of(FIRST, SECOND)
    done = slim_(net, example=X, share=0.5)
    assert done.survivors == {"0": (0, 1), "3": (0, 1)}
    assert slim_(net_of(FIRST, SECOND), example=X, share=0.0).widths == {"0": (5, 5), "3": (3, 3)}
    assert slim_(net_of(FIRST, SECOND), example=X, share=0.124).widths == {"0": (5, 5), "3": (3, 3)}
    assert slim_(net_of(FIRST, SECOND), example=X, share=0.125).survivors["0"] == (0, 1, 2, 4)


def test_a_share_leaves_widths_in_proportion_and_a_threshold_does_not():
    wide = FIRST + tuple(value / 1000 for value in FIRST)  # twice as many, the new ones unused
    shares = [
        sum(pair[1] for pair in slim_(net_of(f), example=X, share=0.6).widths.values()) for f in (FIRST, wide)
    ]
    bars = [
        sum(pair[1] for pair in slim_(net_of(f), example=X, threshold=0.1).widths.values())
        for f in (FIRST, wide)
    ]
    assert shares == [2, 4]
    assert bars == [2, 2]


def test_a_collapsed_layer_keeps_its_largest_scale():
    done = slim_(net_of(FIRST, (0.001, -0.004, 0.002)), example=X, threshold=0.01)
    assert done.collapsed == ("3",)
    assert done.survivors == {"0": (0, 1), "3": (1,)}


def test_numbers_as_at_the_start():
    net = net_of(FIRST, SECOND)
    start = Start.of(net, X)
    assert slim_(net, example=X, threshold=0.008, start=start).survivors == {"0": (0, 1, 4), "3": (0, 1, 2)}
    assert slim_(net, example=X, threshold=0.1, start=start).survivors == {"0": (0, 1), "3": (1,)}


def test_a_scale_of_zero_is_exact_when_folded():
    net = net_of(FIRST, SECOND).double().eval()
    net[1].bias.data[3] = 0.7
    net[1].weight.data[2] = net[1].weight.data[4] = 1.0
    before = net(X.double())
    done = slim_(net, example=X.double(), threshold=1e-3, fold=True)
    assert done.exact
    assert done.survivors["0"] == (0, 1, 2, 4)
    torch.testing.assert_close(net(X.double()), before, rtol=1e-12, atol=1e-13)


def test_the_smallest_of_several_normalisations_counts():
    torch.manual_seed(0)
    net, x = MobileNetV2(10, 0.1), torch.randn(2, 3, 32, 32)
    block = net.get_submodule("features.4.residual")
    block[1].weight.data.uniform_(0.5, 1), block[4].weight.data.uniform_(0.5, 1)
    found = channel_scales(net, chain(net, x))["features.4.residual.0"]
    assert torch.equal(found, torch.minimum(block[1].weight, block[4].weight))


def test_training_of_vgg_goes_on():
    torch.manual_seed(0)
    net, x = VGG19(10, 0.1), torch.randn(4, 3, 32, 32)
    for scale in scales(net).values():
        scale.data.uniform_(-1, 1)
    optimizer = torch.optim.SGD(net.parameters(), 0.1, momentum=0.9, weight_decay=1e-4)
    for share in (0.4, 0.3):
        net(x).square().sum().backward()
        add_subgradient_(net, 1e-4)
        optimizer.step()
        done = slim_(net, optimizer, example=x, share=share)
        total = sum(before for before, _ in done.widths.values())
        assert sum(after for _, after in done.widths.values()) == total - int(share * total)
    net(x).square().sum().backward()
    optimizer.step()


BAD = {
    "both": ({"threshold": 0.1, "share": 0.5}, "a threshold or a share, not both or none"),
    "none": ({}, "a threshold or a share, not both or none"),
    "all": ({"share": 1.0}, "at least 0 and below 1, got 1.0"),
    "less": ({"share": -0.1}, "at least 0 and below 1, got -0.1"),
    "zero": ({"threshold": 0.0}, "positive and finite, got 0.0"),
    "no number": ({"threshold": float("nan")}, "positive and finite, got nan"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_settings(name):
    options, words = BAD[name]
    with pytest.raises(ValueError, match=words):
        slim_(net_of(FIRST, SECOND), example=X, **options)


def test_networks_and_strengths_that_are_refused():
    with pytest.raises(ValueError, match="MLP has no batch normalisation with scales"):
        slim_(MLP((4, 3, 2)), example=X, threshold=0.1)
    with pytest.raises(ValueError, match="no batch normalisation"):
        add_subgradient_(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3, affine=False)), 0.1)
    with pytest.raises(ValueError, match="no layer of Sequential can lose neurons"):
        slim_(nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 2)), example=X, threshold=0.1)
    for strength in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="at least 0 and finite, got"):
            add_subgradient_(net_of(FIRST, SECOND), strength)
