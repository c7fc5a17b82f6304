"""Units are really taken out, the rest computes the same, and nothing is half done."""

import copy

import pytest
import torch
from torch import nn

from startright.models import MLP, VGG19, GoogLeNet, LeNet, MobileNetV2, SENet18
from startright.models.surgery import chain, remove_
from startright.models.vgg import PLAN

IMAGES = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
DIGITS = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
NETS = {
    "LeNet": (LeNet, DIGITS),
    "VGG19": (lambda: VGG19(10, 0.1), IMAGES),
    "MobileNetV2": (lambda: MobileNetV2(10, 0.1), IMAGES),
    "SENet18": (lambda: SENet18(10, 0.1), IMAGES),
    "GoogLeNet": (lambda: GoogLeNet(10, 0.1), IMAGES),
}
KEEP = torch.tensor([True, False, True, False, True])


def made(name):
    """A network with running statistics that differ from unit to unit, and masks of all its sites."""
    torch.manual_seed(0)
    net, x = NETS[name][0](), NETS[name][1]
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.normal_()
            for positive in (part.running_var, part.weight.data, part.bias.data):
                positive.uniform_(0.5, 1.5)
    masks = {name: torch.rand(site.units) < 0.6 for name, site in chain(net, x).sites.items()}
    for mask in masks.values():
        mask[-1] = True
    return net, x, masks


def silence(net, found, masks):
    """The whole network, in which units that go give nothing."""
    for name, mask in masks.items():
        for part in found.sites[name].consumers:
            columns = (~mask).repeat_interleave(part.factor)
            net.get_submodule(part.name).weight.data[:, columns] = 0
    return net


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", NETS)
def test_the_smaller_network_computes_what_the_silent_one_does(name, training):
    net, x, masks = made(name)
    whole = silence(copy.deepcopy(net), chain(net, x), masks).train(training)
    done = remove_(net.train(training), masks, example=x)
    assert done.widths == {name: (len(mask), int(mask.sum())) for name, mask in masks.items()}
    assert not done.exact
    assert done.difference > 1e-4
    torch.testing.assert_close(net(x), whole(x), rtol=1e-4, atol=1e-5)
    for layer, (_, width) in done.widths.items():
        assert len(net.get_submodule(layer).weight) == width


def five(norm=True):
    """Five hidden units, of which the second and the fourth give nothing."""
    torch.manual_seed(0)
    net = MLP((4, 5, 3), batch_norm=norm).layers.double()
    net[-1].weight.data[:, ~KEEP] = 0
    return net, torch.randn(8, 4, dtype=torch.float64)


def test_every_tensor_loses_its_entries():
    net, x = five()
    net[1].running_mean.normal_(), net[1].running_var.uniform_(1, 2), net[1].bias.data.normal_()
    net(x).square().sum().backward()
    old, grads = copy.deepcopy(net.state_dict()), {n: p.grad.clone() for n, p in net.named_parameters()}
    outputs = copy.deepcopy(net).eval()(x)
    done = remove_(net, {"0": KEEP}, example=x)
    assert done.exact
    assert done.difference == 0
    new = net.state_dict()
    for name in ("0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var"):
        assert torch.equal(new[name], old[name][KEEP]), name
    assert torch.equal(new["3.weight"], old["3.weight"][:, KEEP])
    assert torch.equal(new["3.bias"], old["3.bias"])
    for name, parameter in net.named_parameters():
        grad = grads[name]
        cut = grad[:, KEEP] if name == "3.weight" else grad if name == "3.bias" else grad[KEEP]
        assert torch.equal(parameter.grad, cut), name
    assert (net[0].out_features, net[1].num_features, net[3].in_features) == (3, 3, 3)
    torch.testing.assert_close(net.eval()(x), outputs, rtol=0, atol=1e-14)


def test_channels_behind_a_flattening_lose_all_their_positions():
    net = nn.Sequential(nn.Conv2d(1, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(45, 2))
    old = net[3].weight.detach().clone()
    remove_(net, {"0": KEEP}, example=torch.randn(2, 1, 5, 5))
    assert net[0].out_channels == 3
    assert torch.equal(net[3].weight, old.view(2, 5, 9)[:, KEEP].flatten(1))


def test_a_depthwise_convolution_loses_its_filters():
    net = nn.Sequential(nn.Conv2d(2, 5, 1), nn.Conv2d(5, 5, 3, groups=5), nn.Conv2d(5, 2, 1))
    old = net[1].weight.detach().clone()
    remove_(net, {"0": KEEP}, example=torch.randn(2, 2, 4, 4))
    assert (net[1].in_channels, net[1].out_channels, net[1].groups) == (3, 3, 3)
    assert torch.equal(net[1].weight, old[KEEP])


def vgg_parameters(widths):
    """Weights, biases, and the two numbers of each normalisation, of VGG19 with ten classes."""
    pairs = zip((3, *widths), widths, strict=False)
    return sum(9 * n * m + 3 * m for n, m in pairs) + 10 * widths[-1] + 10


def test_the_parameters_of_vgg19_are_those_of_the_closed_form():
    torch.manual_seed(0)
    net = VGG19()
    assert sum(p.numel() for p in net.parameters()) == vgg_parameters([n for n in PLAN if n]) == 20_040_522
    masks = {name: torch.rand(site.units) < 0.3 for name, site in chain(net, IMAGES).sites.items()}
    done = remove_(net, masks, example=IMAGES)
    assert sum(p.numel() for p in net.parameters()) == vgg_parameters(
        [after for _, after in done.widths.values()]
    )


@pytest.mark.parametrize("name", ["LeNet", "VGG19"])
def test_the_same_as_torch_pruning(name):
    peer = pytest.importorskip(
        "torch_pruning", reason="torch-pruning, the oracle of surgery, is not installed"
    )
    net, x, masks = made(name)
    other = copy.deepcopy(net)
    for layer, mask in masks.items():
        graph = peer.DependencyGraph().build_dependency(other, example_inputs=x)
        part, gone = other.get_submodule(layer), (~mask).nonzero().flatten().tolist()
        prune = (
            peer.prune_conv_out_channels if isinstance(part, nn.Conv2d) else peer.prune_linear_out_channels
        )
        graph.get_pruning_group(part, prune, idxs=gone).prune()
    remove_(net, masks, example=x)
    ours, theirs = net.state_dict(), other.state_dict()
    assert {key: value.shape for key, value in ours.items()} == {
        key: value.shape for key, value in theirs.items()
    }
    torch.testing.assert_close(net.eval()(x), other.eval()(x))
    torch.testing.assert_close(net.train()(x), other.train()(x))


# --- the training goes on -----------------------------------------------------------------------

OPTIMIZERS = {
    "momentum": lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, weight_decay=0.01),
    "Adam": lambda p: torch.optim.Adam(p, 0.01, amsgrad=True),
    "AdamW": lambda p: torch.optim.AdamW(p, 0.01, foreach=False),
    "RMSprop": lambda p: torch.optim.RMSprop(p, 0.01, momentum=0.5, centered=True),
    "Adagrad": lambda p: torch.optim.Adagrad(p, 0.01),
    "Rprop": lambda p: torch.optim.Rprop(p, 0.01),
}


def train(net, optimizer, x, steps=4):
    for _ in range(steps):
        optimizer.zero_grad()
        loss = net(x).square().sum()
        loss.backward()
        optimizer.step()
    return loss  # and with it the graph


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_stays_trains_as_in_the_whole_network(name):
    net, x = five(norm=False)
    net[0].weight.data[~KEEP], net[0].bias.data[~KEEP] = 0, -1  # dead: no gradient, whatever the rest does
    optimizer = OPTIMIZERS[name](net.parameters())
    alive = train(net, optimizer, x)
    whole, _ = five(norm=False)
    whole.load_state_dict(net.state_dict())
    peer = OPTIMIZERS[name](whole.parameters())
    peer.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    identities = [id(p) for p in net.parameters()]
    done = remove_(net, {"0": KEEP}, optimizer, example=x)
    assert done.exact
    assert [id(p) for p in optimizer.param_groups[0]["params"]] == identities
    assert alive.isfinite()
    train(net, optimizer, x), train(whole, peer, x)
    assert net[0].weight.shape == (3, 4)
    torch.testing.assert_close(net[0].weight, whole[0].weight[KEEP], rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(net[0].bias, whole[0].bias[KEEP], rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(net[2].weight, whole[2].weight[:, KEEP], rtol=1e-12, atol=1e-14)


def test_every_slot_of_the_state_is_cut():
    net, x = five()
    optimizer = torch.optim.Adam(net.parameters(), 0.01)
    train(net, optimizer, x)
    old = {name: copy.deepcopy(optimizer.state[p]) for name, p in net.named_parameters()}
    remove_(net, {"0": KEEP}, optimizer, example=x)
    for name, parameter in net.named_parameters():
        for slot in ("exp_avg", "exp_avg_sq"):
            before = old[name][slot]
            cut = before[:, KEEP] if name == "3.weight" else before if name == "3.bias" else before[KEEP]
            assert torch.equal(optimizer.state[parameter][slot], cut), (name, slot)
        assert torch.equal(optimizer.state[parameter]["step"], old[name]["step"])


def test_factored_state_is_cut():
    net, x = five(norm=False)
    optimizer = torch.optim.Adafactor(net.parameters(), 0.01)
    train(net, optimizer, x)
    old = copy.deepcopy(optimizer.state[net[2].weight])
    remove_(net, {"0": KEEP}, optimizer, example=x)
    new = optimizer.state[net[2].weight]
    assert torch.equal(new["col_var"], old["col_var"][:, KEEP])
    assert torch.equal(new["row_var"], old["row_var"])
    train(net, optimizer, x)


def test_layout_and_frozen_parameters_stay():
    net = nn.Sequential(nn.Conv2d(2, 5, 3), nn.Conv2d(5, 4, 3)).to(memory_format=torch.channels_last)
    net[0].weight.requires_grad_(False)
    remove_(net, {"0": KEEP}, example=torch.randn(2, 2, 5, 5))
    assert all(layer.weight.is_contiguous(memory_format=torch.channels_last) for layer in net)
    assert not net[1].weight.is_contiguous()
    assert not net[0].weight.requires_grad
    net(torch.randn(2, 2, 5, 5)).sum().backward()
    assert net[1].weight.grad.shape == (4, 3, 3, 3)


# --- refusals ------------------------------------------------------------------------------------


def state_of(net, optimizer):
    parameters = [(id(p), p.detach().clone(), p.grad) for p in net.parameters()]
    sizes = [str(part) for part in net.modules()]
    state = [(k, copy.deepcopy(v)) for p in net.parameters() for k, v in optimizer.state[p].items()]
    return (
        parameters,
        [(b.clone(), id(b)) for b in net.buffers()],
        sizes,
        state,
        len(net._load_state_dict_pre_hooks),
    )


def same(a, b):
    if isinstance(a, torch.Tensor):
        return torch.equal(a, b)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


class Odd(nn.Module):
    """A pass that uses the number of units, or insists on it."""

    def __init__(self, insists=False):
        super().__init__()
        self.a, self.n, self.b, self.insists = nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 2), insists

    def forward(self, x):
        h = self.n(self.a(x))
        if self.insists and h.shape[1] != 5:
            raise ValueError("five units, please")
        return self.b(h / h.shape[1])


LBFGS = torch.optim.LBFGS
SGD = torch.optim.SGD
BAD = {
    "no such layer": ({"c": KEEP}, SGD, "unknown layer 'c'"),
    "outputs": ({"b": KEEP[:2]}, SGD, "layer 'b' cannot lose units: its units are outputs"),
    "another size": ({"a": KEEP[:4]}, SGD, r"must be bool of shape \(5,\).*not bool of shape \(4,\)"),
    "indices": ({"a": torch.tensor([0, 2])}, SGD, "not int64"),
    "text": ({"a": "all"}, SGD, "the mask of layer 'a' must be a bool tensor, got 'all'"),
    "a mask alone": (KEEP, SGD, "kept must be a dict"),
    "all": ({"a": torch.zeros(5, dtype=torch.bool)}, SGD, "would lose all of its 5 units.*keep one"),
    "flat state": ({"a": KEEP}, LBFGS, "the LBFGS keeps '(d|old_dirs|old_stps|prev_flat_grad)'"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_refusal_leaves_everything_as_it_was(name):
    masks, make, words = BAD[name]
    torch.manual_seed(0)
    net, x = Odd(), torch.randn(8, 4)
    optimizer = make(net.parameters(), 0.1) if make is LBFGS else SGD(net.parameters(), 0.1, momentum=0.9)

    def closure():
        optimizer.zero_grad()
        loss = net(x).square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    before = state_of(net, optimizer)
    with pytest.raises(ValueError, match=words):
        remove_(net, masks, optimizer, example=x)
    assert same(state_of(net, optimizer), before)


@pytest.mark.parametrize("insists", [True, False])
def test_a_surprise_puts_everything_back(insists):
    torch.manual_seed(0)
    net, x = Odd(insists), torch.randn(8, 4)
    optimizer = SGD(net.parameters(), 0.1, momentum=0.9)
    train(net, optimizer, x)
    before = state_of(net, optimizer)
    words = "five units, please" if insists else "relative distance [0-9.]+e[+-]"
    with pytest.raises(RuntimeError, match=words):
        remove_(net, {"a": KEEP}, optimizer, example=x)
    assert same(state_of(net, optimizer), before)
    train(net, optimizer, x)


def test_optimizers_that_do_not_go_with_the_network():
    net, x = five()
    with pytest.raises(ValueError, match="the SGD trains no parameter of this Sequential"):
        remove_(net, {"0": KEEP}, SGD(copy.deepcopy(net).parameters(), 0.1), example=x)
    optimizer = SGD(net.parameters(), 0.1)
    optimizer.param_groups[0]["rates"] = torch.ones(5)
    with pytest.raises(ValueError, match="the SGD keeps 'rates', of which nobody says"):
        remove_(net, {"0": KEEP}, optimizer, example=x)
    assert net[0].out_features == 5


def scripted():
    return torch.jit.script(MLP((4, 5, 2)).layers)


def infinite():
    net = MLP((4, 5, 2)).layers
    net[2].bias.data[0] = torch.inf
    return net


def integer():
    net = MLP((4, 5, 2)).layers
    net[0].weight = nn.Parameter(torch.ones(5, 4, dtype=torch.int64), requires_grad=False)
    return net


WHOLE = {
    "half": (MLP((4, 5, 2)).layers.half, r"'0.weight' is float16.*model.float\(\)"),
    "bfloat16": (MLP((4, 5, 2)).layers.bfloat16, "'0.weight' is bfloat16"),
    "scripted": (scripted, "scripted: take the units out first"),
    "wrapped": (lambda: nn.DataParallel(MLP((4, 5, 2)).layers), "DataParallel has copied the weights"),
    "lazy": (lambda: nn.Sequential(nn.LazyLinear(5), nn.Linear(5, 2)), "'0.weight' has no values yet"),
    "meta": (lambda: MLP((4, 5, 2)).layers.to("meta"), "'0.weight' has no values yet"),
    "complex": (
        lambda: MLP((4, 5, 2)).layers.to(torch.complex64),
        "'0.weight' is complex64: .* real weights",
    ),
    "integer": (integer, "'0.weight' is int64: .* real weights"),
    "empty": (
        lambda: nn.Sequential(nn.Linear(4, 0), nn.Linear(0, 2)),
        "'0' cannot lose units: its weight has no",
    ),
    "infinite": (infinite, "outputs are not finite"),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", WHOLE)
def test_networks_that_are_refused(name):
    make, words = WHOLE[name]
    with pytest.raises(ValueError, match=words):
        remove_(make(), {"0": KEEP}, example=torch.randn(2, 4))


class Single(nn.Module):
    """A pass that insists on float32, or odd as well."""

    def __init__(self, odd):
        super().__init__()
        self.a, self.b, self.odd = nn.Linear(4, 5), nn.Linear(5, 2), odd

    def forward(self, x):
        h = self.a(x.float())
        return self.b(h / h.shape[1] if self.odd else h)


@pytest.mark.parametrize("odd", [True, False])
def test_a_pass_in_float32_alone_is_compared_as_well(odd):
    torch.manual_seed(0)
    net, x = Single(odd), torch.randn(8, 4)
    if odd:
        with pytest.raises(RuntimeError, match="relative distance"):
            remove_(net, {"a": KEEP}, example=x)
    assert net.a.out_features == 5
    if not odd:
        assert remove_(net, {"a": KEEP}, example=(x,)).widths == {"a": (5, 3)}


def test_autocast_does_not_reach_the_comparison():
    net, x = MLP((4, 5, 3)).layers, torch.randn(8, 4)
    whole = silence(copy.deepcopy(net), chain(net, x), {"0": KEEP})
    with torch.autocast("cpu", dtype=torch.bfloat16):
        done = remove_(net, {"0": KEEP}, example=x)
    torch.testing.assert_close(net(x), whole(x))
    assert done.difference > 0


def test_nothing_to_take_out_is_fine():
    net, x = five()
    before = copy.deepcopy(net.state_dict())
    done = remove_(net, {"0": [True] * 5}, example=x)
    assert (done.exact, done.difference, done.widths) == (True, 0.0, {"0": (5, 5)})
    assert same(list(net.state_dict().values()), list(before.values()))
    net.load_state_dict(before)


def test_an_optimizer_that_is_none():
    net, x = five()
    with pytest.raises(ValueError, match=r"one of torch\.optim, got 'sgd'"):
        remove_(net, {"0": KEEP}, "sgd", example=x)
    assert net[0].out_features == 5


def test_the_difference_is_relative_to_the_largest_output():
    net, x = five()
    net[-1].weight.data.normal_()
    net[-1].bias.data.zero_()
    large = copy.deepcopy(net)
    large[-1].weight.data *= 1000
    one, other = (remove_(each, {"0": KEEP}, example=x).difference for each in (net, large))
    assert one == pytest.approx(other, rel=1e-10)
