"""Refit and alignments against closed forms and invariances."""

import math

import pytest
import torch

from startright.papers.gauss_newton.evaluation import (
    distance_to_units,
    evaluate,
    half_mean_square,
    linear_cka,
    refit,
    weighted_cka,
)
from startright.papers.gauss_newton.network import read_out
from startright.papers.gauss_newton.task import draw_student, draw_task


def normal(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def test_the_loss_is_half_the_mean_square():
    assert float(half_mean_square(torch.tensor([1.0, 3.0]))) == 2.5


def test_the_refit_interpolates_with_the_least_norm():
    features, y = normal(8, 30), normal(8, seed=1)
    v = refit(features, y)
    assert torch.allclose(read_out(features, v), y, atol=1e-10)
    assert torch.allclose(v, torch.linalg.pinv(features / 30) @ y, rtol=1e-8)


def test_the_refit_of_few_features_is_least_squares():
    features, y = normal(30, 4), normal(30, seed=1)
    exact = torch.linalg.lstsq(features / 4, y[:, None]).solution[:, 0]
    assert torch.allclose(refit(features, y), exact, rtol=1e-8)


def test_the_refit_drops_what_is_below_the_cut_off():
    """A feature 1e-6 as large has an eigenvalue 1e-12 as large, below the cut-off of 1e-10."""
    y = torch.tensor([1.0, 1.0]).double()
    features = torch.diag(torch.tensor([1.0, 1e-6]).double())
    assert torch.allclose(refit(features, y), torch.tensor([2.0, 0.0]).double())
    assert float(refit(features, y, cut_off=1e-14)[1]) == pytest.approx(2e6)


def test_cka_of_a_rotation_is_one_and_of_orthogonal_features_zero():
    f = normal(50, 6)
    rotation = torch.linalg.qr(normal(6, 6, seed=1))[0]
    assert float(linear_cka(f, 3 * f @ rotation + 7)) == pytest.approx(1, abs=1e-12)
    g = torch.linalg.qr(torch.cat([torch.ones(50, 1).double(), f], 1))[0]
    assert float(linear_cka(g[:, 1:4], g[:, 4:])) == pytest.approx(0, abs=1e-12)


def test_cka_is_the_formula_on_either_side():
    f, g = normal(20, 6), normal(20, 40, seed=1)
    a, b = f - f.mean(0), g - g.mean(0)
    norm = torch.linalg.matrix_norm
    expected = norm(a.T @ b) ** 2 / (norm(a.T @ a) * norm(b.T @ b))
    assert float(linear_cka(f, g)) == pytest.approx(float(expected), rel=1e-12)
    assert float(linear_cka(g, f)) == pytest.approx(float(expected), rel=1e-12)


def test_weighted_cka_sees_only_units_that_are_read():
    f, noise = normal(50, 3), normal(50, 10, seed=1)
    both = torch.cat([f, noise], 1)
    v = torch.cat([torch.tensor([1.0, -2.0, 3.0]), torch.zeros(10)]).double()
    assert float(weighted_cka(both, v, f, v[:3])) == pytest.approx(1, abs=1e-12)
    assert float(linear_cka(both, f)) < 0.9
    assert float(weighted_cka(both, -v, f, v[:3])) == pytest.approx(1, abs=1e-12)


def test_the_distance_to_units_is_by_direction_and_weighted_by_size():
    units = torch.eye(2).double()
    assert float(distance_to_units(3 * units, units)) == pytest.approx(0, abs=1e-7)
    assert float(distance_to_units(-units[:1], units[:1])) == pytest.approx(2)
    assert float(distance_to_units(units[1:], units[:1])) == pytest.approx(math.sqrt(2))
    u = torch.tensor([[2.0, 0.0], [0.0, 1.0]]).double()
    assert float(distance_to_units(u, units[:1])) == pytest.approx(math.sqrt(2) / 5)


def test_an_evaluation_is_the_naive_one():
    task, net = draw_task(0, 30, 2500), draw_student(0, 60, 1.0)  # more test points than a chunk
    seen = evaluate(net, task)
    assert float(seen["test_loss"]) == pytest.approx(float(task.y_test.square().mean()) / 2)
    v = refit(net.features(task.x), task.y)
    expected = (net.features(task.x_test) @ v / 60 - task.y_test).square().mean() / 2
    assert float(seen["refit_test"]) == pytest.approx(float(expected), rel=1e-10)
    assert float(seen["weighted_cka"]) == 0.0
    assert 0 < float(seen["cka"]) < 1


def test_the_teacher_itself_is_perfect():
    task = draw_task(0, 30, 200)
    seen = evaluate(task.teacher, task)
    assert float(seen["test_loss"]) < 1e-28  # rounding, squared: points are evaluated in chunks
    assert float(seen["refit_test"]) < 1e-20
    assert float(seen["cka"]) == pytest.approx(1)
    assert float(seen["weighted_cka"]) == pytest.approx(1)
    assert float(seen["unit_distance"]) == pytest.approx(0, abs=1e-6)
