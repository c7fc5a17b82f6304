"""Symmetric Weibull weights, and networks turned into the paper's."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import kstest
from torch import nn

from startright.models import MLP
from startright.papers.preact import GaussianActivation, init_gaussian_preact_, ks, symmetric_weibull_


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("theta", [2, 3, 10])
def test_weibull_law(theta, dtype):
    w = symmetric_weibull_(torch.empty(20_000, dtype=dtype), theta, rng()).double().numpy()
    assert kstest(np.abs(w), lambda t: -np.expm1(-(t**theta))).pvalue > 0.001
    signs = np.sign(w)
    assert abs(signs.mean()) < 5 / math.sqrt(w.size)
    assert abs(np.corrcoef(signs, np.abs(w))[0, 1]) < 5 / math.sqrt(w.size)
    assert w.var() == pytest.approx(math.gamma(1 + 2 / theta), rel=0.03)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_weibull_is_finite_and_in_place(dtype):
    tensor = torch.empty(200_000, dtype=dtype)
    assert symmetric_weibull_(tensor, 2.05, rng()) is tensor
    assert tensor.isfinite().all()
    assert tensor.abs().max() > 2


def test_weibull_survives_the_ends_of_the_uniform(monkeypatch):
    """A uniform draw of exactly 0 or -1 gives a finite weight."""
    monkeypatch.setattr(
        torch.Tensor, "uniform_", lambda self, *_, **__: self.copy_(torch.tensor([0.0, -1.0]))
    )
    for dtype in (torch.float32, torch.float64):
        assert symmetric_weibull_(torch.empty(2, dtype=dtype), 3).isfinite().all()


def test_weibull_limit_is_a_sign():
    assert symmetric_weibull_(torch.empty(1000), math.inf, rng()).abs().eq(1).all()


def test_weibull_is_seeded():
    a, b, c = (symmetric_weibull_(torch.empty(10), 3, rng(seed)) for seed in (1, 1, 2))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)
    state = torch.get_rng_state()
    symmetric_weibull_(torch.empty(10), 3, rng())
    assert torch.equal(state, torch.get_rng_state())
    assert symmetric_weibull_(torch.empty(0), 3).shape == (0,)
    assert symmetric_weibull_(nn.Linear(3, 2).weight, 3).requires_grad


@pytest.mark.parametrize("theta", [1.9, float("nan"), "x"])
def test_weibull_refuses_theta(theta):
    with pytest.raises(ValueError, match="theta must be"):
        symmetric_weibull_(torch.empty(3), theta)


def test_weibull_refuses_integers():
    with pytest.raises(ValueError, match="floating"):
        symmetric_weibull_(torch.zeros(3, dtype=torch.int64), 3)


@pytest.mark.parametrize("kind", ["odd", "positive"])
def test_two_lines_make_the_network(kind):
    net = MLP([400, 300, 300, 10], nn.ReLU)
    assert init_gaussian_preact_(net, 4, kind, rng()) is net
    linear = [m for m in net.modules() if isinstance(m, nn.Linear)]
    acts = [m for m in net.modules() if isinstance(m, GaussianActivation)]
    assert len(acts) == 2
    assert not any(isinstance(m, nn.ReLU) for m in net.modules())
    assert all(act.theta == 4 and act.kind == kind for act in acts)
    assert all(not layer.bias.any() for layer in linear)
    first, second = (layer.weight.detach().flatten() * math.sqrt(layer.in_features) for layer in linear[:2])
    assert ks.distance(first) < ks.threshold(first.numel())
    assert second.var().item() == pytest.approx(math.gamma(1.5), rel=0.02)
    assert ks.distance_standardised(second) > 0.05  # Weibull, not Gaussian
    net(torch.randn(5, 400)).sum().backward()


def test_first_two_layers_are_exactly_gaussian():
    """Over independent networks, seen by one input with |x|² = n."""
    x, samples = torch.ones(1, 3), []
    for seed in range(800):
        net = nn.Sequential(nn.Linear(3, 2), nn.Tanh(), nn.Linear(2, 1))
        init_gaussian_preact_(net, 3, "odd", rng(seed))
        samples.append(net(x).item())
    samples = torch.tensor(samples)
    assert ks.distance(samples) < 1.63 / math.sqrt(len(samples))  # the 1 % point


def test_convolutions_and_nesting():
    net = nn.Sequential(
        nn.Conv2d(3, 64, 5, bias=False),
        nn.Sequential(nn.GELU(), nn.Dropout(0.0)),
        nn.Conv2d(64, 50, 3),
        nn.Flatten(),
    )
    with pytest.raises(ValueError, match=r"'1\.1' .Dropout. breaks the law"):
        init_gaussian_preact_(net, 3)
    net[1][1] = nn.Identity()
    init_gaussian_preact_(net, 3, generator=rng())
    assert isinstance(net[1][0], GaussianActivation)
    assert net[2].weight.var().item() * 64 * 9 == pytest.approx(math.gamma(1 + 2 / 3), rel=0.05)
    assert net[0].weight.var().item() * 3 * 25 == pytest.approx(1, rel=0.1)


def test_again_changes_theta():
    net = init_gaussian_preact_(MLP([4, 5, 2], nn.ReLU), 3)
    init_gaussian_preact_(net, 10, "positive")
    assert [m.theta for m in net.modules() if isinstance(m, GaussianActivation)] == [10]


def test_parametrised_activations_and_limits():
    net = nn.Sequential(nn.Linear(4, 4), nn.PReLU(), nn.Linear(4, 4))
    init_gaussian_preact_(net, math.inf)
    assert net[2].weight.abs().allclose(torch.tensor(0.5))
    init_gaussian_preact_(net, 2)
    assert net(torch.randn(3, 4)).isfinite().all()


def test_seeded():
    nets = [init_gaussian_preact_(MLP([4, 5, 2]), 3, generator=rng(3)) for _ in range(2)]
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (nn.Sequential(nn.ReLU()), "no linear or convolutional layer"),
        (nn.Sequential(nn.Linear(2, 2)), "no activation module"),
        (nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2), nn.ReLU()), "'1' .BatchNorm1d. breaks the law"),
        (nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2), nn.ReLU()), "LayerNorm"),
        (nn.Sequential(nn.Embedding(3, 2), nn.Linear(2, 2), nn.ReLU()), "Embedding"),
        (nn.Sequential(nn.LSTM(2, 2), nn.Linear(2, 2), nn.ReLU()), "LSTM"),
    ],
)
def test_refuses_networks_that_cannot_keep_the_law(net, message):
    before = {name: value.clone() for name, value in net.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        init_gaussian_preact_(net, 3)
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


def test_refuses_bad_theta_and_kind():
    with pytest.raises(ValueError, match="theta must be"):
        init_gaussian_preact_(MLP([2, 2, 2]), 1)
    with pytest.raises(ValueError, match="unknown kind"):
        init_gaussian_preact_(MLP([2, 2, 2]), 3, "evn")
