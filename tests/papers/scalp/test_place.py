import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from startright.models import MLP, VGG19, GoogLeNet, MobileNetV2
from startright.papers.scalp import fold_, scale_, sigma
from startright.papers.scalp.layers import RELU_GAIN, ScaledConv2d, ScaledLinear
from startright.papers.scalp.scalings import NAMED


def small():
    torch.manual_seed(0)
    layers = [nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.MaxPool2d(2), nn.Flatten(), nn.Linear(54, 8), nn.ReLU(), nn.Linear(8, 2))


X = torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("kind", NAMED)
def test_outputs_are_kept_and_folding_gives_the_plain_network_back(kind):
    net, plain = small().double(), small().double()
    x = X.double()
    assert scale_(net, kind, x) is net
    assert torch.allclose(net(x), plain(x), rtol=1e-12, atol=1e-12)
    weight = net[3].effective_weight().clone()
    assert fold_(net) is net
    assert [type(part) for part in net] == [type(part) for part in plain]
    assert torch.equal(net[3].weight, weight)
    assert torch.allclose(net(x), plain(x), rtol=1e-12, atol=1e-12)
    assert repr(net) == repr(plain)


def test_first_layer_uniform_channels_behind_a_flattening_gain_elsewhere():
    net = scale_(small(), "1/k", X)
    assert torch.allclose(net[0].sigma, sigma("uniform", 3).float())
    assert net[0].gain == 1
    assert torch.allclose(net[3].sigma, sigma("1/k", 4).float())
    assert net[3].gain == RELU_GAIN
    assert torch.allclose(net[7].sigma.view(6, 9), (sigma("1/k", 6).float() / 3)[:, None].expand(6, 9))
    assert torch.allclose(net[9].sigma, sigma("1/k", 8).float())


def test_redrawn_weights_are_standard_normal():
    net = MLP((64, 200, 10))
    scale_(net, "1/k", torch.ones(1, 64), weights="redraw", generator=torch.Generator().manual_seed(0))
    assert float(net.layers[0].weight.std()) == pytest.approx(1, abs=0.03)
    assert not net.layers[2].bias.any()


@pytest.mark.parametrize("make", [lambda: VGG19(width=0.0625), GoogLeNet])
def test_whole_networks_keep_their_outputs(make):
    torch.manual_seed(0)
    net, x = make().eval(), torch.randn(2, 3, 32, 32)
    before = net(x)
    scale_(net, "1/(√k ln k)", x)
    assert any(isinstance(part, ScaledConv2d) for part in net.modules())
    assert torch.allclose(net(x), before, rtol=1e-4, atol=1e-5)


def test_one_layer_alone():
    layer = nn.Linear(4, 3)
    scaled = scale_(layer, "1/k", torch.ones(1, 4))
    assert isinstance(scaled, ScaledLinear)
    assert isinstance(fold_(scaled), nn.Linear)
    assert not isinstance(fold_(scaled), ScaledLinear)


def test_the_network_is_left_as_it_was_by_the_look_at_it():
    net = small().train()
    state = copy.deepcopy(net.state_dict())
    scale_(net, "1/k", X, skip=["0", "3", "7"])
    assert all(
        torch.equal(state[name], value) for name, value in net.state_dict().items() if name[0] in "0137"
    )
    assert all(part.training for part in net.modules())
    assert not net[0]._forward_pre_hooks
    assert type(net[0]) is nn.Conv2d


def test_settings_of_a_layer_are_kept():
    net = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2, padding=1, dilation=2, bias=False), nn.Flatten())
    net[0].weight.requires_grad_(False)
    scaled = scale_(net, "1/k", X)[0]
    assert (scaled.stride, scaled.padding, scaled.dilation, scaled.bias) == ((2, 2), (1, 1), (2, 2), None)
    assert not scaled.weight.requires_grad


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(3, 3)

    def forward(self, x):
        return self.one(self.one(x))


class Reads(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(3, 3)

    def forward(self, x):
        return self.one(x) + self.one.weight.sum()


class Casts(nn.Module):
    """Asks a layer for the type of its weights, and for nothing that they hold."""

    def __init__(self):
        super().__init__()
        self.one = nn.Linear(3, 3)

    def forward(self, x):
        return self.one(x.to(self.one.weight.dtype).to(self.one.weight) + self.one.bias.new_zeros(3))


class Asks(nn.Module):
    def __init__(self):
        super().__init__()
        self.one = nn.Linear(3, 3)

    def forward(self, x):
        return self.one(x) if type(self.one) is nn.Linear else x


class Idle(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.idle = nn.Linear(3, 3), nn.Linear(3, 3)

    def forward(self, x):
        return self.one(x)


def tied():
    net = nn.Sequential(nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 3))
    net[2].weight = net[0].weight
    return net


def hooked():
    net = nn.Sequential(nn.Linear(3, 3))
    net[0].register_forward_hook(lambda *_: None)
    return net


def masked():
    net = nn.Sequential(nn.Linear(3, 3))
    prune.l1_unstructured(net[0], "weight", 0.5)
    return net


def with_weight(value):
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight.data.fill_(value)
    return net


REFUSED = {
    "masked": (masked, "'0' has a weight that is computed: .* mask first"),
    "lazy": (lambda: nn.Sequential(nn.LazyLinear(3)), "'0' has no values yet"),
    "meta": (lambda: nn.Sequential(nn.Linear(3, 3)).to("meta"), "'0' has no values yet"),
    "complex": (lambda: nn.Sequential(nn.Linear(3, 3)).to(torch.complex64), "'0' has weights of a type"),
    "empty": (nn.Sequential, "no linear or convolutional layer"),
    "not finite": (lambda: with_weight(torch.nan), "outputs are not finite"),
    "too large for w/σ": (lambda: with_weight(3e38), "not finite|more than torch.float32 holds"),
    "another shape": (
        lambda: nn.Sequential(nn.Linear(5, 3)),
        r"does not run on the example \(float32 of shape",
    ),
    "another dtype": (
        lambda: nn.Sequential(nn.Linear(3, 3)).double(),
        "does not run on the example .*same dtype",
    ),
    "parametrised": (
        lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(3, 3))),
        "'0' has a weight that is",
    ),
    "shared weights": (tied, "the weight of '0' and '2', which is one"),
    "twice": (Twice, "'one' runs twice"),
    "idle": (Idle, r"\['idle'\] did not run"),
    "float16": (lambda: nn.Sequential(nn.Linear(3, 3)).half(), "'0' has weights of a type"),
    "hooks": (hooked, "'0' has hooks"),
    "scaled": (lambda: nn.Sequential(ScaledLinear(3, 3)), "'0' is scaled already"),
    "other layers": (lambda: nn.Sequential(nn.Linear(3, 3), nn.Bilinear(3, 3, 3)), r"'1' \(Bilinear\)"),
    "none": (lambda: nn.Sequential(nn.ReLU()), "no linear or convolutional layer"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_scaled_is_refused_and_left_alone(case):
    make, words = REFUSED[case]
    net = make()
    types = [type(part) for part in net.modules()]
    with pytest.raises(ValueError, match=words):
        scale_(net, "1/k", torch.ones(2, 3))
    assert [type(part) for part in net.modules()] == types


def test_outputs_that_are_not_kept_are_found_and_undone():
    net = Asks()
    before = net(torch.ones(1, 3))
    with pytest.raises(RuntimeError, match="other outputs"):
        scale_(nn.Sequential(net, nn.Linear(3, 3)), "1/k", torch.ones(1, 3), gain=1.0)
    assert type(net.one) is nn.Linear
    assert torch.equal(net(torch.ones(1, 3)), before)


@pytest.mark.parametrize("weights", ["keep", "redraw"])
def test_weights_that_are_read_past_their_layer_are_refused(weights):
    net = nn.Sequential(Reads(), nn.Linear(3, 3))
    before = copy.deepcopy(net.state_dict())
    with pytest.raises(ValueError, match=r"layer '0.one' are read by sum\(\) as well"):
        scale_(net, "1/k", torch.ones(1, 3), weights=weights)
    assert type(net[0].one) is nn.Linear
    assert all(torch.equal(before[name], value) for name, value in net.state_dict().items())
    scale_(nn.Sequential(Casts(), nn.Linear(3, 3)), "1/k", torch.ones(1, 3), weights=weights)


def test_groups_are_refused_or_skipped():
    net = MobileNetV2(width=0.25)
    with pytest.raises(ValueError, match="in groups"):
        scale_(net, "1/k", torch.randn(2, 3, 32, 32))
    grouped = [name for name, part in net.named_modules() if getattr(part, "groups", 1) > 1]
    assert grouped
    scale_(net, "1/k", torch.randn(2, 3, 32, 32), skip=grouped)


@pytest.mark.parametrize(
    ("kind", "options", "words"),
    [
        ("1/j", {}, "unknown scaling"),
        ("1/k", {"weights": "drop"}, "'keep' or 'redraw', got 'drop'"),
        ("1/k", {"skip": ["nine"]}, "nine"),
        ([1.0, 0.5], {}, "layer '3'"),
    ],
)
def test_wrong_arguments(kind, options, words):
    with pytest.raises(ValueError, match=words):
        scale_(small(), kind, X, **options)


def test_nothing_to_fold():
    with pytest.raises(ValueError, match="no scaled layer"):
        fold_(small())


def test_a_lone_name_to_skip_is_refused():
    with pytest.raises(ValueError, match=r"skip is a list of names, got the text '0': write \['0'\]"):
        scale_(small(), "1/k", X, skip="0")


def test_a_scaling_that_falls_too_fast_is_refused():
    net = small()
    with pytest.raises(ValueError, match=r"layer '3': σ falls to .* more than torch.float32 holds"):
        scale_(net, lambda k: 10.0 ** (-15 * k), X)
    assert type(net[0]) is nn.Conv2d


def test_modes_and_what_is_frozen_stay_on_both_ways():
    net = small().eval()
    net[3].weight.requires_grad_(False)
    for change in (lambda: scale_(net, "1/k", X), lambda: fold_(net)):
        change()
        assert not any(part.training for part in net.modules())
        assert [net[k].weight.requires_grad for k in (0, 3, 7)] == [True, False, True]
