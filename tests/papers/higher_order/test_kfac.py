"""K-FAC on one linear layer against the formula; its clipping; its settings."""

import sys

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from startright.papers.higher_order.kfac import KFAC

pytest.importorskip("curvlinops")


def task(seed=0, n=40):
    rng = torch.Generator().manual_seed(seed)
    x, y = torch.randn(n, 5, generator=rng), torch.randint(3, (n,), generator=rng)
    model = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 3))
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(torch.randn(p.shape, generator=rng) / 2)
    return model, x, y


def stepped(optimizer, model, x, y):
    optimizer.zero_grad()
    loss = F.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step(x, y)
    return float(loss.detach())


def test_the_direction_solves_the_damped_system_of_each_layer():
    model, x, y = task()
    optimizer = KFAC(model, lr=0.1, momentum=0.0, damping=0.1, kl_clip=1e9)
    before = [p.detach().clone() for p in model.parameters()]
    stepped(optimizer, model, x, y)
    last = optimizer.factors
    names = list(last["input_covariances"])
    gradients = [p.grad for p in model.parameters()]
    moves = [(b - p.detach()) / 0.1 for b, p in zip(before, model.parameters(), strict=True)]
    for k, name in enumerate(names):
        A, B = last["input_covariances"][name], last["gradient_covariances"][name]
        joint = lambda parts: torch.cat([parts[2 * k], parts[2 * k + 1][:, None]], 1)  # noqa: E731, B023
        V, G = joint(moves), joint(gradients)
        assert torch.allclose(B @ V @ A + 0.1 * V, G, atol=1e-5)


def test_the_input_factor_is_the_second_moment_of_the_inputs():
    model, x, y = task()
    optimizer = KFAC(model)
    stepped(optimizer, model, x, y)
    first = next(iter(optimizer.factors["input_covariances"].values()))
    ones = torch.cat([x, torch.ones(len(x), 1)], 1)
    assert torch.allclose(first, ones.T @ ones / len(x), atol=1e-5)


def test_the_loss_falls_and_clipping_bounds_the_step():
    model, x, y = task()
    optimizer = KFAC(model, lr=0.1)
    losses = [stepped(optimizer, model, x, y) for _ in range(60)]
    assert losses[-1] < 0.5 * losses[0]
    short, other = task()[0], task()[0]
    for net, clip in ((short, 1e-8), (other, 1e9)):
        stepped(KFAC(net, lr=0.1, momentum=0.0, kl_clip=clip), net, x, y)
    start = task()[0]
    gone = [
        sum(float((p - q).square().sum()) for p, q in zip(net.parameters(), start.parameters(), strict=True))
        for net in (short, other)
    ]
    assert gone[0] < 1e-2 * gone[1]


def test_factors_are_averaged_over_the_updates():
    model, x, y = task()
    optimizer = KFAC(model, lr=1e-9, decay=0.5, factor_period=1, inverse_period=1)
    stepped(optimizer, model, x, y)
    first = next(iter(optimizer.factors["input_covariances"].values())).clone()
    stepped(optimizer, model, 2 * x, y)
    second = next(iter(optimizer.factors["input_covariances"].values()))
    assert torch.allclose(second[:5, :5], 0.5 * first[:5, :5] + 0.5 * 4 * first[:5, :5], atol=1e-5)


def test_factors_keep_nineteen_parts_in_twenty_of_the_past_by_default():
    model, x, y = task()
    optimizer = KFAC(model, lr=1e-9, factor_period=1, inverse_period=1)
    factors = []
    for scale in (1, 2, 1):
        stepped(optimizer, model, scale * x, y)
        factors.append(next(iter(optimizer.factors["input_covariances"].values()))[:5, :5].clone())
    first, second, third = factors
    assert torch.allclose(second, (0.95 + 0.05 * 4) * first, rtol=1e-4)
    assert torch.allclose(third, 0.95 * second + 0.05 * first, rtol=1e-4)


def test_the_defaults_are_those_of_the_papers_comparison():
    optimizer = KFAC(task()[0])
    settings = ("momentum", "damping", "kl_clip", "decay", "factor_period", "inverse_period", "weight_decay")
    assert [getattr(optimizer, name) for name in settings] == [0.9, 0.03, 0.01, 0.95, 10, 100, 0.0]


@pytest.mark.parametrize(
    "wrong", [{"factor_period": 10, "inverse_period": 15}, {"lr": 0.0}, {"damping": -1.0}, {"momentum": 1.0}]
)
def test_bad_settings_are_refused(wrong):
    with pytest.raises(ValueError, match=str(next(iter(wrong.values())))):
        KFAC(task()[0], **wrong)


def test_a_missing_package_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "curvlinops", None)
    with pytest.raises(ImportError, match=r"startright\[peers\]"):
        KFAC(task()[0])
