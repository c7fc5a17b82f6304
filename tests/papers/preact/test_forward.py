"""What one forward pass shows of a network: all that the law forbids, by name, wherever it is written."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from startright.papers.preact import GaussianActivation, init_gaussian_preact_
from startright.papers.preact.forward import observe


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


class Written(nn.Module):
    """Two layers and an activation around what a forward of one's own does in between."""

    def __init__(self, body, width=16, **children):
        super().__init__()
        self.first, self.act, self.last = nn.Linear(width, width), nn.Tanh(), nn.Linear(width, width)
        self.body = body
        for name, child in children.items():
            setattr(self, name, child)

    def forward(self, x):
        return self.body(self, x)


def plain(net, x):
    return net.last(net.act(net.first(x)))


def in_place(net, x):
    h = net.first(x)
    h += net.last(net.act(h))
    return h


def twice(net, x):
    return net.last(net.act(net.last(net.act(net.first(x)))))


def looked_at(net, x):
    h = net.first(x)
    assert h.isfinite().all()
    assert h.abs().max() < 1e9
    return net.last(net.act(h))


FORBIDDEN = {
    "skip": (lambda n, x: n.first(x) + n.last(n.act(n.first(x))), r"add\(\), a skip connection"),
    "skip of the input": (lambda n, x: x + plain(n, x), r"add\(\), a skip connection"),
    "skip in place": (in_place, r"add_?\(\), a skip connection"),
    "sum of a stack": (lambda n, x: torch.stack([plain(n, x), n.first(x)]).sum(0), r"sum\(\) in"),
    "joined with the input": (lambda n, x: torch.cat([x, n.act(n.first(x))], 1), r"cat\(\) in"),
    "functional activation": (lambda n, x: n.last(F.relu(n.act(n.first(x)))), r"relu\(\) in"),
    "method": (lambda n, x: n.last(n.first(x).tanh()), r"tanh\(\) in the forward of Written"),
    "clamp": (lambda n, x: n.last(n.first(x).clamp_min(0)), r"clamp_min\(\) in"),
    "scaled": (lambda n, x: n.last(2 * n.act(n.first(x))), r"mul\(\) in"),
    "mean": (lambda n, x: plain(n, x).mean(1), r"mean\(\) in"),
    "functional pooling": (
        lambda n, x: n.last(F.max_pool1d(n.act(n.first(x)), 3, 1, 1)),
        r"max_pool1d\(\) in",
    ),
    "functional dropout": (
        lambda n, x: n.last(F.dropout(n.act(n.first(x)), 0.1)),
        "dropout.*, which is random",
    ),
    "functional norm": (lambda n, x: n.last(n.act(F.layer_norm(n.first(x), (16,)))), r"layer_norm\(\) in"),
    "softmax at the end": (lambda n, x: plain(n, x).softmax(1), r"softmax\(\) in"),
    "sigmoid at the end": (lambda n, x: torch.sigmoid(plain(n, x)), r"sigmoid\(\) in"),
    "activation at the end": (lambda n, x: n.act(n.first(x)), "the activation 'act' of the output"),
    "activation at the end, in a view": (
        lambda n, x: {"y": n.act(n.first(x)).view(-1)},
        "'act' of the output",
    ),
    "layers in a row": (lambda n, x: n.last(n.first(x)), r"layer 'last' \(Linear\) gets a pre-activation"),
    "activation before the layers": (lambda n, x: plain(n, n.act(x)), "the activation 'act' gets the input"),
    "activations in a row": (lambda n, x: n.last(n.act(n.act(n.first(x)))), "'act' gets an activation"),
    "layer used twice": (twice, r"'last' \(Linear\), which is used more than once"),
    "other weights": (lambda n, x: F.linear(n.act(n.first(x)), n.last.weight * 2), "no layer keeps"),
    "other bias": (
        lambda n, x: F.linear(n.act(n.first(x)), n.last.weight, n.first.bias),
        "a bias that no layer",
    ),
    "matrix product": (lambda n, x: n.act(n.first(x)) @ n.last.weight.mT, r"matmul\(\) in"),
    "written to": (
        lambda n, x: n.last(torch.zeros(3, 16).index_put((torch.arange(3),), n.first(x))),
        "index_put",
    ),
}


@pytest.mark.parametrize("case", FORBIDDEN)
def test_what_the_law_forbids_is_named_and_nothing_changes(case):
    body, message = FORBIDDEN[case]
    net = Written(body)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(ValueError, match=f"{message}.* breaks the law of the pre-activations.*strict=False"):
        init_gaussian_preact_(net, 3)
    assert type(net.act) is nn.Tanh
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.mark.parametrize("case", FORBIDDEN)
def test_one_may_go_on_with_a_warning(case):
    body, message = FORBIDDEN[case]
    net = Written(body)
    with pytest.warns(UserWarning, match=f"{message}.*they will not be Gaussian"):
        init_gaussian_preact_(net, 3, generator=rng(), strict=False)
    assert not net.first.bias.any()
    kept = case.startswith("activation at the end")
    assert type(net.act) is (nn.Tanh if kept else GaussianActivation)


ALLOWED = {
    "as it comes": plain,
    "reshaped": lambda n, x: plain(n, x[:, None].flip(1).flatten(1)).unflatten(1, (4, 4)).transpose(1, 2),
    "the input prepared": lambda n, x: plain(n, F.layer_norm((x - 0.5) / 2 + x.mean(), (16,)).relu()),
    "halves joined again": lambda n, x: n.last(torch.cat(n.act(n.first(x)).chunk(2, 1)[::-1], 1)),
    "looked at": looked_at,
    "weights by hand": lambda n, x: F.linear(n.act(F.linear(x, n.first.weight)), weight=n.last.weight),
    "features beside": lambda n, x: (h := n.act(n.first(x)), n.last(h)),
    "several outputs": lambda n, x: {"y": (plain(n, x),), "x": x},
    "numbers beside": lambda n, x: (plain(n, x), x.shape, None),
}


@pytest.mark.parametrize("case", ALLOWED)
def test_what_the_law_allows_is_accepted(case):
    net = Written(ALLOWED[case])
    init_gaussian_preact_(net, 3)
    assert type(net.act) is GaussianActivation


def test_layers_by_what_they_take_not_by_where_they_stand():
    """The first layer of the pass gets the Gaussian weights, even if it was made last."""
    net = Written(lambda n, x: n.first(n.act(n.last(x))), width=200)
    init_gaussian_preact_(net, 1e9, generator=rng())  # the Weibull weights are signs
    assert net.first.weight.abs().allclose(torch.tensor(200**-0.5))
    assert net.last.weight.abs().std() > 0.5 * 200**-0.5
    seen = observe(net, {"act": net.act}, torch.ones(2, 200))
    assert (seen.first, seen.breaks, seen.last) == (["last"], [], [])


def test_an_activation_that_is_reached_in_another_way_is_found():
    """Registered and replaced, but called through a list that still has the old one."""
    net = Written(lambda n, x: n.steps[2](n.steps[1](n.steps[0](x))))
    net.steps = [net.first, net.act, net.last]
    with pytest.raises(ValueError, match=r"tanh\(\) in"):
        init_gaussian_preact_(net, 3)
    assert net.act is net.steps[1]


def test_an_activation_in_place_whose_output_is_not_taken_is_found():
    def body(n, x):
        h = n.first(x)
        n.relu(h)
        return n.last(h)

    with pytest.raises(ValueError, match=r"layer 'last' \(Linear\) gets a pre-activation"):
        init_gaussian_preact_(Written(body, relu=nn.ReLU(inplace=True)), 3)
