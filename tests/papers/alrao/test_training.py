import torch
from torch import nn

from startright.data import load
from startright.models import build
from startright.papers.alrao import wrap
from startright.papers.alrao.training import fit
from startright.training import TrainConfig


def start(interval=(1e-5, 10.0), n_heads=10):
    make = lambda: nn.Sequential(nn.Linear(64, 32), nn.BatchNorm1d(32), nn.ReLU())  # noqa: E731
    return wrap(build(make, 0), lambda: nn.Linear(32, 10), interval, n_heads)


def test_it_learns_the_digits_and_the_weights_can_be_watched():
    data, seen = load("digits", flatten=True), []
    model, optimizer = start()
    config = TrainConfig(epochs=2, batch_size=32, lr=1.0)
    history = fit(model, optimizer, data, config, watch=lambda weights: seen.append(weights.clone()))
    assert history.status == "ok"
    assert history.curves["test_accuracy"][-1] > 0.85
    assert len(seen) == int(model.switch.t) - 1
    assert torch.equal(seen[-1], model.switch.weights)
    torch.testing.assert_close(torch.stack(seen).sum(1), torch.ones(len(seen)))


def test_the_seed_is_of_the_order_alone():
    data = load("digits", flatten=True)
    config = TrainConfig(epochs=1, batch_size=256, lr=1.0)
    curves = [fit(*start(), data, config, seed=seed).curves["test_loss"] for seed in (0, 0, 1)]
    assert curves[0] == curves[1] != curves[2]


def test_a_run_without_finite_features_has_diverged():
    data = load("digits", flatten=True)
    model, optimizer = start()
    with torch.no_grad():
        model.backbone[0].weight.fill_(torch.nan)
    assert fit(model, optimizer, data, TrainConfig(epochs=1, batch_size=256, lr=1.0)).status == "diverged"
