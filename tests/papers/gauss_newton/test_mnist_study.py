from dataclasses import replace

import pytest
import torch
from torch import nn

from startright.papers.gauss_newton.general import tangent_kernel
from startright.papers.gauss_newton.network import MeanField
from startright.papers.gauss_newton.network import tangent_kernel as closed_kernel
from startright.papers.gauss_newton.studies.mnist import (
    MnistConfig,
    assess,
    draw_network,
    load_parity,
    run_parity,
)

CPU = torch.device("cpu")
CONFIG = MnistConfig("digits", "gauss-newton", 1.0, 0.1, width=60, points=40, tests=50, max_steps=100)


def test_the_task_is_the_parity_of_scaled_images():
    task = load_parity(CONFIG, 0, CPU)
    assert task.x.shape == (40, 64)
    assert task.x_test.shape == (50, 64)
    assert set(task.y.tolist()) == {-1.0, 1.0}
    torch.testing.assert_close(task.x.square().sum(1).mean(), torch.tensor(10.0).double())
    assert load_parity(replace(CONFIG, pool=2), 0, CPU).x.shape == (40, 16)
    assert not torch.equal(task.x, load_parity(CONFIG, 1, CPU).x)


def test_the_draws_of_a_seed_are_those_of_every_scale():
    one, tenth = (draw_network(replace(CONFIG, scale=s), 64, 3, CPU) for s in (1.0, 0.1))
    torch.testing.assert_close(one.u / 10, tenth.u)
    assert not one.v.any()


def test_the_general_kernel_is_the_closed_form_on_images():
    task, net = load_parity(CONFIG, 0, CPU), draw_network(CONFIG, 64, 0, CPU)
    net = MeanField(net.b.flip(0), net.u, net.b)
    module = nn.Sequential(nn.Linear(64, 60), nn.SiLU(), nn.Linear(60, 1, bias=False)).double()
    with torch.no_grad():
        for p, value in zip(module.parameters(), (net.u, net.b, net.v[None] / 60), strict=True):
            p.copy_(value)
    # the module's output weights are v/M, so that it moves M times as far in them
    scaled = tangent_kernel(module, task.x)
    features = net.features(task.x)
    torch.testing.assert_close(
        scaled - features @ features.T * (1 - 1 / 60**2), closed_kernel(net, task.x), rtol=1e-9, atol=1e-10
    )


@pytest.fixture(scope="module")
def outcome():
    return run_parity(CONFIG, 0, CPU)


def test_a_run_ends_at_its_target(outcome):
    assert outcome.status == "ok"
    assert outcome.metrics["train_ratio"] <= 1e-4 < outcome.curves["train_ratio"][-2]
    assert outcome.metrics["steps"] == outcome.curves["step"][-1] == pytest.approx(44, abs=4)
    assert outcome.metrics["test_loss"] < 0.4 < outcome.curves["test_loss"][0] == pytest.approx(0.5)


def test_levels_are_taken_at_their_first_step(outcome):
    m = outcome.metrics
    assert 0 < m["eighth_train_ratio"] <= 1 / 8
    assert 0 < m["hundredth_train_ratio"] <= 1 / 100
    assert 0 < m["eighth_steps"] < m["hundredth_steps"] < m["steps"]
    at = outcome.curves["step"].index(m["eighth_steps"])
    assert outcome.curves["refit_loss"][at] == pytest.approx(m["eighth_refit_loss"], rel=1e-5)
    early = run_parity(replace(CONFIG, max_steps=int(m["eighth_steps"]) - 1), 0, CPU)
    assert not any(name.startswith("eighth") for name in early.metrics)
    assert early.metrics["train_ratio"] > 1 / 8


def test_gradient_descent_is_that_of_autograd():
    config = replace(CONFIG, method="gradient", rate=0.3, max_steps=5)
    task, net = load_parity(config, 0, CPU), draw_network(config, 64, 0, CPU)
    w = [p.clone().requires_grad_() for p in (net.v, net.u, net.b)]
    for _ in range(5):
        loss = (MeanField(*w)(task.x) - task.y).square().mean() / 2
        with torch.no_grad():
            for p, g in zip(w, torch.autograd.grad(loss, w), strict=True):
                p.sub_(0.3 * 60 * g)
    found = run_parity(config, 0, CPU).metrics
    for name, value in assess(MeanField(*[p.detach() for p in w]), task).items():
        assert found[name] == pytest.approx(value, rel=1e-6)


def test_a_run_that_explodes_is_diverged():
    outcome = run_parity(replace(CONFIG, method="gradient", rate=100.0), 0, CPU)
    assert outcome.status == "diverged"
    assert "relative training loss" in outcome.reason


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="unknown method 'newton': did you mean 'gauss-newton'"):
        replace(CONFIG, method="newton")
