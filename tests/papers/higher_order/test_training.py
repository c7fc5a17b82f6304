"""Every method trains; the steps are those of torch, K-FAC and GroupedNewton; what a run leaves."""

from dataclasses import replace

import pytest
import torch
from torch.nn import functional as F

from startright.data import Split, load
from startright.papers.higher_order.networks import make_network
from startright.papers.higher_order.optim import GroupedNewton
from startright.papers.higher_order.tasks import batch_loss, clock, gradient, loss_of, parameters
from startright.papers.higher_order.training import Grouped, RunConfig, Timed, make_step, run_training
from startright.seeds import generator

CPU = torch.device("cpu")
QUICK = RunConfig("digits", "digits-mlp", "grouped", 0.3, epochs=4, n_train=500)


@pytest.mark.parametrize(("method", "lr"), [("grouped", 0.3), ("adam", 1e-2), ("sgd", 0.1), ("kfac", 1e-2)])
def test_every_method_learns(method, lr):
    if method == "kfac":
        pytest.importorskip("curvlinops")
    outcome = run_training(replace(QUICK, method=method, lr=lr, epochs=12), 0, CPU)
    curve = outcome.curves["train_loss"]
    assert outcome.status == "ok"
    assert len(curve) == len(outcome.curves["seconds"]) == 12
    assert curve[-1] < 0.6 * curve[0]
    assert outcome.metrics["train_loss"] == pytest.approx(curve[-1], rel=1e-4)
    assert outcome.curves["seconds"] == sorted(outcome.curves["seconds"])


def test_a_training_by_groups_leaves_its_rates():
    outcome = run_training(replace(QUICK, epochs=8), 0, CPU)  # 40 steps: estimates at 10, 20, 30 and 40
    assert outcome.metrics["updates"] == 2
    etas = torch.tensor([outcome.curves[f"eta_{s}"] for s in range(6)])
    assert etas.shape == (6, 2)
    assert outcome.metrics["negative_rates"] == pytest.approx(float((etas < 0).double().mean()))
    assert 0 <= outcome.metrics["indefinite"] <= 1


def test_the_parameters_wait_for_the_warm_up():
    images = load("digits", flatten=True, n_train=500)
    model = make_network("digits-mlp", 0)
    start = parameters(model)
    start = {name: p.clone() for name, p in start.items()}
    step = Grouped(QUICK, model, images, 0)
    for k in range(30):
        still = all(torch.equal(p, start[name]) for name, p in parameters(model).items())
        assert still, k
        step(images.train.x[:100], images.train.y[:100])
    assert not all(torch.equal(p, start[name]) for name, p in parameters(model).items())


def test_the_grouped_step_is_that_of_the_optimizer_on_a_batch_of_its_own():
    images = load("digits", flatten=True, n_train=500)
    ours, theirs, start = (make_network("digits-mlp", 0) for _ in range(3))
    # batches of 10: no epoch, and so no look at its loss, ends within the 40 steps
    step, optimizer = Grouped(replace(QUICK, batch=10), ours, images, 3), GroupedNewton(theirs, lr=0.3)
    rng, (x, y) = generator(3, "curvature"), images.train
    for k in range(40):
        batch = slice(10 * k, 10 * k + 50)
        step(x[batch], y[batch])
        optimizer.zero_grad()
        F.cross_entropy(theirs(x[batch]), y[batch]).backward()
        index = torch.randint(500, (100,), generator=rng) if optimizer.curvature_due else None
        fresh = None if index is None else batch_loss(theirs, loss_of("digits-mlp"), x[index], y[index])
        optimizer.step(curvature=fresh)
    ends = [torch.cat([p.detach().flatten() for p in net.parameters()]) for net in (ours, theirs, start)]
    torch.testing.assert_close(ends[0], ends[1], rtol=1e-3, atol=1e-4)
    assert (ends[0] - ends[2]).abs().max() > 0.05  # rounding is far below what has moved


def test_sgd_has_heavy_ball_momentum():
    images = load("digits", flatten=True, n_train=500)
    model = make_network("digits-mlp", 0)
    step = make_step(replace(QUICK, method="sgd", lr=0.1), model, images, 0)
    x, y = images.train
    of_params, start = batch_loss(model, loss_of("digits-mlp"), x, y), parameters(model)
    start = {name: p.clone() for name, p in start.items()}
    first = gradient(of_params, start)
    after = {name: p - 0.1 * first[name] for name, p in start.items()}
    second = gradient(of_params, after)
    for _ in range(2):
        step(x, y)
    for name, p in parameters(model).items():
        expected = after[name] - 0.1 * (0.9 * first[name] + second[name])
        assert torch.allclose(p, expected, atol=1e-6), name


def test_an_auto_encoder_is_judged_by_its_pixels():
    outcome = run_training(RunConfig("digits", "digits-encoder", "adam", 1e-2, epochs=5), 0, CPU)
    assert set(outcome.metrics) == {"train_loss", "test_loss"}
    assert outcome.metrics["test_loss"] < 0.5  # ln 2 is what grey images give


def test_an_unknown_method_is_refused():
    with pytest.raises(ValueError, match="did you mean 'kfac'"):
        run_training(replace(QUICK, method="k-fac"), 0, CPU)


def test_only_the_steps_are_timed():
    times = iter([0.0, 3.0, 100.0, 104.0])
    timed = Timed(lambda x, y: x, 2, lambda: next(times))
    for _ in range(4):
        timed(torch.zeros(()), torch.zeros(()))
    assert timed.seconds == [3.0, 7.0]
    assert clock(CPU)() >= 0


def test_the_loss_of_a_batch_is_a_function_of_the_parameters():
    model, split = make_network("tiny", 0), Split(torch.randn(6, 4), torch.tensor([0, 1, 2] * 2))
    of_params = batch_loss(model, loss_of("tiny"), *split)
    assert float(of_params(parameters(model))) == pytest.approx(
        float(F.cross_entropy(model(split.x), split.y))
    )
    moved = {name: p + 1 for name, p in parameters(model).items()}
    assert float(of_params(moved)) != pytest.approx(float(of_params(parameters(model))))
