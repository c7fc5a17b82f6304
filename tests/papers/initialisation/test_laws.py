"""Laws of the first weights, against torch's own and on networks of somebody else."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import weight_norm

from startright.initialisation import draw_, initialise_, reference, weight_variance

N_IN, N_OUT = 600, 400


def stream():
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize(
    ("law", "options", "theirs"),
    [
        ("glorot", {}, nn.init.xavier_normal_),
        ("he", {}, lambda w, generator: nn.init.kaiming_normal_(w, generator=generator)),
        (
            "he",
            {"fan": "out"},
            lambda w, generator: nn.init.kaiming_normal_(w, mode="fan_out", generator=generator),
        ),
        ("he", {"slope": 0.3}, lambda w, generator: nn.init.kaiming_normal_(w, a=0.3, generator=generator)),
    ],
)
def test_normal_laws_are_those_of_torch(law, options, theirs):
    ours = draw_(torch.empty(N_OUT, N_IN), weight_variance(law, N_IN, N_OUT, **options), generator=stream())
    assert torch.allclose(ours, theirs(torch.empty(N_OUT, N_IN), generator=stream()), rtol=1e-6)


@pytest.mark.parametrize(
    ("law", "theirs"),
    [
        ("glorot", nn.init.xavier_uniform_),
        ("he", nn.init.kaiming_uniform_),
        ("naive", partial(nn.init.kaiming_uniform_, a=5**0.5)),
    ],
)
def test_uniform_laws_are_those_of_torch_whose_default_is_the_naive_one(law, theirs):
    variance = weight_variance(law, N_IN, N_OUT)
    ours = draw_(torch.empty(N_OUT, N_IN), variance, "uniform", generator=stream())
    assert torch.allclose(ours, theirs(torch.empty(N_OUT, N_IN), generator=stream()), rtol=1e-6)


@pytest.mark.parametrize("law", ["naive", "glorot", "he"])
def test_the_reference_form_says_the_same(law):
    assert weight_variance(law, 7, 5, slope=0.2) == pytest.approx(reference.variances(law, 7, 5, 0.2))


def convolutions():
    return nn.Sequential(
        nn.Conv2d(8, 32, 5),
        nn.BatchNorm2d(32),
        nn.ReLU(),
        nn.Conv2d(32, 64, 3, groups=4),
        nn.Flatten(),
        nn.Linear(64, 50),
    )


def test_every_layer_is_drawn_and_the_rest_is_left():
    net = convolutions()
    norm = {k: v.clone() for k, v in net[1].state_dict().items()}
    assert initialise_(net, "glorot", generator=stream()) is net
    for layer, fans in ((net[0], 8 * 25 + 32 * 25), (net[3], 8 * 9 + 16 * 9), (net[5], 64 + 50)):
        assert layer.weight.var().item() == pytest.approx(2 / fans, rel=0.15)
        assert not layer.bias.any()
    assert all(torch.equal(norm[k], v) for k, v in net[1].state_dict().items())


def test_a_network_that_is_refused_is_left_as_it_was():
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), weight_norm(nn.Linear(4, 4)))
    before = net[0].weight.clone()
    with pytest.raises(ValueError, match=r"layer '2' .* cannot be initialised: its weight is computed"):
        initialise_(net, "he")
    assert torch.equal(net[0].weight, before)


def test_a_shared_weight_has_two_fans():
    net = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    net[1].weight = net[0].weight
    with pytest.raises(ValueError, match="'0' and '1' share one weight"):
        initialise_(net, "he")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("hee", "normal"), "unknown law 'hee'"),
        (("he", "gauss"), "unknown shape of a law 'gauss'"),
        (("he", "normal", {"fan": "both"}), "unknown fan 'both'"),
        (("he", "normal", {"slope": float("nan")}), "slope of Leaky ReLU must be finite, got nan"),
    ],
)
def test_wrong_words_are_named_before_anything_is_drawn(arguments, message):
    net = nn.Sequential(nn.Linear(4, 4))
    before = net[0].weight.clone()
    law, shape, *options = arguments
    with pytest.raises(ValueError, match=message):
        initialise_(net, law, shape, **(options[0] if options else {}))
    assert torch.equal(net[0].weight, before)


def test_no_layer_and_no_input_are_said():
    with pytest.raises(ValueError, match="ReLU has no linear or convolutional layer"):
        initialise_(nn.ReLU(), "he")
    with pytest.raises(ValueError, match="at least one input and one output, got 0 and 3"):
        weight_variance("he", 0, 3)
    with pytest.raises(ValueError, match="at least 0 and finite, got -1"):
        draw_(torch.empty(3), -1.0)
