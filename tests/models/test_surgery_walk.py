"""What the walk sees in a pass, and what it says of layers that cannot lose units."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations, prune

from startright.models import MLP, VGG19, GoogLeNet, LeNet, MobileNetV2, SENet18
from startright.models.surgery_rules import Flow, reshaped
from startright.models.surgery_walk import Part, Site, chain, watch


class Forward(nn.Module):
    """Layers by name, and a pass in a function of them and the input."""

    def __init__(self, forward, **layers):
        super().__init__()
        self.run = forward
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, x):
        return self.run(self, x)


def linear(*sizes):
    return {name: nn.Linear(n, m) for name, n, m in zip("abc", sizes, sizes[1:], strict=False)}


def test_a_chain_with_a_flattening():
    found = chain(LeNet(), torch.randn(2, 1, 28, 28))
    assert list(found.sites) == ["features.0", "features.3", "classifier.0", "classifier.2"]
    assert found.sites["features.3"] == Site(
        "features.3", 16, ("tanh", "avg_pool2d", "flatten"), consumers=(Part("classifier.0", 25),)
    )
    assert found.refused == {"classifier.4": "its units are outputs of the network"}


def test_normalisations_before_and_after_a_flattening():
    layers = (
        nn.Conv2d(1, 3, 3),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.Flatten(),
        nn.BatchNorm1d(12),
        nn.Linear(12, 2),
    )
    site = chain(nn.Sequential(*layers), torch.randn(4, 1, 4, 4)).sites["0"]
    assert site.norms == (Part("1", 1), Part("4", 4))
    assert site.consumers == (Part("5", 4),)


def test_all_of_vgg():
    found = chain(VGG19(10, 0.05), torch.randn(2, 3, 32, 32))
    assert len(found.sites) == 16
    assert all(len(site.norms) == len(site.consumers) == 1 for site in found.sites.values())
    assert found.sites["features.49"].consumers == (Part("classifier", 1),)


def test_the_pass_and_not_the_order_of_the_modules():
    net = Forward(lambda self, x: self.a(F.relu(self.b(x))), a=nn.Linear(3, 2), b=nn.Linear(4, 3))
    assert chain(net, torch.randn(2, 4)).sites == {"b": Site("b", 3, ("relu",), consumers=(Part("a"),))}


def test_several_layers_take_the_units():
    net = Forward(lambda self, x: self.b(self.a(x)) + self.c(self.a(x)), **linear(4, 3, 2), c=nn.Linear(3, 2))
    assert "used more than once" in chain(net, torch.randn(2, 4)).refused["a"]
    net.run = lambda self, x: self.b(h := self.a(x)) + self.c(h)
    assert chain(net, torch.randn(2, 4)).sites["a"].consumers == (Part("b"), Part("c"))


def test_what_runs_in_training_alone_counts():
    net = Forward(
        lambda self, x: (self.b(h := self.a(x)), self.c(h) if self.training else x),
        **linear(4, 3, 2),
        c=nn.Linear(3, 5),
    )
    for mode in (True, False):
        assert chain(net.train(mode), torch.randn(2, 4)).sites["a"].consumers == (Part("b"), Part("c"))


def test_depthwise_filters_go_with_their_units():
    found = chain(MobileNetV2(10, 0.1), torch.randn(2, 3, 32, 32))
    site = found.sites["features.4.residual.0"]
    assert site.depthwise == (Part("features.4.residual.3"),)
    assert [part.name for part in site.norms] == ["features.4.residual.1", "features.4.residual.4"]
    assert "goes with its unit of" in found.refused["features.4.residual.3"]
    assert "skip connection" in found.refused["features.4.residual.6"]


def test_gates_and_concatenations_of_known_networks():
    x = torch.randn(2, 3, 32, 32)
    assert "a gate" in chain(SENet18(10, 0.1), x).refused["features.3.residual.4.weights.3"]
    assert "a concatenation" in chain(GoogLeNet(10, 0.1), x).refused["features.3.branches.0.0"]


UNITWISE = {
    "activations": lambda h: F.gelu(torch.tanh(h)).clamp(-1, 1),
    "by hand": lambda h: h * torch.sigmoid(h),
    "numbers": lambda h: 2 * h + 1 - torch.tensor(3.0) / 4,
    "in place": lambda h: F.relu(h, inplace=True).add_(1),
    "dropout": lambda h: F.dropout(h, 0.5),
    "shapes": lambda h: h.unsqueeze(1).squeeze(1).view(-1, 3).reshape(h.shape).clone(),
    "another axis": lambda h: h.unsqueeze(2).flatten(1),
}


@pytest.mark.parametrize("name", UNITWISE)
def test_what_keeps_units_apart(name):
    net = Forward(lambda self, x: self.b(UNITWISE[name](self.a(x))), **linear(4, 3, 2))
    assert chain(net, torch.randn(2, 4)).sites["a"].consumers == (Part("b"),)


SPATIAL = {
    "pooling": lambda h: F.adaptive_avg_pool2d(F.max_pool2d(h, 2), 2).flatten(1),
    "padding": lambda h: F.adaptive_max_pool2d(F.pad(h, (1, 0)), 2).flatten(1),
    "interpolation": lambda h: F.avg_pool2d(F.interpolate(h, scale_factor=2), 4).flatten(1),
    "a mean": lambda h: h.mean((2, 3)),
    "a mean that keeps its axes": lambda h: h.mean([-1, -2], keepdim=True).flatten(1),
}


@pytest.mark.parametrize("name", SPATIAL)
def test_what_keeps_channels_apart(name):
    factor = 1 if "mean" in name else 4
    net = Forward(
        lambda self, x: self.b(SPATIAL[name](self.a(x))), a=nn.Conv2d(1, 3, 3), b=nn.Linear(3 * factor, 2)
    )
    assert chain(net, torch.randn(2, 1, 6, 6)).sites["a"].consumers == (Part("b", factor),)


MIXED = {  # of the three units of a → the function that is named
    "a skip connection": (lambda h: h + torch.ones(3), "add(), a skip connection"),
    "softmax": (lambda h: h.softmax(1), "softmax(), over the units"),
    "layer normalisation": (lambda h: F.layer_norm(h, (3,)), "layer_norm(), over several units"),
    "a concatenation": (lambda h: torch.cat([h]), "cat(), a concatenation"),
    "a gate": (lambda h: h * torch.ones(2, 3), "mul(), a gate"),
    "an own product": (lambda h: h @ torch.eye(3), "matmul()"),
    "an own layer": (lambda h: F.linear(h, torch.eye(3)), "by a weight that no layer keeps"),
    "a choice of units": (lambda h: h[:, [0, 1, 2]], "__getitem__()"),
    "a transposition": (lambda h: h.T.T, "T()"),
    "a norm over units": (lambda h: h / h.norm(dim=1, keepdim=True), "norm()"),
    "a sum over all": (lambda h: h - h.mean(), "mean()"),
    "a mean over units": (lambda h: h - h.mean(1, keepdim=True), "mean()"),
    "units split up": (lambda h: h.view(-1, 1, 3).flatten(0, 1).roll(1, 1), "roll()"),
    "own normalisation": (lambda h: F.batch_norm(h, None, None, training=True), "batch_norm()"),
}


@pytest.mark.parametrize("name", MIXED)
def test_what_does_not_keep_units_apart_is_named(name):
    function, words = MIXED[name]
    net = Forward(lambda self, x: self.b(function(self.a(x))), **linear(4, 3, 2))
    found = chain(net, torch.randn(2, 4))
    assert not found.sites
    assert words in found.refused["a"]


def test_writing_into_a_tensor_is_seen():
    def run(self, x):
        h, other = self.a(x), torch.zeros(2, 3)
        other[:, :] = h
        return self.b(other)

    assert "__setitem__()" in chain(Forward(run, **linear(4, 3, 2)), torch.randn(2, 4)).refused["a"]


def test_channels_summed_over_are_not_apart():
    net = Forward(lambda self, x: self.b(self.a(x).mean((1, 2))), a=nn.Conv2d(1, 4, 3), b=nn.Linear(4, 2))
    assert "mean()" in chain(net, torch.randn(2, 1, 6, 6)).refused["a"]


def test_a_linear_layer_over_pixels_is_on_another_axis():
    net = Forward(lambda self, x: self.b(self.a(x)), a=nn.Conv2d(1, 4, 3), b=nn.Linear(4, 2))
    assert "another axis" in chain(net, torch.randn(2, 1, 6, 6)).refused["a"]


def test_a_normalisation_over_another_axis_is_refused():
    net = Forward(lambda self, x: self.b(self.n(self.a(x))), **linear(4, 3, 2), n=nn.BatchNorm1d(5))
    assert "batch_norm() in 'n' (BatchNorm1d)" in chain(net, torch.randn(2, 5, 4)).refused["a"]
    net.n = nn.LayerNorm(3)
    assert "layer_norm(), over several units, in 'n'" in chain(net, torch.randn(2, 5, 4)).refused["a"]


def test_units_of_sequences_are_on_the_last_axis():
    assert chain(MLP((4, 3, 2)).layers, torch.randn(2, 5, 4)).sites["0"].consumers == (Part("2"),)


def test_units_that_are_outputs_too():
    net = Forward(lambda self, x: {"h": (h := self.a(x)), "y": [self.b(h)]}, **linear(4, 3, 2))
    assert chain(net, torch.randn(2, 4)).refused == dict.fromkeys(
        "ab", "its units are outputs of the network"
    )


def test_units_that_nobody_takes():
    net = Forward(lambda self, x: (self.a(x), self.b(x))[1], a=nn.Linear(4, 3), b=nn.Linear(4, 3))
    assert chain(net, torch.randn(2, 4)).refused["a"] == "no layer takes its units"


def test_outputs_in_which_nothing_is_found():
    net = Forward(lambda self, x: object() if self.b(self.a(x)) is not None else None, **linear(4, 3, 2))
    with pytest.raises(ValueError, match="gives object, in which no tensor is found"):
        chain(net, torch.randn(2, 4))


GROUPED = nn.Conv2d(4, 4, 1, groups=2)


@pytest.mark.parametrize("place", range(4))
def test_groups_are_refused(place):
    layers = [nn.Conv2d(4, 4, 1) for _ in range(4)]
    layers[place] = copy.deepcopy(GROUPED)
    refused = chain(nn.Sequential(*layers), torch.randn(2, 4, 2, 2)).refused
    assert "in 2 groups" in refused[str(place)]
    if place:
        assert f"feed '{place}', a convolution in 2 groups" in refused[str(place - 1)]
    assert len(refused) == len({str(place), str(place - 1), "3"} - {"-1"})


def test_filters_of_the_input_channels_are_refused():
    net = nn.Sequential(nn.Conv2d(3, 3, 1, groups=3), nn.Conv2d(3, 2, 1))
    assert "each channel of the inputs" in chain(net, torch.randn(2, 3, 2, 2)).refused["0"]


def test_layers_used_twice_or_shared():
    net = Forward(lambda self, x: self.c(self.b(self.b(self.a(x)))), **linear(4, 3, 3, 2))
    refused = chain(net, torch.randn(2, 4)).refused
    assert "used more than once" in refused["b"]
    assert "reach 'b', and of that it is used more than once" in refused["a"]
    net = Forward(lambda self, x: self.c(self.b(self.a(x))), **linear(3, 3, 3, 2))
    net.b.weight = net.a.weight
    refused = chain(net, torch.randn(2, 3)).refused
    assert refused["a"] == "it shares a tensor with 'b'"
    assert refused["b"] == "it shares a tensor with 'a'"
    net = Forward(
        lambda self, x: self.c(self.n(self.b(self.n(self.a(x))))), **linear(4, 3, 3, 2), n=nn.BatchNorm1d(3)
    )
    refused = chain(net, torch.randn(2, 4)).refused
    for name in "ab":
        assert "reach 'n', and of that it is used more than once" in refused[name]


def test_weights_used_otherwise():
    net = Forward(lambda self, x: self.b(self.a(x)) * self.a.weight.sum(), **linear(4, 3, 2))
    assert "weight is used by sum() in the forward of Forward" in chain(net, torch.randn(2, 4)).refused["a"]
    net = Forward(lambda self, x: self.b(self.a(x)) @ self.b.weight, **linear(4, 3, 2))
    assert (
        "reach 'b', and of that its weight is used by matmul()" in chain(net, torch.randn(2, 4)).refused["a"]
    )
    net = Forward(lambda self, x: F.linear(self.a(x), self.b.weight, torch.zeros(2)), **linear(4, 3, 2))
    assert "no layer keeps as it is" in chain(net, torch.randn(2, 4)).refused["a"]
    net.run = lambda self, x: F.linear(self.a(x), self.b.weight, self.b.bias)
    assert chain(net, torch.randn(2, 4)).sites["a"].consumers == (Part("b"),)


@pytest.mark.parametrize(
    "compute",
    [
        parametrizations.weight_norm,
        parametrizations.orthogonal,
        torch.nn.utils.weight_norm,
        lambda layer: prune.l1_unstructured(layer, "weight", 2),
    ],
)
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("place", "ab")
def test_computed_weights_are_refused(compute, place):
    net = Forward(lambda self, x: self.b(self.a(x)), **linear(4, 3, 2))
    compute(getattr(net, place))
    found = chain(net, torch.randn(2, 4))
    assert not found.sites
    assert "computed in every pass" in found.refused[place]
    assert found.refused["a"]


def test_tensors_that_nobody_knows_are_refused():
    net = MLP((4, 3, 2)).layers
    net[2].register_buffer("mask", torch.ones(3))
    assert "it keeps 'mask', of which nobody says" in chain(net, torch.randn(2, 4)).refused["0"]
    del net[2].mask
    net[0].extra = nn.Parameter(torch.ones(3))
    assert "it keeps 'extra'" in chain(net, torch.randn(2, 4)).refused["0"]


def test_recurrent_layers_stand_in_the_way():
    net = Forward(
        lambda self, x: self.c(self.b(self.a(x))[0]), **linear(4, 3), b=nn.LSTM(3, 5), c=nn.Linear(5, 2)
    )
    assert "lstm() in 'b' (LSTM)" in chain(net, torch.randn(2, 6, 4)).refused["a"]


def test_a_layer_that_does_not_run():
    net = Forward(lambda self, x: self.b(self.a(x)), **linear(4, 3, 2, 1))
    with pytest.raises(ValueError, match="layer 'c' did not run on the example"):
        chain(net, torch.randn(2, 4))


def test_inputs_by_place_and_by_name():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 3), nn.Linear(3, 2)

        def forward(self, x, scale):
            return self.b(self.a(x) * scale)

    x, scale = torch.randn(2, 4), torch.tensor(2.0)
    for example in ((x, scale), {"x": x, "scale": scale}):
        assert list(chain(Two(), example).sites) == ["a"]


def test_the_network_is_left_as_it_was():
    net = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(), nn.Linear(3, 2))
    net[2].eval()
    before, modes = copy.deepcopy(net.state_dict()), [part.training for part in net.modules()]
    x, stream = torch.randn(2, 4), torch.get_rng_state()
    chain(net, x)
    watch(net, x, training=True)
    assert [part.training for part in net.modules()] == modes
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())
    assert torch.equal(torch.get_rng_state(), stream)
    for name, value in net.state_dict().items():
        assert torch.equal(value, before[name])
    with pytest.raises(ValueError, match=r"does not run on the example \(float32 of shape \(2, 5\) on cpu"):
        chain(net, torch.randn(2, 5))
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in net.modules())


@pytest.mark.parametrize(
    ("before", "after", "flow"),
    [
        ((5, 16, 4, 4), (5, 256), Flow("a", 1, 16)),
        ((5, 16, 4, 4), (5, 16, 16), Flow("a", 1)),
        ((5, 16), (5, 1, 16), Flow("a", 2)),
        ((1, 16, 2), (1, 32), Flow("a", 1, 2)),
        ((5, 16, 4, 4), (5, 4, 64), None),
        ((5, 16, 4, 4), (5, 64, 4), None),
        ((5, 16, 4), (80, 4), None),
        ((5, 16), (5, 8, 2), None),
    ],
)
def test_reshaping(before, after, flow):
    assert reshaped(Flow("a", 1), before, after) == flow


def test_a_depthwise_convolution_with_several_filters_a_channel_is_refused():
    net = nn.Sequential(nn.Conv2d(2, 4, 1), nn.Conv2d(4, 8, 1, groups=4), nn.Conv2d(8, 2, 1))
    refused = chain(net, torch.randn(2, 2, 3, 3)).refused
    assert "in 4 groups" in refused["1"]
    assert "feed '1'" in refused["0"]


def test_padding_the_axis_of_the_units_is_refused():
    net = Forward(lambda self, x: self.b(F.pad(self.a(x), (1, 1))), a=nn.Linear(4, 3), b=nn.Linear(5, 2))
    assert "its units reach pad()" in chain(net, torch.randn(2, 4)).refused["a"]


def test_a_convolution_over_flattened_channels_is_refused():
    layers = {"a": nn.Conv2d(1, 2, 1), "b": nn.Conv1d(8, 3, 1)}
    net = Forward(lambda self, x: self.b(self.a(x).flatten(1).unsqueeze(2)), **layers)
    assert "along another axis" in chain(net, torch.randn(2, 1, 2, 2)).refused["a"]


def test_positions_multiply():
    assert reshaped(Flow("a", 1, 2), (5, 32, 3), (5, 96)) == Flow("a", 1, 6)
