"""Networks made variational: what stays, what is refused, the law of outputs, predictions."""

import copy
import math

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import prune

from startright.models import variational as v
from startright.models.variational_layers import inverse_softplus


class Laplace:
    def log_density(self, w):
        return -w.abs() - math.log(2)


def mlp(dtype=torch.float64):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 3, bias=False)).to(dtype)


def cnn():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, stride=2, padding=1, groups=2),
        nn.ReLU(),
        nn.Conv2d(4, 3, 2, padding="same", padding_mode="circular", dilation=2, bias=False),
        nn.Flatten(),
        nn.Linear(48, 3),
    )


def temporal():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv1d(2, 3, 3), nn.Flatten(), nn.Linear(12, 2))


NETS = {
    "mlp": (mlp, torch.randn(6, 5, dtype=torch.float64)),
    "cnn": (cnn, torch.randn(6, 2, 8, 8)),
    "1d": (temporal, torch.randn(4, 2, 6)),
}


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("given", [True, False])
def test_the_values_the_mode_and_the_dtype_stay_and_the_way_back_is_exact(name, given):
    make, x = NETS[name]
    net = make().eval()
    net[0].train()
    plain, weights = copy.deepcopy(net), list(net.parameters())
    assert v.variational_(net, std=0.03, example=x if given else None) is net
    assert [m.training for m in net.modules()] == [m.training for m in plain.modules()]
    assert all(any(p is w for p in net.parameters()) for w in weights)
    for layer in v.variational_layers(net).values():
        for s in layer.stds().values():
            torch.testing.assert_close(s, torch.full_like(s, 0.03))
            assert s.dtype == x.dtype
    torch.testing.assert_close(net.eval()(x), plain.eval()(x), rtol=0, atol=0)
    back = v.mean_network(net)
    assert repr(back) == repr(plain)
    assert back.state_dict().keys() == plain.state_dict().keys()
    torch.testing.assert_close(back(x), plain(x), rtol=0, atol=0)
    assert v.variational_layers(net)
    assert not v.variational_layers(back)
    assert vars(v.detach_(net)[0]).keys() == vars(plain[0]).keys()


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("local", ["linear", "all", "none"])
def test_with_less_and_less_noise_samples_tend_to_the_outputs_of_before(name, local):
    make, x = NETS[name]
    before = make()(x)
    off = []
    for std in (1e-2, 1e-4):
        net = v.variational_(make(), std=std, local=local, generator=torch.Generator().manual_seed(0))
        assert net.training
        off.append(float((net(x) - before).detach().abs().max()))
    assert off[1] == pytest.approx(off[0] / 100, rel=0.1)


CASES = {
    "linear": (nn.Linear(5, 4), (5,)),
    "no bias": (nn.Linear(5, 4, bias=False), (5,)),
    "conv": (nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2), (4, 6, 6)),
    "reflect": (nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), (2, 5, 5)),
    "1d": (nn.Conv1d(3, 2, 3, dilation=2), (3, 9)),
}


@pytest.mark.parametrize("name", CASES)
def test_local_noise_has_the_mean_and_the_variance_of_sampled_weights(name):
    plain, shape = CASES[name]
    layer = v.variational_(copy.deepcopy(plain).double(), std=0.2, local="all")
    with torch.no_grad():
        for rho in (layer.weight_rho, layer.bias_rho):
            if rho is not None:
                rho.add_(torch.randn_like(rho))
    x, draws, rng = torch.randn(2, *shape).double(), 20_000, torch.Generator().manual_seed(0)
    with torch.no_grad(), v.sampling(layer, rng, local=False):
        weights = torch.stack([layer(x) for _ in range(draws)])
    with torch.no_grad(), v.sampling(layer, rng, local=True):
        local = torch.stack([layer(x) for _ in range(draws)])
    mean = layer.eval()(x).detach()
    std = weights.std(0)
    for found in (weights, local):
        assert float(((found.mean(0) - mean) / std).abs().max()) < 5 / math.sqrt(draws)
    assert float((local.std(0) / std - 1).abs().max()) < 5 / math.sqrt(draws)


def test_noise_is_one_an_example_or_one_a_pass():
    layer = v.variational_(nn.Linear(5, 4), std=0.5)
    x = torch.randn(1, 5).expand(2, 5)
    for local, same in ((True, False), (False, True)):
        with v.sampling(layer, local=local):
            a, b = layer(x).detach()
        assert torch.allclose(a, b) is same


def test_inputs_that_are_zero_have_finite_gradients():
    layer = v.variational_(nn.Linear(5, 4, bias=False))
    layer(torch.zeros(3, 5)).square().sum().backward()
    assert all(p.grad.isfinite().all() for p in layer.parameters())


def test_the_same_generator_gives_the_same_passes_and_the_global_stream_is_let_alone():
    state = torch.random.get_rng_state()
    nets = [v.variational_(mlp(), generator=torch.Generator().manual_seed(3)) for _ in range(2)]
    torch.random.set_rng_state(state)
    x = torch.randn(4, 5).double()
    state = torch.random.get_rng_state()
    first, second = (net(x) for net in nets)
    assert torch.equal(first, second)
    assert not torch.equal(first, nets[0](x))
    a, b = (v.predict(nets[0], x, 4, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(a, b)
    assert torch.equal(state, torch.random.get_rng_state())


def test_the_divergence_is_the_sum_over_layers_and_says_how_it_was_found():
    net, normal = v.variational_(mlp(), v.GaussianPrior("glorot"), std=0.1), torch.distributions.Normal
    value, exact = v.kl(net)
    expected = sum(
        torch.distributions.kl_divergence(
            normal(mean.detach(), 0.1), normal(torch.zeros(()).double(), fan**-0.5)
        ).sum()
        for fan, layer in ((5, net[0]), (7, net[2]))
        for mean in layer.means().values()
    )
    assert exact
    assert float(value.detach()) == pytest.approx(float(expected), rel=1e-10)
    value.backward()
    assert all(p.grad.abs().max() > 0 for p in net.parameters())
    sampled = v.variational_(mlp(), Laplace(), std=0.1)
    value, exact = v.kl(sampled, 2000, torch.Generator().manual_seed(0))
    flat = torch.cat([p.detach().flatten() for p in mlp().parameters()])
    mean_abs = normal(flat, 0.1).sample((4000,)).abs().mean(0).sum()
    entropy = len(flat) * (math.log(0.1) + 0.5 * math.log(2 * math.pi * math.e))
    assert not exact
    assert float(value.detach()) == pytest.approx(
        float(mean_abs) + len(flat) * math.log(2) - entropy, abs=0.2
    )


def test_divergences_of_a_stack_are_those_of_its_models():
    nets = [v.variational_(mlp(), std=std) for std in (0.05, 0.2)]
    rows = {k: torch.stack([net.get_parameter(k) for net in nets]) for k, _ in nets[0].named_parameters()}
    expected = [float(v.kl(net).value.detach()) for net in nets]
    assert v.divergences(nets[0], rows).value.tolist() == pytest.approx(expected, rel=1e-12)


def test_predictions_average_probabilities_of_whole_networks():
    net = v.variational_(mlp(), std=0.3).train()
    x = torch.randn(5, 5).double()
    outputs = v.sampled_outputs(net, x, 7, torch.Generator().manual_seed(0))
    expected = outputs.softmax(-1).mean(0).log()
    found = v.predict(net, x, 7, torch.Generator().manual_seed(0))
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(found.exp().sum(1), torch.ones(5).double())
    assert net.training
    assert not found.requires_grad
    one = v.sampled_outputs(net, x[:1].expand(2, 5), 3, torch.Generator().manual_seed(0))
    torch.testing.assert_close(
        one[:, 0], one[:, 1], rtol=1e-12, atol=1e-12
    )  # one draw of the weights for all inputs
    assert net[0].local


def test_softplus_and_back():
    s = torch.logspace(-12, 1.5, 50, dtype=torch.float64)
    torch.testing.assert_close(F.softplus(inverse_softplus(s)), s, rtol=1e-12, atol=0)


class Bypass(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc, self.other = nn.Linear(5, 5), nn.Linear(5, 2)

    def forward(self, x):
        return F.linear(self.other(x), self.fc.weight[:2, :2])


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.a = nn.Linear(3, 3)
        self.b = self.a


class Noisy(nn.Sequential):
    def forward(self, x):
        self.calls = getattr(self, "calls", 0) + 1
        return super().forward(x) + torch.rand(1, generator=rng)


rng = torch.Generator().manual_seed(0)


def tied():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[1].weight = net[0].weight
    return net


def frozen():
    net = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3))
    net[0].weight.requires_grad_(False)
    return net


def weight_norm():
    return nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Linear(3, 3)))


def pruned():
    net = nn.Sequential(nn.Linear(3, 3))
    prune.random_unstructured(net[0], "weight", 0.5)
    return net


def pruned_bias():
    net = nn.Sequential(nn.Linear(3, 3))
    prune.random_unstructured(net[0], "bias", 0.5)
    return net


def with_nan():
    net = nn.Sequential(nn.Linear(3, 3))
    net[0].bias.data[0] = math.nan
    return net


REFUSED = {
    "pruned bias": (pruned_bias, "0 has a weight computed from others"),
    "not finite": (with_nan, "0 has weights that are not finite"),
    "lazy": (lambda: nn.Sequential(nn.LazyLinear(3)), "0 is a LazyLinear without values yet"),
    "meta": (lambda: nn.Sequential(nn.Linear(3, 3)).to("meta"), "0 has no values, on the meta device"),
    "no entries": (lambda: nn.Sequential(nn.Linear(3, 0)), "0 has a weight without entries"),
    "complex": (lambda: nn.Sequential(nn.Linear(3, 3)).to(torch.complex64), "weights in torch.complex64"),
    "empty": (nn.Sequential, "no linear or convolutional layer"),
    "norm": (lambda: nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3)), "1 is a BatchNorm1d"),
    "attention": (lambda: nn.TransformerEncoderLayer(8, 2), r"self_attn is a MultiheadAttention.*norm1 is a"),
    "lstm": (
        lambda: nn.Sequential(nn.LSTM(3, 3), nn.Linear(3, 3)),
        "0 is a LSTM: only Linear, Conv",
    ),
    "tied": (tied, "0 has weights that stand in several places.*1 has weights"),
    "twice": (Twice, "a has weights that stand in several places"),
    "half": (lambda: nn.Sequential(nn.Linear(3, 3)).half(), "0 has weights in torch.float16"),
    "frozen": (frozen, "0 has frozen weights"),
    "parametrised": (weight_norm, "0 has parametrised weights"),
    "pruned": (pruned, "0 has a weight computed from others"),
    "again": (lambda: v.variational_(mlp()), "0 is variational already.*2 is variational already"),
    "none": (nn.Tanh, "Tanh has no linear or convolutional layer"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_networks_that_cannot_be_taken_whole_are_refused_and_left(name):
    make, message = REFUSED[name]
    net = make()
    before = repr(net), [id(p) for p in net.parameters()]
    with pytest.raises(ValueError, match=message):
        v.variational_(net)
    assert before == (repr(net), [id(p) for p in net.parameters()])


def test_what_is_left_stays_as_it_is():
    net = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3), nn.Sequential(nn.Linear(3, 3)), nn.Linear(3, 2))
    v.variational_(net, leave=(nn.BatchNorm1d, "2"))
    assert list(v.variational_layers(net)) == ["0", "3"]
    with pytest.raises(ValueError, match="unknown module to leave '7'"):
        v.variational_(nn.Sequential(nn.Linear(3, 3)), leave=("7",))


class Peeks(nn.Module):
    """Calls its layer, and adds what it reads past it."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(5, 2)

    def forward(self, x):
        return self.fc(x) + x @ self.fc.weight.T


def test_weights_that_are_read_past_their_layer_are_refused():
    net = Peeks()
    with pytest.raises(ValueError, match=r"values of fc are read by T\(\) as well"):
        v.variational_(net, example=torch.zeros(2, 5))
    assert type(net.fc) is nn.Linear
    assert not net.fc._forward_hooks
    assert not net.fc._forward_pre_hooks


def test_a_pass_that_goes_round_a_layer_or_is_no_function_is_refused_and_put_back():
    net = Bypass()
    with pytest.raises(ValueError, match="calls no fc: their weights would not be sampled"):
        v.variational_(net, example=torch.zeros(2, 5))
    assert not v.variational_layers(net)
    net = Noisy(nn.Linear(3, 3))
    with pytest.raises(ValueError, match="without noise the outputs of the network are not those of before"):
        v.variational_(net, example=torch.zeros(2, 3))
    assert type(net[0]) is nn.Linear
    assert "weight_rho" not in dict(net[0].named_parameters())
    with pytest.raises(ValueError, match="first std of the weights must be positive"):
        v.variational_(net, std=0.0)
    assert type(net[0]) is nn.Linear


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match="unknown kind of noise 'al'"):
        v.variational_(mlp(), local="al")
    with pytest.raises(ValueError, match="has no variational layer"):
        v.kl(mlp())
    with pytest.raises(ValueError, match="has no variational layer"):
        v.predict(mlp(), torch.zeros(1, 5).double())
    net = v.variational_(mlp())
    for call in (lambda: v.kl(net, 0), lambda: v.sampled_outputs(net, torch.zeros(1, 5).double(), 0)):
        with pytest.raises(ValueError, match="samples must be at least 1, got 0"):
            call()


def test_layers_made_by_hand_are_those_of_the_conversion():
    rng = torch.Generator().manual_seed(0)
    made = [
        (v.VariationalLinear(4, 3, std=0.1, generator=rng, dtype=torch.float64), nn.Linear(4, 3)),
        (v.VariationalConv2d(2, 3, 3, padding=1, std=0.1, local=False), nn.Conv2d(2, 3, 3, padding=1)),
    ]
    for layer, plain in made:
        other = v.variational_(plain, std=0.1)
        assert type(other) is type(layer)
        assert repr(other) == repr(layer)
        assert [n for n, _ in layer.named_parameters()] == [n for n, _ in other.named_parameters()]
        assert layer.prior == other.prior
    assert made[0][0].weight_rho.dtype == torch.float64
    assert not made[1][0].local


def test_two_lines_train_a_network():
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(200, 5, generator=rng)
    y = (x[:, 0] > 0).long()
    net = v.variational_(mlp(torch.float32), v.GaussianPrior("glorot"), generator=rng)
    optimizer = torch.optim.Adam(net.parameters(), 0.02)
    for _ in range(150):
        loss = F.cross_entropy(net(x), y) + v.kl(net).value / len(y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    accuracy = float((v.predict(net, x, 16, rng).argmax(1) == y).float().mean())
    stds = torch.cat(
        [s.flatten() for layer in v.variational_layers(net).values() for s in layer.stds().values()]
    )
    assert accuracy > 0.9
    assert float(stds.detach().max()) > 0.2


def test_a_lone_name_or_kind_to_leave_is_refused():
    for leave, shown in (("0", r"\['0'\]"), (nn.Linear, r"\[Linear\]")):
        with pytest.raises(ValueError, match=f"leave is a list of kinds and names: write {shown}"):
            v.variational_(mlp(), leave=leave)


@pytest.mark.parametrize(
    ("example", "says"),
    [
        (torch.zeros(2, 4).double(), r"does not run on the example \(float64 of shape \(2, 4\)"),
        (torch.zeros(2, 5), "does not run on the example .*same dtype"),
        (torch.full((2, 5), math.nan).double(), "outputs of the network are not finite"),
    ],
)
def test_an_example_that_shows_nothing_is_refused_and_the_network_left(example, says):
    net = mlp()
    shown = repr(net)
    with pytest.raises(ValueError, match=says):
        v.variational_(net, example=example)
    assert repr(net) == shown


def test_sums_in_half_precision_are_refused():
    with pytest.raises(ValueError, match=r"'0\.weight_rho' is torch\.float16"):
        v.kl(v.variational_(mlp()).half())


def test_one_sampled_divergence_makes_the_sum_inexact():
    class Sampled:
        log_density = staticmethod(lambda w: -w.square())

    net = mlp()
    v.variational_(net)
    next(iter(v.variational_layers(net).values())).prior = Sampled()
    assert not v.kl(net).exact
