"""Runs of a stack go their own ways: each as alone, each stops when it is done or lost."""

import math

import pytest
import torch

from startright.papers.gauss_newton.descent import Course, descend, gauss_newton, gradient, log_grid
from startright.papers.gauss_newton.dual import Damping, predicted_steps
from startright.papers.gauss_newton.network import MeanField, linearise, stack
from startright.papers.gauss_newton.task import draw_student, draw_task, stack_tasks


def course(direction, rates, *, seeds=None, scale=1.0, points=20, width=60, **limits):
    seeds = seeds or [0] * len(rates)
    task = stack_tasks([draw_task(seed, points, 50) for seed in seeds])
    net = stack([draw_student(seed, width, scale) for seed in seeds])
    return descend(net, task, direction, torch.tensor(rates).double(), **limits)


@pytest.mark.parametrize("seed", [11, 12, 13])
@pytest.mark.parametrize("scale", [0.1, 1.0])
def test_iterations_to_1e_8_follow_the_law(seed, scale):
    law = gauss_newton(Damping(alpha=0.01))
    (run,) = course(law, [0.02], seeds=[seed], scale=scale, width=100, points=40, max_steps=1000)
    assert run.status == "ok"
    assert run.steps == pytest.approx(predicted_steps(0.02), rel=0.03)
    assert run.reached[4] == pytest.approx(predicted_steps(0.02, 1e-4), rel=0.03)
    assert run.reached[8] == run.steps


def test_with_damping_iterations_stay_between_the_bounds():
    (run,) = course(gauss_newton(Damping()), [0.02], seeds=[11], width=100, points=40, max_steps=1000)
    assert predicted_steps(0.02) < run.steps < predicted_steps(0.02 / 2)


def test_a_run_in_a_stack_is_the_run_alone():
    rates = [0.5, 0.1, 1.9, 0.3]
    together = course(gauss_newton(Damping()), rates, max_steps=60)
    for rate, run in zip(rates, together, strict=True):
        (alone,) = course(gauss_newton(Damping()), [rate], max_steps=60)
        assert (run.steps, run.status, run.reached) == (alone.steps, alone.status, alone.reached)
        assert run.log["step"] == alone.log["step"]
        for name, values in run.log.items():
            assert values == pytest.approx(alone.log[name], rel=1e-5, abs=1e-12), name
    assert len({run.steps for run in together}) > 1


def test_damping_stays_with_its_run_when_others_leave():
    floors = torch.tensor([1e-7, 1e-2]).double()
    runs = course(gauss_newton(Damping(0.0, floors)), [0.9, 0.1], max_steps=30)
    assert runs[0].steps < 30
    assert runs[1].log["damping"] == [pytest.approx(1e-2)] * len(runs[1].log["step"])


def test_a_diverging_run_is_marked_and_leaves_the_others():
    lost, well = course(gradient, [1e4, 0.1], max_steps=50)
    assert lost.status == "diverged"
    assert lost.steps < 50
    assert all(math.isfinite(v) for values in lost.log.values() for v in values)
    assert (well.status, well.steps) == ("ok", 50)


@pytest.mark.parametrize("ratio", [math.nan, math.inf, 1e13])
def test_a_loss_out_of_bounds_is_divergence(ratio):
    run = Course()
    run.note(3, 1e11)  # far up, and may come back
    assert run.status == "ok"
    run.note(4, ratio)
    assert (run.status, run.steps) == ("diverged", 4)


def test_gradient_descent_is_the_gradient_times_the_width():
    task, net = draw_task(0, 20, 50), draw_student(0, 60, 1.0)
    leaves = [t.clone().requires_grad_() for t in (net.v + 1, net.u, net.b)]
    z = task.x @ leaves[1].T + leaves[2]
    loss = ((leaves[0] * z * z.sigmoid()).mean(-1) - task.y).square().mean() / 2
    gradients = torch.autograd.grad(loss, leaves)
    local = linearise(MeanField(*(leaf.detach() for leaf in leaves)), task.x)
    direction, _ = gradient(local, task.y, torch.arange(1))
    for name, expected in zip(("v", "u", "b"), gradients, strict=True):
        assert torch.allclose(getattr(direction, name), 60 * expected, rtol=1e-10, atol=1e-13)


def test_the_first_point_logged_is_the_start():
    (run,) = course(gauss_newton(Damping()), [0.1], max_steps=10)
    assert run.log["step"][0] == 0
    assert run.log["train_loss"][0] == pytest.approx(float(draw_task(0, 20, 50).y.square().mean()) / 2)
    assert run.log["step"][-1] == run.steps == 10
    assert set(run.log) >= {"damping", "smallest", "test_loss", "refit_test", "weighted_cka", "unit_distance"}


def test_a_grid_of_one_step():
    assert log_grid(1, 4) == {0, 1}
    assert log_grid(1000, 1) == {0, 1, 10, 100, 1000}
