"""Schemes and the Gaussian initialisation of a network."""

import math

import pytest
import torch
from torch import nn

from startright.models import MLP
from startright.models.init import init_gaussian_
from startright.papers.preact.schemes import gaussian_preact, linear, relu, tanh_eoc


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    "scheme", [relu(), tanh_eoc(), linear(), gaussian_preact(3), gaussian_preact(10, "positive")]
)
def test_weights_have_the_variance_they_say(scheme):
    w = scheme.weights(300, 200, generator=rng())
    assert w.var().item() == pytest.approx(scheme.sigma_w2, rel=0.03)
    assert abs(w.mean().item()) < 0.03
    assert scheme.gaussian_weights == (scheme.theta is None)


def test_schemes_are_what_the_paper_says():
    assert (relu().sigma_w2, relu().sigma_b2) == (2, 0)
    assert (tanh_eoc().sigma_w2, tanh_eoc().sigma_b2) == (1.46, 0.013)
    scheme = gaussian_preact(4, "positive")
    assert scheme.sigma_w2 == pytest.approx(math.gamma(1.5))
    assert scheme.first_variance == 1
    assert scheme.activation.kind == "positive"
    assert tanh_eoc().first_variance == pytest.approx(1.473)


def test_bias():
    z = tanh_eoc().add_bias_(torch.zeros(100_000), rng())
    assert z.var().item() == pytest.approx(0.013, rel=0.03)
    assert not relu().add_bias_(torch.zeros(3), rng()).any()


def test_gaussian_init():
    net = nn.Sequential(nn.Conv2d(3, 200, 5), nn.ReLU(), nn.Flatten(), nn.Linear(800, 500))
    assert init_gaussian_(net, 1.46, 0.013, rng()) is net
    assert net[0].weight.var().item() * 75 == pytest.approx(1.46, rel=0.05)
    assert net[3].weight.var().item() * 800 == pytest.approx(1.46, rel=0.02)
    assert net[3].bias.var().item() == pytest.approx(0.013, rel=0.3)
    assert isinstance(net[1], nn.ReLU)


def test_refuses():
    with pytest.raises(ValueError, match="no linear or convolutional layer"):
        init_gaussian_(nn.ReLU(), 2.0)
    with pytest.raises(ValueError, match="negative"):
        init_gaussian_(MLP([2, 2]), -1.0)
    with pytest.raises(ValueError, match="theta must be"):
        gaussian_preact(1)
    with pytest.raises(ValueError, match="unknown kind"):
        gaussian_preact(3, "none")
