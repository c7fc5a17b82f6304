"""The trace of the Fisher information: closed form, plain loop, and what cannot be seen is refused."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from startright.models import DigitsCNN, build
from startright.papers.critical import empirical_trace, fisher_trace, reference, sampled_trace

X = torch.randn(6, 1, 8, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def digits_net():
    """A small network with normalisations whose statistics are not those they start with."""
    net = build(lambda: DigitsCNN(4, width=0.25), 1).double()
    net(3 * X + 1)
    return net.eval()


def naive(model, x, dtype=torch.float64):
    """By parameter: the trace, an example and a class at a time."""
    found = {}
    for each in x:
        log_p = model(each[None]).log_softmax(1)[0]
        for y in range(len(log_p)):
            gradients = torch.autograd.grad(log_p[y], list(model.parameters()), retain_graph=True)
            for (name, _), g in zip(model.named_parameters(), gradients, strict=True):
                part = float(log_p[y].detach().exp() * g.square().sum()) / len(x)
                layer = name.rpartition(".")[0]
                found[layer] = found.get(layer, 0.0) + part
    return found


NETS = {
    "digits": digits_net,
    "grouped": lambda: nn.Sequential(
        nn.Conv2d(1, 4, 3, stride=2, padding=(2, 1), dilation=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(4, 6, (3, 2), groups=2, dilation=2, bias=False),
        nn.Tanh(),
        nn.Flatten(),
        nn.LazyLinear(3),
    ).double(),
    "tokens": lambda: nn.Sequential(
        nn.Flatten(1, 2), nn.Linear(8, 5), nn.Tanh(), Mean(), nn.Linear(5, 3)
    ).double(),
    "norm1d": lambda: nn.Sequential(
        nn.Flatten(), nn.Linear(64, 5), nn.BatchNorm1d(5), nn.Linear(5, 3)
    ).double().eval(),
}  # fmt: skip


class Mean(nn.Module):
    def forward(self, x):
        return x.mean(1)


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("chunk", [4, 256])
def test_it_is_the_plain_loop_layer_by_layer(name, chunk):
    net = build(NETS[name], 3)
    expected = naive(net, X)
    found = fisher_trace(net, X, chunk=chunk)
    assert found == pytest.approx(expected, rel=1e-10)
    assert sum(found.values()) == pytest.approx(reference.fisher_trace(net, X), rel=1e-10)


def test_of_a_softmax_layer_it_is_the_closed_form():
    layer, x = build(lambda: nn.Linear(5, 3), 0).double(), torch.randn(40, 5, dtype=torch.float64)
    rest = 1 - layer(x).softmax(1).square().sum(1)
    expected = (rest * x.square().sum(1)).mean() + rest.mean()
    assert fisher_trace(layer, x)[""] == pytest.approx(float(expected.detach()), rel=1e-12)
    layer.bias.requires_grad_(False)
    assert fisher_trace(layer, x)[""] == pytest.approx(
        float((rest * x.square().sum(1)).mean().detach()), rel=1e-12
    )


def test_double_precision_leaves_the_model_as_it_is():
    net = digits_net().float()
    before = copy.deepcopy(net.state_dict())
    precise = fisher_trace(net, X.float(), dtype=torch.float64)
    assert precise == pytest.approx(fisher_trace(net, X.float()), rel=1e-4)
    assert precise == pytest.approx(naive(copy.deepcopy(net).double(), X.float().double()), rel=1e-10)
    assert all(
        torch.equal(before[name], t) and t.dtype == before[name].dtype for name, t in net.state_dict().items()
    )
    assert all(p.grad is None for p in net.parameters())
    assert not any(module._forward_hooks for module in net.modules())


def test_drawn_labels_come_to_the_exact_trace():
    net = digits_net()
    exact = sum(fisher_trace(net, X).values())
    errors = []
    for draws in (10, 1000):
        sampled = sampled_trace(net, X, draws=draws, generator=torch.Generator().manual_seed(1))
        errors.append(abs(sum(sampled.values()) / exact - 1))
    assert errors[1] < 0.05
    assert errors[0] > errors[1]


def test_the_labels_of_the_data_give_another_number():
    net, y = digits_net(), torch.tensor([0, 1, 2, 3, 0, 1])
    found, expected = empirical_trace(net, X, y, chunk=4), 0.0
    for each, label in zip(X, y, strict=True):
        log_p = net(each[None]).log_softmax(1)[0, label]
        expected += sum(float(g.square().sum()) for g in torch.autograd.grad(log_p, net.parameters())) / len(
            X
        )
    assert sum(found.values()) == pytest.approx(expected, rel=1e-10)
    assert sum(found.values()) != pytest.approx(sum(fisher_trace(net, X).values()), rel=0.01)


def test_frozen_layers_are_left_out():
    net = digits_net()
    net.features.requires_grad_(False)
    assert fisher_trace(net, X) == pytest.approx({"classifier": fisher_trace(digits_net(), X)["classifier"]})


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return self.layer(self.layer(x))


class Aside(nn.Module):
    """Uses the weight of a layer in a second place, without calling the layer."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return self.layer(x) @ self.layer.weight


class Unused(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.spare = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return self.layer(x)


class Own(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.scale = nn.Linear(4, 4), nn.Parameter(torch.ones(4))

    def forward(self, x):
        return self.layer(x) * self.scale


class Pair(nn.Linear):
    def forward(self, x):
        return super().forward(x), x


class Centred(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return self.layer(x - x.mean(0))


def tied():
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4))
    net[2].weight = net[0].weight
    return net


REFUSED = {
    "call model.eval": lambda: nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.Linear(4, 3)),
    "by the batch": lambda: nn.Sequential(
        nn.Linear(4, 4), nn.BatchNorm1d(4, track_running_stats=False)
    ).eval(),
    "called 2 times": Twice,
    "called 0 times": Unused,
    "used in another place": Aside,
    "parametrised": lambda: nn.Sequential(parametrizations.weight_norm(nn.Linear(4, 4))),
    "shares its weight": tied,
    "not known here": Own,
    "no trainable parameter": lambda: nn.Linear(4, 4).requires_grad_(False),
    "got tuple": lambda: nn.Sequential(Middle()),
    r"got \(8,\)": lambda: nn.Sequential(nn.Linear(4, 1), nn.Flatten(0)),
    r"got \(8, 1\)": lambda: nn.Linear(4, 1),
    r"got \(8, 2, 2\)": lambda: nn.Sequential(nn.Linear(4, 4), nn.Unflatten(1, (2, 2))),
    "leave its softmax out": lambda: nn.Sequential(nn.Linear(4, 4), nn.Softmax(1)),
    "mixes examples": Centred,
    "is\n? ?random": lambda: nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Linear(4, 4)),
    "not torch.float16": lambda: nn.Linear(4, 4).half(),
    "not torch.bfloat16": lambda: nn.Linear(4, 4).bfloat16(),
}  # fmt: skip


class Middle(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x):
        return self.layer(x), x


@pytest.mark.parametrize("reason", REFUSED)
def test_what_is_not_seen_is_refused_with_the_reason(reason):
    net = build(REFUSED[reason], 0)
    x = torch.randn(8, 4, generator=torch.Generator().manual_seed(2)).to(next(net.parameters()).dtype)
    with pytest.raises(ValueError, match=reason):
        fisher_trace(net, x)


def test_other_convolutions_and_bad_arguments_are_refused():
    for options in ({"padding": "same"}, {"padding": 1, "padding_mode": "circular"}):
        net = nn.Sequential(nn.Conv2d(1, 2, 3, **options), nn.Flatten(), nn.Linear(128, 2)).double()
        with pytest.raises(ValueError, match="pads in a way"):
            fisher_trace(net, X)
    net = digits_net()
    for call, reason in (
        (lambda: fisher_trace(net, X[:0]), "needs inputs"),
        (lambda: fisher_trace(net, X, chunk=0), "at least 1"),
        (lambda: fisher_trace(net, X * float("nan")), "not finite"),
        (lambda: sampled_trace(net, X, draws=0, generator=torch.Generator()), "draws"),
        (lambda: empirical_trace(net, X, torch.zeros(5, dtype=torch.long)), "one label an input"),
    ):
        with pytest.raises(ValueError, match=reason):
            call()
